"""Mails to the people who manage a customer's billing, each event once to each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import KIND_PROFILES, MailKind
from app.models.customers import Customer
from app.models.mails import Mail
from app.models.people import BillingUser
from app.models.registrations import Server
from app.services.ledger import get_server_id
from app.services.mail_choices import wants
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork

# The name of the one who gets a mail for want of people, at the end of its event key.
CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class CustomerMail:
    """A mail for everybody who manages the billing of a customer.

    `event_key` names the event, without the person. `kind` is what people may stop; None for mails
    about money owed, which always go, and to the server's contact where nobody else is known.
    """

    template: str
    event_key: str
    params: Mapping[str, Any]
    kind: MailKind | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person; `billing_user_id` is None for the server's contact."""

    email: str
    billing_user_id: int | None

    def key_of(self, event_key: str) -> str:
        """The event's mail to this person."""
        return f"{event_key}:{self.billing_user_id or CONTACT}"


def get_recipients(
    session: Session, customer: Customer, kind: MailKind | None
) -> tuple[Recipient, ...]:
    """Who gets a mail of `kind` (None: about money owed) of `customer`: its people whose address is
    confirmed, one mail for each address."""
    if customer.organization_id is not None:
        here = BillingUser.organization_id == customer.organization_id
    else:
        here = BillingUser.server_id == customer.server_id
    people = session.scalars(
        select(BillingUser)
        .where(
            here,
            BillingUser.email_confirmed_at.is_not(None),
            BillingUser.deactivated_at.is_(None),
        )
        .order_by(BillingUser.id)
    )
    found: dict[str, Recipient] = {}
    for person in people:
        if kind is None or wants(person, kind):
            found.setdefault(person.email.lower(), Recipient(person.email, person.id))
    if found or kind is not None:
        return tuple(found.values())
    server = session.get_one(Server, get_server_id(customer))
    return (Recipient(server.contact_email, None),)


def get_untold(
    session: Session, recipients: tuple[Recipient, ...], event_key: str
) -> tuple[Recipient, ...]:
    """Those who have no mail of that event yet."""
    keys = {one.key_of(event_key): one for one in recipients}
    told = set(session.scalars(select(Mail.event_key).where(Mail.event_key.in_(keys))))
    return tuple(one for key, one in keys.items() if key not in told)


def record_customer_mail(work: UnitOfWork, customer: Customer, mail: CustomerMail) -> int:
    """Put `mail` into the outbox for each of the customer's people who wants it and has not got it
    yet; returns how many that are.

    The templates get its params and `name` (the customer), `host`, `billing_url`.
    """
    recipients = get_recipients(work.session, customer, mail.kind)
    untold = get_untold(work.session, recipients, mail.event_key)
    params = {**common_params(work, customer), **mail.params}
    for one in untold:
        record_mail(
            work,
            template=mail.template,
            recipient=one.email,
            params=params,
            event_key=one.key_of(mail.event_key),
            customer_id=customer.id,
            about_money=mail.kind is None,
            billing_user_id=one.billing_user_id,
            kind=mail.kind,
        )
    return len(untold)


def common_params(work: UnitOfWork, customer: Customer) -> dict[str, Any]:
    """What every mail to a customer's people says: who it is about, and where its pages are."""
    prefix = KIND_PROFILES[customer.kind].url_prefix
    home = f"{work.ctx.settings.base_url}/{prefix}/{customer.uuid}"
    if customer.organization is not None:
        host = customer.organization.host or customer.display_name
    else:
        server = work.session.get_one(Server, get_server_id(customer))
        host = server.hostname
    return {
        "name": customer.display_name,
        "host": host,
        "pages_url": home,
        "billing_url": f"{home}/billing/",
    }
