"""What a purchase has come to, and until when it may be paid, told from what is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.kinds import Collection, PurchaseStatus
from app.models.purchases import Purchase
from app.services.context import Context
from app.services.start_plan import WITHOUT_PLAN
from app.services.unit_of_work import unit_of_work

# How long an abandoned authentication may be finished.
AUTHENTICATION_AGE = timedelta(hours=24)
# How long after its due date a sent invoice may still be paid.
GRACE = timedelta(days=30)


class Outcome(StrEnum):
    """What became of a confirmation. Trial: its plan began, for nothing so far. Waiting: the invoice was sent and is to be paid. Refunded: it
    was paid when no plan could start any more, so the money goes back."""

    PAID = "paid"
    TRIAL = "trial"
    AUTHENTICATE = "authenticate"
    WAITING = "waiting"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    VOIDED = "voided"
    REFUNDED = "refunded"


# The purchase is open: it may still be paid.
UNSETTLED = frozenset({Outcome.AUTHENTICATE, Outcome.WAITING, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True)
class PurchaseResult:
    """The answer to the person. `hosted_url` is where to authenticate or to pay; `message` is the
    card issuer's sentence after a decline; `reason` is the code of why no plan could start;
    `trial_end` is when a free trial that began is over."""

    purchase_id: int
    outcome: Outcome
    hosted_url: str | None = None
    message: str | None = None
    reason: str | None = None
    trial_end: datetime | None = None
    is_by_invoice: bool = False


def load_result(ctx: Context, purchase_id: int) -> PurchaseResult:
    """What the purchase has come to."""
    with unit_of_work(ctx) as work:
        return result_of(work.session, work.session.get_one(Purchase, purchase_id))


def result_of(session: Session, purchase: Purchase) -> PurchaseResult:
    """The same, of a loaded purchase."""
    outcomes = {
        PurchaseStatus.COMPLETED: Outcome.PAID if purchase.trial_end is None else Outcome.TRIAL,
        PurchaseStatus.DECLINED: Outcome.DECLINED,
        PurchaseStatus.VOIDED: Outcome.VOIDED,
        PurchaseStatus.OPEN: _where_it_waits(purchase),
    }
    is_paid_in_vain = purchase.failure_code in WITHOUT_PLAN
    return PurchaseResult(
        purchase_id=purchase.id,
        outcome=Outcome.REFUNDED if is_paid_in_vain else outcomes[purchase.status],
        hosted_url=purchase.hosted_url,
        message=purchase.failure_message,
        reason=purchase.failure_code if is_paid_in_vain else None,
        trial_end=purchase.trial_end,
        is_by_invoice=purchase.collection is Collection.SEND_INVOICE,
    )


def _where_it_waits(purchase: Purchase) -> Outcome:
    if purchase.hosted_url is None:
        return Outcome.UNKNOWN
    by_invoice = purchase.collection is Collection.SEND_INVOICE
    return Outcome.WAITING if by_invoice else Outcome.AUTHENTICATE


def last_day(purchase: Purchase, *, days_until_due: int) -> datetime:
    """Until when the invoice of an open purchase may be paid; what it will be, before the provider
    has told when it is due."""
    if purchase.expires_at is not None:
        return purchase.expires_at
    if purchase.collection is Collection.SEND_INVOICE:
        return purchase.created_at + timedelta(days=days_until_due) + GRACE
    return purchase.created_at + AUTHENTICATION_AGE
