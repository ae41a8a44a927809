"""What the owners of the sample customers do: found a server, log in, enter a card, buy, end.

Everything goes through the doors that real ones use: the wire API, the pages of the login and of
the provider, and the services behind the portal's own pages.
"""

from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from app.demo.browser import Browser
from app.demo.happenings import (
    GOOD_CARD,
    AcceptOffer,
    AskToBeSponsored,
    Buy,
    BuyByInvoice,
    EndPlan,
    EnterCard,
    Grow,
    Happening,
    ScheduleNext,
    SecondPerson,
    SwitchSchedule,
)
from app.demo.logins import get_billing_user, log_in_from_product, log_in_with_key
from app.demo.sample_customer import SampleCustomer
from app.demo.servers import SampleServer
from app.demo.staff import do_by_staff
from app.demo.trials import with_trials
from app.domain.kinds import KIND_PROFILES, Collection, LicenseManagement, Schedule, TierKind
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
from app.sample_server.seed import OrganizationSeed, seed_organization
from app.sample_server.uploads import CONTROL, upload_now
from app.services.cancel_purchase import check_own_purchase
from app.services.card_setup import begin_card_setup, check_card_setup
from app.services.change_plan import end_plan_at_cycle_end
from app.services.complimentary import tier_of_kind
from app.services.context import Actor, Context, billing_user_actor
from app.services.customers import Payer, claim_payer, get_live_plan, load_payer
from app.services.identity import CustomerRef
from app.services.next_terms import PlanChoice
from app.services.offer_quote import make_offer_quote
from app.services.offers import get_offer
from app.services.preview_change import make_change
from app.services.purchase_state import Outcome, PurchaseResult
from app.services.purchases import ConfirmPurchase, confirm_purchase, sign_quote
from app.services.quote import PurchaseChoice, make_quote
from app.services.schedule_upgrade import schedule_upgrade
from app.services.sponsorship import AskForSponsorship, request_sponsorship
from app.services.switch_plan import switch_at_cycle_end
from app.services.unit_of_work import UnitOfWork, unit_of_work


