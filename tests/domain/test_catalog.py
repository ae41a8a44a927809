"""The catalog: what a vendor writes, and how a mistake is named."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalog import CatalogError, parse_catalog
from app.domain.kinds import CustomerKind, Schedule, TierKind
from app.domain.upload_help import UploadHelp, choose_upload_help, parse_version

ROOT = Path(__file__).parents[2]
MONTHLY, ANNUAL = Schedule.MONTHLY, Schedule.ANNUAL

VALID = """\
# What we sell.
[brand]
product = "Acorn"
portal = "Bills"
accent_color = "#2456c5"
logo_text = "A"
entitlement = "push"
support_email = "help@acorn.test"
tos_version = "2.1"
tos_url = "https://acorn.test/terms"

[billing]
currency = "usd"
free_seats = 10
min_invoiced_licenses = 30
max_self_serve_licenses = 1000
days_until_due = 30
dunning_gap_days = [3, 5]

[new_customer_discount]
amount = 2000
months = 12

[tiers.free]
title = "Free"
kind = "free"
summary = "No plan."

[tiers.legacy]
title = "Legacy"
kind = "legacy"
summary = "Until a date."

[tiers.community]
title = "Community"
kind = "sponsored"
summary = "Sponsored."

[tiers.basic]
title = "Basic"
kind = "paid"
summary = "For everyone."
includes = ["Push", "Mail"]
minimum_licenses = 5
self_serve = true
trial_days = 30

[tiers.basic.prices.usd]
monthly = 350
annual = 4200

[tiers.large]
title = "Large"
kind = "fixed"
summary = "Call us."

[[upload_help]]
min_version = "9.0"
commands = ["acorn count"]
note = "As root."

