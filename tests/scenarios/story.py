"""Dated stories: a server that uploads, a customer who buys, jobs that run, a readable statement.

Uploads go through the HTTP API, purchases through the services with the payment provider that
behaves, and jobs are the real ones. `assert_statement` compares every entry, invoice and line with
a golden file; set REWRITE_GOLDEN=1 to write it anew, and read the difference.
"""

import json
import os
import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import FixedClock
from app.domain.kinds import Collection, InvoiceStatus, LicenseManagement, Schedule
from app.extensions import db
from app.gateways.fake_payments import FakePayments
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import RunCounts, invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.registrations import Organization
from app.services.browser_sessions import SessionChanges, session_id_hashes, store_session
from app.services.complete_login import CompleteLogin, complete_login
from app.services.context import CLI, Actor, Context
from app.services.customers import Payer, claim_payer, get_customer, load_payer
from app.services.export_customer import export_customer
from app.services.legacy import create_legacy_plan
from app.services.login_links import HalfLogin, open_login_link
from app.services.offer_quote import make_offer_quote
from app.services.offers import get_offer
from app.services.provider_customer import ensure_provider_customer
from app.services.purchase_state import PurchaseResult
from app.services.purchases import ConfirmPurchase, confirm_purchase, sign_quote
from app.services.quote import PurchaseChoice, make_quote
from app.services.schedule_upgrade import schedule_upgrade
from app.services.scheduled_quote import ScheduledQuote
from app.services.settle_purchase import get_invoice_id
from app.services.staff_change import StaffChange
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import receive_event

GOLDEN = Path(__file__).parent / "golden"
BUYER = Actor("billing_user:1")
# Up to this long every day is lived through, unless a test says otherwise.
SHORT_WAY = timedelta(days=14)


@dataclass
class SampleOrganization:
    """One organization of a sample server and its people."""

    realm_id: int
    uuid: str
    host: str
    people: int = 0
    deactivated: bool = False


@dataclass
class SampleServer:
    """A server that speaks the wire protocol through the test client."""

    uuid: str
    key: str
    hostname: str
    organizations: list[SampleOrganization] = field(default_factory=list)
    next_row_id: int = 1
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP Basic with the server's id and key."""
        secret = b64encode(f"{self.uuid}:{self.key}".encode()).decode()
        return {"Authorization": f"Basic {secret}"}


