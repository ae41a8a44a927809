"""What staff write down about a customer for each other."""

from sqlalchemy import select

from app.domain.errors import BillingError, NotFoundError
from app.models.staff import StaffNote
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.customers import Payer, claim_payer
from app.services.unit_of_work import UnitOfWork

LONGEST_NOTE = 4000


def add_note(
    work: UnitOfWork, payer: Payer, text: str, *, staff_user_id: int | None, actor: Actor
) -> int:
    """Keep a note; returns its id. The words stay out of the audit log: they may name people.

    Raises BillingError `note_empty` or `note_too_long`.
    """
    said = text.strip()
    if not said:
        raise BillingError("note_empty")
    if len(said) > LONGEST_NOTE:
        raise BillingError("note_too_long", maximum=LONGEST_NOTE)
    _, customer = claim_payer(work, payer)
    note = StaffNote(
        customer_id=customer.id, staff_user_id=staff_user_id, text=said, created_at=work.now
    )
    work.session.add(note)
    work.flush()
    record_audit(work, "note.added", actor=actor, customer_id=customer.id, after={"note": note.id})
    return note.id


def remove_note(work: UnitOfWork, payer: Payer, note_id: int, *, actor: Actor, reason: str) -> None:
    """Show a note no more; it is kept. Raises NotFoundError."""
    _, customer = claim_payer(work, payer)
    note = work.session.scalars(
        select(StaffNote).where(
            StaffNote.id == note_id,
            StaffNote.customer_id == customer.id,
            StaffNote.removed_at.is_(None),
        )
    ).one_or_none()
    if note is None:
        raise NotFoundError("note")
    note.removed_at = work.now
    record_audit(
        work,
        "note.removed",
        actor=actor,
        customer_id=customer.id,
        before={"note": note.id},
        after={"reason": reason},
    )
