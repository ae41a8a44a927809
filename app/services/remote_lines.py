"""Our invoice lines as the payment provider gets them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from app.domain.kinds import LineKind
from app.gateways.payments import MAX_LINES, RemoteLine
from app.models.invoices import Invoice, InvoiceLine
from app.services.invoices import begins_with_payment

# Above this many lines for added licenses, the provider gets one line for each day.
MOST_ADDED_LINES = 200


def remote_lines(invoice: Invoice) -> list[RemoteLine]:
    """The lines of an invoice whose lines were loaded. Many additions become one line for each
    day; ours keep them all. What begins with its payment has no period yet."""
    if begins_with_payment(invoice):
        lines = [_remote_line(line) for line in invoice.lines]
        return [replace(line, period_start=None, period_end=None) for line in lines]
    return _by_day(invoice.lines)


def _by_day(lines: Sequence[InvoiceLine]) -> list[RemoteLine]:
    added = [line for line in lines if line.kind is LineKind.ADDED]
    if len(added) <= MOST_ADDED_LINES and len(lines) <= MAX_LINES:
        return [_remote_line(line) for line in lines]
    by_day: dict[date, list[InvoiceLine]] = {}
    for line in added:
        by_day.setdefault(line.period_start.date(), []).append(line)
    merged = [_merge(group) for group in by_day.values()]
    return merged + [_remote_line(line) for line in lines if line.kind is not LineKind.ADDED]


def _remote_line(line: InvoiceLine) -> RemoteLine:
    return RemoteLine(
        reference=str(line.id),
        description=line.description,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount=line.amount,
        period_start=line.period_start,
        period_end=line.period_end,
    )


def _merge(lines: Sequence[InvoiceLine]) -> RemoteLine:
    first = _remote_line(lines[0])
    if len(lines) == 1:
        return first
    amount = sum(line.amount for line in lines)
    return replace(first, quantity=1, unit_amount=amount, amount=amount)