class Story:
    """The world of one scenario. Times are given as "2012-02-02" or "2012-02-02 03:04:05"."""

    def __init__(self, app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> None:
        self.client = app.test_client()
        self.app = app
        self.ctx = ctx
        self.clock = clock
        self.payments = payments
        self.servers = 0

    # --- time ---

    def on(self, when: str | datetime) -> "Story":
        """Move the clock; a bare date keeps the time of day."""
        moment = datetime.fromisoformat(when) if isinstance(when, str) else when
        if isinstance(when, str) and len(when) == 10:
            now = self.clock.now()
            moment = moment.replace(hour=now.hour, minute=now.minute, second=now.second)
        self.clock.set(moment.replace(tzinfo=UTC))
        return self

    # --- servers ---

    def server(self, *, seats: tuple[int, ...] = (), hostname: str | None = None) -> SampleServer:
        """Register a server with one organization for each number of `seats`, and upload."""
        self.servers += 1
        n = self.servers
        server = SampleServer(
            uuid=str(UUID(int=0x6CDE5F7A1F7E49784000000000000000 + n, version=4)),
            key=f"{n:064d}",
            hostname=hostname or f"chat{n}.acme.test",
        )
        response = self.client.post(
            "/api/v1/remotes/server/register",
            data={
                "zulip_org_id": server.uuid,
                "zulip_org_key": server.key,
                "hostname": server.hostname,
                "contact_email": "root@acme.test",
            },
        )
        assert response.status_code == 200, response.text
        for index, people in enumerate(seats, start=2):
            self.add_organization(server, realm_id=index)
            self.set_people(server, people, organization=len(server.organizations) - 1)
        self.upload(server)
        return server

    def add_organization(self, server: SampleServer, *, realm_id: int) -> SampleOrganization:
        """One more organization; known to the portal with the next upload."""
        suffix = "" if realm_id == 2 else str(realm_id)
        organization = SampleOrganization(
            realm_id=realm_id,
            uuid=str(UUID(int=int(UUID(server.uuid)) + (realm_id << 40), version=4)),
            host=f"{server.hostname}{suffix}".replace(":", ""),
        )
        server.organizations.append(organization)
        return organization

    def set_people(
        self,
        server: SampleServer,
        people: int,
        *,
        organization: int = 0,
        at: datetime | None = None,
        event_type: int = 101,
    ) -> dict[str, Any]:
        """Note one audit row; it goes out with the next upload."""
        place = server.organizations[organization]
        place.people = people
        row = {
            "id": server.next_row_id,
            "realm": place.realm_id,
            "event_time": (at or self.clock.now()).timestamp() + server.next_row_id / 1_000_000,
            "backfilled": False,
            "extra_data": {
                "10": {
                    "11": {"100": min(people, 1), "400": max(people - 1, 0), "600": 0},
                    "12": 2,
                }
            },
            "event_type": event_type,
        }
        server.next_row_id += 1
        server.rows.append(row)
        return row

    def upload(self, server: SampleServer) -> dict[str, Any]:
        """Send every row that waits, and the list of organizations."""
        response = self.client.post(
            "/api/v1/remotes/server/analytics",
            headers=server.headers,
            data=self.upload_form(server),
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.get_json()
        return answer

    def upload_form(self, server: SampleServer) -> dict[str, str]:
        """What an upload sends now; the rows do not wait any more."""
        rows, server.rows = server.rows, []
        return {
            "realm_counts": "[]",
            "installation_counts": "[]",
            "realmauditlog_rows": json.dumps(rows),
            "realms": json.dumps([self.realm(server, o) for o in server.organizations]),
            "version": '"8.0"',
            "api_feature_level": "237",
        }

    def upload_seats(self, server: SampleServer, *people: int, organization: int = 0) -> None:
        """One audit row now for each number, all in one upload."""
        for number in people:
            self.set_people(server, number, organization=organization)
        self.upload(server)

    def realm(self, server: SampleServer, place: SampleOrganization) -> dict[str, Any]:
        """The organization as the wire describes it."""
        return {
            "id": place.realm_id,
            "uuid": place.uuid,
            "uuid_owner_secret": f"secret-of-{place.realm_id}",
            "host": place.host,
            "url": f"https://{place.host}",
            "name": "Acme",
            "org_type": 10,
            "date_created": 1325376000.0,
            "deactivated": place.deactivated,
            "is_system_bot_realm": False,
            "authentication_methods": {"Email": True},
        }

    # --- logging in ---

    def log_in(self, server: SampleServer, *, organization: int = 0) -> str:
        """An admin whose address was confirmed before chooses Billing and continues; returns the
        page that this leads to."""
        return self.finish_login(self.begin_login(server, organization=organization))

    def begin_login(self, server: SampleServer, *, organization: int = 0) -> HalfLogin:
        """The same up to the page where the admin continues."""
        place, admin = server.organizations[organization], str(UUID(int=7, version=4))
        answer = self.client.post(
            "/api/v1/remotes/server/billing",
            headers=server.headers,
            data={
                "user": json.dumps({"uuid": admin, "email": "a@acme.test", "full_name": "Ann"}),
                "realm": json.dumps(self.realm(server, place)),
            },
        )
        assert answer.status_code == 200, answer.text
        token = answer.get_json()["billing_access_url"].rpartition("/")[2]
        self._confirm_address(place.uuid, admin)
        with self.app.app_context(), Session(db.engine) as session:
            return open_login_link(self.ctx, session, token, ip=None)

    def finish_login(self, half: HalfLogin) -> str:
        """The admin continues; returns the page that this leads to."""
        with self.app.app_context():
            secret = store_session(self.ctx, SessionChanges({"logins": []}), id_hash=None)
            assert secret is not None
            tos = self.ctx.catalog.brand.tos_version
            return complete_login(
                self.ctx,
                CompleteLogin(half, "Ann", tos, None, None),
                replaces=session_id_hashes(self.ctx.tokens, secret)[0],
                session_data={},
                ip=None,
            ).page

    def _confirm_address(self, organization_uuid: str, user_uuid: str) -> None:
        with unit_of_work(self.ctx) as work:
            organizations = select(Organization).where(Organization.uuid == organization_uuid)
            organization = work.session.scalars(organizations).one()
            people = select(BillingUser).where(
                BillingUser.organization_id == organization.id, BillingUser.user_uuid == user_uuid
            )
            user = work.session.scalars(people).one_or_none()
            if user is None:
                user = BillingUser(
                    organization_id=organization.id,
                    user_uuid=user_uuid,
                    email="a@acme.test",
                    created_at=work.now,
                )
                work.session.add(user)
            user.email_confirmed_at = work.now
            work.commit()

    # --- buying ---

    def payer(self, server: SampleServer, organization: int | None = 0) -> Payer:
        """Who pays: an organization, or with None the server itself."""
        uuid = server.uuid if organization is None else server.organizations[organization].uuid
        with unit_of_work(self.ctx) as work:
            return load_payer(work.session, uuid=uuid)

    def give_card(self, payer: Payer, kind: str = "visa") -> str:
        """Put a card of the provider's on file; returns the provider's customer."""
        with unit_of_work(self.ctx) as work:
            _, customer = claim_payer(work, payer)
            customer_id = customer.id
            work.commit()
        provider_customer = ensure_provider_customer(self.ctx, customer_id)
        card = self.payments.attach_card(provider_customer, kind)
        with unit_of_work(self.ctx) as work:
            customer = work.claim_customer(customer_id)
            customer.card_payment_method = card.payment_method
            customer.card_brand, customer.card_last4 = card.brand, card.last4
            customer.card_exp_month, customer.card_exp_year = card.exp_month, card.exp_year
            work.commit()
        return provider_customer

    def quote_token(
        self,
        payer: Payer,
        *,
        tier: str,
        schedule: str = "monthly",
        licenses: int | None = None,
        by_invoice: bool = False,
        coupon: str | None = None,
    ) -> str:
        """The signed quote the upgrade page would carry now."""
        management = LicenseManagement.MANUAL if licenses else LicenseManagement.AUTOMATIC
        collection = Collection.SEND_INVOICE if by_invoice else Collection.CHARGE_AUTOMATICALLY
        choice = PurchaseChoice(
            tier, Schedule(schedule), management, licenses, collection, coupon=coupon
        )
        with unit_of_work(self.ctx) as work:
            quote = make_quote(work.session, self.ctx.catalog, payer, choice, now=self.clock.now())
        return sign_quote(self.ctx, payer, quote)

    def upgrade(
        self,
        server: SampleServer,
        *,
        tier: str = "basic",
        schedule: str = "monthly",
        licenses: int | None = None,
        organization: int | None = 0,
        card: str = "visa",
        coupon: str | None = None,
    ) -> PurchaseResult:
        """Put a card on file and buy."""
        payer = self.payer(server, organization)
        self.give_card(payer, card)
        token = self.quote_token(
            payer, tier=tier, schedule=schedule, licenses=licenses, coupon=coupon
        )
        with self.app.app_context():
            return confirm_purchase(self.ctx, ConfirmPurchase(payer, token), actor=BUYER)

    def order(
        self,
        server: SampleServer,
        *,
        tier: str = "basic",
        schedule: str = "annual",
        licenses: int | None = None,
        organization: int | None = 0,
        coupon: str | None = None,
    ) -> PurchaseResult:
        """Buy by invoice; the plan starts when that is paid."""
        payer = self.payer(server, organization)
        token = self.quote_token(
            payer, tier=tier, schedule=schedule, licenses=licenses, by_invoice=True, coupon=coupon
        )
        with self.app.app_context():
            return confirm_purchase(self.ctx, ConfirmPurchase(payer, token), actor=BUYER)

    def accept_offer(
        self,
        server: SampleServer,
        *,
        schedule: str = "monthly",
        by_invoice: bool = False,
        card: str = "visa",
        organization: int | None = 0,
    ) -> PurchaseResult:
        """Accept the open offer of a fixed price, by card or by invoice."""
        payer = self.payer(server, organization)
        if not by_invoice:
            self.give_card(payer, card)
        with unit_of_work(self.ctx) as work:
            offer = get_offer(work.session, get_customer(work.session, payer), now=self.clock.now())
            assert offer is not None, "there is no open offer"
            choice = PurchaseChoice(
                offer.tier,
                Schedule(schedule),
                LicenseManagement.AUTOMATIC,
                collection=(
                    Collection.SEND_INVOICE if by_invoice else Collection.CHARGE_AUTOMATICALLY
                ),
                offer_id=offer.id,
            )
            quote = make_offer_quote(
                work.session, self.ctx.catalog, payer, choice, now=self.clock.now()
            )
        token = sign_quote(self.ctx, payer, quote)
        with self.app.app_context():
            return confirm_purchase(self.ctx, ConfirmPurchase(payer, token), actor=BUYER)

    def invoice_at_provider(self, purchase_id: int) -> str:
        """The provider's id of the invoice that pays for a purchase."""
        invoice_id = get_invoice_id(self.ctx, purchase_id)
        with unit_of_work(self.ctx) as work:
            return str(work.session.get_one(Invoice, invoice_id).stripe_invoice_id)

    def receive(self, purchase_id: int) -> None:
        """The money for an invoice reaches the provider, which tells nobody yet."""
        self.payments.pay_hosted(self.invoice_at_provider(purchase_id))

    def receive_whatever_is_open(self) -> None:
        """The money for every invoice that can be paid reaches the provider."""
        for invoice in list(self.payments._state.invoices.values()):
            if invoice.status is InvoiceStatus.OPEN:
                self.payments.pay_hosted(invoice.id)

    def deliver_events(self) -> None:
        """The provider's webhooks arrive, all that have not yet."""
        for event in self.payments.take_events():
            payload, signature = self.payments.sign(event)
            with self.app.app_context():
                receive_event(self.ctx, payload, signature=signature)

    # --- staff ---

    def staff(self, *arguments: str, reason: str = "asked for by mail") -> str:
        """Run a command of staff as the command line does; returns what it says."""
        line = ["billing", *arguments, "--reason", reason]
        result = self.app.test_cli_runner().invoke(args=line)
        assert result.exit_code == 0, result.output
        return str(result.output)

    # --- legacy ---

    def give_legacy(
        self, server: SampleServer, until: str, *, organization: int | None = 0
    ) -> StaffChange:
        """Staff give a legacy plan until the start of a day."""
        return create_legacy_plan(
            self.ctx,
            self.payer(server, organization),
            until=datetime.fromisoformat(until).replace(tzinfo=UTC),
            reason="old terms",
            actor=CLI,
        )

    def schedule_upgrade(
        self,
        server: SampleServer,
        *,
        tier: str = "basic",
        schedule: str = "monthly",
        licenses: int | None = None,
        by_invoice: bool = False,
        organization: int | None = 0,
        card: str | None = "visa",
    ) -> ScheduledQuote:
        """The customer schedules a paid plan for the end of the legacy plan."""
        payer = self.payer(server, organization)
        if card and not by_invoice:
            self.give_card(payer, card)
        management = LicenseManagement.MANUAL if licenses else LicenseManagement.AUTOMATIC
        collection = Collection.SEND_INVOICE if by_invoice else Collection.CHARGE_AUTOMATICALLY
        choice = PurchaseChoice(tier, Schedule(schedule), management, licenses, collection)
        return schedule_upgrade(self.ctx, payer, choice, actor=BUYER)

    # --- jobs ---

    def run_jobs(self) -> RunCounts:
        """The hourly run, the daily run and delivery, once."""
        with self.app.app_context():
            sync_ledgers(self.ctx)
            counts = invoice_plans(self.ctx)
            deliver(self.ctx)
        return counts

    def run_jobs_until(self, when: str, *servers: SampleServer, step: int | None = None) -> None:
        """Up to `when` in steps of `step` days, the servers uploading each time before the jobs
        run: daily on a short way, else every fourth day, unless a test needs it otherwise."""
        now = self.clock.now()
        end = datetime.fromisoformat(when).replace(tzinfo=UTC)
        if len(when) == 10:
            end = end.replace(hour=now.hour, minute=now.minute, second=now.second)
        if step is None:
            step = 1 if end - now <= SHORT_WAY else 4
        while self.clock.now() < end:
            self.clock.set(min(self.clock.now() + timedelta(days=step), end))
            for server in servers:
                self.upload(server)
            self.run_jobs()

    # --- what came of it ---

    def export(self, payer: Payer) -> dict[str, Any]:
        """What `flask billing export` prints."""
        return self.export_of(payer.uuid)

    def export_of(self, uuid: str) -> dict[str, Any]:
        """The same, by the UUID."""
        with unit_of_work(self.ctx) as work:
            return export_customer(work.session, uuid=uuid, now=work.now)

    def statement(self, payer: Payer) -> str:
        """Every entry, invoice and line in words and cents, for people and golden files."""
        data = self.export(payer)
        lines: list[str] = []
        for plan in data["plans"]:
            lines.append(
                f"plan {plan['tier']} {plan['schedule']} {plan['license_management']}: "
                f"{plan['status']}, at cycle end {plan['at_cycle_end']}, "
                f"anchor {plan['billing_cycle_anchor']}, next invoice {plan['next_invoice_date']}"
            )
            for entry in data["ledger"]:
                if entry["plan"] == plan["id"]:
                    what = "renewal" if entry["is_renewal"] else "change "
                    source = entry["log_entry"]
                    cause = f"row {source['remote_id']}" if source else entry["actor"]
                    lines.append(
                        f"  {entry['event_time']} {what} {entry['licenses']:>5} "
                        f"{entry['licenses_at_next_renewal']:>5}  {cause}"
                    )
        for invoice in data["invoices"]:
            # A plan's number says nothing here: one that was only tried out may have had it before.
            occasion = re.sub(r"^switch:\d+$", "switch", invoice["occasion"])
            lines.append(
                f"invoice {invoice['boundary']} {occasion}: {invoice['status']} {invoice['total']}"
            )
            for line in invoice["lines"]:
                lines.append(
                    f"  {line['description']}: {line['quantity']} x {line['unit_amount']} = "
                    f"{line['amount']}  [{line['period_start']} .. {line['period_end']})"
                )
        return "\n".join(lines) + "\n"

    def assert_statement(self, payer: Payer, name: str) -> None:
        """Compare with the golden file, to the cent."""
        path = GOLDEN / name
        found = self.statement(payer)
        if os.environ.get("REWRITE_GOLDEN"):
            path.write_text(found)
        assert found == path.read_text()

    def assert_nothing_left_to_do(self) -> None:
        """Running every job again changes nothing, and what we call paid the provider does too."""
        before = self._everything()
        self.run_jobs()
        assert self._everything() == before

    def _everything(self) -> dict[str, Any]:
        from sqlalchemy import text

        tables = (
            *("plans", "ledger_entries", "invoices", "invoice_lines", "purchases"),
            *("adjustments", "late_falls", "one_offs"),
        )
        with unit_of_work(self.ctx) as work:
            return {
                table: [
                    tuple(row)
                    for row in work.session.execute(text(f"SELECT * FROM {table} ORDER BY id"))
                ]
                for table in tables
            }
