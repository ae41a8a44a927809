"""The only place that rounds."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import percent_off, prorate, seconds, share

DAY = timedelta(days=1)
amounts = st.integers(0, 10_000_000)
lengths = st.integers(1, 366 * 86_400)


@pytest.mark.parametrize(
    ("amount", "remaining", "length", "prorated"),
    [
        (350, 29 * DAY, 31 * DAY, 327),  # 327.42
        (8000, 337 * DAY, 366 * DAY, 7366),  # 7366.12
        (800, 31 * DAY, 31 * DAY, 800),
        (800, timedelta(0), 31 * DAY, 0),
        (800, timedelta(seconds=1), 31 * DAY, 0),
        (1, 15 * DAY, 30 * DAY, 1),  # half a cent goes up
        (3, 15 * DAY, 30 * DAY, 2),  # 1.5, and never to the even one
        (5, 15 * DAY, 30 * DAY, 3),  # 2.5
        (1, timedelta(days=15, seconds=-1), 30 * DAY, 0),
        (350, 14 * DAY, 28 * DAY, 175),
        (350, 14 * DAY, 31 * DAY, 158),  # 158.06
        (10_000_000, 1 * DAY, 365 * DAY, 27_397),  # 27397.26
    ],
)
def test_prorating_one_license(
    amount: int, remaining: timedelta, length: timedelta, prorated: int
) -> None:
    assert prorate(amount, remaining=remaining, length=length) == prorated


@pytest.mark.parametrize(
    ("price", "rate", "reduced"),
    [
        (800, 8725, 102),
        (350, 3333, 233),
        (800, 0, 800),
        (800, 10_000, 0),
        (800, 1, 799),
        (1, 5000, 0),
        (8000, 1250, 7000),
    ],
)
def test_percentages_are_rounded_down_to_the_cent(price: int, rate: int, reduced: int) -> None:
    assert percent_off(price, rate) == reduced


def test_shares_are_exact() -> None:
    assert share(10 * DAY, 30 * DAY) == Fraction(1, 3)
    assert seconds(timedelta(days=2, seconds=3)) == 172_803
    with pytest.raises(ZeroDivisionError):
        share(DAY, timedelta(0))


@given(amount=amounts, length=lengths, data=st.data())
def test_a_prorated_amount_is_within_half_a_cent(
    amount: int, length: int, data: st.DataObject
) -> None:
    remaining = data.draw(st.integers(0, length))
    prorated = prorate(
        amount, remaining=timedelta(seconds=remaining), length=timedelta(seconds=length)
    )
    off = prorated - Fraction(amount * remaining, length)
    assert Fraction(-1, 2) < off <= Fraction(1, 2)
    assert 0 <= prorated <= amount


@given(price=amounts, rate=st.integers(0, 10_000))
def test_a_reduced_price_is_the_exact_one_without_its_fraction(price: int, rate: int) -> None:
    exact = price * (1 - Fraction(rate, 10_000))
    assert 0 <= exact - percent_off(price, rate) < 1
