"""The only place that rounds. Amounts are integer cents; shares are exact fractions.

Rules: docs/rules/rounding.md.
"""

from datetime import timedelta
from fractions import Fraction


def seconds(span: timedelta) -> int:
    """Length in whole seconds; our instants have no fractions."""
    return span.days * 86_400 + span.seconds


def share(part: timedelta, whole: timedelta) -> Fraction:
    """The exact share `part` / `whole`. Raises ZeroDivisionError for an empty whole."""
    return Fraction(seconds(part), seconds(whole))


def prorate(amount: int, *, remaining: timedelta, length: timedelta) -> int:
    """floor(amount x remaining / length + 1/2), in cents: half a cent goes up.

    Rounded for one license; the caller multiplies afterwards.
    """
    exact = amount * share(remaining, length) + Fraction(1, 2)
    return exact.numerator // exact.denominator


def percent_off(price: int, rate: int) -> int:
    """`price` less `rate` hundredths of a percent, rounded down to the cent.

    87.25 % (8725) off 800 is 102; 33.33 % (3333) off 350 is 233.
    """
    return price * (10_000 - rate) // 10_000
