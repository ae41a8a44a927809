"""The columns that every queue of staff has, whatever waits in it."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, Select, String, cast, literal, null, select

from app.domain.catalog import Catalog
from app.domain.kinds import TierKind
from app.models.base import UtcDateTime

Source = Select[Any] | CompoundSelect[Any]


class What(StrEnum):
    """What kind of thing waits, where one queue has several."""

    DISCOUNT = "discount"
    FIXED_PRICE = "fixed_price"
    LEGACY = "legacy"
    SPONSORED = "sponsored"
    REGISTRATION = "registration"
    ORGANIZATION = "organization"
    PLAN = "plan"


def queue_row(
    key: Any,
    uuid: Any,
    name: Any,
    since: Any,
    *,
    at: Any = None,
    owner: Any = None,
    what: What | None = None,
    tier: Any = None,
    number: Any = None,
    other: Any = None,
    amount: Any = None,
    currency: Any = None,
    text: Any = None,
) -> Select[Any]:
    """The columns of every queue. What a queue does not have is NULL of the right type, since some
    are made of several statements."""
    columns: dict[str, tuple[Any, Any]] = {
        "at": (at, UtcDateTime()),
        "owner": (owner, String()),
        "tier": (tier, String()),
        "number": (number, BigInteger()),
        "other": (other, BigInteger()),
        "amount": (amount, BigInteger()),
        "currency": (currency, String()),
        "text": (text, String()),
    }
    return select(
        key.label("key"),
        uuid.label("uuid"),
        name.label("name"),
        since.label("since"),
        literal(what.value if what else "").label("what"),
        *(
            (cast(null(), kind) if column is None else column).label(label)
            for label, (column, kind) in columns.items()
        ),
    )


def of_kinds(catalog: Catalog, *kinds: TierKind) -> list[str]:
    """The keys of the tiers of these kinds."""
    return [key for key, tier in catalog.tiers.items() if tier.kind in kinds]
