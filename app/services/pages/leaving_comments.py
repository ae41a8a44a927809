"""What customers wrote when they ended their plan, for the overview of staff. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES, AtCycleEnd, CancellationReason
from app.models.customers import Customer
from app.models.metrics import PlanEnd
from app.models.plans import Plan

# So many are listed, those of the newest plans first.
MOST_COMMENTS = 20


@dataclass(frozen=True, slots=True)
class LeavingComment:
    """One customer's own words. `is_over`: the plan has ended; otherwise it is set to end."""

    uuid: str
    name: str
    reason: CancellationReason | None
    comment: str
    is_over: bool


def load_leaving_comments(
    session: Session, *, currency: str, opened: datetime, closing: datetime
) -> tuple[LeavingComment, ...]:
    """Of plans that ended in the month, or are set to end now. One query."""
    ended = exists().where(
        PlanEnd.plan_id == Plan.id,
        PlanEnd.counts_from >= opened,
        PlanEnd.counts_from < closing,
        or_(PlanEnd.revived_at.is_(None), PlanEnd.revived_at >= closing),
    )
    waits = and_(Plan.status.in_(LIVE_STATUSES), Plan.at_cycle_end == AtCycleEnd.END)
    statement = (
        select(
            Customer.uuid,
            Customer.display_name,
            Plan.cancellation_reason,
            Plan.cancellation_comment,
            ~waits,
        )
        .join(Customer, Customer.id == Plan.customer_id)
        .where(
            Plan.currency == currency,
            Plan.cancellation_comment.is_not(None),
            or_(waits, ended),
        )
        .order_by(Plan.id.desc())
        .limit(MOST_COMMENTS)
    )
    return tuple(
        LeavingComment(uuid, name, reason, comment or "", is_over)
        for uuid, name, reason, comment, is_over in session.execute(statement)
    )