[[upload_help]]
min_version = "2"
commands = ["acorn-count", "acorn-send --now"]
"""

# (what stands there, what stands there instead, the key path named, a word of the complaint)
MISTAKES = [
    # brand
    ('product = "Acorn"', "", "brand.product", "missing"),
    ('product = "Acorn"', 'product = "  "', "brand.product", "not empty"),
    ('product = "Acorn"', "product = 7", "brand.product", "must be a text"),
    ('product = "Acorn"', 'produkt = "Acorn"', "brand.produkt", "unknown key"),
    ('portal = "Bills"', "portal = []", "brand.portal", "must be a text"),
    ('"#2456c5"', '"blue"', "brand.accent_color", "a color like"),
    ('"#2456c5"', '"#2456c"', "brand.accent_color", "a color like"),
    ('"#2456c5"', '"#2456c5;x"', "brand.accent_color", "a color like"),
    ('logo_text = "A"', 'logo_text = ""', "brand.logo_text", "not empty"),
    ('entitlement = "push"', "entitlement = true", "brand.entitlement", "must be a text"),
    ('"help@acorn.test"', '"help"', "brand.support_email", "an email address"),
    ('"help@acorn.test"', '"help@acorn"', "brand.support_email", "an email address"),
    ('"help@acorn.test"', '"a b@acorn.test"', "brand.support_email", "an email address"),
    ('support_email = "help@acorn.test"', "", "brand.support_email", "missing"),
    ('tos_version = "2.1"', "tos_version = 2.1", "brand.tos_version", "must be a text"),
    ('"2.1"', '"two"', "brand.tos_version", "a version like"),
    ('"2.1"', '"2.1.3"', "brand.tos_version", "a version like"),
    ('"https://acorn.test/terms"', '"javascript:alert(1)"', "brand.tos_url", "http address"),
    ('"https://acorn.test/terms"', '"acorn.test/terms"', "brand.tos_url", "http address"),
    ('tos_url = "https://acorn.test/terms"', "", "brand.tos_url", "missing"),
    ('logo_text = "A"', "logo = 5", "brand.logo", "must be a text"),
    ('logo_text = "A"', 'logo = "logo.gif"', "brand.logo", "svg or png"),
    ('logo_text = "A"', 'logo = "../logo.svg"', "brand.logo", "beside this one"),
    ('logo_text = "A"', 'logo = "/etc/logo.svg"', "brand.logo", "beside this one"),
    ('logo_text = "A"', 'logo = "a/../../logo.svg"', "brand.logo", "beside this one"),
    ('logo_text = "A"', 'logo = "https://acorn.test/logo.svg"', "brand.logo", "beside this one"),
    # billing
    ('currency = "usd"', "", "billing.currency", "missing"),
    ('currency = "usd"', 'currency = "jpy"', "billing.currency", "two decimals"),
    ('currency = "usd"', 'currency = "kwd"', "billing.currency", "two decimals"),
    ('currency = "usd"', 'currency = "dollars"', "billing.currency", "two decimals"),
    ('currency = "usd"', 'currency = "eur"', "tiers.basic.prices", "a price in eur"),
    ("free_seats = 10", "free_seats = -1", "billing.free_seats", "between 0 and"),
    ("free_seats = 10", "free_seats = 10.5", "billing.free_seats", "whole number"),
    ("free_seats = 10", 'free_seats = "10"', "billing.free_seats", "whole number"),
    ("free_seats = 10", "free_seats = true", "billing.free_seats", "whole number"),
    ("free_seats = 10", "free_seat = 10", "billing.free_seat", "unknown key"),
    (
        "min_invoiced_licenses = 30",
        "min_invoiced_licenses = 0",
        "billing.min_invoiced_licenses",
        "between 1 and",
    ),
    (
        "max_self_serve_licenses = 1000",
        "max_self_serve_licenses = 29",
        "billing.max_self_serve_licenses",
        "between 30 and",
    ),
    ("days_until_due = 30", "days_until_due = 0", "billing.days_until_due", "between 1 and 365"),
    ("days_until_due = 30", "days_until_due = 366", "billing.days_until_due", "between 1 and 365"),
    ("[3, 5]", "3", "billing.dunning_gap_days", "a list of days"),
    ("[3, 5]", "[3, 0]", "billing.dunning_gap_days", "a list of days"),
    ("[3, 5]", '["3"]', "billing.dunning_gap_days", "a list of days"),
    ("[3, 5]", "[2.5]", "billing.dunning_gap_days", "a list of days"),
    ("[3, 5]", "[true]", "billing.dunning_gap_days", "a list of days"),
    (
        "[3, 5]",
        '[3, 5]\nestimate_when_stale = "yes"',
        "billing.estimate_when_stale",
        "true or false",
    ),
    # the discount for new customers
    ("amount = 2000", "amount = 0", "new_customer_discount.amount", "between 1 and"),
    ("amount = 2000", "amount = 20.00", "new_customer_discount.amount", "whole number"),
    ("amount = 2000", "", "new_customer_discount.amount", "missing"),
    ("months = 12", "months = 0", "new_customer_discount.months", "between 1 and 120"),
    ("months = 12", "months = 121", "new_customer_discount.months", "between 1 and 120"),
    ("months = 12", "", "new_customer_discount.months", "missing"),
    ("months = 12", "month = 12", "new_customer_discount.month", "unknown key"),
    # tiers
    ("[tiers.free]", "[tiers.Free]", "tiers.Free", "lower-case"),
    ("[tiers.free]", "[tiers.f]", "tiers.f", "lower-case"),
    ('kind = "free"', 'kind = "gratis"', "tiers.free.kind", "must be one of free, legacy"),
    ('kind = "free"', "", "tiers.free.kind", "missing"),
    ('kind = "free"', 'kind = "legacy"', "tiers", "exactly one tier of kind free"),
    ('kind = "legacy"', 'kind = "fixed"', "tiers", "exactly one tier of kind legacy"),
    ('kind = "sponsored"', 'kind = "fixed"', "tiers", "exactly one tier of kind sponsored"),
    ('title = "Basic"', "", "tiers.basic.title", "missing"),
    ('title = "Basic"', "title = 5", "tiers.basic.title", "must be a text"),
    ('summary = "For everyone."', "", "tiers.basic.summary", "missing"),
    ('["Push", "Mail"]', '"Push"', "tiers.basic.includes", "a list of texts"),
    ('["Push", "Mail"]', '["Push", 5]', "tiers.basic.includes", "a list of texts"),
    ("minimum_licenses = 5", "minimum_licenses = 0", "tiers.basic.minimum_licenses", "between 1"),
    ("minimum_licenses = 5", "minimum = 5", "tiers.basic.minimum", "unknown key"),
    ("self_serve = true", 'self_serve = "yes"', "tiers.basic.self_serve", "true or false"),
    ("self_serve = true", "self_serve = 1", "tiers.basic.self_serve", "true or false"),
    ('summary = "Call us."', 'summary = "C"\nself_serve = true', "tiers.large.self_serve", "paid"),
    ("trial_days = 30", "trial_days = -1", "tiers.basic.trial_days", "between 0 and 365"),
    (
        "trial_days = 30",
        "trial_days = {server = 366}",
        "tiers.basic.trial_days.server",
        "0 and 365",
    ),
    ("trial_days = 30", "trial_days = {account = 3}", "tiers.basic.trial_days.account", "unknown"),
    (
        'summary = "Call us."',
        'summary = "C"\ntrial_days = 3',
        "tiers.large.trial_days",
        "paid tier",
    ),
    ("trial_days = 30", "trial_days = 366", "tiers.basic.trial_days", "between 0 and 365"),
    # prices
    ("monthly = 350", "monthly = 3.50", "tiers.basic.prices.usd.monthly", "whole number"),
    ("monthly = 350", 'monthly = "350"', "tiers.basic.prices.usd.monthly", "whole number"),
    ("monthly = 350", "monthly = 0", "tiers.basic.prices.usd.monthly", "between 1 and"),
    ("monthly = 350", "monthly = -350", "tiers.basic.prices.usd.monthly", "between 1 and"),
    ("monthly = 350", "monthly = 10000001", "tiers.basic.prices.usd.monthly", "between 1 and"),
    ("monthly = 350", "", "tiers.basic.prices.usd.monthly", "missing"),
    ("annual = 4200", "", "tiers.basic.prices.usd.annual", "missing"),
    ("annual = 4200", "yearly = 4200", "tiers.basic.prices.usd.yearly", "unknown key"),
    ("[tiers.basic.prices.usd]", "[tiers.basic.prices.jpy]", "tiers.basic.prices", "in usd"),
    (
        "[tiers.large]",
        "[tiers.basic.prices.jpy]\nmonthly = 1\nannual = 1\n[tiers.large]",
        "tiers.basic.prices.jpy",
        "two decimals",
    ),
    (
        "[tiers.large]",
        "[tiers.free.prices.usd]\nmonthly = 1\nannual = 1\n[tiers.large]",
        "tiers.free.prices",
        "has no price list",
    ),
    # how servers report
    ('min_version = "9.0"', "", "upload_help.1.min_version", "missing"),
    ('min_version = "9.0"', "min_version = 9.0", "upload_help.1.min_version", "must be a text"),
    ('min_version = "9.0"', 'min_version = "nine"', "upload_help.1.min_version", "a version like"),
    ('min_version = "9.0"', 'min_version = "9.0-dev"', "upload_help.1.min_version", "a version"),
    ('min_version = "9.0"', 'min_version = "2.0"', "upload_help.2.min_version", "commands already"),
    ('["acorn count"]', "[]", "upload_help.1.commands", "1 to 10 commands"),
    ('["acorn count"]', '[" "]', "upload_help.1.commands", "1 to 10 commands"),
    ('["acorn count"]', '["a\\nb"]', "upload_help.1.commands", "of one line each"),
    ('["acorn count"]', '"acorn count"', "upload_help.1.commands", "a list of texts"),
    ('note = "As root."', 'note = ""', "upload_help.1.note", "not empty"),
    ('note = "As root."', 'notes = "As root."', "upload_help.1.notes", "unknown key"),
    # tables
    ("[brand]", "[brands]", "brands", "unknown key"),
    ("# What we sell.", "colour = 1", "colour", "unknown key"),
    ("[new_customer_discount]", "[new_customers]", "new_customers", "unknown key"),
]


def complaint_of(text: str) -> str:
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text, source="shop.toml")
    return str(refused.value)


def line_of(text: str, path: str) -> int:
    """Where a reader would look for a key path: its own line, else the nearest table's."""
    table, numbers = "", {"": 1}
    entries: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\[\[(.*)\]\]$", line):
            entries[header.group(1)] += 1
            table = f"{header.group(1)}.{entries[header.group(1)]}"
            numbers[table] = number
        elif header := re.match(r"\[(.*)\]$", line):
            table = header.group(1).replace('"', "")
            parts = table.split(".")
            for n in range(1, len(parts) + 1):
                numbers.setdefault(".".join(parts[:n]), number)
        elif key := re.match(r"(\w+) = ", line):
            numbers[f"{table}.{key.group(1)}" if table else key.group(1)] = number
    while path not in numbers:
        path = path.rpartition(".")[0]
    return numbers[path]


