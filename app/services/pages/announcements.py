"""Announcements as staff see them: what was sent, how far one is, and who would get another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, distinct, func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.errors import NotFoundError
from app.models.customers import Customer
from app.models.deals import Announcement
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services.announce import Chosen, chosen_customers
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list

# So many customers of a list are named.
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class AnnouncementRow:
    """One announcement; `customers` were on its list when it began."""

    id: int
    subject: str
    reason: str
    chosen: Chosen
    created_at: datetime
    finished_at: datetime | None
    customers: int


@dataclass(frozen=True, slots=True)
class AnnouncementsPage:
    """A page of them, newest first."""

    rows: tuple[AnnouncementRow, ...]
    part: ListPart


@dataclass(frozen=True, slots=True)
class AnnouncementPage:
    """One announcement and how far it is: mails recorded, for so many customers."""

    row: AnnouncementRow
    body: str
    reached: int
    mails: int

    @property
    def is_finished(self) -> bool:
        """Whether everybody was gone through."""
        return self.row.finished_at is not None


@dataclass(frozen=True, slots=True)
class NamedCustomer:
    """A customer of a list and how many of its people get the mail."""

    uuid: str
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class ListPreview:
    """Who would get an announcement: the numbers, and the first customers by name."""

    customers: int
    people: int
    named: tuple[NamedCustomer, ...]

    @property
    def unnamed(self) -> int:
        """How many customers of the list are not named."""
        return self.customers - len(self.named)


def load_announcements_page(session: Session, *, number: int) -> AnnouncementsPage:
    """Page `number` of the announcements."""
    total = session.scalars(select(func.count()).select_from(Announcement)).one()
    part = part_of_list(total, number=number)
    statement = select(Announcement).order_by(Announcement.id.desc())
    rows = session.scalars(statement.offset(part.offset).limit(PAGE_SIZE))
    return AnnouncementsPage(tuple(_row(row) for row in rows), part)


def load_announcement_page(session: Session, announcement_id: int) -> AnnouncementPage:
    """One of them. Raises NotFoundError."""
    row = session.get(Announcement, announcement_id)
    if row is None:
        raise NotFoundError("announcement")
    reached, mails = session.execute(
        select(func.count(distinct(Mail.customer_id)), func.count()).where(
            Mail.template == "announcement",
            Mail.event_key.like(f"announcement:{announcement_id}:%"),
        )
    ).one()
    return AnnouncementPage(_row(row), row.body, reached, mails)


def preview_list(session: Session, chosen: Chosen, *, catalog: Catalog) -> ListPreview:
    """Who is on the list now, in three queries. Raises BillingError `tier_not_known`."""
    listed = chosen_customers(chosen, catalog).subquery()
    customers = session.scalars(select(func.count()).select_from(listed)).one()
    # One mail for each address of a customer, as they are sent.
    readers = _readers().subquery()
    of_list = select(func.count()).select_from(readers).join(listed, listed.c.id == readers.c.id)
    people = session.scalars(of_list).one()
    statement = (
        select(Customer.uuid, Customer.display_name, func.count(readers.c.id))
        .join(listed, listed.c.id == Customer.id)
        .outerjoin(readers, readers.c.id == Customer.id)
        .group_by(Customer.id, Customer.uuid, Customer.display_name)
        .order_by(Customer.display_name, Customer.id)
        .limit(MOST_NAMED)
    )
    named = tuple(NamedCustomer(*row) for row in session.execute(statement))
    return ListPreview(customers, people, named)


def list_countries(session: Session) -> Sequence[str]:
    """The countries that customers have given, by their codes."""
    statement = select(Customer.address_country).where(Customer.address_country.is_not(None))
    return sorted(code for code in session.scalars(statement.distinct()) if code)


def _readers() -> Select[int, str]:
    """Every address of a customer that gets announcements, with the customer's id."""
    here = (BillingUser.organization_id == Customer.organization_id) | (
        BillingUser.server_id == Customer.server_id
    )
    return (
        select(Customer.id, func.lower(BillingUser.email))
        .join(BillingUser, here)
        .where(
            BillingUser.email_confirmed_at.is_not(None),
            BillingUser.deactivated_at.is_(None),
            BillingUser.wants_announcement_mails,
        )
        .distinct()
    )


def _row(row: Announcement) -> AnnouncementRow:
    return AnnouncementRow(
        id=row.id,
        subject=row.subject,
        reason=row.reason,
        chosen=Chosen.from_json(row.chosen),
        created_at=row.created_at,
        finished_at=row.finished_at,
        customers=row.customers,
    )
