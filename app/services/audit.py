"""Writing the audit log."""

from collections.abc import Mapping
from typing import Any

from app.models.audit import AuditEntry
from app.models.people import PersonalDetail
from app.services.context import Actor
from app.services.unit_of_work import UnitOfWork

# What a proxy hands on as the address of a caller may be anything; no address is longer.
LONGEST_IP = 45


def record_audit(
    work: UnitOfWork,
    action: str,
    *,
    actor: Actor,
    customer_id: int | None = None,
    server_id: int | None = None,
    organization_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one audit entry in this unit of work.

    `action` is "<noun>.<verb in past tense>" ("server.registered"). `before` and `after` hold
    JSON values only and never personal data: that is taken from `actor` and stored erasably.
    """
    detail = None
    if actor.email or actor.full_name or actor.ip:
        ip = actor.ip[:LONGEST_IP] if actor.ip else None
        detail = PersonalDetail(email=actor.email, full_name=actor.full_name, ip=ip)
        work.session.add(detail)
        work.session.flush()
    entry = AuditEntry(
        at=work.now,
        action=action,
        actor=actor.name,
        customer_id=customer_id,
        server_id=server_id,
        organization_id=organization_id,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        personal_detail_id=detail.id if detail else None,
    )
    work.session.add(entry)
    return entry
