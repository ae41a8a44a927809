"""The discount for new customers or of a coupon, and what it does to the minimum of licenses.

Each month of the first `months` paid months is `amount` cents cheaper. Its own negative line is
amount x min(months left, months in the period), never more than the invoice's other lines.
While it lasts, the least number of licenses is the first whose monthly price exceeds the
discount: floor(2000 / 350) + 1 = 6, so that an invoice is never nothing.

A coupon takes its place: the same months, its own amount a month or a share of the license lines,
rounded in the customer's favor, and no minimum of its own. The two never add up.
"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.kinds import PromoKind, Schedule
from app.domain.money import percent_off, share_of_months


@dataclass(frozen=True, slots=True)
class NewCustomerTerms:
    """What a plan was promised at its start: cents a month, or hundredths of a percent (`percent`)
    of what its licenses cost, months left then, and the minimum of licenses while it lasts."""

    amount: int = 0
    months_at_start: int = 0
    minimum: int = 1
    kind: PromoKind = PromoKind.NEW_CUSTOMER
    percent: int = 0

    def months_left_before(self, cycle_index: int, schedule: Schedule) -> int:
        """Months left when the cycle of that index is about to be billed."""
        return max(0, self.months_at_start - schedule.months * cycle_index)

    def months_used_by(self, cycle_index: int, schedule: Schedule) -> int:
        """Months that the bill of that cycle uses up."""
        return min(self.months_left_before(cycle_index, schedule), schedule.months)

    def amount_for(self, cycle_index: int, schedule: Schedule, *, licenses_total: int = 0) -> int:
        """Cents off the bill of that cycle, before it is capped at the invoice's lines.

        licenses_total: what the licenses of the cycle cost in this bill, for a share of it.
        """
        months = self.months_used_by(cycle_index, schedule)
        if self.percent:
            return share_of_months(
                licenses_total, self.percent, months=months, of_months=schedule.months
            )
        return self.amount * months


NO_NEW_CUSTOMER_TERMS = NewCustomerTerms()


def minimum_while_discounted(*, amount: int, monthly_price: int) -> int:
    """The least licenses whose monthly price is more than `amount` cents."""
    return amount // monthly_price + 1


@dataclass(frozen=True, slots=True)
class StaffDiscount:
    """What staff took off the price of one tier: hundredths of a percent, or prices in cents for
    one license and one cycle of each schedule. Renewals from `ends_at` on are at the full price."""

    percent: int | None = None
    monthly_price: int | None = None
    annual_price: int | None = None
    ends_at: datetime | None = None

    def price_for(self, list_price: int, schedule: Schedule) -> int | None:
        """The discounted price, rounded down to the cent; None for a schedule without one."""
        if self.percent is not None:
            return percent_off(list_price, self.percent)
        return self.monthly_price if schedule is Schedule.MONTHLY else self.annual_price
