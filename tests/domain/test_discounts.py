"""The discount for new customers and the minimum that goes with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discounts import (
    NO_NEW_CUSTOMER_TERMS,
    NewCustomerTerms,
    minimum_while_discounted,
)
from app.domain.kinds import Schedule

TERMS = NewCustomerTerms(amount=2000, months_at_start=12, minimum=6)


@pytest.mark.parametrize(
    ("monthly_price", "minimum"), [(350, 6), (800, 3), (2000, 2), (1999, 2), (2001, 1), (1000, 3)]
)
def test_the_minimum_is_the_first_count_that_costs_more_than_the_discount(
    monthly_price: int, minimum: int
) -> None:
    assert minimum_while_discounted(amount=2000, monthly_price=monthly_price) == minimum


@given(amount=st.integers(0, 100_000), price=st.integers(1, 100_000))
def test_an_invoice_with_the_minimum_is_above_zero(amount: int, price: int) -> None:
    minimum = minimum_while_discounted(amount=amount, monthly_price=price)
    assert (minimum - 1) * price <= amount < minimum * price


@pytest.mark.parametrize(
    ("schedule", "months_at_start", "index", "cents"),
    [
        (Schedule.MONTHLY, 12, 0, 2000),
        (Schedule.MONTHLY, 12, 11, 2000),
        (Schedule.MONTHLY, 12, 12, 0),
        (Schedule.ANNUAL, 12, 0, 24_000),
        (Schedule.ANNUAL, 12, 1, 0),
        (Schedule.ANNUAL, 5, 0, 10_000),
        (Schedule.ANNUAL, 18, 0, 24_000),
        (Schedule.ANNUAL, 18, 1, 12_000),
        (Schedule.MONTHLY, 0, 0, 0),
    ],
)
def test_what_is_taken_off_the_bill_of_a_cycle(
    schedule: Schedule, months_at_start: int, index: int, cents: int
) -> None:
    assert NewCustomerTerms(2000, months_at_start, 6).amount_for(index, schedule) == cents


def test_without_the_promise_nothing_is_taken_off() -> None:
    assert NO_NEW_CUSTOMER_TERMS.amount_for(0, Schedule.ANNUAL) == 0
    assert NO_NEW_CUSTOMER_TERMS.minimum == 1


@given(schedule=st.sampled_from(Schedule), months=st.integers(0, 40))
def test_all_cycles_together_use_the_months_up(schedule: Schedule, months: int) -> None:
    terms = NewCustomerTerms(2000, months, 6)
    used = [terms.months_used_by(index, schedule) for index in range(60)]
    assert sum(used) == months
    assert used == sorted(used, reverse=True)
    assert [terms.months_left_before(index, schedule) for index in (0, 59)] == [months, 0]
