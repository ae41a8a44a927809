"""The words of adjustments: what is charged, or given back, for cycles that were billed before."""

from datetime import datetime

from flask_babel import gettext, ngettext

from app.domain.kinds import AdjustmentReason, LineKind
from app.web.wording import Message, describe_line, format_count, format_day_of_year

MESSAGES: dict[str, Message] = {}


def describe_adjustment(reason: AdjustmentReason | None, *, licenses: int, since: datetime) -> str:
    """What the line of an adjustment is called, for licenses that are charged (or, negative, given
    back) from `since` on; without a reason: what is kept as credit."""
    if reason is None:
        return gettext("Kept as credit for your next invoices")
    if reason is AdjustmentReason.LATE_ROWS:
        return describe_line(LineKind.ADJUSTMENT, tier_title="", quantity=licenses, since=since)
    count = abs(licenses)
    values = {"count": format_count(count), "date": format_day_of_year(since)}
    if licenses < 0:
        return ngettext(
            "Estimate corrected: %(count)s license less from %(date)s",
            "Estimate corrected: %(count)s licenses less from %(date)s",
            count,
            **values,
        )
    return ngettext(
        "Estimate corrected: %(count)s license more from %(date)s",
        "Estimate corrected: %(count)s licenses more from %(date)s",
        count,
        **values,
    )
