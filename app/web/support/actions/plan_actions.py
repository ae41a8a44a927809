"""Acts that change what a plan is: a higher tier now, another tier or schedule later."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired, Optional

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, Schedule, TierKind
from app.services.context import Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.staff_actions import Facts
from app.services.switch_plan import Scheduled, switch_at_cycle_end
from app.services.unit_of_work import UnitOfWork
from app.services.upgrade_tier import preview_upgrade, upgrade_tier
from app.web.support.actions.common import (
    schedule_choices,
    tier_choices,
    title_of,
    why_no_licensed_plan,
)
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, in_one_unit
from app.web.wording import (
    count_licenses,
    format_date,
    format_money,
    schedule_word,
)
from app.web.wordings.staff_plans import upgrade_outcome


@dataclass(frozen=True, slots=True)
class OtherTier:
    """Another tier; None renews as often as now."""

    tier: str
    schedule: Schedule | None


@dataclass(frozen=True, slots=True)
class OtherSchedule:
    """How often it renews."""

    schedule: Schedule


class TierForm(ActionForm):
    """Another tier."""

    tier = SelectField(_l("Tier"), validators=[InputRequired()])
    schedule = SelectField(_l("Billed"), validators=[Optional()])


class ScheduleForm(ActionForm):
    """By the month or the year."""

    schedule = RadioField(_l("Billed"), validators=[InputRequired()])


def _choice(work: UnitOfWork, payer: Payer, command: OtherTier) -> PlanChoice:
    customer = get_customer(work.session, payer)
    plan = get_live_plan(work.session, customer.id) if customer is not None else None
    if plan is None:
        raise BillingError("no_plan")
    return PlanChoice(command.tier, command.schedule or plan.schedule)


def _raise_tier(ctx: Context, payer: Payer, command: OtherTier, deed: Deed, is_trial: bool) -> Any:
    if is_trial:
        return make_change(
            ctx,
            lambda work: preview_upgrade(
                work, payer, _choice(work, payer, command), actor=deed.actor, by_staff=True
            ),
        )
    choice = make_change(ctx, lambda work: _choice(work, payer, command))
    return upgrade_tier(ctx, payer, choice, actor=deed.actor, by_staff=True, reason=deed.reason)


def _switch_tier(work: UnitOfWork, payer: Payer, command: OtherTier, deed: Deed) -> Scheduled:
    choice = _choice(work, payer, command)
    return switch_at_cycle_end(
        work, payer, choice, actor=deed.actor, by_staff=True, reason=deed.reason
    )


def _switch_schedule(
    work: UnitOfWork, payer: Payer, command: OtherSchedule, deed: Deed
) -> Scheduled:
    customer = get_customer(work.session, payer)
    plan = get_live_plan(work.session, customer.id) if customer is not None else None
    if plan is None:
        raise BillingError("no_plan")
    choice = PlanChoice(plan.tier, command.schedule)
    return switch_at_cycle_end(
        work, payer, choice, actor=deed.actor, by_staff=True, reason=deed.reason
    )


def _offer_tiers(form: TierForm, ctx: Context, _session: Session, _payer: Payer) -> None:
    form.tier.choices = tier_choices(ctx.catalog, (TierKind.PAID,))
    form.schedule.choices = [("", gettext("As now")), *schedule_choices()]


def _offer_schedules(form: ScheduleForm, _ctx: Context, _session: Session, _payer: Payer) -> None:
    form.schedule.choices = schedule_choices()


def _read_tier(form: TierForm) -> OtherTier:
    schedule = form.schedule.data
    return OtherTier(form.tier.data, Schedule(schedule) if schedule else None)


def _why_no_change(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return why_no_licensed_plan(facts)


def _why_no_switch(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    why_not = why_no_licensed_plan(facts)
    if why_not is None and facts["at_cycle_end"] != AtCycleEnd.RENEW.value:
        return _l("An end or a change is set already: take it back first.")
    return why_not


def _raise_effect(asked: Asked[OtherTier]) -> list[str]:
    found = asked.result
    return [
        gettext(
            "%(name)s moves from %(before)s to %(after)s now, with %(licenses)s.",
            name=asked.payer.display_name,
            before=title_of(asked.ctx.catalog, asked.facts.get("plan")),
            after=title_of(asked.ctx.catalog, asked.command.tier),
            licenses=count_licenses(found.licenses),
        ),
        gettext(
            "An invoice of %(total)s is made at once; %(credit)s that was paid for time that is "
            "left comes off it, so %(due)s is due.",
            total=format_money(found.total, found.currency),
            credit=format_money(found.credit, found.currency),
            due=format_money(found.due, found.currency),
        ),
        gettext("Invoices of the plan before that are unpaid become void."),
    ]


def _switch_effect(asked: Asked[Any]) -> list[str]:
    found: Scheduled = asked.result
    said = [
        gettext(
            "%(name)s has %(tier)s from %(day)s on.",
            name=asked.payer.display_name,
            tier=title_of(asked.ctx.catalog, found.tier),
            day=format_date(found.at),
        ),
        gettext("Billed: %(schedule)s.", schedule=schedule_word(found.schedule)),
    ]
    if not found.has_begun:
        said.append(gettext("That can be taken back until then."))
    return said


def _switched(asked: Asked[Any]) -> str:
    return gettext("It changes on %(day)s.", day=format_date(asked.result.at))


_TIER_FIELDS = {
    "unknown_tier": "tier",
    "change_is_none": "tier",
    "lower_at_cycle_end": "tier",
    "trial_first": "tier",
}
TIER_NOW = Action(
    key="tier-now",
    group=ActionGroup.PLAN,
    title=_l("Raise the tier now"),
    form=TierForm,
    command=OtherTier,
    read=_read_tier,
    prepare=_offer_tiers,
    act=_raise_tier,
    effect=_raise_effect,
    done=lambda asked: upgrade_outcome(
        title_of(asked.ctx.catalog, asked.result.tier), asked.result
    ),
    unavailable=_why_no_change,
    fields=_TIER_FIELDS,
)
TIER_LATER = Action(
    key="tier-later",
    group=ActionGroup.PLAN,
    title=_l("Change the tier at the cycle's end"),
    form=TierForm,
    command=OtherTier,
    read=_read_tier,
    prepare=_offer_tiers,
    act=in_one_unit(_switch_tier),
    effect=_switch_effect,
    done=_switched,
    unavailable=_why_no_switch,
    fields=_TIER_FIELDS,
)
SCHEDULE = Action(
    key="schedule",
    group=ActionGroup.PLAN,
    title=_l("Bill by the month or the year"),
    form=ScheduleForm,
    command=OtherSchedule,
    read=lambda form: OtherSchedule(Schedule(form.schedule.data)),
    prepare=_offer_schedules,
    act=in_one_unit(_switch_schedule),
    effect=_switch_effect,
    done=_switched,
    unavailable=_why_no_switch,
    fields={"change_is_none": "schedule"},
)
ACTIONS: tuple[Action[Any], ...] = (TIER_NOW, TIER_LATER, SCHEDULE)
