"""The catalogue: what the vendor sells, read from one TOML file and checked as a whole.

Amounts are integer cents per license and cycle. Every complaint names the key path and its line.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.kinds import Schedule, TierKind


class CatalogError(Exception):
    """The catalogue cannot be used; the text is "<file>, line <n>: <key path>: <what>"."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier. `prices` maps (currency, schedule) to cents; empty for tiers without a price.

    `rank` is the order of the file: what counts as an upgrade comes from it.
    """

    key: str
    title: str
    kind: TierKind
    rank: int
    summary: str
    includes: tuple[str, ...]
    prices: Mapping[tuple[str, Schedule], int]
    minimum_licenses: int
    self_serve: bool
    trial_days: int

    def price(self, currency: str, schedule: Schedule) -> int:
        """Cents for one license and one cycle. KeyError when the tier is not sold that way."""
        return self.prices[currency, schedule]


@dataclass(frozen=True, slots=True)
class NewCustomerDiscount:
    """`amount` cents off each month, for the first `months` months that are paid."""

    amount: int
    months: int


@dataclass(frozen=True, slots=True)
class Brand:
    """How the pages and mails call and color the product."""

    product: str
    portal: str
    accent_color: str
    logo_text: str
    entitlement: str
    support_email: str
    tos_version: str
    tos_url: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the vendor decides."""

    brand: Brand
    currency: str
    free_seats: int
    new_customer_discount: NewCustomerDiscount | None
    min_invoiced_licenses: int
    max_self_serve_licenses: int
    days_until_due: int
    dunning_gap_days: tuple[int, ...]
    tiers: Mapping[str, Tier]

    def tier(self, key: str) -> Tier:
        """The tier of that key. KeyError when there is none."""
        return self.tiers[key]

    def self_serve_tiers(self) -> list[Tier]:
        """What a customer can buy alone, cheapest first as the file orders them."""
        return [tier for tier in self.tiers.values() if tier.self_serve]

    @property
    def tos_major_version(self) -> int:
        """The part of the ToS version whose change asks everyone to accept again."""
        return int(self.brand.tos_version.split(".")[0])


_TIER_KEY = re.compile(r"[a-z][a-z0-9_]{1,30}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_TWO_DECIMAL_CURRENCIES = frozenset(
    [
        "aed",
        "ars",
        "aud",
        "bgn",
        "brl",
        "cad",
        "chf",
        "cny",
        "czk",
        "dkk",
        "eur",
        "gbp",
        "hkd",
        "huf",
        "ils",
        "inr",
        "mxn",
        "myr",
        "nok",
        "nzd",
        "php",
        "pln",
        "ron",
        "sar",
        "sek",
        "sgd",
        "thb",
        "try",
        "twd",
        "uah",
        "usd",
        "zar",
    ]
)
_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")