class SeedError(Exception):
    """A sample customer could not be made; the text says what went otherwise than meant."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of one sample customer at work."""

    ctx: Context
    server: SampleServer

    @property
    def _customer(self) -> SampleCustomer:
        return self.server.customer

    def found(self) -> None:
        """Begin the organizations with their people, register their server, and upload."""
        customer, store = self._customer, self.server.store
        with store.write() as connection:
            organization = create_organization(connection, name=customer.name, title=customer.title)
            add_person(
                connection,
                organization,
                full_name=customer.owner,
                email=customer.owner_email,
                role=OWNER,
            )
            for name, number in customer.people.items():
                role, is_bot = clean_role(name, bots=True)
                add_sample_people(connection, organization, number=number, role=role, is_bot=is_bot)
            write_opening_lines(connection, organization)
        for branch in customer.branches:
            people = {"owner": 1, "member": branch.people - 1}
            seed_organization(store, OrganizationSeed(branch.name, branch.title, people))
        register(store)
        self.upload()

    def upload(self) -> None:
        """Upload now, since something has changed."""
        report = upload_now(self.server.store, trigger=CONTROL)
        if report.code is not None:
            raise SeedError(f"{self._customer.title}: upload refused: {report.code}")

    def do(self, happening: Happening) -> None:
        """Make one thing of the cast happen."""
        match happening:
            case Grow():
                self._grow(happening.people)
            case EnterCard():
                self._enter_card(happening.number)
            case Buy():
                self._buy(happening)
            case BuyByInvoice():
                self._buy_by_invoice(happening)
            case SecondPerson():
                log_in_from_product(self.ctx, self.server, self.server.leaders(2)[1])
            case EndPlan():
                end_plan_at_cycle_end(self.ctx, self._payer(), actor=self._actor())
            case SwitchSchedule():
                self._switch_schedule(happening)
            case ScheduleNext():
                self._schedule_next(happening)
            case AskToBeSponsored():
                self._ask_to_be_sponsored(happening)
            case AcceptOffer():
                self._accept_offer(happening)
            case _:
                do_by_staff(self.ctx, self._payer(), happening)

    def log_in(self) -> None:
        """Come to billing as a person does, by the door of that kind of customer."""
        enter = log_in_with_key if self._customer.pays_as_server else log_in_from_product
        enter(self.ctx, self.server, self.server.owner)

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
        payer = self._payer()
        prefix = KIND_PROFILES[payer.kind].url_prefix
        page = f"{self.ctx.settings.base_url}/{prefix}/{payer.uuid}/billing/"
        with unit_of_work(self.ctx) as work:
            _server, customer = claim_payer(work, payer)
            customer_id = customer.id
            work.commit()
        checkout = begin_card_setup(
            self.ctx,
            customer_id,
            return_url=f"{page}?session_id={{SESSION_ID}}",
            cancel_url=page,
            actor=self._actor(),
        )
        with Browser() as browser:
            back = browser.post(checkout, action="save", **self._card(number))
        session_id = parse_qs(urlsplit(back).query)["session_id"][0]
        if not check_card_setup(self.ctx, session_id, customer_id=customer_id, actor=self._actor()):
            raise SeedError(f"{self._customer.title}: the card is not on file")

    def _card(self, number: str) -> dict[str, str]:
        """What the owner types into the form of a card."""
        expiry = f"08 / {self.ctx.now().year % 100 + 3:02d}"
        name = self.server.owner.full_name
        return {"number": number, "expiry": expiry, "cvc": "123", "name": name}

    def _buy(self, buy: Buy) -> None:
        result = self._confirm(
            PurchaseChoice(buy.tier, buy.schedule, buy.management, buy.licenses, coupon=buy.coupon),
            tries=buy.tries,
        )
        if result.outcome is not (Outcome.TRIAL if buy.tries else Outcome.PAID):
            raise SeedError(f"{self._customer.title}: the purchase is {result.outcome}")

    def _buy_by_invoice(self, buy: BuyByInvoice) -> None:
        result = self._confirm(
            PurchaseChoice(
                buy.tier,
                buy.schedule,
                LicenseManagement.MANUAL,
                buy.licenses,
                Collection.SEND_INVOICE,
            )
        )
        if result.hosted_url is None:
            raise SeedError(f"{self._customer.title}: no invoice was sent")
        with Browser() as browser:
            page = browser.get(result.hosted_url)
            card = {"card": "new"} | self._card(GOOD_CARD)
            browser.send(page, page.form(having="number"), action="pay", **card)
        # The provider tells it as well; whoever learns first starts the plan, once.
        check_own_purchase(self.ctx, self._payer(), result.purchase_id)

    def _confirm(self, choice: PurchaseChoice, *, tries: bool = False) -> PurchaseResult:
        payer, ctx = self._payer(), self.ctx
        if tries:
            # As if the switch of the demo's first page had been on then.
            ctx = replace(ctx, catalog=with_trials(ctx.catalog))
        quoted = make_quote if choice.offer_id is None else make_offer_quote
        with unit_of_work(ctx) as work:
            quote = quoted(work.session, ctx.catalog, payer, choice, now=work.now)
        command = ConfirmPurchase(payer, sign_quote(ctx, payer, quote))
        return confirm_purchase(ctx, command, actor=self._actor())

    def _switch_schedule(self, switch: SwitchSchedule) -> None:
        payer, actor = self._payer(), self._actor()

        def act(work: UnitOfWork) -> None:
            _server, customer = claim_payer(work, payer)
            plan = get_live_plan(work.session, customer.id)
            if plan is None:
                raise SeedError(f"{self._customer.title}: there is no plan to switch")
            choice = PlanChoice(plan.tier, switch.schedule)
            switch_at_cycle_end(work, payer, choice, actor=actor)

        make_change(self.ctx, act)

    def _schedule_next(self, following: ScheduleNext) -> None:
        choice = PurchaseChoice(
            following.tier, Schedule.MONTHLY, LicenseManagement.MANUAL, following.licenses
        )
        schedule_upgrade(self.ctx, self._payer(), choice, actor=self._actor())

    def _accept_offer(self, accept: AcceptOffer) -> None:
        with unit_of_work(self.ctx) as work:
            _server, customer = claim_payer(work, self._payer())
            offer = get_offer(work.session, customer, now=work.now)
            if offer is None:
                raise SeedError(f"{self._customer.title}: nothing is offered")
            choice = PurchaseChoice(
                offer.tier, accept.schedule, LicenseManagement.AUTOMATIC, offer_id=offer.id
            )
        result = self._confirm(choice)
        if result.outcome not in {Outcome.PAID, Outcome.TRIAL}:
            raise SeedError(f"{self._customer.title}: the purchase is {result.outcome}")

    def _ask_to_be_sponsored(self, asking: AskToBeSponsored) -> None:
        payer, ctx = self._payer(), self.ctx
        with unit_of_work(ctx) as work:
            ref = CustomerRef(payer, self._customer.hostname, None, self._billing_user(work).id)
        command = AskForSponsorship(
            organization_type=asking.organization_type,
            website=asking.website,
            description=asking.description,
            expected_users=str(sum(self._customer.people.values())),
            paid_staff="none",
            plan_wished=tier_of_kind(ctx.catalog, TierKind.SPONSORED).key,
        )
        request_sponsorship(ctx, ref, command, actor=self._actor())

    def _payer(self) -> Payer:
        is_server, store = self._customer.pays_as_server, self.server.store
        uuid = store.settings().server_uuid if is_server else self.server.organization.uuid
        with unit_of_work(self.ctx) as work:
            return load_payer(work.session, uuid=uuid)

    def _actor(self) -> Actor:
        """The owner as whoever does these things; SeedError before the first login."""
        with unit_of_work(self.ctx) as work:
            person = self._billing_user(work)
            return billing_user_actor(person.id, email=person.email, full_name=person.full_name)

    def _billing_user(self, work: UnitOfWork) -> BillingUser:
        person = get_billing_user(work, self.server, self.server.owner)
        if person is None:
            raise SeedError(f"{self._customer.title}: nobody has logged in")
        return person
