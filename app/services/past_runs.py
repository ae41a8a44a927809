"""What earlier runs made, to compare the next one with. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.invoices import Invoice


@dataclass(frozen=True, slots=True)
class PastRun:
    """The cycle invoices that were made on one UTC day, in one currency; cents."""

    day: date
    currency: str
    invoices: int
    total: int


def get_last_run(session: Session, *, before: datetime) -> tuple[PastRun, ...]:
    """The last day before `before` on which invoices of cycles were made, by currency; empty when
    there was none."""
    of_cycles = (Invoice.group_key.like("%|cycle"), Invoice.created_at < before)
    latest = session.scalar(select(func.max(Invoice.created_at)).where(*of_cycles))
    if latest is None:
        return ()
    start = latest.replace(hour=0, minute=0, second=0)
    statement = (
        select(Invoice.currency, func.count(Invoice.id), func.sum(Invoice.total))
        .where(
            *of_cycles, Invoice.created_at >= start, Invoice.created_at < start + timedelta(days=1)
        )
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    return tuple(
        PastRun(start.date(), currency, count, int(total))
        for currency, count, total in session.execute(statement)
    )
