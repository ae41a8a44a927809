"""Laws of the ledger service on both databases: order, duplication and batching change nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.clock import FixedClock
from app.domain.calendar import month_boundary
from app.domain.invoicing import total_of
from app.domain.kinds import Collection, CustomerKind, LicenseManagement, PlanStatus, Schedule
from app.domain.ledger import effective_entries, entry_at
from app.jobs.invoice_plans import invoice_plans
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow
from app.services.context import Context
from app.services.invoice_plan import compute_lines
from app.services.ledger import sync_server_ledgers
from app.services.plan_ledger import load_entries
from app.services.plan_rules import to_entries
from app.services.unit_of_work import unit_of_work

ANCHOR = datetime(2012, 1, 31, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Changes fall on hours of the first hundred days, so that several share one second.
Change = tuple[int, int, int]


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """(hours after the anchor, organization 0 or 1, people) of each change."""
    one = st.tuples(st.integers(1, 2400), st.integers(0, 1), st.integers(0, 40))
    return draw(st.lists(one, min_size=1, max_size=8))


def make_plan(ctx: Context, *, schedule: Schedule) -> tuple[int, int, list[int]]:
    """A server of two organizations with five people each, on a plan from the anchor on."""
    with unit_of_work(ctx) as work:
        name = str(uuid4())
        server = Server(
            uuid=name,
            hostname=name,
            contact_email="root@acme.test",
            key_hash="x",
            created_at=ANCHOR,
            last_audit_remote_id=2,
        )
        work.session.add(server)
        work.flush()
        organizations = [
            Organization(
                server_id=server.id, uuid=str(uuid4()), remote_realm_id=n, created_at=ANCHOR
            )
            for n in (2, 3)
        ]
        work.session.add_all(organizations)
        customer = Customer(
            kind=CustomerKind.SERVER,
            uuid=name,
            display_name=name,
            server_id=server.id,
            created_at=ANCHOR,
        )
        work.session.add(customer)
        work.flush()
        for remote_id, organization in enumerate(organizations, start=1):
            work.session.add(row(server.id, organization.id, remote_id, ANCHOR, 5))
        work.flush()
        server.ledger_cursor = max(work.session.scalars(select(AuditRow.id)).all())
        plan = Plan(
            customer_id=customer.id,
            tier="basic",
            status=PlanStatus.ACTIVE,
            schedule=schedule,
            currency="usd",
            price_per_license=350,
            license_management=LicenseManagement.AUTOMATIC,
            collection=Collection.CHARGE_AUTOMATICALLY,
            billing_cycle_anchor=ANCHOR,
            next_invoice_date=month_boundary(ANCHOR, 1),
            invoiced_until=ANCHOR,
            created_at=ANCHOR,
        )
        work.session.add(plan)
        work.flush()
        work.session.add(
            LedgerEntry(
                plan_id=plan.id,
                event_time=ANCHOR,
                is_renewal=True,
                licenses=10,
                licenses_at_next_renewal=10,
                people=10,
                order_id=2,
                actor="test",
                recorded_at=ANCHOR,
            )
        )
        work.commit()
        return server.id, plan.id, [organization.id for organization in organizations]


def row(server_id: int, organization_id: int, remote_id: int, at: datetime, seats: int) -> AuditRow:
    return AuditRow(
        server_id=server_id,
        organization_id=organization_id,
        remote_id=remote_id,
        event_type=101,
        event_time=at,
        event_time_us=int(at.timestamp()) * 1_000_000,
        seats=seats,
        received_at=at,
    )


def feed(
    ctx: Context,
    server_id: int,
    organizations: Sequence[int],
    changes: Sequence[tuple[int, Change]],
    *,
    batch: int,
) -> None:
    """Store the changes in the order given, syncing after each batch (and once more, in vain)."""
    for start in range(0, len(changes), batch):
        with unit_of_work(ctx) as work:
            server = work.claim_server(server_id)
            for remote_id, (hours, organization, people) in changes[start : start + batch]:
                at = ANCHOR + hours * HOUR
                key = organizations[organization]
                work.session.add(row(server_id, key, remote_id, at, people))
                work.flush()
            sync_server_ledgers(work, server, as_of=work.now)
            before = len(work.session.scalars(select(LedgerEntry.id)).all())
            again = sync_server_ledgers(work, server, as_of=work.now)
            assert again.entries == 0
            assert len(work.session.scalars(select(LedgerEntry.id)).all()) == before
            work.commit()


def outcome(ctx: Context, plan_id: int, changes: Sequence[tuple[int, Change]]) -> object:
    """The effective pair at every instant that matters, and what the first boundary bills."""
    instants = sorted(
        {ANCHOR + change[0] * HOUR for _, change in changes}
        | {month_boundary(ANCHOR, n) for n in range(4)}
    )
    with unit_of_work(ctx) as work:
        entries = to_entries(load_entries(work.session, plan_id=plan_id))
        plan = work.session.get_one(Plan, plan_id)
        assert plan.next_invoice_date is not None
        lines = compute_lines(work.session, plan, boundary=plan.next_invoice_date)
    effective = [entry_at(entries, at) for at in instants]
    return [entry.pair if entry else None for entry in effective], total_of(lines)


@settings(max_examples=6)
@given(
    history=histories(),
    order=st.randoms(use_true_random=False),
    batch=st.integers(1, 5),
    schedule=st.sampled_from(Schedule),
)
def test_order_and_batches_of_rows_change_nothing(
    ctx: Context, clock: FixedClock, history, order, batch, schedule
) -> None:
    clock.set(ANCHOR + 2500 * HOUR)
    # Ids follow time, as a server gives them; arrival follows whatever happens on the way.
    numbered = list(enumerate(sorted(history, key=lambda change: change[0]), start=3))
    shuffled = list(numbered)
    order.shuffle(shuffled)
    results = []
    for changes, size in ((numbered, len(numbered)), (numbered, 1), (shuffled, batch)):
        server_id, plan_id, organizations = make_plan(ctx, schedule=schedule)
        feed(ctx, server_id, organizations, changes, batch=size)
        results.append(outcome(ctx, plan_id, numbered))
    assert results[0] == results[1] == results[2]


@settings(max_examples=6)
@given(history=histories(), schedule=st.sampled_from(Schedule))
def test_licenses_never_fall_inside_a_cycle_and_lines_sum_to_totals(
    ctx: Context, clock: FixedClock, history, schedule
) -> None:
    clock.set(ANCHOR + 2500 * HOUR)
    numbered = list(enumerate(sorted(history, key=lambda change: change[0]), start=3))
    server_id, plan_id, organizations = make_plan(ctx, schedule=schedule)
    feed(ctx, server_id, organizations, numbered, batch=2)
    with unit_of_work(ctx) as work:
        work.claim_server(server_id).last_audit_log_update = work.now
        work.commit()
    invoice_plans(ctx)
    assert invoice_plans(ctx).invoiced == 0
    with unit_of_work(ctx) as work:
        entries = to_entries(load_entries(work.session, plan_id=plan_id))
        highest = 0
        for entry in effective_entries(entries):
            at = entry_at(entries, entry.event_time)
            assert at is not None
            highest = at.licenses if entry.is_renewal else max(highest, at.licenses)
            assert at.licenses >= highest
        for invoice in work.session.scalars(select(Invoice).where(Invoice.plan_id == plan_id)):
            assert invoice.total == sum(line.amount for line in invoice.lines)
            assert all(line.amount == line.quantity * line.unit_amount for line in invoice.lines)
