"""Laws of late rows on both databases: after invoicing, billed and adjusted together are what rows on
time would have cost; nothing billed ever changes, and nothing is charged twice."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.clock import FixedClock
from app.domain.calendar import month_boundary
from app.domain.kinds import Schedule
from app.jobs.invoice_plans import invoice_plans
from app.models.charges import Adjustment, LateFall
from app.models.invoices import Invoice, InvoiceLine
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from tests.services.test_ledger_service_laws import ANCHOR, HOUR, Change, feed, make_plan

# The fourth month is open by then, so the second and the third are within reach.
NOW = ANCHOR + 2500 * HOUR
REACH = (month_boundary(ANCHOR, 1) - ANCHOR) // HOUR
OPEN = (month_boundary(ANCHOR, 3) - ANCHOR) // HOUR


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Change], list[Change]]:
    """(hours after the anchor, organization, people) of rows on time, and of late ones."""
    people = st.integers(0, 40)
    on_time = draw(st.lists(st.tuples(st.integers(1, 2400), st.integers(0, 1), people), max_size=5))
    late = draw(
        st.lists(
            st.tuples(st.integers(REACH, OPEN - 1), st.integers(0, 1), people),
            min_size=1,
            max_size=3,
        )
    )
    return on_time, late


def invoice(ctx: Context, server_id: int) -> None:
    """The daily run, of a server that has just uploaded."""
    with unit_of_work(ctx) as work:
        work.claim_server(server_id).last_audit_log_update = work.now
        work.commit()
    assert invoice_plans(ctx).parked == 0


def lines(ctx: Context, plan_id: int) -> list[tuple[int, int, int]]:
    with unit_of_work(ctx) as work:
        of_plan = select(InvoiceLine.id, InvoiceLine.quantity, InvoiceLine.amount).where(
            InvoiceLine.plan_id == plan_id
        )
        return list(work.session.execute(of_plan.order_by(InvoiceLine.id)).tuples())


def waiting(ctx: Context, plan_id: int) -> list[tuple[int, int, int]]:
    with unit_of_work(ctx) as work:
        found = work.session.scalars(select(Adjustment).where(Adjustment.plan_id == plan_id))
        return sorted((row.id, row.licenses, row.unit_amount) for row in found)


def total(ctx: Context, plan_id: int) -> int:
    with unit_of_work(ctx) as work:
        billed = select(func.sum(Invoice.total)).where(Invoice.plan_id == plan_id)
        return work.session.scalar(billed) or 0


def has_fallen(ctx: Context, plan_id: int) -> bool:
    with unit_of_work(ctx) as work:
        found = select(LateFall.id).where(
            LateFall.plan_id == plan_id, LateFall.resolved_at.is_(None)
        )
        return work.session.scalars(found).first() is not None


@settings(max_examples=5)
@given(history=histories(), order=st.randoms(use_true_random=False), batch=st.integers(1, 3))
def test_late_rows_cost_together_what_they_would_have_cost_on_time(
    ctx: Context, clock: FixedClock, history, order, batch
) -> None:
    on_time, late = history
    everything = [(change, False) for change in on_time] + [(change, True) for change in late]
    everything.sort(key=lambda known: known[0][0])
    numbered = [(n, change, is_late) for n, (change, is_late) in enumerate(everything, start=3)]
    clock.set(NOW)

    right, right_plan, places = make_plan(ctx, schedule=Schedule.MONTHLY)
    rows = [(n, change) for n, change, _ in numbered]
    feed(ctx, right, places, rows, batch=len(rows))
    invoice(ctx, right)

    server, plan, places = make_plan(ctx, schedule=Schedule.MONTHLY)
    feed(
        ctx,
        server,
        places,
        [(n, change) for n, change, is_late in numbered if not is_late],
        batch=9,
    )
    invoice(ctx, server)
    before = lines(ctx, plan)
    tardy = [(n, change) for n, change, is_late in numbered if is_late]
    order.shuffle(tardy)
    feed(ctx, server, places, tardy, batch=batch)
    # What was invoiced stays, and more runs add nothing.
    assert lines(ctx, plan) == before
    known = waiting(ctx, plan)
    assert all(licenses > 0 and unit > 0 for _, licenses, unit in known)
    invoice(ctx, server)
    assert waiting(ctx, plan) == known

    clock.set(month_boundary(ANCHOR, 4) + timedelta(hours=1))
    for one in (right, server):
        invoice(ctx, one)
    assert lines(ctx, plan)[: len(before)] == before
    assert total(ctx, plan) >= total(ctx, right_plan)
    if not has_fallen(ctx, plan):
        assert total(ctx, plan) == total(ctx, right_plan)
    done = lines(ctx, plan)
    invoice(ctx, server)
    assert lines(ctx, plan) == done
