"""The plots of the overview, from its page object."""

from flask_babel import gettext

from app.services.pages.overview import OverviewPage
from app.web.bars import Bar, BarChart, draw_bars
from app.web.charts import Chart, Series, draw_plots
from app.web.wording import format_money
from app.web.wordings.overview import month_words, short_month


def draw_revenue(page: OverviewPage) -> Chart:
    """MRR at the end of each month that is shown."""
    rows = page.months
    steps: list[tuple[int, int | None]] = [(n, row.cents.closing) for n, row in enumerate(rows)]
    wanted = [(0, 0)]
    if len(rows) > 2:
        wanted.append((len(rows) // 2, len(rows) // 2))
    if len(rows) > 1:
        wanted.append((len(rows), -1))
    series = (Series("main", gettext("MRR at the end of the month"), steps),)
    return Chart(
        summary=gettext(
            "MRR from %(first)s to %(last)s: %(opening)s at first, %(closing)s at last.",
            first=month_words(rows[0].month),
            last=month_words(rows[-1].month),
            opening=format_money(rows[0].cents.closing, page.currency),
            closing=format_money(rows[-1].cents.closing, page.currency),
        ),
        legend=series,
        plots=draw_plots(
            series,
            span=len(rows),
            until=len(rows),
            marks=[(at, short_month(rows[n].month)) for at, n in wanted],
            text_of=lambda cents: format_money(cents, page.currency),
        ),
    )


def draw_movements(page: OverviewPage) -> BarChart:
    """What each month gained and lost."""
    bars = [Bar(short_month(row.month), row.cents.gained, row.cents.lost) for row in page.months]
    gained, lost = sum(bar.gained for bar in bars), sum(bar.lost for bar in bars)
    return BarChart(
        summary=gettext(
            "What was gained and lost from %(first)s to %(last)s: %(gained)s and %(lost)s in all.",
            first=month_words(page.months[0].month),
            last=month_words(page.months[-1].month),
            gained=format_money(gained, page.currency),
            lost=format_money(lost, page.currency),
        ),
        gained=gettext("Gained: new, reactivation, expansion"),
        lost=gettext("Lost: contraction, churn"),
        plots=draw_bars(bars, text_of=lambda cents: format_money(cents, page.currency)),
    )
