"""The overview of staff, before anything comes in and afterwards."""

from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page

from app.domain.kinds import Collection, CustomerKind, LicenseManagement, PlanStatus, Schedule
from app.models.customers import Customer
from app.models.plans import LedgerEntry
from app.models.registrations import Server
from app.services.context import CLI
from app.services.customers import Payer
from app.services.plan_factory import PlanSpec, make_plan
from app.services.unit_of_work import unit_of_work
from tests.e2e.world import World

OVERVIEW_PAGES: dict[str, str | None] = {
    "support-overview-empty": "support.overview",
    "support-overview": "support.overview",
}


def overview_walk(page: Page, world: World, _payer: Payer) -> Iterator[str]:
    """Nothing, and then a plan of this month."""
    address = f"{world.portal_url}/support/overview/"
    page.goto(address)
    yield "support-overview-empty"
    with world.app.app_context():
        _let_somebody_pay(world)
    page.goto(address)
    yield "support-overview"


def _let_somebody_pay(world: World) -> None:
    with unit_of_work(world.ctx) as work:
        now = work.now
        server = Server(
            uuid="5a4d8b3e-0000-4000-8000-000000000001",
            hostname="chat.birch.test",
            contact_email="root@birch.test",
            key_hash="x",
            created_at=now,
        )
        work.session.add(server)
        work.flush()
        customer = Customer(
            kind=CustomerKind.SERVER,
            uuid=server.uuid,
            display_name=server.hostname,
            server_id=server.id,
            created_at=now,
        )
        work.session.add(customer)
        work.flush()
        plan = make_plan(
            work,
            customer,
            PlanSpec(
                tier="basic",
                status=PlanStatus.ACTIVE,
                schedule=Schedule.MONTHLY,
                currency=world.ctx.catalog.currency,
                management=LicenseManagement.AUTOMATIC,
                collection=Collection.CHARGE_AUTOMATICALLY,
                anchor=now,
                invoiced_until=now,
                next_invoice_date=now + timedelta(days=28),
                price=350,
            ),
            actor=CLI,
        )
        work.session.add(
            LedgerEntry(
                plan_id=plan.id,
                event_time=now,
                is_renewal=True,
                licenses=18,
                licenses_at_next_renewal=18,
                people=18,
                actor=CLI.name,
                recorded_at=now,
            )
        )
        work.commit()
