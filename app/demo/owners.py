"""What the owners of the sample customers do: found a server, log in, enter a card, buy, end.

Everything goes through the doors that real ones use: the wire API, the pages of the login and of
the provider, and the services behind the portal's own pages.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select

from app.demo.browser import Browser, PageError
from app.demo.cast import Buy, EndPlan, EnterCard, Grow, Happening
from app.demo.servers import SampleServer
from app.models.mails import Mail
from app.models.people import BillingUser
from app.sample_server.inputs import clean_role
from app.sample_server.messages import write_opening_lines
from app.sample_server.organizations import create_organization
from app.sample_server.people import (
    add_person,
    add_sample_people,
    newest_people,
    set_people_active,
)
from app.sample_server.records import MEMBER, OWNER
from app.sample_server.registration import register
from app.sample_server.uploads import CONTROL, upload_now
from app.services.card_setup import begin_card_setup, check_card_setup
from app.services.change_plan import end_plan_at_cycle_end
from app.services.context import Actor, Context, billing_user_actor
from app.services.customers import Payer, claim_payer, load_payer
from app.services.purchase_state import Outcome
from app.services.purchases import ConfirmPurchase, confirm_purchase, sign_quote
from app.services.quote import PurchaseChoice, make_quote
from app.services.unit_of_work import UnitOfWork, unit_of_work

_LINK = re.compile(r"https?://\S+/remote-billing-login/do-confirm/\S+")


class SeedError(Exception):
    """A sample customer could not be made; the text says what went otherwise than meant."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of one sample customer at work."""

    ctx: Context
    server: SampleServer

    def found(self) -> None:
        """Begin the organization with its people, register its server, and upload."""
        customer, store = self.server.customer, self.server.store
        with store.write() as connection:
            organization = create_organization(connection, name=customer.name, title=customer.title)
            first_name = customer.owner.removeprefix("Dr. ").partition(" ")[0].lower()
            add_person(
                connection,
                organization,
                full_name=customer.owner,
                email=f"{first_name}@{customer.name}.test",
                role=OWNER,
            )
            for name, number in customer.people.items():
                role, is_bot = clean_role(name, bots=True)
                add_sample_people(connection, organization, number=number, role=role, is_bot=is_bot)
            write_opening_lines(connection, organization)
        register(store)
        self.upload()

    def upload(self) -> None:
        """Upload now, since something has changed."""
        report = upload_now(self.server.store, trigger=CONTROL)
        if report.code is not None:
            raise SeedError(f"{self.server.customer.title}: upload refused: {report.code}")

    def do(self, happening: Happening) -> None:
        """Make one thing of the cast happen."""
        if isinstance(happening, Grow):
            self._grow(happening.people)
        elif isinstance(happening, EnterCard):
            self._enter_card(happening.number)
        elif isinstance(happening, Buy):
            self._buy(happening)
        elif isinstance(happening, EndPlan):
            end_plan_at_cycle_end(self.ctx, self._payer(), actor=self._actor())

    def log_in(self) -> None:
        """Come to billing as a person does: from the gear menu, with the mail that proves the
        address, to the session."""
        with Browser() as browser:
            page = browser.get(self.server.ask_for_billing())
            if not self._is_known():
                browser.send(page, page.form(having="email"))
                page = browser.get(self._mailed_link())
                page = browser.send(page, page.form(having="csrf_token"))
            form = page.form(having="tos_version")
            wishes = {"wants_major_release_mails": "y", "wants_maintenance_mails": "y"}
            browser.post(form.action, **(form.fields | wishes | {"accepts_tos": "y"}))

    def _grow(self, people: int) -> None:
        organization = self.server.organization
        with self.server.store.write() as connection:
            if people > 0:
                add_sample_people(connection, organization, number=people, role=MEMBER)
            else:
                leaving = newest_people(connection, organization, number=-people, active=True)
                set_people_active(connection, organization, leaving, active=False)
        self.upload()

    def _enter_card(self, number: str) -> None:
        base_url, uuid = self.ctx.settings.base_url, self.server.organization.uuid
        page = f"{base_url}/realm/{uuid}/billing/"
        with unit_of_work(self.ctx) as work:
            _server, customer = claim_payer(work, self._payer())
            customer_id = customer.id
            work.commit()
        checkout = begin_card_setup(
            self.ctx,
            customer_id,
            return_url=f"{page}?session_id={{SESSION_ID}}",
            cancel_url=page,
            actor=self._actor(),
        )
        year = self.ctx.now().year % 100 + 3
        card = {"number": number, "expiry": f"08 / {year:02d}", "cvc": "123"}
        name = self.server.owner.full_name
        with Browser() as browser:
            back = browser.post(checkout, action="save", name=name, **card)
        session_id = parse_qs(urlsplit(back).query)["session_id"][0]
        if not check_card_setup(self.ctx, session_id, customer_id=customer_id, actor=self._actor()):
            raise SeedError(f"{self.server.customer.title}: the card is not on file")

    def _buy(self, buy: Buy) -> None:
        choice = PurchaseChoice(buy.tier, buy.schedule, buy.management, buy.licenses)
        payer, ctx = self._payer(), self.ctx
        with unit_of_work(ctx) as work:
            quote = make_quote(work.session, ctx.catalog, payer, choice, now=work.now)
        command = ConfirmPurchase(payer, sign_quote(ctx, payer, quote))
        result = confirm_purchase(ctx, command, actor=self._actor())
        if result.outcome is not Outcome.PAID:
            raise SeedError(f"{self.server.customer.title}: the purchase is {result.outcome}")

    def _payer(self) -> Payer:
        with unit_of_work(self.ctx) as work:
            return load_payer(work.session, uuid=self.server.organization.uuid)

    def _actor(self) -> Actor:
        """The owner as whoever does these things; SeedError before the first login."""
        with unit_of_work(self.ctx) as work:
            person = self._get_person(work)
            if person is None:
                raise SeedError(f"{self.server.customer.title}: nobody has logged in")
            return billing_user_actor(person.id, email=person.email, full_name=person.full_name)

    def _is_known(self) -> bool:
        with unit_of_work(self.ctx) as work:
            return self._get_person(work) is not None

    def _get_person(self, work: UnitOfWork) -> BillingUser | None:
        return work.session.scalars(
            select(BillingUser).where(BillingUser.user_uuid == self.server.owner.uuid)
        ).one_or_none()

    def _mailed_link(self) -> str:
        """The link in the newest mail to the owner, as the page of caught mail shows it."""
        newest = (
            select(Mail.caught_text)
            .where(Mail.recipient == self.server.owner.email, Mail.template == "confirm_login")
            .order_by(Mail.id.desc())
        )
        with unit_of_work(self.ctx) as work:
            text = work.session.scalars(newest).first()
        found = _LINK.search(text or "")
        if found is None:
            raise PageError(f"no confirmation has come to {self.server.owner.email}")
        return found.group()
