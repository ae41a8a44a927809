"""The worked tables of docs/rules are what the code does: read from the pages and tried.

A table is named by a comment above it. `table: <name>` is checked by the test of that name. The
tables `plan`, `rows`, `ledger`, `appended` and `invoices` of one name tell a story together.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from app.domain.calendar import cycle_at, cycle_number, month_boundary
from app.domain.catalog import Catalog, CatalogError, UploadHelp, parse_catalog
from app.domain.discounts import NewCustomerTerms, minimum_while_discounted
from app.domain.kinds import LicenseManagement, Schedule
from app.domain.ledger import Entry, LedgerRules, SeatRow
from app.domain.money import percent_off, prorate
from app.domain.upload_help import choose_upload_help
from tests.domain.book import ANCHOR, Book, Rows, instant, monthly

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/rules"
MARK = re.compile(r"<!-- (table|plan|rows|ledger|appended|invoices): (.+) -->")
Row = dict[str, str]

TABLES = {
    "boundaries",
    "cycles",
    "shares",
    "percentages",
    "billable",
    "months",
    "minimums",
    "keys",
    # Tried in tests/scenarios/test_purchase_rules.py, since it takes a customer.
    "licenses by invoice",
    "shipped",
    # Tried in tests/gateways/test_contract_balance.py, since it takes a provider.
    "credit",
    "upload_help",
    # Tried in tests/domain/test_docs_of_changes.py.
    "transitions",
    "entitlement",
    "credit of time",
    "months given back",
    "fixed",
    "coupons",
    "staff discounts",
    # Tried in tests/scenarios/test_metrics.py.
    "movements of a year",
    "months of a year",
    "reconciled",
    # Tried in tests/domain/test_late_rows.py.
    "late rows",
    "estimates",
}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@cache
def tables() -> dict[tuple[str, str], list[Row]]:
    """Every named table of the pages, by (sort, name)."""
    found: dict[tuple[str, str], list[Row]] = {}
    for page in sorted(PAGES.glob("*.md")):
        lines = iter(page.read_text().splitlines())
        for line in lines:
            if not (mark := MARK.fullmatch(line)):
                continue
            names = _cells(next(lines))
            assert set(next(lines)) <= set("|- "), f"{page.name}: no table below {line}"
            rows = []
            while (text := next(lines, "")).startswith("|"):
                cells = _cells(text)
                assert len(cells) == len(names), f"{page.name}: {text}"
                rows.append(dict(zip(names, cells, strict=True)))
            assert rows, f"{page.name}: an empty table below {line}"
            sort, name = mark.groups()
            assert (sort, name) not in found, f"{page.name}: a second table {name}"
            found[sort, name] = rows
    return found


def table(name: str) -> list[Row]:
    return tables()["table", name]


def stories(sort: str) -> list[str]:
    return [name for each, name in tables() if each == sort]


def span(text: str) -> timedelta:
    """ "29 days", "1 second"."""
    number, unit = text.split()
    return timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(number)})


def yes(text: str) -> bool:
    assert text in ("yes", "no")
    return text == "yes"


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return parse_catalog((ROOT / "catalog.toml").read_text())


# --- the pages as such ---


def test_every_named_table_is_tried() -> None:
    assert {name for sort, name in tables() if sort == "table"} == TABLES
    plans = set(stories("plan"))
    for sort in ("rows", "ledger", "appended", "invoices"):
        assert set(stories(sort)) <= plans, sort
    assert set(stories("rows")) == plans
    assert set(stories("ledger")) | set(stories("invoices")) | set(stories("appended")) == plans


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_pages_that_the_rules_name_exist() -> None:
    for module in (ROOT / "app/domain").rglob("*.py"):
        for name in re.findall(r"docs/rules/[a-z_]+\.md", module.read_text()):
            assert (ROOT / name).exists(), f"{module.name}: {name}"


# --- single tables ---


def test_boundaries() -> None:
    for row in table("boundaries"):
        assert month_boundary(instant(row["anchor"]), int(row["n"])) == instant(row["boundary"])


def test_cycles() -> None:
    for row in table("cycles"):
        cycle = cycle_at(instant(row["anchor"]), Schedule(row["schedule"]), instant(row["instant"]))
        assert (cycle.index, cycle.start, cycle.end, cycle.length) == (
            int(row["cycle"]),
            instant(row["from"]),
            instant(row["to"]),
            timedelta(days=int(row["days"])),
        )


def test_shares() -> None:
    for row in table("shares"):
        price, remaining, length = int(row["price"]), span(row["remaining"]), span(row["length"])
        charged = prorate(price, remaining=remaining, length=length)
        assert charged == int(row["one license"])
        # Shown with three decimals, the last of them rounded.
        exact = Fraction(
            price * (remaining // timedelta(seconds=1)), length // timedelta(seconds=1)
        )
        assert abs(exact - Fraction(row["exact"])) <= Fraction(1, 2000)


def test_percentages() -> None:
    for row in table("percentages"):
        rate = Fraction(row["percent off"]) * 100
        assert rate.denominator == 1
        assert percent_off(int(row["price"]), rate.numerator) == int(row["reduced price"])


def test_billable() -> None:
    for row in table("billable"):
        rules = monthly(
            tier_minimum=int(row["tier minimum"]),
            customer_minimum=int(row["customer minimum"]),
            exempt=yes(row["exempt"]),
        )
        cycle = cycle_number(ANCHOR, Schedule.MONTHLY, 0)
        assert rules.billable(int(row["people"]), cycle) == int(row["billable"])


def test_months() -> None:
    for row in table("months"):
        terms = NewCustomerTerms(2000, int(row["months left at the start"]), 6)
        taken_off = terms.amount_for(int(row["cycle"]), Schedule(row["schedule"]))
        assert taken_off == int(row["taken off"])


def test_minimums() -> None:
    for row in table("minimums"):
        amount, price = int(row["amount"]), int(row["monthly price"])
        found = minimum_while_discounted(amount=amount, monthly_price=price)
        assert found == int(row["minimum"])


def test_shipped(shipped: Catalog) -> None:
    rows = table("shipped")
    assert [row["tier"] for row in rows] == list(shipped.tiers)
    for row in rows:
        tier = shipped.tier(row["tier"])
        assert tier.kind == row["kind"]
        assert tier.minimum_licenses == int(row["minimum"])
        assert tier.self_serve is yes(row["self-serve"])
        for schedule in Schedule:
            price = tier.prices.get(("usd", schedule))
            assert row[schedule.value] == ("–" if price is None else str(price))


# --- the keys of the catalog ---

SMALLEST = {
    "brand": {"product": '"Acorn"', "support_email": '"help@acorn.test"', "tos_url": '"/terms/"'},
    "billing": {"currency": '"usd"'},
    "new_customer_discount": {"amount": "1", "months": "1"},
    "tiers.free": {"title": '"F"', "kind": '"free"', "summary": '"F."'},
    "tiers.legacy": {"title": '"L"', "kind": '"legacy"', "summary": '"L."'},
    "tiers.community": {"title": '"C"', "kind": '"sponsored"', "summary": '"C."'},
    "tiers.basic": {"title": '"B"', "kind": '"paid"', "summary": '"B."'},
    "tiers.basic.prices.usd": {"monthly": "350", "annual": "4200"},
    "support": {},
    "upload_help.1": {"min_version": '"9.0"', "commands": '["acorn count"]'},
}


def catalog_with(path: str, value: str | None) -> Catalog:
    """The smallest catalog with one key set or, if `value` is None, without it."""
    table_name, _, key = path.rpartition(".")
    texts = []
    for name, keys in SMALLEST.items():
        if name == table_name:
            keys = {k: v for k, v in (keys | {key: value}).items() if v is not None}
        header = "[[upload_help]]" if name == "upload_help.1" else f"[{name}]"
        texts.append("\n".join([header, *(f"{k} = {v}" for k, v in keys.items())]))
    return parse_catalog("\n".join(texts))


def real_path(row: Row) -> str:
    return (
        row["key"]
        .replace("prices.*", "prices.usd")
        .replace("tiers.*", "tiers.basic")
        .replace("upload_help.*", "upload_help.1")
    )


@pytest.mark.parametrize("row", table("keys"), ids=lambda row: row["key"])
def test_keys(row: Row) -> None:
    path = real_path(row)
    if row["if left out"] in ("needed", "no discount"):
        with pytest.raises(CatalogError, match=re.escape(f"{path}: ")):
            catalog_with(path, None)
    else:
        assert shown_default(catalog_with(path, None), path) == row["if left out"]
    if row["limits"]:
        least, most = (int(number) for number in row["limits"].split(" to "))
        for allowed in (least, most):
            if path != "billing.min_invoiced_licenses" or allowed <= 1000:
                catalog_with(path, str(allowed))
        for refused in (least - 1, most + 1):
            with pytest.raises(CatalogError, match=re.escape(f"{path}: must be between")):
                catalog_with(path, str(refused))


def shown_default(catalog: Catalog, path: str) -> str:
    """What the page says about a key that was left out."""
    area, _, key = path.rpartition(".")
    holders = {
        "brand": catalog.brand,
        "billing": catalog,
        "support": catalog,
        "tiers.basic": catalog.tier("basic"),
        "upload_help.1": catalog.upload_help[0],
    }
    holder = holders[area]
    value = getattr(holder, key)
    if key == "logo_text":
        assert value == catalog.brand.product[0]
        return "the product's first letter"
    if isinstance(value, tuple):
        value = ", ".join(str(item) for item in value)
    if value == "":
        return "empty"
    if value is None and area == "support":
        return "nobody is asked"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_no_key_is_left_out_of_the_page() -> None:
    """The keys that the reader knows, as its own complaints list them."""
    documented = {real_path(row) for row in table("keys")}
    for area in SMALLEST:
        if area.startswith("tiers.") and "basic" not in area:
            continue
        with pytest.raises(CatalogError, match="known are") as refused:
            catalog_with(f"{area}.unheard_of", "1")
        known = str(refused.value).rpartition("known are ")[2].split(", ")
        listed = {path.rpartition(".")[2] for path in documented if path.rpartition(".")[0] == area}
        assert set(known) - {"prices"} == listed


def test_the_example_of_a_complaint(shipped: Catalog) -> None:
    page = (PAGES / "catalog.md").read_text()
    text = (ROOT / "catalog.toml").read_text().replace("monthly = 350", "monthly = 3.5")
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text)
    assert f"> {refused.value}\n" in page


@pytest.mark.parametrize("row", table("upload_help"))
def test_upload_help(row: Row) -> None:
    entries = [UploadHelp(least, ("x",), "") for least in row["ranges from"].split(", ")]
    chosen = choose_upload_help(entries, version=row["server says"])
    assert ", ".join(entry.min_version for entry in chosen) == row["told those of"]


# --- stories ---


@dataclass(frozen=True)
class Story:
    """A plan, its rows and what came of them."""

    book: Book
    until: datetime


def read_row(rows: Rows, row: Row) -> SeatRow:
    organization = int(row.get("organization", "1"))
    says = row["says"]
    if says == "deactivated":
        return rows.deactivated(row["happened"], organization=organization)
    if says == "reactivated":
        return rows.reactivated(row["happened"], organization=organization)
    number, word = says.split()
    assert word == "people"
    return rows.seats(row["happened"], int(number), organization=organization)


def read_discount(text: str) -> NewCustomerTerms:
    """ "2000 for 12 months, minimum 6"."""
    found = re.fullmatch(r"(\d+) for (\d+) months, minimum (\d+)", text)
    assert found is not None, text
    amount, months, minimum = map(int, found.groups())
    return NewCustomerTerms(amount, months, minimum)


def tell(name: str) -> Story:
    """Do what the tables of one story say."""
    (plan,) = tables()["plan", name]
    assert set(plan) <= {
        "schedule",
        "price",
        "bought",
        "minimum",
        "management",
        "discount",
        "anchor",
        "ends",
        "until",
    }
    rules = LedgerRules(
        anchor=instant(plan["anchor"]) if "anchor" in plan else ANCHOR,
        schedule=Schedule(plan["schedule"]),
        management=LicenseManagement(plan.get("management", "automatic")),
        tier_minimum=int(plan.get("minimum", "1")),
        new_customer=read_discount(plan["discount"]) if "discount" in plan else NewCustomerTerms(),
        ends_at=instant(plan["ends"]) if "ends" in plan else None,
    )
    maker = Rows()
    rows = [
        (instant(row.get("arrives", row["happened"])), read_row(maker, row))
        for row in tables()["rows", name]
    ]
    known = [row for arrives, row in rows if arrives < rules.anchor]
    book = Book(rules, int(plan["bought"]), price=int(plan.get("price", "350")), known=known)
    until = instant(plan["until"])
    for arrives, row in rows:
        if arrives >= rules.anchor:
            book.upload([row], as_of=arrives)
    book.upload(as_of=until)
    return Story(book, until)


def said(row: Row) -> tuple[datetime, bool, int, int]:
    return (
        instant(row["time"]),
        yes(row["renewal"]),
        int(row["licenses"]),
        int(row["at next renewal"]),
    )


@pytest.mark.parametrize("name", stories("ledger"))
def test_ledgers(name: str) -> None:
    assert tell(name).book.says() == [said(row) for row in tables()["ledger", name]]


@pytest.mark.parametrize("name", stories("appended"))
def test_entries_in_the_order_of_appending(name: str) -> None:
    def made_by(entry: Entry) -> str:
        return entry.actor or f"row {entry.audit_row_id}"

    rows = tables()["appended", name]
    assert [
        ((entry.event_time, entry.is_renewal, *entry.pair), made_by(entry))
        for entry in tell(name).book.entries
    ] == [(said(row), row["made by"]) for row in rows]


@pytest.mark.parametrize("name", stories("invoices"))
def test_invoices(name: str) -> None:
    story = tell(name)
    story.book.bill_through(story.until)
    shown = []
    for bill in story.book.bills:
        for line, charge in zip(bill.lines, bill.charges, strict=True):
            assert charge[1] * charge[2] == line.amount
            shown.append((bill.boundary, *charge, line.amount))
        shown.append((bill.boundary, "total", 0, 0, bill.boundary, bill.boundary, bill.total))
    told = []
    for row in tables()["invoices", name]:
        boundary = instant(row["invoice of"])
        if row["line"] == "total":
            numbers, period = (0, 0), (boundary, boundary)
        else:
            numbers = (int(row["quantity"]), int(row["unit"]))
            period = (instant(row["from"]), instant(row["to"]))
        told.append((boundary, row["line"], *numbers, *period, int(row["amount"])))
    assert shown == told
