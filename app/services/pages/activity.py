"""A customer's own activity log, newest first, out of the audit entries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, union
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind, LoginDoor
from app.models.audit import AuditEntry
from app.models.invoices import Invoice
from app.models.people import BillingUser, PersonalDetail
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization
from app.services.billing_people import people_of
from app.services.identity import CustomerRef
from app.services.pages.activity_actions import (
    OF_ORGANIZATIONS_FOR_SERVER,
    OF_SERVER_FOR_ORGANIZATIONS,
    SHOWN,
    ActivityKind,
)
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.parts import tier_title

_PERSON = "billing_user:"


class WhoKind(StrEnum):
    """What sort of actor an entry names."""

    YOU = "you"
    PERSON = "person"
    SERVER = "server"
    SUPPORT = "support"
    PROVIDER = "provider"
    STRANGER = "stranger"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One act. `name` and `email` are those of who did it, as far as they are known and are this
    customer's to know; `ip` only for logins.

    `before` and `after` are the entry's own; what they point to by our numbers is looked up in
    `tier`, `number`, `total` (cents), `currency`, `person` and `organization`.
    """

    at: datetime
    action: str
    kind: ActivityKind
    who: WhoKind
    name: str | None
    email: str | None
    ip: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    tier: str | None = None
    number: str | None = None
    invoice_id: int | None = None
    total: int | None = None
    currency: str | None = None
    person: str | None = None
    organization: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """One page of the log, narrowed to `kind` unless that is None."""

    rows: tuple[ActivityRow, ...]
    part: ListPart
    kind: ActivityKind | None


def load_activity_page(
    session: Session,
    ref: CustomerRef,
    *,
    catalog: Catalog,
    kind: ActivityKind | None,
    number: int,
) -> ActivityPage:
    """Page `number` (from 1) of what happened about `ref`."""
    wanted = _wanted(ref, kind)
    total = session.scalar(select(func.count(AuditEntry.id)).where(wanted)) or 0
    part = part_of_list(total, number=number)
    found = session.execute(
        select(
            AuditEntry.at,
            AuditEntry.action,
            AuditEntry.actor,
            AuditEntry.before,
            AuditEntry.after,
            AuditEntry.customer_id,
            AuditEntry.organization_id,
            PersonalDetail.email,
            PersonalDetail.full_name,
            PersonalDetail.ip,
        )
        .outerjoin(PersonalDetail, PersonalDetail.id == AuditEntry.personal_detail_id)
        .where(wanted)
        .order_by(AuditEntry.id.desc())
        .offset(part.offset)
        .limit(PAGE_SIZE)
    ).all()
    known = _look_up(session, ref, found, catalog=catalog)
    rows = tuple(_row(entry, ref, known) for entry in found)
    return ActivityPage(rows=rows, part=part, kind=kind)


# --- which entries ---


def _wanted(ref: CustomerRef, kind: ActivityKind | None) -> ColumnElement[bool]:
    """Entries about `ref` that customers see. Each part of the union has an index of its own."""
    actions = sorted(action for action, of in SHOWN.items() if kind in (None, of))
    parts = [
        select(AuditEntry.id).where(AuditEntry.action.in_(actions), condition, _is_news())
        for condition in _conditions(ref)
    ]
    return AuditEntry.id.in_(union(*parts))


def _conditions(ref: CustomerRef) -> list[ColumnElement[bool]]:
    of_server_alone = and_(
        AuditEntry.server_id == ref.payer.server_id,
        AuditEntry.organization_id.is_(None),
        AuditEntry.customer_id.is_(None),
    )
    conditions: list[ColumnElement[bool]] = []
    if ref.customer_id is not None:
        conditions.append(AuditEntry.customer_id == ref.customer_id)
    if ref.kind is CustomerKind.ORGANIZATION:
        conditions.append(AuditEntry.organization_id == ref.payer.organization_id)
        conditions.append(
            and_(of_server_alone, AuditEntry.action.in_(sorted(OF_SERVER_FOR_ORGANIZATIONS)))
        )
        return conditions
    conditions.append(of_server_alone)
    conditions.append(
        and_(
            AuditEntry.server_id == ref.payer.server_id,
            AuditEntry.action.in_(sorted(OF_ORGANIZATIONS_FOR_SERVER)),
        )
    )
    return conditions


def _is_news() -> ColumnElement[bool]:
    """Every login begins with a link; only one that our support made is worth a line."""
    return or_(
        AuditEntry.action != "login_link.created",
        AuditEntry.after["door"].as_string() == LoginDoor.ON_BEHALF.value,
    )


# --- what they point to ---


@dataclass(frozen=True, slots=True)
class _Known:
    """What the numbers in the entries of one page mean."""

    people: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    tiers: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    invoices: Mapping[int, tuple[str | None, int, str]] = field(default_factory=dict)
    organizations: Mapping[int, str] = field(default_factory=dict)


