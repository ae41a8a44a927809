"""The plot of people day by day, against their licenses or the free limit."""

from collections.abc import Sequence

from flask_babel import gettext

from app.domain.days import DayCount, start_of_day
from app.web.charts import Chart, Series, draw_plots
from app.web.wording import count_people, format_count, format_date, format_short_day


def draw_days(
    days: Sequence[DayCount], *, limit: int | None, licenses: Sequence[DayCount] = ()
) -> Chart | None:
    """Each day as a step of the same width; None when there is no day to show.

    `limit` is the free limit where one applies; `licenses` the paid ones of some or all of the days.
    As on the billing page licenses are the area and people the dashed line; without licenses
    people are the area.
    """
    if not days:
        return None
    people: list[tuple[int, int | None]] = [(n, day.count) for n, day in enumerate(days)]
    label = gettext("People at the end of the day")
    series = [Series("other" if licenses else "main", label, people)]
    if licenses:
        paid = {day.day: day.count for day in licenses}
        steps = [(n, paid.get(day.day)) for n, day in enumerate(days)]
        series.insert(0, Series("main", gettext("Licenses"), steps))
    elif limit:
        series.append(Series("other", gettext("Free limit"), [(0, limit)]))
    return Chart(
        summary=_summary(days),
        legend=tuple(series),
        plots=draw_plots(series, span=len(days), until=len(days), marks=_marks(days)),
    )


def _marks(days: Sequence[DayCount]) -> list[tuple[int, str]]:
    """The first day and the last, and the one between when there are enough."""
    wanted = [(0, 0)]
    if len(days) > 2:
        wanted.append((len(days) // 2, len(days) // 2))
    if len(days) > 1:
        wanted.append((len(days), -1))
    return [(at, format_short_day(start_of_day(days[n].day))) for at, n in wanted]


def _summary(days: Sequence[DayCount]) -> str:
    """The plot in a sentence, for those who do not see it."""
    least, most = min(day.count for day in days), max(day.count for day in days)
    return gettext(
        "People at the end of each day from %(start)s to %(end)s: between %(least)s and %(most)s, "
        "at last %(last)s.",
        start=format_date(start_of_day(days[0].day)),
        end=format_date(start_of_day(days[-1].day)),
        least=format_count(least),
        most=format_count(most),
        last=count_people(days[-1].count),
    )
