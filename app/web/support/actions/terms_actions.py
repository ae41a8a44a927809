"""Acts about what was agreed with a customer: tier, discount, minimum, exemption."""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import SelectField
from wtforms.validators import Optional

from app.domain.catalog import Catalog
from app.domain.discounts import StaffDiscount
from app.domain.kinds import Schedule
from app.domain.money import rate_off
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.set_customer_discount import SetDiscount, set_customer_discount
from app.services.set_license_rules import set_exempt, set_minimum_licenses
from app.services.set_required_tier import SOLD, set_required_tier
from app.services.staff_actions import Facts
from app.services.staff_change import StaffChange
from app.web.fields import NumberField
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.common import (
    NOT_A_CUSTOMER,
    day_field,
    has_discount,
    owner_field,
    required_tier,
    tier_choices,
    title_of,
)
from app.web.support.actions.forms import ActionForm, HundredthsField
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, Weight
from app.web.wording import count_licenses, format_date
from app.web.wordings.staff_terms import discount_off


@dataclass(frozen=True, slots=True)
class Discount:
    """Hundredths of a percent, or cents for a license and cycle of each schedule."""

    percent: int | None
    monthly_price: int | None
    annual_price: int | None
    ends_at: datetime | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class RequiredTier:
    """The key of a tier, None for no tier."""

    tier: str | None


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least licenses, None for no number of its own."""

    licenses: int | None


class DiscountForm(ActionForm):
    """A percentage, or prices; with an end and whoever promised it."""

    percent = HundredthsField(
        _l("Percent off"), validators=[Optional()], render_kw={"inputmode": "decimal"}
    )
    monthly_price = HundredthsField(
        _l("Or: price of a license and month"),
        validators=[Optional()],
        render_kw={"inputmode": "decimal"},
    )
    annual_price = HundredthsField(
        _l("Or: price of a license and year"),
        validators=[Optional()],
        render_kw={"inputmode": "decimal"},
    )
    ends = day_field(
        _l("End"),
        optional=True,
        hint=_l("Renewals from this day on, 00:00 UTC, are at the full price."),
    )
    owner = owner_field()

    def validate(self, extra_validators: object = None) -> bool:
        """Refuse both ways at once, and neither."""
        is_right = super().validate(extra_validators)
        prices = (self.monthly_price.data, self.annual_price.data)
        is_priced = any(price is not None for price in prices)
        if is_right and (self.percent.data is not None) == is_priced:
            said = _l("Enter a percentage, or prices.")
            self.percent.errors = [*self.percent.errors, str(said)]
            return False
        return is_right


class RequiredTierForm(ActionForm):
    """Which tier the customer is to take."""

    tier = SelectField(_l("Tier"), validators=[Optional()])


class MinimumForm(ActionForm):
    """The least number of licenses."""

    licenses = NumberField(
        _l("Minimum of licenses"),
        validators=[Optional()],
        description=_l("Leave it empty for no minimum of its own."),
        render_kw={"inputmode": "numeric"},
    )


def _read_discount(form: DiscountForm) -> Discount:
    return Discount(
        percent=form.percent.data,
        monthly_price=form.monthly_price.data,
        annual_price=form.annual_price.data,
        ends_at=form.ends.instant(),
        owner=form.owner.data or None,
    )


def _fill_discount(form: DiscountForm, _ctx: Context, session: Session, payer: Payer) -> None:
    """The discount that there is, as a form that was not sent yet shows it."""
    customer = get_customer(session, payer)
    if customer is None or form.is_submitted():
        return
    form.percent.data = customer.discount_percent
    form.monthly_price.data = customer.discount_monthly_price
    form.annual_price.data = customer.discount_annual_price
    ends_at = customer.discount_ends_at
    form.ends.data = None if ends_at is None else ends_at.date()
    form.owner.data = customer.discount_owner


def _set_discount(
    ctx: Context, payer: Payer, command: Discount, deed: Deed, is_trial: bool
) -> StaffChange:
    discount = StaffDiscount(
        command.percent, command.monthly_price, command.annual_price, command.ends_at
    )
    wanted = SetDiscount(discount=discount, owner=command.owner, reason=deed.reason)
    return set_customer_discount(ctx, payer, wanted, actor=deed.actor, dry_run=is_trial)


def _remove_discount(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> StaffChange:
    wanted = SetDiscount(discount=None, reason=deed.reason)
    return set_customer_discount(ctx, payer, wanted, actor=deed.actor, dry_run=is_trial)


def _set_tier(
    ctx: Context, payer: Payer, command: RequiredTier, deed: Deed, is_trial: bool
) -> StaffChange:
    return set_required_tier(
        ctx, payer, command.tier, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _set_minimum(
    ctx: Context, payer: Payer, command: Minimum, deed: Deed, is_trial: bool
) -> StaffChange:
    return set_minimum_licenses(
        ctx, payer, command.licenses, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _exempt(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> StaffChange:
    return set_exempt(ctx, payer, True, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _end_exemption(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> StaffChange:
    return set_exempt(ctx, payer, False, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def weigh_discount(asked: Asked[Discount]) -> Weight:
    """The greatest share that is taken off a price, and cents a year for the licenses of a plan of
    the tier; without such a plan only the share is known."""
    catalog, command = asked.ctx.catalog, asked.command
    tier = required_tier(asked.facts, catalog)
    if tier is None:
        return Weight(percent=command.percent or 0)
    discount = StaffDiscount(command.percent, command.monthly_price, command.annual_price)
    rates, amount = [command.percent or 0], 0
    for schedule in Schedule:
        listed = tier.price(catalog.currency, schedule)
        price = discount.price_for(listed, schedule)
        if price is None:
            continue
        if command.percent is None:
            rates.append(rate_off(price, listed))
        if (asked.facts.get("plan"), asked.facts.get("schedule")) == (tier.key, schedule.value):
            cycles = 12 // schedule.months
            amount = (listed - price) * cycles * (asked.facts.get("licenses") or 0)
    return Weight(percent=max(rates), amount=amount)


def _discount_effect(asked: Asked[Discount]) -> list[str]:
    catalog, command = asked.ctx.catalog, asked.command
    said = [
        gettext(
            "Give %(name)s %(off)s %(tier)s.",
            name=asked.payer.display_name,
            off=discount_off(
                catalog.currency,
                percent=command.percent,
                monthly=command.monthly_price,
                annual=command.annual_price,
            ),
            tier=title_of(catalog, asked.facts.get("required_tier")),
        ),
        gettext("It is for the plan that runs, the one that is scheduled, and every later one."),
    ]
    if command.ends_at is not None:
        day = format_date(command.ends_at)
        said.append(gettext("Renewals from %(day)s on are at the full price.", day=day))
    return said


def _why_no_discount(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if required_tier(facts, catalog) is None:
        return _l("Set the required tier first: a discount is for that tier.")
    return None


def _why_not_remove(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return None if has_discount(facts) else _l("There is no discount.")


def _why_no_tier(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if has_discount(facts):
        return _l("A discount is for the tier before: remove it first.")
    if facts.get("offer_price") is not None:
        return _l("An offer is open for the tier before: withdraw it first.")
    return None


def _why_no_minimum(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    is_paid = bool(facts.get("price")) or facts.get("fixed_price") is not None
    if is_paid or facts.get("next_plan") is not None:
        return _l("A paid plan runs or is scheduled: its minimum stays as it was bought.")
    if not has_discount(facts) and facts.get("minimum_licenses") is None:
        return _l("Agree a discount first: a minimum goes with it.")
    return None


def _why_not_exempt(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return _l("It is exempt already.") if facts.get("exempt") else None


def _why_not_end_exemption(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if "exempt" not in facts:
        return NOT_A_CUSTOMER
    return None if facts["exempt"] else _l("It is not exempt.")


def _offer_tiers(form: RequiredTierForm, ctx: Context, session: Session, payer: Payer) -> None:
    form.tier.choices = [("", gettext("No tier")), *tier_choices(ctx.catalog, SOLD)]
    customer = get_customer(session, payer)
    if customer is not None and not form.is_submitted():
        form.tier.data = customer.required_plan_tier or ""


def _tier_effect(asked: Asked[RequiredTier]) -> list[str]:
    name = asked.payer.display_name
    if asked.command.tier is None:
        return [gettext("%(name)s may take any tier again.", name=name)]
    title = title_of(asked.ctx.catalog, asked.command.tier)
    return [
        gettext("%(name)s is to take %(tier)s: it can buy nothing else.", name=name, tier=title),
        gettext("Discounts and offers are for this tier. A plan that runs stays as it is."),
    ]


def _minimum_effect(asked: Asked[Minimum]) -> list[str]:
    licenses = asked.command.licenses
    if licenses is None:
        return [gettext("The minimum of the tier counts, none of its own.")]
    return [
        gettext(
            "%(name)s pays for %(licenses)s at least, whoever is there.",
            name=asked.payer.display_name,
            licenses=count_licenses(licenses),
        )
    ]


REQUIRED_TIER = Action(
    key="required-tier",
    group=ActionGroup.MONEY,
    title=_l("Set the required tier"),
    form=RequiredTierForm,
    command=RequiredTier,
    read=lambda form: RequiredTier(form.tier.data or None),
    prepare=_offer_tiers,
    act=_set_tier,
    effect=_tier_effect,
    done=lambda asked: (
        gettext("No tier is required any more.")
        if asked.command.tier is None
        else gettext(
            "The required tier is %(tier)s.", tier=title_of(asked.ctx.catalog, asked.command.tier)
        )
    ),
    unavailable=_why_no_tier,
    fields={"tier_unchanged": "tier", "tier_not_known": "tier", "tier_has_no_price": "tier"},
)
DISCOUNT = Action(
    key="discount",
    group=ActionGroup.MONEY,
    title=_l("Give a discount"),
    form=DiscountForm,
    command=Discount,
    read=_read_discount,
    prepare=_fill_discount,
    act=_set_discount,
    effect=_discount_effect,
    done=lambda asked: gettext("%(name)s has the discount.", name=asked.payer.display_name),
    weight=weigh_discount,
    unavailable=_why_no_discount,
    fields={
        "discount_percent_not_possible": "percent",
        "discount_leaves_nothing": "percent",
        "discount_price_not_positive": "monthly_price",
        "discount_not_below_list": "monthly_price",
        "date_not_ahead": "ends",
    },
)
DISCOUNT_REMOVE = Action(
    key="discount-remove",
    group=ActionGroup.MONEY,
    title=_l("Remove the discount"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_remove_discount,
    effect=lambda asked: [
        gettext(
            "%(name)s pays the full price from the next invoice on.",
            name=asked.payer.display_name,
        ),
        gettext("The minimum of licenses that was agreed with it goes, too."),
    ],
    done=lambda _asked: gettext("The discount was removed."),
    unavailable=_why_not_remove,
)
MINIMUM = Action(
    key="minimum",
    group=ActionGroup.MONEY,
    title=_l("Set the minimum of licenses"),
    form=MinimumForm,
    command=Minimum,
    read=lambda form: Minimum(form.licenses.data),
    act=_set_minimum,
    effect=_minimum_effect,
    done=lambda _asked: gettext("The minimum was set."),
    unavailable=_why_no_minimum,
    fields={"minimum_not_possible": "licenses", "minimum_without_discount": "licenses"},
)
EXEMPT = Action(
    key="exempt",
    group=ActionGroup.MONEY,
    title=_l("Exempt from the check of licenses"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_exempt,
    effect=lambda _asked: [
        gettext("Licenses that somebody chose stand, however many people there are."),
        gettext("Licenses that follow the people have no minimum."),
    ],
    done=lambda asked: gettext("%(name)s is exempt.", name=asked.payer.display_name),
    unavailable=_why_not_exempt,
)
EXEMPT_END = Action(
    key="exempt-end",
    group=ActionGroup.MONEY,
    title=_l("End the exemption"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_end_exemption,
    effect=lambda _asked: [
        gettext("Licenses follow people and minimum again, from now on."),
    ],
    done=lambda asked: gettext("%(name)s is exempt no more.", name=asked.payer.display_name),
    unavailable=_why_not_end_exemption,
)

ACTIONS = (REQUIRED_TIER, DISCOUNT, DISCOUNT_REMOVE, MINIMUM, EXEMPT, EXEMPT_END)
