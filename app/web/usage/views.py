"""The usage page and its file. Nothing here changes anything."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.domain.days import DayCount
from app.domain.kinds import CustomerKind
from app.services.identity import CustomerRef
from app.services.pages.usage import UsagePage, load_usage_page
from app.services.pages.usage_places import PlaceCover
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.csv_files import csv_name, csv_response
from app.web.paging import asked_page, pages_of
from app.web.usage import blueprint
from app.web.usage.charts import draw_days

# How many days of the past can be shown; the first unless the address asks for another.
RANGES = (30, 90, 365)
COLUMNS = ("day", "people", "day_is_over")


@blueprint.get(f"{CUSTOMER}/usage/")
@billing_user()
def usage(ref: CustomerRef) -> ResponseReturnValue:
    """Who is counted now, against what, and how it was day by day."""
    page = _load(ref)
    return render_template(
        "usage/usage.html",
        ref=ref,
        page=page,
        chart=draw_days(page.days, limit=_limit(page), licenses=page.license_days),
        pages=pages_of("usage.usage", page.part, entity_uuid=ref.uuid, days=page.range_days),
        ranges=RANGES,
    )


@blueprint.get(f"{CUSTOMER}/usage.csv")
@billing_user()
def usage_csv(ref: CustomerRef) -> ResponseReturnValue:
    """The same days as a file for a spreadsheet, oldest first."""
    page = _load(ref)
    rows = [(day.day, day.count, "yes" if _is_over(page, day) else "no") for day in page.days]
    name = csv_name("usage", ref.host, get_context().now())
    return csv_response(COLUMNS, lambda: rows, file_name=name)


def _load(ref: CustomerRef) -> UsagePage:
    ctx = get_context()
    return load_usage_page(
        ctx,
        get_read_session(),
        ref.payer,
        range_days=_asked_range(),
        number=asked_page(),
        now=ctx.now(),
    )


def _asked_range() -> int:
    """The days that the address asks for; the fewest when it asks for nonsense."""
    known = {str(days): days for days in RANGES}
    return known.get(request.args.get("days", ""), RANGES[0])


def _limit(page: UsagePage) -> int | None:
    """The free limit where it counts: each organization of a server has its own."""
    if page.kind is CustomerKind.SERVER or not page.places:
        return None
    is_free = page.places[0].cover in {PlaceCover.FREE, PlaceCover.OVER_FREE}
    return page.free_seats if is_free else None


def _is_over(page: UsagePage, day: DayCount) -> bool:
    """Whether all of the day was reported: not today, nor the day of a silent server's last word."""
    return page.as_of is not None and day.day < page.as_of.date()
