"""The pages of what waits: every queue, and what is answered from there."""

from collections.abc import Iterator
from datetime import timedelta

from playwright.sync_api import Page

from app.domain.kinds import CustomerKind, HelpStatus, StaffActionStatus
from app.models.charges import LateFall
from app.models.plans import Plan
from app.models.staff import HelpRequest, StaffAction
from app.services.customers import Payer, get_customer
from app.services.invoice_plan import park_customer
from app.services.unit_of_work import unit_of_work
from tests.e2e.world import World
from tests.support.staff import add_staff

QUEUE_PAGES: dict[str, str | None] = {
    "support-queues": "support.queues",
    "support-queue-empty": "support.queue",
    "support-queue-several": "support.queue",
    "support-queue-refused": "support.queue",
    "support-help-request": "support.help_answer",
    "support-late-fall": "support.late_fall",
    "support-unfinished": "support.unfinished_act",
}


def queues(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """From all queues to one of each kind."""
    help_id, fall_id, action_id = _make_them_wait(world, payer)
    base = f"{world.portal_url}/support/queues/"
    page.goto(base)
    yield "support-queues"
    page.goto(f"{base}offers/")
    yield "support-queue-empty"
    page.goto(f"{base}parked/")
    yield "support-queue-several"
    page.get_by_role("button", name="Try again").click()
    yield "support-queue-refused"
    page.goto(f"{base}help/{help_id}/")
    yield "support-help-request"
    page.goto(f"{base}late-falls/{fall_id}/")
    yield "support-late-fall"
    page.goto(f"{base}unfinished-acts/{action_id}/")
    yield "support-unfinished"


def _make_them_wait(world: World, payer: Payer) -> tuple[int, int, int]:
    with world.app.app_context():
        sam = add_staff(world.ctx)
        with unit_of_work(world.ctx) as work:
            customer = get_customer(work.session, payer)
            assert customer is not None
            plan = work.session.query(Plan).filter_by(customer_id=customer.id).first()
            assert plan is not None
            asked = HelpRequest(
                server_id=payer.server_id,
                organization_id=payer.organization_id,
                page="billing",
                message="What is this charge?\nI cannot explain it to my boss.",
                status=HelpStatus.OPEN,
                created_at=work.now,
            )
            fall = LateFall(
                customer_id=customer.id,
                plan_id=plan.id,
                cycle_start=work.now - timedelta(days=31),
                cycle_end=work.now,
                billed_licenses=14,
                licenses=11,
                audit_row_id=1,
                found_at=work.now,
            )
            begun = StaffAction(
                nonce="a-page-of-yesterday",
                action="park",
                payer_kind=CustomerKind.ORGANIZATION,
                payer_uuid=payer.uuid,
                customer_id=customer.id,
                command={},
                facts={},
                effect=[],
                reason="asked for in ticket 8",
                status=StaffActionStatus.RUNNING,
                asked_by=sam,
                created_at=work.now - timedelta(hours=1),
            )
            work.session.add_all((asked, fall, begun))
            work.flush()
            ids = asked.id, fall.id, begun.id
            customer_id = customer.id
            work.commit()
        park_customer(world.ctx, customer_id, reason="the provider refused an invoice for good")
    return ids
