"""The plot of the billing page, from its page object."""

from dataclasses import dataclass

from flask import request, url_for

from app.services.identity import CustomerRef
from app.services.pages.billing import BillingPage
from app.services.pages.seats import SeatsRange
from app.web.charts import SeatsChart, SeatsPoint, draw_seats
from app.web.wordings.charges import range_words


@dataclass(frozen=True, slots=True)
class RangeChoice:
    """One choice of how far back the plot goes."""

    label: str
    url: str
    is_current: bool


def asked_range() -> SeatsRange:
    """The range that the address asks for; the present cycle when it asks for nonsense."""
    asked = request.args.get("seats", "")
    return SeatsRange(asked) if asked in set(SeatsRange) else SeatsRange.CYCLE


def draw_billing_chart(page: BillingPage) -> SeatsChart | None:
    """People and licenses over the range that the page shows; None without a plan."""
    seats = page.seats
    if seats is None or not seats.steps:
        return None
    points = [SeatsPoint(step.at, step.people, step.licenses) for step in seats.steps]
    return draw_seats(points, start=seats.start, end=seats.end, now=page.now)


def range_choices(ref: CustomerRef, page: BillingPage) -> list[RangeChoice]:
    """The ranges to choose from; none when there is only one."""
    seats = page.seats
    if seats is None or len(seats.ranges) == 1:
        return []
    address = url_for("portal.billing", entity_uuid=ref.uuid)
    return [
        RangeChoice(
            label=range_words(each),
            url=f"{address}?seats={each.value}#seats",
            is_current=each is seats.range,
        )
        for each in seats.ranges
    ]
