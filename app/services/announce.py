"""A mail of staff to a filtered list of customers, once to each person, resumed after a crash.

What was chosen is stored with the announcement; the list is read anew when it is resumed, and
whoever has the mail already is passed over. Rules: docs/rules/mails.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, CustomerKind, MailKind, Schedule, TierKind
from app.gateways.mail import RenderedMail
from app.models.customers import Customer
from app.models.deals import Announcement
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customer_mails import (
    CustomerMail,
    Recipient,
    common_params,
    get_recipients,
    get_untold,
    record_customer_mail,
)
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

MAX_SUBJECT = 150
MAX_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which customers: all of these must be so; empty means that it does not matter. A tier of kind
    free stands for customers without a plan."""

    tiers: tuple[str, ...] = ()
    schedule: Schedule | None = None
    kind: CustomerKind | None = None
    legacy_ending_before: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        before = self.legacy_ending_before
        return {
            "tiers": list(self.tiers),
            "schedule": self.schedule.value if self.schedule else None,
            "kind": self.kind.value if self.kind else None,
            "legacy_ending_before": before.isoformat() if before else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave."""
        before = value.get("legacy_ending_before")
        return cls(
            tiers=tuple(value.get("tiers") or ()),
            schedule=Schedule(value["schedule"]) if value.get("schedule") else None,
            kind=CustomerKind(value["kind"]) if value.get("kind") else None,
            legacy_ending_before=datetime.fromisoformat(before).astimezone(UTC) if before else None,
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One customer on the list, and how many of its people get the mail."""

    customer_id: int
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an announcement: customers and mails of this run."""

    announcement_id: int
    customers: int
    mails: int


def check_text(subject: str, body: str) -> None:
    """Raises BillingError `announcement_text` for a mail that says nothing, or too much."""
    is_right = subject.strip() and body.strip()
    if not is_right or len(subject) > MAX_SUBJECT or len(body) > MAX_BODY or "\n" in subject:
        raise BillingError("announcement_text", subject_length=MAX_SUBJECT, body_length=MAX_BODY)


def list_announcement(ctx: Context, chosen: Chosen) -> list[Listed]:
    """Who is on the list, by name. Raises BillingError `tier_not_known`."""
    with unit_of_work(ctx) as work:
        customers = _load_customers(work, chosen)
        return [
            Listed(
                customer.id,
                customer.display_name,
                len(get_recipients(work.session, customer, MailKind.ANNOUNCEMENTS)),
            )
            for customer in customers
        ]


def send_test(ctx: Context, *, subject: str, body: str, chosen: Chosen, address: str) -> None:
    """Send the mail as it would look to one address of staff, for the first customer on the list.

    Raises BillingError `nobody_chosen` when there is none.
    """
    check_text(subject, body)
    with unit_of_work(ctx) as work:
        customers = _load_customers(work, chosen)
        if not customers:
            raise BillingError("nobody_chosen")
        params = common_params(work, customers[0]) | announcement_params(subject, body)
        record_mail(
            work,
            template="announcement",
            recipient=address,
            params=params,
            event_key=f"announcement_test:{ctx.tokens.new_secret()}",
        )
        work.commit()


def begin_announcement(
    ctx: Context, *, subject: str, body: str, chosen: Chosen, reason: str, actor: Actor
) -> int:
    """Store an announcement that is to be sent; returns its id.

    Raises BillingError `nobody_chosen`, and `announcement_unfinished` while one with the same
    words has not reached everybody: that one is to be resumed.
    """
    check_text(subject, body)
    with unit_of_work(ctx) as work:
        customers = _load_customers(work, chosen)
        if not customers:
            raise BillingError("nobody_chosen")
        earlier = work.session.scalars(
            select(Announcement).where(
                Announcement.subject == subject,
                Announcement.body == body,
                Announcement.finished_at.is_(None),
            )
        ).first()
        if earlier is not None:
            raise BillingError("announcement_unfinished", id=earlier.id)
        announcement = Announcement(
            subject=subject,
            body=body,
            chosen=chosen.to_json(),
            reason=reason,
            actor=actor.name,
            created_at=work.now,
            customers=len(customers),
        )
        work.session.add(announcement)
        work.flush()
        record_audit(
            work,
            "announcement.begun",
            actor=actor,
            after={
                "announcement": announcement.id,
                "customers": len(customers),
                "chosen": chosen.to_json(),
                "reason": reason,
            },
        )
        announcement_id = announcement.id
        work.commit()
    return announcement_id


def send_announcement(
    ctx: Context, announcement_id: int, *, progress: Callable[[], None] | None = None
) -> Sent:
    """Send a stored announcement to whoever has not got it yet, one customer at a time, so that it
    goes on where it was killed. Raises BillingError `announcement_unknown`."""
    with unit_of_work(ctx) as work:
        announcement = work.session.get(Announcement, announcement_id)
        if announcement is None:
            raise BillingError("announcement_unknown", id=announcement_id)
        subject, body = announcement.subject, announcement.body
        customers = _load_customers(work, Chosen.from_json(announcement.chosen))
        ids = [customer.id for customer in customers]
    mail = CustomerMail(
        "announcement",
        f"announcement:{announcement_id}",
        announcement_params(subject, body),
        MailKind.ANNOUNCEMENTS,
    )
    mails = 0
    for customer_id in ids:
        with unit_of_work(ctx) as work:
            mails += record_customer_mail(work, work.session.get_one(Customer, customer_id), mail)
            work.commit()
        if progress is not None:
            progress()
    with unit_of_work(ctx) as work:
        announcement = work.session.get_one(Announcement, announcement_id)
        announcement.finished_at = announcement.finished_at or work.now
        work.commit()
    return Sent(announcement_id, len(ids), mails)


def count_left(ctx: Context, announcement_id: int) -> int:
    """How many customers of an announcement have somebody who has not got it yet."""
    with unit_of_work(ctx) as work:
        announcement = work.session.get(Announcement, announcement_id)
        if announcement is None:
            raise BillingError("announcement_unknown", id=announcement_id)
        chosen = Chosen.from_json(announcement.chosen)
        return sum(
            bool(_untold(work.session, customer, announcement_id))
            for customer in _load_customers(work, chosen)
        )


def _untold(session: Session, customer: Customer, announcement_id: int) -> tuple[Recipient, ...]:
    people = get_recipients(session, customer, MailKind.ANNOUNCEMENTS)
    return get_untold(session, people, f"announcement:{announcement_id}")


def render_sample(ctx: Context, *, subject: str, body: str, chosen: Chosen) -> RenderedMail:
    """The mail to the first customer as it would leave, to be looked at. Raises BillingError
    `nobody_chosen`."""
    with unit_of_work(ctx) as work:
        customers = _load_customers(work, chosen)
        if not customers:
            raise BillingError("nobody_chosen")
        params = {
            **common_params(work, customers[0]),
            **announcement_params(subject, body),
            "mail_kind": MailKind.ANNOUNCEMENTS,
            # Nobody's own address: whoever reads it could stop that person's mails.
            "unsubscribe_url": f"{ctx.settings.base_url}/mail/unsubscribe/.../",
        }
    return ctx.mailer.render("announcement", params)


def announcement_params(subject: str, body: str) -> dict[str, Any]:
    """What the templates are handed: paragraphs are set apart by empty lines."""
    parts = body.replace("\r\n", "\n").split("\n\n")
    paragraphs = [" ".join(part.split()) for part in parts]
    return {"announced": subject, "paragraphs": [part for part in paragraphs if part]}


def _load_customers(work: UnitOfWork, chosen: Chosen) -> Sequence[Customer]:
    live = Plan.status.in_(LIVE_STATUSES)
    conditions: list[ColumnElement[bool]] = []
    tiers = work.ctx.catalog.tiers
    if any(key not in tiers for key in chosen.tiers):
        raise BillingError("tier_not_known", known=", ".join(tiers))
    if chosen.kind is not None:
        conditions.append(Customer.kind == chosen.kind)
    if chosen.tiers:
        free = {key for key in chosen.tiers if tiers[key].kind is TierKind.FREE}
        has = Plan.tier.in_(set(chosen.tiers) - free)
        conditions.append(has | Plan.id.is_(None) if free else has)
    if chosen.schedule is not None:
        conditions.append(Plan.schedule == chosen.schedule)
    if chosen.legacy_ending_before is not None:
        legacy = [key for key, tier in tiers.items() if tier.kind is TierKind.LEGACY]
        conditions += [Plan.tier.in_(legacy), Plan.end_date < chosen.legacy_ending_before]
    statement = (
        select(Customer)
        .outerjoin(Plan, (Plan.customer_id == Customer.id) & live)
        .where(*conditions)
        .order_by(Customer.display_name, Customer.id)
    )
    return work.session.scalars(statement).unique().all()
