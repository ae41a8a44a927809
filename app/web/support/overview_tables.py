"""The tables of the overview, each declared once for the page and for its file.

A cell is the text that the page shows and the value that the file holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from app.domain.metrics import FALLING, Month, MovementKind
from app.domain.reconciliation import OtherReason, Reason
from app.services.pages.overview import OverviewPage
from app.web import csv_files
from app.web.wording import format_count, format_money
from app.web.wordings.overview import (
    age_words,
    leaving_words,
    month_words,
    movement_word,
    promo_words,
    reason_words,
    tier_row_words,
    version_words,
)


@dataclass(frozen=True, slots=True)
class Column:
    """`key` heads the column in the file."""

    key: str
    label: str
    is_number: bool = True


@dataclass(frozen=True, slots=True)
class FigureCell:
    """What the page shows, and what the file holds."""

    text: str
    raw: csv_files.Cell


Row = tuple[FigureCell, ...]


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table: the first cell of a row names it. `total` stands below."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Row | None = None

    @property
    def header(self) -> list[str]:
        """The first line of the file."""
        return [column.key for column in self.columns]

    @property
    def lines(self) -> list[list[csv_files.Cell]]:
        """The lines of the file."""
        rows = self.rows if self.total is None else (*self.rows, self.total)
        return [[cell.raw for cell in row] for row in rows]


def _words(text: str, raw: str | None = None) -> FigureCell:
    return FigureCell(text, text if raw is None else raw)


def _count(number: int) -> FigureCell:
    return FigureCell(format_count(number), number)


def _money(page: OverviewPage) -> Callable[[int], FigureCell]:
    def cell(cents: int) -> FigureCell:
        return FigureCell(format_money(cents, page.currency), csv_files.amount(cents))

    return cell


def months_table(page: OverviewPage) -> FigureTable:
    """Month by month, from opening to closing; oldest first."""
    money = _money(page)
    columns = [Column("month", gettext("Month"), False), Column("opening", gettext("Opening"))]
    columns += [Column(kind.value, movement_word(kind)) for kind in MovementKind]
    columns += [
        Column("closing", gettext("Closing")),
        Column("paying_customers", gettext("Customers")),
    ]
    rows = []
    for row in page.months:
        moved = [money(_signed(kind, row.cents.movements[kind])) for kind in MovementKind]
        rows.append(
            (
                _words(month_words(row.month), str(row.month)),
                money(row.cents.opening),
                *moved,
                money(row.cents.closing),
                _count(row.paying),
            )
        )
    return FigureTable("months", gettext("MRR month by month"), tuple(columns), tuple(rows))


def movements_table(page: OverviewPage) -> FigureTable:
    """The chosen month step by step, with how many customers each step is."""
    money, cents = _money(page), page.month.cents
    nobody = FigureCell("", None)
    counts = dict(zip(MovementKind, page.month.customers, strict=True))
    rows: list[Row] = [(_words(gettext("Opening"), "opening"), nobody, money(cents.opening))]
    rows += [
        (
            _words(movement_word(kind), kind.value),
            _count(counts[kind]),
            money(_signed(kind, cents.movements[kind])),
        )
        for kind in MovementKind
    ]
    return FigureTable(
        "movements",
        gettext("Movements of %(month)s", month=month_words(page.month.month)),
        (
            Column("step", gettext("Movement"), False),
            Column("customers", gettext("Customers")),
            Column("amount", gettext("A month")),
        ),
        tuple(rows),
        (_words(gettext("Closing"), "closing"), _count(page.month.paying), money(cents.closing)),
    )


def tiers_table(page: OverviewPage, title_of: Callable[[str], str]) -> FigureTable:
    """Who is on which tier, and what that brings in."""
    money = _money(page)
    rows = tuple(
        (
            _words(tier_row_words(row, title_of(row.tier)), f"{row.tier} {row.state}"),
            _count(row.customers),
            _count(row.people),
            _count(row.licenses),
            money(row.mrr),
        )
        for row in page.tiers
    )
    total = (
        _words(gettext("Total"), "total"),
        _count(sum(row.customers for row in page.tiers)),
        _count(sum(row.people for row in page.tiers)),
        _count(sum(row.licenses for row in page.tiers)),
        money(sum(row.mrr for row in page.tiers)),
    )
    return FigureTable(
        "tiers",
        gettext("Customers by tier"),
        (
            Column("tier", gettext("Tier"), False),
            Column("customers", gettext("Customers")),
            Column("people", gettext("People")),
            Column("licenses", gettext("Licenses")),
            Column("mrr", gettext("MRR")),
        ),
        rows,
        total,
    )


def receivables_table(page: OverviewPage) -> FigureTable:
    """What is owed now, by how long it has been due."""
    money = _money(page)
    return FigureTable(
        "receivables",
        gettext("Open invoices by age"),
        (
            Column("age", gettext("Age"), False),
            Column("invoices", gettext("Invoices")),
            Column("open", gettext("Open")),
        ),
        tuple(
            (_words(age_words(row.age), row.age.value), _count(row.invoices), money(row.amount))
            for row in page.receivables
        ),
        (
            _words(gettext("Total"), "total"),
            _count(sum(row.invoices for row in page.receivables)),
            money(sum(row.amount for row in page.receivables)),
        ),
    )


def discounts_table(page: OverviewPage) -> FigureTable:
    """What was given away: lines of invoices, and prices below the list price."""
    money = _money(page)
    rows: list[Row] = [
        (_words(promo_words(one.kind), one.kind.value), _count(one.lines), money(one.amount))
        for one in page.promos
    ]
    staff = gettext("Prices agreed by staff, below the list price, a month")
    if page.staff.customers:
        rows.append(
            (_words(staff, "staff"), _count(page.staff.customers), money(page.staff.monthly))
        )
    return FigureTable(
        "discounts",
        gettext("Discounts given"),
        (
            Column("discount", gettext("Discount"), False),
            Column("number", gettext("How many")),
            Column("taken_off", gettext("Taken off")),
        ),
        tuple(rows),
    )


def reconciliation_table(page: OverviewPage, *, whole: bool = False) -> FigureTable:
    """From the recurring revenue to the invoices of the month. `whole`: with the steps that are
    nothing, too."""
    money, walk = _money(page), page.walk

    def steps(amounts: Sequence[tuple[Reason | OtherReason, int]]) -> list[Row]:
        return [
            (_words(reason_words(reason), reason.value), money(cents))
            for reason, cents in amounts
            if cents or whole
        ]

    rows: list[Row] = [(_words(gettext("MRR"), "mrr"), money(walk.mrr))]
    rows += steps(list(walk.reasons.items()))
    covering = gettext("A month's worth of the lines that cover its end")
    rows.append((_words(covering, "covering"), money(walk.covering)))
    rows += steps(list(walk.others.items()))
    return FigureTable(
        "reconciliation",
        gettext("From MRR to the invoices of %(month)s", month=month_words(page.month.month)),
        (Column("step", gettext("Step"), False), Column("amount", gettext("Amount"))),
        tuple(rows),
        (_words(gettext("Invoiced this month"), "invoiced"), money(walk.invoiced)),
    )


def leavings_table(page: OverviewPage) -> FigureTable:
    """Why plans ended this month, and why others are set to end."""
    return FigureTable(
        "reasons",
        gettext("Reasons for leaving"),
        (
            Column("reason", gettext("Reason"), False),
            Column("ended", gettext("Ended this month")),
            Column("set_to_end", gettext("Set to end, now")),
        ),
        tuple(
            (
                _words(leaving_words(row.reason), row.reason.value),
                _count(row.ended),
                _count(row.set_to_end),
            )
            for row in page.leavings
        ),
    )


def uploads_table(page: OverviewPage) -> FigureTable:
    """How the servers of each version fare."""
    return FigureTable(
        "uploads",
        gettext("Uploads by version"),
        (
            Column("version", gettext("Version"), False),
            Column("servers", gettext("Servers")),
            Column("fresh", gettext("Heard of within 2 days")),
            Column("silent", gettext("Silent for longer")),
            Column("never", gettext("Never heard of")),
            Column("refused", gettext("Last upload refused")),
        ),
        tuple(
            (
                _words(version_words(row)),
                _count(row.servers),
                _count(row.fresh),
                _count(row.silent),
                _count(row.never),
                _count(row.refused),
            )
            for row in page.health
        ),
    )


def _signed(kind: MovementKind, cents: int) -> int:
    return -cents if kind in FALLING else cents


def parse_month(text: str) -> Month | None:
    """ "2027-03"; None for anything else."""
    year, _, number = text.partition("-")
    is_month = len(text) == 7 and (year + number).isascii() and (year + number).isdigit()
    if not is_month or not 1 <= int(number) <= 12 or int(year) < 1:
        return None
    return Month(int(year), int(number))
