"""The overview of a month, and its tables as files. Nothing here changes anything."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.services.pages.overview import OverviewPage, load_overview
from app.services.pages.overview_movements import load_movements
from app.web import csv_files
from app.web.access import staff
from app.web.bars import BarChart
from app.web.charts import Chart
from app.web.context import get_context, get_read_session
from app.web.support import blueprint
from app.web.support.overview_charts import draw_movements, draw_revenue
from app.web.support.overview_tables import (
    FigureTable,
    discounts_table,
    leavings_table,
    months_table,
    movements_table,
    parse_month,
    receivables_table,
    reconciliation_table,
    tiers_table,
    uploads_table,
)
from app.web.wordings import overview as words

for word in (
    words.overview_headline,
    words.movements_words,
    words.month_words,
    words.tier_row_words,
    words.age_words,
    words.version_words,
    words.health_words,
    words.leaving_words,
):
    blueprint.add_app_template_filter(word)

MOVED = ("customer", "name", "movement", "opening", "closing", "change")


@dataclass(frozen=True, slots=True)
class Tables:
    """Every table of the page."""

    months: FigureTable
    movements: FigureTable
    tiers: FigureTable
    receivables: FigureTable
    discounts: FigureTable
    reconciliation: FigureTable
    uploads: FigureTable
    reasons: FigureTable


@dataclass(frozen=True, slots=True)
class Charts:
    """Every plot of the page."""

    revenue: Chart
    movements: BarChart


@blueprint.get("/overview/")
@staff()
def overview() -> ResponseReturnValue:
    """What comes in, how it moved, what is owed, how servers fare."""
    page = _load()
    return render_template(
        "support/overview.html",
        page=page,
        tables=_tables(page),
        charts=Charts(draw_revenue(page), draw_movements(page)),
        titles={row.tier: _title_of(row.tier) for row in page.tiers},
        query=_query(page),
    )


@blueprint.get(
    "/overview/<any(months, movements, tiers, receivables, discounts, reconciliation, uploads, "
    "reasons):name>.csv"
)
@staff()
def overview_csv(name: str) -> ResponseReturnValue:
    """One table as a file; the movements customer by customer."""
    page = _load()
    file_name = csv_files.csv_name(name, str(page.month.month), page.now)
    if name == "movements":
        return csv_files.csv_response(MOVED, _moved(page), file_name=file_name)
    table: FigureTable = getattr(_tables(page, whole=True), name)
    return csv_files.csv_response(table.header, lambda: table.lines, file_name=file_name)


def _load() -> OverviewPage:
    ctx = get_context()
    return load_overview(
        ctx,
        get_read_session(),
        month=parse_month(request.args.get("month", "")),
        currency=request.args.get("currency"),
        now=ctx.now(),
    )


def _tables(page: OverviewPage, *, whole: bool = False) -> Tables:
    return Tables(
        months=months_table(page),
        movements=movements_table(page),
        tiers=tiers_table(page, _title_of),
        receivables=receivables_table(page),
        discounts=discounts_table(page),
        reconciliation=reconciliation_table(page, whole=whole),
        uploads=uploads_table(page),
        reasons=leavings_table(page),
    )


def _moved(page: OverviewPage) -> Callable[[], Iterator[Sequence[csv_files.Cell]]]:
    month, currency, now = page.month.month, page.currency, page.now

    def read() -> Iterator[Sequence[csv_files.Cell]]:
        moved = load_movements(get_read_session(), month, currency=currency, now=now)
        for one in moved:
            amounts = (csv_files.amount(cents) for cents in (one.opening, one.closing, one.change))
            yield (one.uuid, one.name, one.kind.value, *amounts)

    return read


def _title_of(tier: str) -> str:
    """A plan outlives its tier in the catalog."""
    known = get_context().catalog.tiers.get(tier)
    return tier if known is None else known.title


def _query(page: OverviewPage) -> dict[str, str]:
    """What a link to a file of this page carries."""
    query = {"month": str(page.month.month)}
    if len(page.currencies) > 1:
        query["currency"] = page.currency
    return query
