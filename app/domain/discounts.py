"""The discount for new customers, and what it does to the minimum of licenses.

Each month of the first `months` paid months is `amount` cents cheaper. Its own negative line is
amount x min(months left, months in the period), never more than the invoice's other lines.
While it lasts, the least number of licenses is the first whose monthly price exceeds the
discount: floor(2000 / 350) + 1 = 6, so that an invoice is never nothing.
"""

from dataclasses import dataclass

from app.domain.kinds import Schedule


@dataclass(frozen=True, slots=True)
class NewCustomerTerms:
    """What a plan was promised at its start: cents a month, months left then, and the minimum of
    licenses while it lasts."""

    amount: int = 0
    months_at_start: int = 0
    minimum: int = 1

    def months_left_before(self, cycle_index: int, schedule: Schedule) -> int:
        """Months left when the cycle of that index is about to be billed."""
        return max(0, self.months_at_start - schedule.months * cycle_index)

    def months_used_by(self, cycle_index: int, schedule: Schedule) -> int:
        """Months that the bill of that cycle uses up."""
        return min(self.months_left_before(cycle_index, schedule), schedule.months)

    def amount_for(self, cycle_index: int, schedule: Schedule) -> int:
        """Cents off the bill of that cycle, before it is capped at the invoice's lines."""
        return self.amount * self.months_used_by(cycle_index, schedule)


NO_NEW_CUSTOMER_TERMS = NewCustomerTerms()


def minimum_while_discounted(*, amount: int, monthly_price: int) -> int:
    """The least licenses whose monthly price is more than `amount` cents."""
    return amount // monthly_price + 1