def _line_numbers(text: str) -> dict[str, int]:
    """Where each key path stands, counted from 1."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header.group(1).replace(" ", "").replace('"', "")
            # A table that is only named as part of another one stands where it is named first.
            parts = table.split(".")
            for depth in range(1, len(parts) + 1):
                lines.setdefault(".".join(parts[:depth]), number)
        elif key := _KEY.match(line):
            name = key.group(1).replace(" ", "").replace('"', "")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


class _Reader:
    """Walks the parsed file, remembering the path for complaints."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines = _line_numbers(text)

    def fail(self, path: str, what: str) -> CatalogError:
        known = path
        while known and known not in self.lines:
            known = known.rpartition(".")[0]
        return CatalogError(f"{self.source}, line {self.lines.get(known, 1)}: {path}: {what}")

    def table(self, parent: Mapping[str, Any], path: str, keys: set[str]) -> Mapping[str, Any]:
        name = path.rpartition(".")[2]
        value = parent.get(name)
        if value is None:
            raise self.fail(path, "this table is missing")
        if not isinstance(value, dict):
            raise self.fail(path, "must be a table")
        self.only(value, path, keys)
        return value

    def only(self, table: Mapping[str, Any], path: str, keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                where = f"{path}.{key}" if path else key
                raise self.fail(where, f"unknown key; known are {', '.join(sorted(keys))}")

    def text(self, table: Mapping[str, Any], path: str, default: str | None = None) -> str:
        value = table.get(path.rpartition(".")[2], default)
        if value is None:
            raise self.fail(path, "is missing")
        if not isinstance(value, str) or not value.strip():
            raise self.fail(path, "must be a text that is not empty")
        return value

    def number(
        self,
        table: Mapping[str, Any],
        path: str,
        *,
        default: int | None = None,
        least: int = 0,
        most: int = 10_000_000,
    ) -> int:
        value = table.get(path.rpartition(".")[2], default)
        if value is None:
            raise self.fail(path, "is missing")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(path, f"must be a whole number, not {value!r}")
        if not least <= value <= most:
            raise self.fail(path, f"must be between {least} and {most}, not {value}")
        return value

    def flag(self, table: Mapping[str, Any], path: str, *, default: bool) -> bool:
        value = table.get(path.rpartition(".")[2], default)
        if not isinstance(value, bool):
            raise self.fail(path, "must be true or false")
        return value

    def texts(self, table: Mapping[str, Any], path: str) -> tuple[str, ...]:
        value = table.get(path.rpartition(".")[2], [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(path, "must be a list of texts")
        return tuple(value)


def parse_catalog(text: str, *, source: str = "catalog.toml") -> Catalog:
    """Read and check a catalogue. Raises CatalogError naming the file, line and key path."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{source}: {error}") from None
    reader = _Reader(text, source)
    reader.only(data, "", {"brand", "billing", "new_customer_discount", "tiers"})
    billing = reader.table(
        data,
        "billing",
        {
            "currency",
            "free_seats",
            "min_invoiced_licenses",
            "max_self_serve_licenses",
            "days_until_due",
            "dunning_gap_days",
        },
    )
    currency = reader.text(billing, "billing.currency").lower()
    if currency not in _TWO_DECIMAL_CURRENCIES:
        raise reader.fail("billing.currency", "must be a currency with two decimals, like usd")
    min_invoiced = reader.number(billing, "billing.min_invoiced_licenses", default=30, least=1)
    return Catalog(
        brand=_read_brand(reader, data),
        currency=currency,
        free_seats=reader.number(billing, "billing.free_seats", default=10),
        new_customer_discount=_read_discount(reader, data),
        min_invoiced_licenses=min_invoiced,
        max_self_serve_licenses=reader.number(
            billing, "billing.max_self_serve_licenses", default=1000, least=min_invoiced
        ),
        days_until_due=reader.number(
            billing, "billing.days_until_due", default=30, least=1, most=365
        ),
        dunning_gap_days=_read_gaps(reader, billing),
        tiers=_read_tiers(reader, data, currency),
    )


def _read_brand(reader: _Reader, data: Mapping[str, Any]) -> Brand:
    names = {
        "product",
        "portal",
        "accent_color",
        "logo_text",
        "entitlement",
        "support_email",
        "tos_version",
        "tos_url",
    }
    table = reader.table(data, "brand", names)
    support_email = reader.text(table, "brand.support_email")
    if not _EMAIL.fullmatch(support_email):
        raise reader.fail("brand.support_email", "must be an email address")
    color = reader.text(table, "brand.accent_color", "#2f5dd0")
    if not _COLOR.fullmatch(color):
        raise reader.fail("brand.accent_color", "must be a color like #2f5dd0")
    tos_version = reader.text(table, "brand.tos_version", "1.0")
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", tos_version):
        raise reader.fail("brand.tos_version", "must be a version like 1.0")
    tos_url = reader.text(table, "brand.tos_url")
    if not re.fullmatch(r"(https?://[^\s\"'<>]+|/[^\s\"'<>]*)", tos_url):
        raise reader.fail("brand.tos_url", "must be an http address or a path")
    product = reader.text(table, "brand.product")
    return Brand(
        product=product,
        portal=reader.text(table, "brand.portal", "Tallyport"),
        accent_color=color,
        logo_text=reader.text(table, "brand.logo_text", product[:1]),
        entitlement=reader.text(table, "brand.entitlement", "push notifications"),
        support_email=support_email,
        tos_version=tos_version,
        tos_url=tos_url,
    )


def _read_discount(reader: _Reader, data: Mapping[str, Any]) -> NewCustomerDiscount | None:
    if "new_customer_discount" not in data:
        return None
    table = reader.table(data, "new_customer_discount", {"amount", "months"})
    return NewCustomerDiscount(
        amount=reader.number(table, "new_customer_discount.amount", least=1),
        months=reader.number(table, "new_customer_discount.months", least=1, most=120),
    )


def _read_gaps(reader: _Reader, billing: Mapping[str, Any]) -> tuple[int, ...]:
    gaps = billing.get("dunning_gap_days", [3, 5])
    whole = isinstance(gaps, list) and all(type(gap) is int and gap > 0 for gap in gaps)
    if not whole:
        raise reader.fail("billing.dunning_gap_days", "must be a list of days, like [3, 5]")
    return tuple(gaps)


def _read_tiers(reader: _Reader, data: Mapping[str, Any], currency: str) -> dict[str, Tier]:
    tables = data.get("tiers")
    if not isinstance(tables, dict) or not tables:
        raise reader.fail("tiers", "at least one tier is needed")
    tiers = {
        key: _read_tier(reader, tables, key, rank, currency) for rank, key in enumerate(tables)
    }
    for needed in (TierKind.FREE, TierKind.LEGACY, TierKind.SPONSORED):
        if sum(tier.kind is needed for tier in tiers.values()) != 1:
            raise reader.fail("tiers", f"exactly one tier of kind {needed} is needed")
    return tiers


def _read_tier(
    reader: _Reader, tables: Mapping[str, Any], key: str, rank: int, currency: str
) -> Tier:
    path = f"tiers.{key}"
    if not _TIER_KEY.fullmatch(key):
        raise reader.fail(path, "a tier is named by lower-case letters, digits and _")
    names = {
        "title",
        "kind",
        "summary",
        "includes",
        "prices",
        "minimum_licenses",
        "self_serve",
        "trial_days",
    }
    table = reader.table(tables, path, names)
    kind_text = reader.text(table, f"{path}.kind")
    try:
        kind = TierKind(kind_text)
    except ValueError:
        known = ", ".join(TierKind)
        raise reader.fail(f"{path}.kind", f"must be one of {known}, not {kind_text!r}") from None
    self_serve = reader.flag(table, f"{path}.self_serve", default=False)
    if self_serve and kind is not TierKind.PAID:
        raise reader.fail(f"{path}.self_serve", "only a paid tier can be bought alone")
    return Tier(
        key=key,
        title=reader.text(table, f"{path}.title"),
        kind=kind,
        rank=rank,
        summary=reader.text(table, f"{path}.summary"),
        includes=reader.texts(table, f"{path}.includes"),
        prices=_read_prices(reader, table, path, kind, currency),
        minimum_licenses=reader.number(
            table, f"{path}.minimum_licenses", default=1, least=1, most=100_000
        ),
        self_serve=self_serve,
        trial_days=reader.number(table, f"{path}.trial_days", default=0, most=365),
    )


def _read_prices(
    reader: _Reader, table: Mapping[str, Any], path: str, kind: TierKind, currency: str
) -> dict[tuple[str, Schedule], int]:
    if kind is not TierKind.PAID:
        if "prices" in table:
            raise reader.fail(f"{path}.prices", f"a tier of kind {kind} has no price list")
        return {}
    prices: dict[tuple[str, Schedule], int] = {}
    listed = table.get("prices")
    if not isinstance(listed, dict) or currency not in listed:
        raise reader.fail(f"{path}.prices", f"a price in {currency} is needed")
    for code in listed:
        where = f"{path}.prices.{code}"
        if code not in _TWO_DECIMAL_CURRENCIES:
            raise reader.fail(where, "must be a currency with two decimals, like usd")
        row = reader.table(listed, where, {schedule.value for schedule in Schedule})
        for schedule in Schedule:
            prices[code, schedule] = reader.number(row, f"{where}.{schedule.value}", least=1)
    return prices
