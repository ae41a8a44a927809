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


def unused(amount: int, *, remaining: timedelta, length: timedelta) -> int:
    """ceil(amount x remaining / length), in cents: what is given back is rounded in the
    customer's favor, as what is taken back of a discount (negative amounts) is."""
    exact = amount * share(remaining, length)
    return -((-exact.numerator) // exact.denominator)


def share_of_months(amount: int, rate: int, *, months: int, of_months: int) -> int:
    """`rate` hundredths of a percent of `amount` for `months` of `of_months` months, rounded up
    to the cent, since it is what the customer pays less."""
    return -(-(amount * rate * months) // (10_000 * of_months))


def monthly_part(yearly: int, month: int) -> int:
    """The part of a yearly price that its month number `month` (from 0) costs, in cents: a
    twelfth rounded down, and what is left in each twelfth month."""
    part = yearly // 12
    return yearly - 11 * part if month % 12 == 11 else part


def percent_off(price: int, rate: int) -> int:
    """`price` less `rate` hundredths of a percent, rounded down to the cent.

    87.25 % (8725) off 800 is 102; 33.33 % (3333) off 350 is 233.
    """
    return price * (10_000 - rate) // 10_000


def rate_off(price: int, listed: int) -> int:
    """How much less than `listed` `price` is, in hundredths of a percent, rounded up: what is at
    least half is never told as less."""
    return -((price - listed) * 10_000 // listed)


def cents_of_twelfths(amount: int) -> int:
    """floor(amount / 12 + 1/2): twelfths of a cent, in which a month of a year's price is exact,
    as whole cents. Half a cent goes up."""
    return (2 * amount + 12) // 24