def test_the_base_of_the_mistakes_is_right() -> None:
    catalog = parse_catalog(VALID)
    assert catalog.brand.portal == "Bills"
    assert catalog.tos_major_version == 2
    assert list(catalog.tiers) == ["free", "legacy", "community", "basic", "large"]
    basic = catalog.tier("basic")
    assert (basic.rank, basic.minimum_licenses, basic.trial_days) == (3, 5, 30)
    assert basic.includes == ("Push", "Mail")


@pytest.mark.parametrize(("old", "new", "path", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_key_path(
    old: str, new: str, path: str, words: str
) -> None:
    assert VALID.count(old) == 1
    text = VALID.replace(old, new)
    complaint = complaint_of(text)
    assert complaint.startswith(f"shop.toml, line {line_of(text, path)}: {path}: ")
    assert words in complaint


@pytest.mark.parametrize("table", ["brand", "billing"])
def test_a_table_that_is_missing_or_none_is_named(table: str) -> None:
    without = re.sub(rf"\[{table}\]\n(.+\n)+", "", VALID)
    assert complaint_of(without) == f"shop.toml, line 1: {table}: this table is missing"
    instead = f"{table} = 5\n{without}"
    assert complaint_of(instead) == f"shop.toml, line 1: {table}: must be a table"


def test_commands_are_no_table() -> None:
    for wrong in ("upload_help = 5\n", 'upload_help = ["a"]\n', "[upload_help]\nnote = 'x'\n"):
        without = VALID[: VALID.index("[[upload_help]]")]
        text = wrong + without if wrong.startswith("upload") else without + wrong
        assert "upload_help: must be tables, each beginning with" in complaint_of(text)


NEW = UploadHelp("9.0", ("acorn count",), "As root.")
OLD = UploadHelp("2", ("acorn-count", "acorn-send --now"), "")


@pytest.mark.parametrize(
    ("version", "chosen"),
    [
        ("9.0", (NEW,)),
        ("9", (NEW,)),
        ("10.1-dev+git", (NEW,)),
        ("9.0-beta2", (NEW,)),
        ("8.99", (OLD,)),
        ("2.0.0", (OLD,)),
        ("1.9", (NEW, OLD)),
        ("", (NEW, OLD)),
        ("main", (NEW, OLD)),
        (None, (NEW, OLD)),
    ],
)
def test_a_server_is_told_the_commands_of_its_version(
    version: str | None, chosen: tuple[UploadHelp, ...]
) -> None:
    assert choose_upload_help(parse_catalog(VALID).upload_help, version=version) == chosen


def test_versions_in_any_order_are_told_newest_first() -> None:
    head, new, old = VALID.split("[[upload_help]]")
    turned = f"{head}[[upload_help]]{old}\n[[upload_help]]{new}"
    assert parse_catalog(turned).upload_help == (NEW, OLD)


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_none(text: str) -> None:
    version = parse_version(text)
    assert version is None or all(number >= 0 for number in version)


def test_a_catalog_without_tiers_is_refused() -> None:
    without = VALID[: VALID.index("[tiers.free]")]
    assert complaint_of(without) == "shop.toml, line 1: tiers: at least one tier is needed"
    assert complaint_of("tiers = 5\n" + without).startswith("shop.toml, line 1: tiers: ")


def test_a_file_that_is_not_toml_is_refused_with_its_line() -> None:
    text = VALID.replace('title = "Basic"', 'title = "Basic')
    number = text.splitlines().index('title = "Basic') + 1
    assert f"line {number}" in complaint_of(text)


def test_a_key_given_twice_is_refused_with_its_line() -> None:
    text = VALID.replace("free_seats = 10", "free_seats = 10\nfree_seats = 11")
    assert "shop.toml" in complaint_of(text)
    assert f"line {text.splitlines().index('free_seats = 11') + 1}" in complaint_of(text)


def test_keys_written_in_other_ways_are_found_too() -> None:
    text = VALID.replace("free_seats = 10", '  "free_seats"   =   -1  # ten')
    assert complaint_of(text).startswith("shop.toml, line 14: billing.free_seats: ")
    text = VALID.replace("[billing]", "[ billing ] # money").replace("= 10\n", "= -1\n")
    assert complaint_of(text).startswith("shop.toml, line 14: billing.free_seats: ")
    inline = VALID.replace(
        "[tiers.basic.prices.usd]\nmonthly = 350\nannual = 4200\n",
        "prices = { usd = { monthly = 0, annual = 4200 } }\n",
    )
    line = inline.splitlines().index("prices = { usd = { monthly = 0, annual = 4200 } }") + 1
    assert complaint_of(inline).startswith(
        f"shop.toml, line {line}: tiers.basic.prices.usd.monthly: "
    )


def test_lists_over_several_lines_do_not_confuse_the_lines() -> None:
    text = VALID.replace("[3, 5]", "[\n  3,\n  5,\n]").replace("months = 12", "months = 0")
    number = text.splitlines().index("months = 0") + 1
    assert complaint_of(text).startswith(f"shop.toml, line {number}: new_customer_discount.months")


def test_what_may_be_left_out() -> None:
    text = re.sub(
        r"(?m)^(portal|accent_color|logo_text|entitlement|tos_version|free_seats|min_invoiced_"
        r"licenses|max_self_serve_licenses|days_until_due|dunning_gap_days|minimum_licenses|"
        r"self_serve|trial_days|includes) = .*\n",
        "",
        VALID,
    )
    text = re.sub(r"\[new_customer_discount\]\n(.+\n)+", "", text)
    text = text[: text.index("[[upload_help]]")]
    catalog = parse_catalog(text)
    brand, basic = catalog.brand, catalog.tier("basic")
    assert (brand.portal, brand.logo_text, brand.tos_version) == ("Tallyport", "A", "1.0")
    assert (brand.accent_color, brand.entitlement) == ("#2f5dd0", "push notifications")
    assert (catalog.free_seats, catalog.min_invoiced_licenses) == (10, 30)
    assert (catalog.max_self_serve_licenses, catalog.days_until_due) == (1000, 30)
    assert catalog.dunning_gap_days == (3, 5)
    assert catalog.estimate_when_stale is False
    assert catalog.new_customer_discount is None
    assert (catalog.upload_help, catalog.brand.logo) == ((), None)
    assert (basic.minimum_licenses, basic.self_serve, basic.trial_days) == (1, False, 0)
    assert basic.includes == ()


def test_each_kind_of_customer_has_its_own_trial() -> None:
    basic = parse_catalog(VALID).tier("basic")
    assert set(basic.trials.values()) == {30}
    text = VALID.replace("trial_days = 30", "trial_days = { server = 14 }")
    basic = parse_catalog(text).tier("basic")
    assert basic.trials == {CustomerKind.SERVER: 14, CustomerKind.ORGANIZATION: 0}
    assert basic.trial_days == 14


def test_a_second_currency_may_be_priced() -> None:
    text = VALID.replace(
        "[tiers.large]", "[tiers.basic.prices.eur]\nmonthly = 330\nannual = 3960\n[tiers.large]"
    )
    assert parse_catalog(text).tier("basic").price("eur", MONTHLY) == 330


def test_a_currency_is_read_in_small_letters() -> None:
    assert parse_catalog(VALID.replace('"usd"', '"USD"')).currency == "usd"


def test_the_shipped_catalog() -> None:
    catalog = parse_catalog((ROOT / "catalog.toml").read_text())
    assert list(catalog.tiers) == [
        "free",
        "legacy",
        "community",
        "basic",
        "business",
        "enterprise",
    ]
    assert [tier.key for tier in catalog.self_serve_tiers()] == ["basic", "business"]
    discount = catalog.new_customer_discount
    assert discount is not None
    assert (discount.amount, discount.months) == (2000, 12)
    assert (catalog.free_seats, catalog.min_invoiced_licenses) == (10, 30)
    assert [catalog.tier("basic").price("usd", each) for each in (MONTHLY, ANNUAL)] == [350, 4200]
    business = catalog.tier("business")
    assert [business.price("usd", each) for each in (MONTHLY, ANNUAL)] == [800, 8000]
    assert business.minimum_licenses == 25
    assert catalog.tier("enterprise").kind is TierKind.FIXED
    assert all(tier.trial_days == 0 for tier in catalog.tiers.values())
    assert [entry.min_version for entry in catalog.upload_help] == ["8.0", "1.0"]
    with pytest.raises(KeyError):
        catalog.tier("enterprise").price("usd", MONTHLY)
    with pytest.raises(KeyError):
        catalog.tier("premium")


def test_the_catalog_of_the_examples() -> None:
    catalog = parse_catalog((ROOT / "tests/catalogs/examples.toml").read_text())
    assert catalog.new_customer_discount is None
    standard, plus = catalog.tier("standard"), catalog.tier("plus")
    assert [standard.price("usd", each) for each in (MONTHLY, ANNUAL)] == [800, 8000]
    assert [plus.price("usd", each) for each in (MONTHLY, ANNUAL)] == [1200, 12_000]
    assert (standard.minimum_licenses, plus.minimum_licenses) == (1, 10)


@given(text=st.text(max_size=200))
def test_any_text_is_a_catalog_or_a_complaint(text: str) -> None:
    with pytest.raises(CatalogError):
        parse_catalog(text)


@given(data=st.data())
def test_any_damage_is_a_catalog_or_a_complaint(data: st.DataObject) -> None:
    """Lines lost, doubled or exchanged: never another error than the one that names a line."""
    lines = VALID.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        a, b = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[a] = data.draw(st.sampled_from(("", lines[b], lines[a] + lines[b], "x = 1")))
    try:
        parse_catalog("\n".join(lines), source="shop.toml")
    except CatalogError as error:
        assert str(error).startswith("shop.toml")
