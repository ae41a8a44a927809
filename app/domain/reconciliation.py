"""From the recurring revenue to the invoices of a month, every cent by a named reason. Pure.

The walk has two halves. From the rate at the end of the month to a month's worth of the invoice
lines that cover its last second; and from there to the invoices that were made in the month. All of
it in twelfths of a cent, as in app/domain/metrics.py. Rules: docs/rules/metrics.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.kinds import LineKind, Schedule
from app.domain.metrics import TWELFTHS, PlanRate, cents_that_add_up
from app.domain.money import cents_of_twelfths


class Reason(StrEnum):
    """Why the rate and what was invoiced differ, in the order in which it is shown."""

    # The running cycle has no line yet: the run is still to come, or waits for uploads.
    NOT_RENEWED = "not_renewed"
    # Licenses that came since the last invoice (less than nothing: more were invoiced).
    NOT_INVOICED = "not_invoiced"
    # Licenses that came inside the cycle are charged for the rest of it only.
    PRORATED = "prorated"
    # A price agreed after the cycle had begun; the odd cents of a fixed price's twelfth month.
    PRICE = "price"
    # Discounts of so many months: for new customers, and coupons.
    DISCOUNT = "discount"
    # Late rows and estimates, as far as they were charged at another price.
    CORRECTION = "correction"
    # Lines of plans that are over, for time that they do not have any more.
    AFTER_END = "after_end"
    # Lines of invoices that were voided.
    VOID = "void"


class OtherReason(StrEnum):
    """Why a month's worth of what covers its end is not what was invoiced in it."""

    # The other eleven twelfths of years that were invoiced in the month.
    AHEAD = "ahead"
    # What covers the end of the month and was invoiced in an earlier one.
    EARLIER = "earlier"
    # Lines of the month for time that does not hold its end: what closes a cycle that is over,
    # cycles that end inside the month, corrections of the past.
    OTHER_TIME = "other_time"
    # Purchases whose plan had not begun: not paid yet, or paid in vain.
    NOT_BEGUN = "not_begun"
    ONE_OFF = "one_off"
    # What an invoice would have been below nothing, kept as credit.
    CREDIT = "credit"


WHOLE = frozenset({LineKind.FIRST, LineKind.RENEWAL})
LICENSES = WHOLE | {LineKind.ADDED, LineKind.ADJUSTMENT}


@dataclass(frozen=True, slots=True)
class LineFact:
    """An invoice line: cents; whether its plan had begun, whether its invoice was made in the month,
    and whether it is void."""

    plan_id: int | None
    kind: LineKind
    quantity: int
    unit_amount: int
    covers: bool
    in_month: bool
    is_void: bool = False

    @property
    def amount(self) -> int:
        """Cents of the line."""
        return self.quantity * self.unit_amount

    @property
    def licenses(self) -> int:
        """Licenses that it charges for; fewer than none where they are given back."""
        return self.quantity if self.unit_amount >= 0 else -self.quantity


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan with lines or a rate: what it counts for, and its schedule. `is_fixed`: the price is
    fixed, whoever is there."""

    schedule: Schedule
    rate: PlanRate
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The walk in twelfths of a cent: `mrr` + all `reasons` = `covering`; `covering` + all
    `others` = `invoiced`."""

    mrr: int
    reasons: Mapping[Reason, int]
    covering: int
    others: Mapping[OtherReason, int]
    invoiced: int

    def in_cents(self) -> "ReconciliationCents":
        """The same in whole cents that add up; what was invoiced is whole cents anyway."""
        first = cents_that_add_up(self.mrr, self.reasons.values())
        second = cents_that_add_up(self.covering, self.others.values())
        return ReconciliationCents(
            cents_of_twelfths(self.mrr),
            dict(zip(self.reasons, first, strict=True)),
            cents_of_twelfths(self.covering),
            dict(zip(self.others, second, strict=True)),
            cents_of_twelfths(self.invoiced),
        )


