"""A mail of staff to a filtered list of customers, once to each person, resumed after a crash.

What was chosen is stored with the announcement; the list is read anew when it is resumed, and
whoever has the mail already is passed over. Rules: docs/rules/mails.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, CustomerKind, MailKind, Schedule, TierKind
from app.gateways.mail import RenderedMail
from app.models.customers import Customer
from app.models.deals import Announcement
from app.models.mails import Mail
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
    # A country of two letters, as the customer's address has it.
    country: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        before = self.legacy_ending_before
        return {
            "tiers": list(self.tiers),
            "schedule": self.schedule.value if self.schedule else None,
            "kind": self.kind.value if self.kind else None,
            "legacy_ending_before": before.isoformat() if before else None,
            "country": self.country,
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
            country=value.get("country"),
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One customer on the list, and how many of its people get the mail."""

    customer_id: int
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an announcement: customers and mails of this run, and whether everybody on
    the list was gone through."""

    announcement_id: int
    customers: int
    mails: int
    is_finished: bool = True


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
    ctx: Context,
    *,
    subject: str,
    body: str,
    chosen: Chosen,
    reason: str,
    actor: Actor,
    nonce: str | None = None,
) -> int:
    """Store an announcement that is to be sent; returns its id. Asked for twice with one `nonce`,
    which is of a page, there is one.

    Raises BillingError `nobody_chosen`, and `announcement_unfinished` while one with the same
    words has not reached everybody: that one is to be resumed.
    """
    check_text(subject, body)
    with unit_of_work(ctx) as work:
        sent = select(Announcement.id).where(Announcement.nonce == nonce)
        known = None if nonce is None else work.session.scalars(sent).first()
        if known is not None:
            return known
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
            nonce=nonce,
        )
        work.session.add(announcement)
        try:
            work.flush()
        except IntegrityError:
            raise BillingError("action_already_sent") from None
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
    ctx: Context,
    announcement_id: int,
    *,
    progress: Callable[[], None] | None = None,
    most: int | None = None,
) -> Sent:
    """Send a stored announcement to whoever has not got it yet, one customer at a time, so that it
    goes on where it was killed; with `most`, to so many customers. Raises BillingError
    `announcement_unknown`."""
    with unit_of_work(ctx) as work:
        announcement = work.session.get(Announcement, announcement_id)
        if announcement is None:
            raise BillingError("announcement_unknown", id=announcement_id)
        subject, body = announcement.subject, announcement.body
        customers = _load_customers(work, Chosen.from_json(announcement.chosen))
        ids = [customer.id for customer in customers]
        told = _told(work.session, announcement_id) if most is not None else set()
    mail = CustomerMail(
        "announcement",
        f"announcement:{announcement_id}",
        announcement_params(subject, body),
        MailKind.ANNOUNCEMENTS,
    )
    mails = reached = 0
    for customer_id in ids:
        if customer_id in told:
            continue
        if reached == most:
            return Sent(announcement_id, reached, mails, is_finished=False)
        with unit_of_work(ctx) as work:
            sent = record_customer_mail(work, work.session.get_one(Customer, customer_id), mail)
            work.commit()
        mails, reached = mails + sent, reached + bool(sent)
        if progress is not None:
            progress()
    with unit_of_work(ctx) as work:
        announcement = work.session.get_one(Announcement, announcement_id)
        announcement.finished_at = announcement.finished_at or work.now
        work.commit()
    return Sent(announcement_id, len(ids), mails)


def send_unfinished(ctx: Context) -> int:
    """Go on with every announcement that has not reached everybody; returns how many mails that
    were. For the delivery run."""
    with unit_of_work(ctx) as work:
        waiting = select(Announcement.id).where(Announcement.finished_at.is_(None))
        ids = list(work.session.scalars(waiting.order_by(Announcement.id)))
    return sum(send_announcement(ctx, announcement_id).mails for announcement_id in ids)


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


def _told(session: Session, announcement_id: int) -> set[int]:
    """The customers whose people have it: all of a customer's mails are recorded at once."""
    statement = select(Mail.customer_id).where(
        Mail.template == "announcement", Mail.event_key.like(f"announcement:{announcement_id}:%")
    )
    return {key for key in session.scalars(statement.distinct()) if key is not None}


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
    listed = chosen_customers(chosen, work.ctx.catalog)
    statement = (
        select(Customer).where(Customer.id.in_(listed)).order_by(Customer.display_name, Customer.id)
    )
    return work.session.scalars(statement).unique().all()


def chosen_customers(chosen: Chosen, catalog: Catalog) -> Select[int]:
    """The ids of the customers that the filters leave. Raises BillingError `tier_not_known`."""
    live = Plan.status.in_(LIVE_STATUSES)
    conditions: list[ColumnElement[bool]] = []
    tiers = catalog.tiers
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
    if chosen.country is not None:
        conditions.append(Customer.address_country == chosen.country)
    if chosen.legacy_ending_before is not None:
        legacy = [key for key, tier in tiers.items() if tier.kind is TierKind.LEGACY]
        conditions += [Plan.tier.in_(legacy), Plan.end_date < chosen.legacy_ending_before]
    return (
        select(Customer.id)
        .outerjoin(Plan, (Plan.customer_id == Customer.id) & live)
        .where(*conditions)
    )
