"""Prepared states in which jobs have something to do, each small enough to be repeated often.

Customers really bought: servers uploaded through the API, cards were charged by the emulator.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from flask import Flask

from app import create_app
from app.clock import DemoClock, FixedClock
from app.extensions import db
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import ProviderEvent
from app.jobs.invoice_plans import invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.models.mails import Mail
from app.services.card_setup import begin_card_setup
from app.services.context import Context
from app.services.customers import Payer, claim_payer
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import record_event
from app.stripe_emulator.server import Handle, start_in_thread
from app.stripe_emulator.store import Filters
from tests.gateways.worlds import EmulatorWorld
from tests.scenarios.story import BUYER, SampleServer, Story
from tests.support.kills import World, settings_of

DUE = "2012-02-02T03:04:05+00:00"


class FileClock(DemoClock):
    """A clock file that a story moves."""

    def set(self, at: datetime) -> None:
        """Stand at `at`."""
        self.freeze(at)

    def advance(self, **parts: float) -> None:
        """Move on by a `timedelta(**parts)`."""
        self.freeze(self.now() + timedelta(**parts))


class EmulatorStory(Story):
    """A story whose cards and invoices are the emulator's."""

    def __init__(self, app: Flask, ctx: Context, clock: FileClock, emulator: Handle) -> None:
        self.emulator = emulator
        self.provider = EmulatorWorld(emulator)
        # The story asks of the clock only what this one has, and of the payments only `attach_card`.
        fake = cast(FakePayments, _Cards(self.provider))
        super().__init__(app, ctx, cast(FixedClock, clock), fake)

    def pay_hosted(self, purchase_id: int) -> ProviderEvent:
        """The person authenticates on the page of a purchase's invoice; returns the event of it."""
        with unit_of_work(self.ctx) as work:
            invoice = work.session.connection().exec_driver_sql(
                f"SELECT stripe_invoice_id FROM invoices WHERE purchase_id = {purchase_id:d}"
            )
            (stripe_invoice_id,) = invoice.one()
        self.provider.pay_hosted(self.ctx.payments.get_invoice(stripe_invoice_id))
        with self.emulator.store.transaction() as tx:
            event = tx.select("event", Filters(parent="invoice.paid"))[0]
        return ProviderEvent(event["id"], event["type"], stripe_invoice_id, event["api_version"])


class _Cards:
    """Puts the emulator's test cards on file."""

    def __init__(self, provider: EmulatorWorld) -> None:
        self.attach_card = provider.attach


def renewals(story: EmulatorStory) -> dict[str, Any]:
    """A monthly plan that renews and has added licenses to bill, and an annual one that has only
    the latter."""
    monthly = story.server(seats=(18,))
    annual = story.server(seats=(30,))
    story.upgrade(monthly)
    story.upgrade(annual, tier="business", schedule="annual")
    story.on("2012-01-04").upload_seats(monthly, 19, 20, 21, 22, 23)
    story.on("2012-01-20").upload_seats(annual, 33)
    _upload_when_due(story, monthly, annual)
    # Somebody came the day before, of whom the server tells only now.
    story.set_people(monthly, 24, at=datetime(2012, 2, 1, 12, tzinfo=UTC))
    return {"upload": {"headers": monthly.headers, "data": story.upload_form(monthly)}}


def refusals(story: EmulatorStory) -> dict[str, Any]:
    """A manual plan whose card is refused by now, and two mails that have not left."""
    acme = story.server(seats=(18,))
    story.upgrade(acme, licenses=20)
    story.give_card(story.payer(acme), "declines")
    with unit_of_work(story.ctx) as work:
        for number, about_money in enumerate((True, False), start=1):
            mail = Mail(
                event_key=f"test:{number}",
                template="staff_payment_failed",
                recipient="iago@acme.test",
                params={"customer": "Acme", "number": "A-1", "total": 700, "currency": "usd"},
                about_money=about_money,
                created_at=work.now,
                next_attempt_at=work.now,
            )
            work.session.add(mail)
        work.commit()
    _upload_when_due(story, acme)
    return {}


def purchases(story: EmulatorStory) -> dict[str, Any]:
    """Purchases that wait for authentication: one was abandoned more than a day ago; one was paid,
    which an event tells that nobody has handled; one was paid and its webhook was lost, while two
    people came."""
    waiting = "requires_authentication"
    abandoned, told, lost = (story.server(seats=(people,)) for people in (12, 15, 18))
    story.on("2012-02-01 01:00:00")
    for server in (abandoned, told, lost):
        story.upload(server)
    story.upgrade(abandoned, card=waiting)
    story.on("2012-02-01 20:00:00")
    told_id = story.upgrade(told, card=waiting).purchase_id
    lost_id = story.upgrade(lost, card=waiting).purchase_id
    story.on("2012-02-01 20:30:00").upload_seats(lost, 19, 20)
    story.pay_hosted(lost_id)
    record_event(story.ctx, story.pay_hosted(told_id))
    _upload_when_due(story, abandoned, told, lost)
    return {}


