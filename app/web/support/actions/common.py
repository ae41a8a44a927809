"""What several acts share: fields, choices, and what facts say about a customer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.catalog import Catalog, Tier
from app.domain.kinds import Schedule, TierKind
from app.services.staff_actions import Facts
from app.web.forms import clean_text
from app.web.support.actions.forms import DayField
from app.web.wording import schedule_word
from app.web.wordings.staff_acts import DAY_HINT, OWNER_HINT

# What the columns that keep it have room for.
LONGEST_OWNER = 120
NOT_A_CUSTOMER = _l("It is not a customer yet: nothing was agreed with it.")


def owner_field() -> StringField:
    """Who promised it."""
    return StringField(
        _l("Who promised it"),
        filters=[clean_text],
        validators=[Optional(), Length(max=LONGEST_OWNER)],
        description=OWNER_HINT,
    )


def day_field(label: Any, *, optional: bool = False, hint: Any = DAY_HINT) -> DayField:
    """A day of the calendar, as its start."""
    return DayField(
        label,
        validators=[Optional() if optional else InputRequired()],
        description=hint,
        render_kw={"type": "date"},
    )


def schedule_choices() -> list[tuple[str, str]]:
    """How often a plan is billed."""
    return [(schedule.value, schedule_word(schedule)) for schedule in Schedule]


def tier_choices(catalog: Catalog, kinds: Iterable[TierKind]) -> list[tuple[str, str]]:
    """The tiers of these kinds, in the catalog's order."""
    wanted = tuple(kinds)
    return [(tier.key, tier.title) for tier in catalog.tiers.values() if tier.kind in wanted]


def title_of(catalog: Catalog, key: str | None) -> str:
    """What a tier is called; its key when it is not sold any more."""
    tier = catalog.tiers.get(key or "")
    return tier.title if tier is not None else str(key)


def required_tier(facts: Facts, catalog: Catalog) -> Tier | None:
    """The tier that what was agreed is for."""
    return catalog.tiers.get(facts.get("required_tier") or "")


def has_discount(facts: Facts) -> bool:
    """Whether staff took anything off the price."""
    names = ("discount_percent", "discount_monthly_price", "discount_annual_price")
    return any(facts.get(name) is not None for name in names)


def is_of_kind(facts: Facts, catalog: Catalog, kind: TierKind) -> bool:
    """Whether the plan that runs is of a tier of that kind."""
    tier = catalog.tiers.get(facts.get("plan") or "")
    return tier is not None and tier.kind is kind


def costs_nothing(facts: Facts) -> bool:
    """Whether the plan that runs is free of charge until an agreed day."""
    return facts.get("plan") is not None and not facts["price"] and facts["fixed_price"] is None


def has_agreed_end(facts: Facts) -> bool:
    """Whether staff agreed the price and the end of the plan that runs."""
    return facts.get("plan") is not None and (
        costs_nothing(facts) or facts["fixed_price"] is not None
    )


def why_no_licensed_plan(facts: Facts) -> object:
    """Why nothing can be changed of a plan by licenses: there is none."""
    if facts.get("plan") is None:
        return _l("There is no plan that runs.")
    if has_agreed_end(facts):
        return _l("The plan that runs ends as agreed; it has no licenses to pay for.")
    return None


def instant_of(facts: Facts, name: str) -> datetime | None:
    """A fact that is a time."""
    value = facts.get(name)
    return datetime.fromisoformat(value) if value is not None else None