def _look_up(
    session: Session, ref: CustomerRef, entries: Sequence[Row[Any]], *, catalog: Catalog
) -> _Known:
    """One query for each table that the entries point to, whatever their number. Nothing of
    another customer is looked up."""
    people_ids = _ids(entries, "billing_user") | {
        number for entry in entries if (number := _person_id(entry.actor)) is not None
    }
    people = select(BillingUser.id, BillingUser.full_name, BillingUser.email).where(
        BillingUser.id.in_(people_ids), people_of(ref.payer)
    )
    plans = select(Plan.id, Plan.tier, Plan.currency).where(
        Plan.id.in_(_ids(entries, "plan")), Plan.customer_id == ref.customer_id
    )
    purchases = select(Purchase.id, Purchase.tier, Purchase.currency).where(
        Purchase.id.in_(_ids(entries, "purchase")), Purchase.customer_id == ref.customer_id
    )
    invoices = select(Invoice.id, Invoice.number, Invoice.total, Invoice.currency).where(
        Invoice.id.in_(_ids(entries, "invoice")), Invoice.customer_id == ref.customer_id
    )
    organization_ids = {entry.organization_id for entry in entries} - {None}
    organizations = select(Organization.id, Organization.host, Organization.name).where(
        # One that has moved away is somebody else's by now.
        Organization.id.in_(organization_ids),
        Organization.server_id == ref.payer.server_id,
    )
    return _Known(
        people={row[0]: (row[1], row[2]) for row in session.execute(people)},
        tiers={
            (name, row[0]): (tier_title(catalog, row[1]), row[2])
            for name, statement in (("plan", plans), ("purchase", purchases))
            for row in session.execute(statement)
        },
        invoices={row[0]: (row[1], row[2], row[3]) for row in session.execute(invoices)},
        organizations={row[0]: row[1] or row[2] for row in session.execute(organizations)},
    )


def _ids(entries: Iterable[Row[Any]], name: str) -> set[int]:
    found = ((entry.after or {}).get(name) for entry in entries)
    return {number for number in found if isinstance(number, int)}


def _person_id(actor: str) -> int | None:
    number = actor.removeprefix(_PERSON)
    return int(number) if number != actor and number.isdigit() else None


# --- one line ---


def _row(entry: Row[Any], ref: CustomerRef, known: _Known) -> ActivityRow:
    after = entry.after or {}
    kind = SHOWN[entry.action]
    who = _who(entry.actor, ref)
    name, email = _names(entry, ref, known) if _is_ours(entry, ref) else (None, None)
    tier = known.tiers.get(("plan", after.get("plan", 0)))
    tier = tier or known.tiers.get(("purchase", after.get("purchase", 0)))
    invoice = known.invoices.get(after.get("invoice", 0))
    person = known.people.get(after.get("billing_user", 0))
    is_server = ref.kind is CustomerKind.SERVER
    return ActivityRow(
        at=entry.at,
        action=entry.action,
        kind=kind,
        who=who,
        name=name if who is WhoKind.PERSON else None,
        email=email if who is WhoKind.PERSON else None,
        ip=entry.ip if kind is ActivityKind.LOGINS else None,
        before=MappingProxyType(entry.before or {}),
        after=MappingProxyType(after),
        tier=tier[0] if tier else None,
        number=invoice[0] if invoice else None,
        invoice_id=after["invoice"] if invoice else None,
        total=invoice[1] if invoice else None,
        currency=invoice[2] if invoice else tier[1] if tier else None,
        person=person[1] if person else None,
        organization=known.organizations.get(entry.organization_id) if is_server else None,
    )


def _is_ours(entry: Row[Any], ref: CustomerRef) -> bool:
    """Whether who did it is for these people to know; who runs their server is not."""
    if ref.kind is CustomerKind.SERVER:
        return entry.organization_id is None
    return entry.customer_id is not None or entry.organization_id is not None


def _who(actor: str, ref: CustomerRef) -> WhoKind:
    sort = actor.partition(":")[0]
    if actor == f"{_PERSON}{ref.billing_user_id}":
        return WhoKind.YOU
    return {
        "billing_user": WhoKind.PERSON,
        "login_link": WhoKind.PERSON,
        "server": WhoKind.SERVER,
        "cli": WhoKind.SUPPORT,
        "staff": WhoKind.SUPPORT,
        "payment_provider": WhoKind.PROVIDER,
        "stranger": WhoKind.STRANGER,
    }.get(sort, WhoKind.AUTOMATIC)


def _names(entry: Row[Any], ref: CustomerRef, known: _Known) -> tuple[str | None, str | None]:
    """Name and address as they were then; as they are now where the entry has none."""
    now = known.people.get(_person_id(entry.actor) or 0, (None, None))
    return entry.full_name or now[0] or None, entry.email or now[1] or None
