"""Words about acts of staff: what changed of a customer, and why an act was not done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import StaffActionStatus
from app.services.context import Context
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {
    "action_already_sent": _l("That was sent already, so it was not done a second time."),
    "action_decided": _l("Somebody else has decided this already."),
    "approval_by_same_person": _l("Whoever asked for it cannot approve it: ask somebody else."),
    "coupon_needs_administrator": _l(
        "A coupon of this size is made by an administrator: ask one, or choose less."
    ),
    "coupon_percent_or_amount": _l("Enter a percentage or an amount, one of the two."),
    "mail_holds_a_secret": _l("Its link is used up or gone. Make a new login link instead."),
    "note_empty": _l("Write something, or cancel."),
    "note_too_long": _l("A note has at most %(maximum)s characters."),
    "approval_of_another": _l("Only the person who asked for it can withdraw it."),
}

_NAMES = {
    "server": _l("Server"),
    "server_deactivated": _l("Deactivated"),
    "required_tier": _l("Required tier"),
    "discount_percent": _l("Discount"),
    "discount_monthly_price": _l("Discounted monthly price"),
    "discount_annual_price": _l("Discounted annual price"),
    "discount_ends_at": _l("End of the discount"),
    "minimum_licenses": _l("Minimum of licenses"),
    "exempt": _l("Exempt from the license check"),
    "sponsorship_pending": _l("Sponsorship pending"),
    "parked_at": _l("Parked"),
    "plan": _l("Plan"),
    "status": _l("State"),
    "at_cycle_end": _l("At the cycle's end"),
    "schedule": _l("Schedule"),
    "management": _l("License management"),
    "collection": _l("Collection"),
    "price": _l("Price of a license"),
    "fixed_price": _l("Fixed price"),
    "end_date": _l("End"),
    "next_plan": _l("Next plan"),
    "licenses": _l("Licenses"),
    "offer_price": _l("Offer"),
}
_PRICES = frozenset(
    {"discount_monthly_price", "discount_annual_price", "price", "fixed_price", "offer_price"}
)
_DAYS = frozenset({"server_deactivated", "discount_ends_at", "parked_at", "end_date"})


@dataclass(frozen=True, slots=True)
class FactChange:
    """Something that is not as it was seen, in words."""

    name: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """The same in one line."""
        return gettext(
            "%(name)s: was %(before)s, is %(after)s.",
            name=self.name,
            before=self.before,
            after=self.after,
        )


def describe_changes(
    ctx: Context, changes: Mapping[str, tuple[Any, Any]]
) -> tuple[FactChange, ...]:
    """The differences of `changed_facts` in words."""
    return tuple(
        FactChange(
            name=fact_name(name),
            before=fact_word(ctx, name, before),
            after=fact_word(ctx, name, after),
        )
        for name, (before, after) in changes.items()
    )


def fact_name(name: str) -> str:
    """What a fact of a customer is called."""
    return str(_NAMES.get(name, name))


def fact_word(ctx: Context, name: str, value: Any) -> str:
    """The value of a fact in words; amounts in the catalog's currency."""
    if value is None:
        return gettext("none")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if name == "discount_percent":
        return f"{value // 100}.{value % 100:02} %"
    if name in _PRICES:
        return format_money(value, ctx.catalog.currency)
    if name in _DAYS:
        return format_date(datetime.fromisoformat(value))
    if name in {"plan", "required_tier", "next_plan"} and value in ctx.catalog.tiers:
        return ctx.catalog.tier(value).title
    return str(value).replace("_", " ")


def action_status_word(status: StaffActionStatus) -> str:
    """Where an act of staff stands."""
    words = {
        StaffActionStatus.WAITING: gettext("waits"),
        StaffActionStatus.RUNNING: gettext("approved, being done"),
        StaffActionStatus.DONE: gettext("done"),
        StaffActionStatus.REFUSED: gettext("approved, but the rules refused it"),
        StaffActionStatus.REJECTED: gettext("rejected"),
        StaffActionStatus.WITHDRAWN: gettext("taken back"),
    }
    return words[status]
