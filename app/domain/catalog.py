"""The catalog: what the vendor sells, read from one TOML file and checked as a whole.

Amounts are integer cents per license and cycle. Every complaint names the key path and its line.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.brand import Brand, read_brand
from app.domain.catalog_reader import CatalogError, Reader
from app.domain.kinds import CustomerKind, Schedule, TierKind
from app.domain.upload_help import UploadHelp, read_upload_help


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier. `prices` maps (currency, schedule) to cents; empty for tiers without a price.

    `rank` is the order of the file: what counts as an upgrade comes from it. `trials` are the days
    of a free trial by kind of customer.
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
    trials: Mapping[CustomerKind, int]

    @property
    def trial_days(self) -> int:
        """The longest free trial that anybody gets, in days."""
        return max(self.trials.values())

    def price(self, currency: str, schedule: Schedule) -> int:
        """Cents for one license and one cycle. KeyError when the tier is not sold that way."""
        return self.prices[currency, schedule]


@dataclass(frozen=True, slots=True)
class NewCustomerDiscount:
    """`amount` cents off each month, for the first `months` months that are paid."""

    amount: int
    months: int


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
    estimate_when_stale: bool
    # From these on a second person of staff has to approve: hundredths of a percent, and cents.
    approval_percent: int | None
    approval_amount: int | None
    tiers: Mapping[str, Tier]
    upload_help: tuple[UploadHelp, ...]

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


def parse_catalog(text: str, *, source: str = "catalog.toml") -> Catalog:
    """Read and check a catalog. Raises CatalogError naming the file, line and key path."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{source}: {error}") from None
    reader = Reader(text, source)
    reader.only(
        data,
        "",
        {"brand", "billing", "new_customer_discount", "support", "tiers", "upload_help"},
    )
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
            "estimate_when_stale",
        },
    )
    currency = reader.text(billing, "billing.currency").lower()
    if currency not in _TWO_DECIMAL_CURRENCIES:
        raise reader.fail("billing.currency", "must be a currency with two decimals, like usd")
    min_invoiced = reader.number(billing, "billing.min_invoiced_licenses", default=30, least=1)
    percent = _read_threshold(reader, data, "approval_percent", most=100)
    return Catalog(
        brand=read_brand(reader, data),
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
        estimate_when_stale=reader.flag(billing, "billing.estimate_when_stale", default=False),
        approval_percent=None if percent is None else percent * 100,
        approval_amount=_read_threshold(reader, data, "approval_amount"),
        tiers=_read_tiers(reader, data, currency),
        upload_help=read_upload_help(reader, data),
    )


def _read_threshold(
    reader: Reader, data: Mapping[str, Any], name: str, *, most: int = 1_000_000_000
) -> int | None:
    """From where on a second person approves; None (the key is missing) asks for nobody."""
    if "support" not in data:
        return None
    table = reader.table(data, "support", {"approval_percent", "approval_amount"})
    if name not in table:
        return None
    return reader.number(table, f"support.{name}", least=1, most=most)


def _read_discount(reader: Reader, data: Mapping[str, Any]) -> NewCustomerDiscount | None:
    if "new_customer_discount" not in data:
        return None
    table = reader.table(data, "new_customer_discount", {"amount", "months"})
    return NewCustomerDiscount(
        amount=reader.number(table, "new_customer_discount.amount", least=1),
        months=reader.number(table, "new_customer_discount.months", least=1, most=120),
    )


def _read_gaps(reader: Reader, billing: Mapping[str, Any]) -> tuple[int, ...]:
    gaps = billing.get("dunning_gap_days", [3, 5])
    whole = isinstance(gaps, list) and all(type(gap) is int and gap > 0 for gap in gaps)
    if not whole:
        raise reader.fail("billing.dunning_gap_days", "must be a list of days, like [3, 5]")
    return tuple(gaps)


def _read_tiers(reader: Reader, data: Mapping[str, Any], currency: str) -> dict[str, Tier]:
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
    reader: Reader, tables: Mapping[str, Any], key: str, rank: int, currency: str
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
        trials=_read_trials(reader, table, path, kind),
    )


def _read_trials(
    reader: Reader, table: Mapping[str, Any], path: str, kind: TierKind
) -> dict[CustomerKind, int]:
    """Days of a free trial: one number for everybody, or one for each kind of customer."""
    where = f"{path}.trial_days"
    if isinstance(table.get("trial_days"), dict):
        named = reader.table(table, where, {each.value for each in CustomerKind})
        trials = {
            each: reader.number(named, f"{where}.{each.value}", default=0, most=365)
            for each in CustomerKind
        }
    else:
        trials = dict.fromkeys(CustomerKind, reader.number(table, where, default=0, most=365))
    if any(trials.values()) and kind is not TierKind.PAID:
        raise reader.fail(where, "only a paid tier has a free trial")
    return trials


def _read_prices(
    reader: Reader, table: Mapping[str, Any], path: str, kind: TierKind, currency: str
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


__all__ = [
    "Brand",
    "Catalog",
    "CatalogError",
    "NewCustomerDiscount",
    "Tier",
    "UploadHelp",
    "parse_catalog",
]
