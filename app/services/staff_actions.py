"""Acts of staff between their confirmation and their end: each once, some by two people.

A confirmed act is a row first (its `nonce` comes from the page it was confirmed on), then it is
done by the service it is about, then the row says how it ended. One that needs a second person
waits in between; facts of the customer that were seen then are compared with what is true now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import OfferStatus, PlanStatus, StaffActionStatus
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.models.staff import StaffAction
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.staff_change import checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConfirmedAction:
    """What a person confirmed. `command` and `facts` are JSON values; `effect` the sentences of
    the page; `needs_second` whether somebody else has to approve."""

    nonce: str
    action: str
    payer: Payer
    command: Mapping[str, Any]
    facts: Facts
    effect: Sequence[str]
    reason: str
    asked_by: int
    needs_second: bool


@dataclass(frozen=True, slots=True)
class StoredAction:
    """A row of an act as it stands."""

    id: int
    action: str
    payer_uuid: str
    command: Mapping[str, Any]
    facts: Facts
    effect: tuple[str, ...]
    reason: str
    status: StaffActionStatus
    asked_by: int
    created_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    decision_reason: str | None
    finished_at: datetime | None
    refused_code: str | None
    refused_params: Mapping[str, Any] | None


def load_facts(session: Session, payer: Payer) -> dict[str, Any]:
    """What a person who acts has to have seen of a customer: plan, licenses, what was agreed, and
    whether it is parked. JSON values; compared by `changed_facts`."""
    server = session.get_one(Server, payer.server_id)
    facts: dict[str, Any] = {
        "server": server.hostname,
        "server_deactivated": _instant(server.deactivated_at),
    }
    customer = get_customer(session, payer)
    if customer is None:
        return facts
    facts |= {
        "required_tier": customer.required_plan_tier,
        "discount_percent": customer.discount_percent,
        "discount_monthly_price": customer.discount_monthly_price,
        "discount_annual_price": customer.discount_annual_price,
        "discount_ends_at": _instant(customer.discount_ends_at),
        "minimum_licenses": customer.minimum_licenses,
        "exempt": customer.exempt_from_license_number_check,
        "sponsorship_pending": customer.sponsorship_pending,
        "parked_at": _instant(customer.parked_at),
    }
    facts |= _plan_facts(session, customer)
    offer = select(Offer.yearly_price).where(
        Offer.customer_id == customer.id, Offer.status == OfferStatus.OPEN
    )
    facts["offer_price"] = session.scalar(offer)
    return facts


def _plan_facts(session: Session, customer: Customer) -> dict[str, Any]:
    plan = get_live_plan(session, customer.id)
    waiting = session.scalar(
        select(Plan.tier).where(
            Plan.customer_id == customer.id, Plan.status == PlanStatus.NEVER_STARTED
        )
    )
    if plan is None:
        return {"plan": None, "next_plan": waiting}
    last = session.scalars(
        select(LedgerEntry).where(LedgerEntry.plan_id == plan.id).order_by(LedgerEntry.id.desc())
    ).first()
    return {
        "plan": plan.tier,
        "status": plan.status.value,
        "at_cycle_end": plan.at_cycle_end.value,
        "schedule": plan.schedule.value,
        "management": plan.license_management.value,
        "collection": plan.collection.value,
        "price": plan.price_per_license,
        "fixed_price": plan.fixed_price,
        "end_date": _instant(plan.end_date),
        "next_plan": waiting,
        "licenses": last.licenses if last is not None else None,
    }


def changed_facts(seen: Facts, now: Facts) -> dict[str, tuple[Any, Any]]:
    """What is different: name -> (as it was seen, as it is)."""
    names = [*now, *(name for name in seen if name not in now)]
    return {
        name: (seen.get(name), now.get(name)) for name in names if seen.get(name) != now.get(name)
    }


def record_confirmed(ctx: Context, confirmed: ConfirmedAction, *, actor: Actor) -> StoredAction:
    """Keep a confirmed act, running or waiting for a second person.

    Raises BillingError `action_already_sent` when the page was sent before, and `reason_missing`
    or `reason_too_long`.
    """
    reason = checked_reason(confirmed.reason)
    waits = confirmed.needs_second
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, confirmed.payer)
        row = StaffAction(
            nonce=confirmed.nonce,
            action=confirmed.action,
            payer_kind=confirmed.payer.kind,
            payer_uuid=confirmed.payer.uuid,
            customer_id=customer.id if customer is not None else None,
            command=dict(confirmed.command),
            facts=dict(confirmed.facts),
            effect=list(confirmed.effect),
            reason=reason,
            status=StaffActionStatus.WAITING if waits else StaffActionStatus.RUNNING,
            asked_by=confirmed.asked_by,
            created_at=work.now,
        )
        work.session.add(row)
        try:
            work.flush()
        except IntegrityError:
            raise BillingError("action_already_sent") from None
        if waits:
            _audit(work, "action.asked", row, confirmed.payer, actor=actor)
        stored = _stored(row)
        work.commit()
    return stored


def finish_action(ctx: Context, action_id: int, *, error: BillingError | None = None) -> None:
    """Write down how a running act ended: done, or refused by the rules with `error`."""
    with unit_of_work(ctx) as work:
        row = work.session.get_one(StaffAction, action_id)
        row.status = StaffActionStatus.DONE if error is None else StaffActionStatus.REFUSED
        row.finished_at = work.now
        if error is not None:
            row.refused_code = error.code
            row.refused_params = {name: str(value) for name, value in error.params.items()}
        work.commit()


def load_action(session: Session, action_id: int) -> StoredAction:
    """One act. Raises NotFoundError."""
    row = session.get(StaffAction, action_id)
    if row is None:
        raise NotFoundError("action")
    return _stored(row)


def decide_action(
    ctx: Context,
    payer: Payer,
    action_id: int,
    *,
    decided_by: int,
    status: StaffActionStatus,
    reason: str,
    actor: Actor,
) -> StoredAction:
    """Take an act that waits: RUNNING (approved), REJECTED, or WITHDRAWN by whoever asked for it.

    Raises NotFoundError, BillingError `approval_by_same_person`, `approval_of_another`,
    `action_decided`, and the refusals of the reason.
    """
    said = checked_reason(reason)
    withdraws = status is StaffActionStatus.WITHDRAWN
    with unit_of_work(ctx) as work:
        row = work.session.get(StaffAction, action_id)
        if row is None:
            raise NotFoundError("action")
        if withdraws and row.asked_by != decided_by:
            raise BillingError("approval_of_another")
        if not withdraws and row.asked_by == decided_by:
            raise BillingError("approval_by_same_person")
        # Two people may decide at once: the database has the last word.
        taken = work.session.execute(
            update(StaffAction)
            .where(StaffAction.id == action_id, StaffAction.status == StaffActionStatus.WAITING)
            .values(status=status, decided_by=decided_by, decided_at=work.now, decision_reason=said)
            .returning(StaffAction.id)
            .execution_options(synchronize_session=False)
        ).first()
        if taken is None:
            raise BillingError("action_decided")
        work.session.refresh(row)
        if status is StaffActionStatus.RUNNING:
            _audit(work, "action.approved", row, payer, actor=actor)
        elif status is StaffActionStatus.REJECTED:
            _audit(work, "action.rejected", row, payer, actor=actor)
        else:
            _audit(work, "action.withdrawn", row, payer, actor=actor)
        stored = _stored(row)
        work.commit()
    return stored


def _audit(work: UnitOfWork, verb: str, row: StaffAction, payer: Payer, *, actor: Actor) -> None:
    record_audit(
        work,
        verb,
        actor=actor,
        customer_id=row.customer_id,
        server_id=payer.server_id,
        organization_id=payer.organization_id,
        after={
            "action": row.action,
            "id": row.id,
            "reason": row.decision_reason or row.reason,
        },
    )


def _stored(row: StaffAction) -> StoredAction:
    return StoredAction(
        id=row.id,
        action=row.action,
        payer_uuid=row.payer_uuid,
        command=row.command,
        facts=row.facts,
        effect=tuple(row.effect),
        reason=row.reason,
        status=row.status,
        asked_by=row.asked_by,
        created_at=row.created_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        finished_at=row.finished_at,
        refused_code=row.refused_code,
        refused_params=row.refused_params,
    )


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
