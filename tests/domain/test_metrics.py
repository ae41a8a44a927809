"""What counts as recurring revenue, how it moves, and that every walk adds up."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kinds import LineKind, Schedule
from app.domain.ledger import Entry
from app.domain.metrics import (
    FALLING,
    EndFact,
    EntryFact,
    Month,
    MovementKind,
    PlanFacts,
    PlanRate,
    PriceFact,
    bridge,
    decide_movement,
    months_between,
    plan_rate,
)
from app.domain.money import cents_of_twelfths
from app.domain.reconciliation import LineFact, OtherReason, PlanState, Reason, reconcile
from tests.domain.book import ANCHOR, instant

DAY = timedelta(days=1)
LATER = instant("2012-01-20 00:00:00")


def entry(when: datetime, licenses: int, *, renewal: bool = False, n: int = 1) -> Entry:
    return Entry(when, renewal, licenses, licenses, id=n, actor="system:test")


def facts(**changes) -> PlanFacts:
    """A monthly plan of ten at 350, from its anchor on."""
    made = PlanFacts(
        anchor=ANCHOR,
        schedule=Schedule.MONTHLY,
        fixed_price=None,
        prices=[PriceFact(350, 350, None, ANCHOR)],
        entries=[EntryFact(entry(ANCHOR, 10, renewal=True), ANCHOR)],
    )
    return replace(made, **changes)


def test_a_month_of_ten() -> None:
    assert plan_rate(facts(), before=LATER) == PlanRate(10 * 350 * 12, 10, 350)
    assert plan_rate(facts(), before=ANCHOR) == PlanRate()
    yearly = facts(schedule=Schedule.ANNUAL, prices=[PriceFact(4000, 4000, None, ANCHOR)])
    # 3333 and a third cents a month.
    assert plan_rate(yearly, before=LATER).rate == 40_000
    assert cents_of_twelfths(40_000) == 3333


def test_a_fixed_price_is_a_twelfth_of_its_year() -> None:
    assert plan_rate(facts(fixed_price=100_000, prices=[]), before=LATER).rate == 100_000


def test_a_trial_counts_for_nothing_until_its_first_paid_cycle_is_in_the_ledger() -> None:
    started = [EntryFact(entry(ANCHOR - 30 * DAY, 10, renewal=True), ANCHOR - 30 * DAY)]
    assert plan_rate(facts(entries=started), before=LATER) == PlanRate()
    turned = [*started, EntryFact(entry(ANCHOR, 11, renewal=True, n=2), ANCHOR + DAY)]
    assert plan_rate(facts(entries=turned), before=ANCHOR + DAY) == PlanRate()
    assert plan_rate(facts(entries=turned), before=ANCHOR + 2 * DAY).licenses == 11


def test_licenses_rise_inside_a_cycle_and_fall_at_its_renewal() -> None:
    renewal = instant("2012-02-02 03:04:05")
    told = [
        (ANCHOR, 10, True),
        (ANCHOR + DAY, 14, False),
        (ANCHOR + 2 * DAY, 12, False),
        (renewal, 12, True),
    ]
    entries = [
        EntryFact(entry(when, licenses, renewal=is_renewal, n=n), when)
        for n, (when, licenses, is_renewal) in enumerate(told)
    ]
    plan = facts(entries=entries)
    assert plan_rate(plan, before=renewal).licenses == 14
    assert plan_rate(plan, before=renewal + DAY).licenses == 12


def test_what_is_learned_late_changes_nothing_before_it_was_learned() -> None:
    late = EntryFact(entry(ANCHOR + DAY, 15, n=2), recorded_at=ANCHOR + 10 * DAY)
    plan = facts(entries=[*facts().entries, late])
    assert plan_rate(plan, before=ANCHOR + 10 * DAY).licenses == 10
    assert plan_rate(plan, before=ANCHOR + 11 * DAY).licenses == 15
    ended = facts(ends=[EndFact(ANCHOR + 3 * DAY, revived_at=ANCHOR + 9 * DAY)])
    rates = [plan_rate(ended, before=ANCHOR + n * DAY).rate for n in (3, 4, 9, 10)]
    assert rates == [42_000, 0, 0, 42_000]


def test_a_price_counts_from_the_cycle_that_it_is_charged_in() -> None:
    renewal = instant("2012-02-02 03:04:05")
    third = instant("2012-03-02 03:04:05")
    prices = [
        PriceFact(350, 350, None, ANCHOR),
        PriceFact(200, 350, third, ANCHOR + DAY),
    ]
    entries = [
        EntryFact(entry(when, 10, renewal=True, n=n), when)
        for n, when in enumerate((ANCHOR, renewal, third))
    ]
    plan = facts(prices=prices, entries=entries)
    shown = [plan_rate(plan, before=at + DAY).price for at in (ANCHOR + DAY, renewal, third)]
    assert shown == [350, 200, 350]
    # Written down after its own beginning: by a payment that was learned of late.
    belated = [PriceFact(300, 350, None, ANCHOR + DAY)]
    assert plan_rate(facts(prices=belated), before=LATER).price == 300


@pytest.mark.parametrize(
    ("opening", "closing", "before", "kind", "amount"),
    [
        (0, 0, False, None, 0),
        (7, 7, True, None, 0),
        (0, 5, False, MovementKind.NEW, 5),
        (0, 5, True, MovementKind.REACTIVATION, 5),
        (5, 8, True, MovementKind.EXPANSION, 3),
        (8, 5, True, MovementKind.CONTRACTION, 3),
        (8, 0, True, MovementKind.CHURN, 8),
    ],
)
def test_movements(opening, closing, before, kind, amount) -> None:
    moved = decide_movement(opening, closing, has_paid_before=before)
    assert (moved and moved.kind, moved.amount if moved else 0) == (kind, amount)


rates = st.dictionaries(st.integers(1, 8), st.integers(0, 10**7), max_size=8)


@given(opening=rates, closing=rates, before=st.sets(st.integers(1, 8)))
def test_every_bridge_adds_up_exactly_and_in_cents(opening, closing, before) -> None:
    made = bridge(opening, closing, paid_before=before)
    assert made.opening == sum(opening.values())
    assert made.closing == sum(closing.values())
    assert made.paying == sum(1 for rate in closing.values() if rate)
    shown = made.in_cents()
    signs = {kind: -1 if kind in FALLING else 1 for kind in MovementKind}
    moved = sum(signs[kind] * cents for kind, cents in shown.movements.items())
    assert shown.opening + moved == shown.closing
    assert shown.opening == cents_of_twelfths(made.opening)
    assert shown.closing == cents_of_twelfths(made.closing)
    for kind, cents in shown.movements.items():
        assert cents >= 0
        assert abs(cents * 12 - made.amount(kind)) <= 12
    # The month after begins where this one ended.
    assert bridge(closing, opening, paid_before=()).in_cents().opening == shown.closing


# --- invoices ---


def line(kind: LineKind, quantity: int, unit: int, **changes) -> LineFact:
    return replace(LineFact(1, kind, quantity, unit, covers=True, in_month=True), **changes)


MONTHLY = PlanState(Schedule.MONTHLY, PlanRate(10 * 350 * 12, 10, 350))
ANNUAL = PlanState(Schedule.ANNUAL, PlanRate(10 * 4200, 10, 4200))


@pytest.mark.parametrize(
    ("state", "lines", "reasons", "others"),
    [
        (MONTHLY, [line(LineKind.RENEWAL, 10, 350)], {}, {}),
        (MONTHLY, [], {Reason.NOT_RENEWED: -3500}, {}),
        (MONTHLY, [line(LineKind.RENEWAL, 8, 350)], {Reason.NOT_INVOICED: -700}, {}),
        (
            MONTHLY,
            [line(LineKind.RENEWAL, 8, 350), line(LineKind.ADDED, 2, 100)],
            {Reason.PRORATED: -500},
            {},
        ),
        (
            MONTHLY,
            [line(LineKind.FIRST, 10, 350), line(LineKind.DISCOUNT, 1, -2000)],
            {Reason.DISCOUNT: -2000},
            {},
        ),
        (
            MONTHLY,
            [line(LineKind.RENEWAL, 12, 350), line(LineKind.ADJUSTMENT, 2, -350)],
            {},
            {},
        ),
        (MONTHLY, [line(LineKind.RENEWAL, 10, 350, is_void=True)], {Reason.VOID: -3500}, {}),
        (MONTHLY, [line(LineKind.RENEWAL, 10, 300)], {Reason.PRICE: -500}, {}),
        (ANNUAL, [line(LineKind.FIRST, 10, 4200)], {}, {OtherReason.AHEAD: 11 * 3500}),
        (
            ANNUAL,
            [line(LineKind.FIRST, 10, 4200, in_month=False)],
            {},
            {OtherReason.EARLIER: -3500},
        ),
        (
            PlanState(Schedule.MONTHLY, PlanRate(100_000, 4, 0), is_fixed=True),
            # The twelfth month: 8337 instead of 8333 and a third.
            [line(LineKind.RENEWAL, 1, 8337)],
            {Reason.PRICE: 4},
            {},
        ),
        (
            PlanState(Schedule.MONTHLY, PlanRate()),
            [line(LineKind.RENEWAL, 10, 350)],
            {Reason.AFTER_END: 3500},
            {},
        ),
        (
            MONTHLY,
            [
                line(LineKind.RENEWAL, 10, 350),
                line(LineKind.ADDED, 2, 90, covers=False),
                line(LineKind.ONE_OFF, 1, 9900, covers=False, plan_id=None),
                line(LineKind.FIRST, 3, 350, covers=False, plan_id=None),
                line(LineKind.CREDIT, 1, 40, covers=False),
                line(LineKind.FIRST, 3, 350, covers=False, plan_id=None, is_void=True),
            ],
            {},
            {
                OtherReason.OTHER_TIME: 180,
                OtherReason.ONE_OFF: 9900,
                OtherReason.NOT_BEGUN: 1050,
                OtherReason.CREDIT: 40,
            },
        ),
    ],
)
def test_each_difference_has_its_reason(state, lines, reasons, others) -> None:
    shown = reconcile({1: state}, lines).in_cents()
    assert {reason: cents for reason, cents in shown.reasons.items() if cents} == reasons
    assert {reason: cents for reason, cents in shown.others.items() if cents} == others


states = st.builds(
    PlanState,
    st.sampled_from(Schedule),
    st.builds(PlanRate, st.integers(0, 10**6), st.integers(0, 40), st.just(0))
    | st.integers(0, 30).flatmap(
        lambda n: st.integers(1, 900).map(lambda p: PlanRate(n * p * 12, n, p))
    ),
    st.just(True),
) | st.integers(0, 30).flatmap(
    lambda n: st.integers(1, 900).map(
        lambda p: PlanState(Schedule.MONTHLY, PlanRate(n * p * 12, n, p))
    )
)
lines = st.builds(
    LineFact,
    st.none() | st.integers(1, 4),
    st.sampled_from(LineKind),
    st.integers(0, 40),
    st.integers(-900, 900),
    covers=st.booleans(),
    in_month=st.booleans(),
    is_void=st.booleans(),
)


@given(plans=st.dictionaries(st.integers(1, 3), states, max_size=3), lines=st.lists(lines))
def test_every_reconciliation_adds_up_exactly_and_in_cents(plans, lines) -> None:
    # Only what covers the end of the month or was invoiced in it is read.
    lines = [one for one in lines if one.in_month or (one.covers and one.plan_id in plans)]
    made = reconcile(plans, lines)
    assert made.mrr == sum(state.rate.rate for state in plans.values())
    assert made.mrr + sum(made.reasons.values()) == made.covering
    assert made.covering + sum(made.others.values()) == made.invoiced
    invoiced = sum(one.amount for one in lines if one.in_month and not one.is_void)
    shown = made.in_cents()
    assert shown.invoiced == invoiced
    assert shown.mrr + sum(shown.reasons.values()) == shown.covering
    assert shown.covering + sum(shown.others.values()) == shown.invoiced


# --- months ---


def test_months() -> None:
    december = Month.of(instant("2012-12-31 23:59:59"))
    assert (str(december), december.end) == ("2012-12", instant("2013-01-01 00:00:00"))
    assert Month.of(december.end) == december.plus(1) == Month(2013, 1)
    assert december.closing(instant("2012-12-05 00:00:00")) == instant("2012-12-05 00:00:01")
    assert december.closing(instant("2013-12-05 00:00:00")) == december.end
    listed = months_between(Month(2012, 11), Month(2013, 2))
    assert [str(month) for month in listed] == ["2012-11", "2012-12", "2013-01", "2013-02"]
    assert months_between(Month(2013, 2), Month(2012, 11)) == []
