"""What the database finds of a plan is what the pure rule makes of all its rows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.domain.kinds import Collection, LicenseManagement, PlanStatus, Schedule
from app.domain.metrics import EndFact, EntryFact, PlanFacts, PriceFact, plan_rate
from app.models.customers import Customer
from app.models.metrics import PlanEnd
from app.models.plans import LedgerEntry, Plan, PlanPrice
from app.models.registrations import Server
from app.services.context import Context
from app.services.mrr import load_rates
from app.services.plan_rules import to_entry
from app.services.unit_of_work import unit_of_work
from tests.domain.book import ANCHOR

# Few instants, so that much happens at the same one.
instants = st.integers(-4, 12).map(lambda n: ANCHOR + timedelta(days=10 * n))
entries = st.lists(
    st.tuples(
        instants,
        st.booleans(),
        st.integers(0, 40),
        st.integers(0, 1),
        st.none() | st.integers(0, 9),
        instants,
    ),
    max_size=8,
)
prices = st.lists(
    st.tuples(st.integers(1, 350), st.none() | instants, instants), min_size=1, max_size=3
).map(lambda drawn: sorted(drawn, key=lambda one: one[2]))
ends = st.none() | st.tuples(instants, st.none() | instants)


@pytest.fixture
def plan(ctx: Context) -> Plan:
    """A plan with nothing in its ledger."""
    with unit_of_work(ctx) as work:
        early = ANCHOR - timedelta(days=100)
        server = Server(
            uuid="s", hostname="a.test", contact_email="a@a.test", key_hash="x", created_at=early
        )
        work.session.add(server)
        work.flush()
        customer = Customer(
            kind="server", uuid="c", display_name="A", server_id=server.id, created_at=early
        )
        work.session.add(customer)
        work.flush()
        made = Plan(
            customer_id=customer.id,
            tier="basic",
            status=PlanStatus.ACTIVE,
            schedule=Schedule.MONTHLY,
            currency="usd",
            price_per_license=350,
            license_management=LicenseManagement.AUTOMATIC,
            collection=Collection.CHARGE_AUTOMATICALLY,
            billing_cycle_anchor=ANCHOR,
            invoiced_until=ANCHOR,
            created_at=early,
        )
        work.session.add(made)
        work.commit()
        return made


@given(
    told=entries,
    priced=prices,
    ended=ends,
    schedule=st.sampled_from(Schedule),
    fixed=st.none() | st.just(100_000),
    before=instants,
)
def test_the_database_and_the_rule_agree(
    ctx: Context, plan: Plan, told, priced, ended, schedule, fixed, before
) -> None:
    with unit_of_work(ctx) as work:
        facts = store(work.session, plan, told, priced, ended, schedule, fixed)
        found = load_rates(work.session, currency="usd", before=before).plans
        expected = plan_rate(facts, before=before)
        if not found:
            assert expected.rate == 0
            return
        (one,) = found
        assert one.rate == expected
        if fixed is None:
            listed = expected.licenses * 350 * (12 // schedule.months)
            assert one.rate.rate + one.staff_discount == listed


def store(session: Session, plan: Plan, told, priced, ended, schedule, fixed) -> PlanFacts:
    """Rows of this example only: the unit of work keeps nothing."""
    row = session.get_one(Plan, plan.id)
    row.schedule, row.fixed_price = schedule, fixed
    row.price_per_license = 350 if fixed is None else None
    session.flush()
    stored = []
    for event_time, is_renewal, licenses, order_id, people, recorded_at in told:
        stored.append(
            LedgerEntry(
                plan_id=plan.id,
                event_time=event_time,
                is_renewal=is_renewal,
                licenses=licenses,
                licenses_at_next_renewal=licenses,
                people=people,
                # One renewal for a second, as the ledger has it: later ones take its place.
                order_id=0 if is_renewal else order_id,
                actor="system:test",
                recorded_at=recorded_at,
            )
        )
        session.add(stored[-1])
        session.flush()
    made = []
    for price, ends_at, recorded_at in priced:
        made.append(PriceFact(price, 350, ends_at, recorded_at))
        session.add(
            PlanPrice(
                plan_id=plan.id,
                price=price,
                list_price=350,
                ends_at=ends_at,
                reason="x",
                actor="x",
                recorded_at=recorded_at,
            )
        )
        session.flush()
    over = []
    if ended is not None:
        counts_from, revived_at = ended
        over.append(EndFact(counts_from, revived_at))
        session.add(PlanEnd(plan_id=plan.id, counts_from=counts_from, revived_at=revived_at))
        session.flush()
    known = [EntryFact(to_entry(entry), entry.recorded_at) for entry in stored]
    return PlanFacts(ANCHOR, schedule, fixed, made, known, over)