def orders(story: EmulatorStory) -> dict[str, Any]:
    """Purchases by invoice: one that the provider has not heard of, one that was paid and its
    webhook was lost, and one that was paid when the server had begun to pay for everybody."""
    unheard, paid, in_vain = (story.server(seats=(people,)) for people in (12, 15, 18))
    story.on("2012-02-01 01:00:00")
    for server in (unheard, paid, in_vain):
        story.upload(server)
    story.provider.fail("POST /v1/invoices", "500_before")
    story.order(unheard)
    paid_id = story.order(paid, schedule="monthly").purchase_id
    in_vain_id = story.order(in_vain).purchase_id
    story.upgrade(in_vain, organization=None)
    story.pay_hosted(paid_id)
    story.pay_hosted(in_vain_id)
    _upload_when_due(story, unheard, paid, in_vain)
    return {}


def new_card(story: EmulatorStory) -> dict[str, Any]:
    """A plan with two invoices that could not be charged; its person has entered another card, of
    which we have not heard."""
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.upgrade(acme)
    story.give_card(payer, "declines")
    story.run_jobs_until("2012-02-03", acme, step=1)
    story.upload_seats(acme, 21)
    story.run_jobs_until("2012-03-03", acme, step=1)
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        customer_id = customer.id
    url = begin_card_setup(
        story.ctx,
        customer_id,
        return_url="http://localhost/{SESSION_ID}",
        cancel_url="http://localhost/",
        actor=BUYER,
    )
    story.provider.enter_card(url, "visa")
    with story.emulator.store.transaction() as tx:
        event = tx.select("event", Filters(parent="checkout.session.completed"))[0]
    return {"new-card": {"session_id": event["data"]["object"]["id"]}}


def _upload_when_due(story: EmulatorStory, *servers: SampleServer) -> None:
    story.on(datetime.fromisoformat(DUE))
    for server in servers:
        story.upload(server)


def _confirmation(
    card: str, *, earlier: str | None = None, by_invoice: bool = False
) -> Callable[..., dict[str, Any]]:
    """A person about to confirm with `card`, or by invoice, perhaps after an attempt with
    `earlier`."""

    def build(story: EmulatorStory) -> dict[str, Any]:
        story.on("2012-02-02")
        acme = story.server(seats=(18,))
        payer = story.payer(acme)
        if earlier is not None:
            story.upgrade(acme, card=earlier)
        story.give_card(payer, card)
        mine, theirs = (_form(story, payer, by_invoice=by_invoice) for _ in range(2))
        return {"mine": mine, "theirs": theirs}

    return build


def _form(story: EmulatorStory, payer: Payer, *, by_invoice: bool) -> dict[str, Any]:
    token = story.quote_token(payer, tier="basic", by_invoice=by_invoice)
    return {"uuid": payer.uuid, "token": token}


def newcomers(story: EmulatorStory) -> dict[str, Any]:
    """A customer whom the provider does not know."""
    story.on("2012-02-02")
    payer = story.payer(story.server(seats=(18,)))
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        customer_id = customer.id
        work.commit()
    return {"ensure-provider-customer": {"customer_id": customer_id}}


BUILDERS: dict[str, Callable[[EmulatorStory], dict[str, Any]]] = {
    "renewals": renewals,
    "refusals": refusals,
    "purchases": purchases,
    "orders": orders,
    "newcomers": newcomers,
    "new card": new_card,
    "good card": _confirmation("visa"),
    "declined card": _confirmation("declines"),
    "3-D Secure": _confirmation("requires_authentication"),
    "good card after 3-D Secure": _confirmation("visa", earlier="requires_authentication"),
    "by invoice": _confirmation("visa", by_invoice=True),
}
INVOICED = " invoiced"


def build_world(name: str, *, database_url: str, folder: Path) -> World:
    """Make the world of that name in the database; "renewals invoiced" is "renewals" after the
    hourly and the daily run, with nothing delivered."""
    slug = name.replace(" ", "-")
    store, clock_file = folder / f"{slug}.stripe", folder / f"{slug}.clock"
    clock = FileClock(clock_file)
    clock.freeze(datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC))
    os.environ["TALLYPORT_CLOCK_FILE"] = str(clock_file)
    try:
        with start_in_thread(store=str(store), background=False) as emulator:
            app = create_app(settings_of(database_url, clock_file, emulator.url))
            story = EmulatorStory(app, app.extensions["tallyport"], clock, emulator)
            # Requests need contexts of their own, so there is none around the story.
            notes = BUILDERS[name.removesuffix(INVOICED)](story)
            with app.app_context():
                if name.endswith(INVOICED):
                    sync_ledgers(story.ctx)
                    invoice_plans(story.ctx)
                db.engine.dispose()
    finally:
        del os.environ["TALLYPORT_CLOCK_FILE"]
    return World(database_url, str(store), clock.now().isoformat(), notes)