@dataclass(frozen=True, slots=True)
class ReconciliationCents:
    """The same walk in whole cents."""

    mrr: int
    reasons: Mapping[Reason, int]
    covering: int
    others: Mapping[OtherReason, int]
    invoiced: int


def reconcile(plans: Mapping[int, PlanState], lines: Iterable[LineFact]) -> Reconciliation:
    """Explain the difference between what plans count for and what was invoiced in the month.

    lines: every line that covers the last second of the month, or stands on an invoice of the
    month. A line whose plan is missing in `plans` belongs to none that has begun.
    """
    reasons = dict.fromkeys(Reason, 0)
    others = dict.fromkeys(OtherReason, 0)
    of_plans: dict[int, list[LineFact]] = defaultdict(list)
    invoiced = 0
    for line in lines:
        state = None if line.plan_id is None else plans.get(line.plan_id)
        if line.in_month and not line.is_void:
            invoiced += line.amount * TWELFTHS
        if line.plan_id is not None and state is not None and line.covers:
            of_plans[line.plan_id].append(line)
            _spread(others, line, months=state.schedule.months)
        elif line.in_month and not line.is_void:
            others[_other_reason(line, has_begun=state is not None)] += line.amount * TWELFTHS
    mrr = covering = 0
    for plan_id, state in plans.items():
        mrr += state.rate.rate
        covering += _explain(reasons, state, of_plans.get(plan_id, []))
    return Reconciliation(mrr, reasons, covering, others, invoiced)


def _spread(others: dict[OtherReason, int], line: LineFact, *, months: int) -> None:
    """A line covers the end of the month: a month's worth of it is there already."""
    if line.is_void:
        return
    worth = line.amount * (TWELFTHS // months)
    if line.in_month:
        others[OtherReason.AHEAD] += line.amount * TWELFTHS - worth
    else:
        others[OtherReason.EARLIER] -= worth


def _other_reason(line: LineFact, *, has_begun: bool) -> OtherReason:
    if line.kind is LineKind.ONE_OFF:
        return OtherReason.ONE_OFF
    if line.kind is LineKind.CREDIT:
        return OtherReason.CREDIT
    return OtherReason.OTHER_TIME if has_begun else OtherReason.NOT_BEGUN


def _explain(reasons: dict[Reason, int], state: PlanState, lines: list[LineFact]) -> int:
    """Add the reasons of one plan; returns a month's worth of its lines."""
    worth = TWELFTHS // state.schedule.months
    total = sum(line.amount for line in lines) * worth
    void = sum(line.amount for line in lines if line.is_void) * worth
    reasons[Reason.VOID] -= void
    if state.rate.rate == 0:
        reasons[Reason.AFTER_END] += total
        return total - void
    licenses = 1 if state.is_fixed else state.rate.licenses
    # A fixed price is one license at the price of the year.
    full = state.rate.rate if state.is_fixed else state.rate.price * worth
    missing = licenses - sum(line.licenses for line in lines if line.kind in LICENSES)
    is_renewed = any(line.kind in WHOLE for line in lines)
    reasons[Reason.NOT_INVOICED if is_renewed else Reason.NOT_RENEWED] -= missing * full
    for line in lines:
        difference = line.amount * worth
        if line.kind in LICENSES:
            difference -= line.licenses * full
        reasons[_REASON_OF_KIND[line.kind]] += difference
    return total - void


_REASON_OF_KIND = {
    LineKind.FIRST: Reason.PRICE,
    LineKind.RENEWAL: Reason.PRICE,
    LineKind.ADDED: Reason.PRORATED,
    LineKind.ADJUSTMENT: Reason.CORRECTION,
    LineKind.DISCOUNT: Reason.DISCOUNT,
    # Neither has any length, so neither covers an instant.
    LineKind.CREDIT: Reason.CORRECTION,
    LineKind.ONE_OFF: Reason.CORRECTION,
}
