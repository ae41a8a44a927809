"""Acts about legacy plans: free until a day, and what follows then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired, Optional

from app.domain.catalog import Catalog
from app.domain.kinds import Collection, LicenseManagement, Schedule, TierKind
from app.services.context import Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.legacy import create_legacy_plan, end_legacy_plan, move_legacy_end
from app.services.quote import PurchaseChoice
from app.services.schedule_upgrade import cancel_scheduled_upgrade, schedule_upgrade
from app.services.scheduled_quote import ScheduledQuote
from app.services.staff_actions import Facts
from app.services.staff_change import StaffChange
from app.web.fields import NumberField
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.common import (
    day_field,
    instant_of,
    is_of_kind,
    schedule_choices,
    tier_choices,
    title_of,
)
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed
from app.web.wording import collection_word, count_licenses, format_date, management_word
from app.web.wordings.staff_plans import next_bill


@dataclass(frozen=True, slots=True)
class Until:
    """The instant at which it ends."""

    until: datetime


@dataclass(frozen=True, slots=True)
class FollowingPlan:
    """The paid plan that is to begin; `licenses` only where somebody chooses the number."""

    tier: str
    schedule: Schedule
    management: LicenseManagement
    licenses: int | None
    collection: Collection


class UntilForm(ActionForm):
    """Until when."""

    until = day_field(_l("Free until"))


class FollowingForm(ActionForm):
    """A paid tier, how it is billed, and who decides the licenses."""

    tier = SelectField(_l("Tier"), validators=[InputRequired()])
    schedule = RadioField(_l("Billed"), validators=[InputRequired()])
    management = RadioField(_l("Licenses"), validators=[InputRequired()])
    licenses = NumberField(
        _l("Number of licenses"),
        validators=[Optional()],
        description=_l(
            "Only when they are chosen by hand, as they are with invoices that are sent."
        ),
        render_kw={"inputmode": "numeric"},
    )
    collection = RadioField(_l("Paid"), validators=[InputRequired()])

    def validate(self, extra_validators: object = None) -> bool:
        """A number goes with licenses by hand, and with nothing else."""
        if not super().validate(extra_validators):
            return False
        is_manual = (
            self.management.data == LicenseManagement.MANUAL.value
            or self.collection.data == Collection.SEND_INVOICE.value
        )
        if is_manual == (self.licenses.data is not None):
            return True
        said = (
            _l("Enter the number of licenses.")
            if is_manual
            else _l("Leave this empty: the licenses follow the people.")
        )
        self.licenses.errors = [*self.licenses.errors, str(said)]
        return False


def _create(ctx: Context, payer: Payer, command: Until, deed: Deed, is_trial: bool) -> StaffChange:
    return create_legacy_plan(
        ctx, payer, until=command.until, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _extend(ctx: Context, payer: Payer, command: Until, deed: Deed, is_trial: bool) -> StaffChange:
    return move_legacy_end(
        ctx, payer, until=command.until, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _end(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool) -> StaffChange:
    return end_legacy_plan(ctx, payer, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _schedule(
    ctx: Context, payer: Payer, command: FollowingPlan, deed: Deed, is_trial: bool
) -> ScheduledQuote:
    choice = PurchaseChoice(
        tier=command.tier,
        schedule=command.schedule,
        license_management=command.management,
        licenses=command.licenses,
        collection=command.collection,
    )
    return schedule_upgrade(
        ctx, payer, choice, actor=deed.actor, reason=deed.reason, dry_run=is_trial
    )


def _cancel(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool) -> str:
    return cancel_scheduled_upgrade(
        ctx, payer, actor=deed.actor, reason=deed.reason, dry_run=is_trial
    )


def fill_until(form: UntilForm, _ctx: Context, session: Session, payer: Payer) -> None:
    """The end that is agreed now, in a form that was not sent yet."""
    customer = get_customer(session, payer)
    plan = get_live_plan(session, customer.id) if customer is not None else None
    if plan is not None and plan.end_date is not None and not form.is_submitted():
        form.until.data = plan.end_date.date()


def _offer_plans(form: FollowingForm, ctx: Context, session: Session, payer: Payer) -> None:
    customer = get_customer(session, payer)
    form.tier.choices = tier_choices(ctx.catalog, (TierKind.PAID,))
    form.schedule.choices = schedule_choices()
    form.management.choices = [(one.value, management_word(one)) for one in LicenseManagement]
    form.collection.choices = [(one.value, collection_word(one)) for one in Collection]
    if form.is_submitted():
        return
    if customer is not None and customer.required_plan_tier is not None:
        form.tier.data = customer.required_plan_tier
    form.schedule.data = Schedule.MONTHLY.value
    form.management.data = LicenseManagement.AUTOMATIC.value
    form.collection.data = Collection.CHARGE_AUTOMATICALLY.value


def _read_following(form: FollowingForm) -> FollowingPlan:
    return FollowingPlan(
        tier=form.tier.data,
        schedule=Schedule(form.schedule.data),
        management=LicenseManagement(form.management.data),
        licenses=form.licenses.data,
        collection=Collection(form.collection.data),
    )


def _why_not_create(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if facts["server_deactivated"] is not None:
        return _l("The server is deactivated.")
    if facts.get("plan") is not None:
        return _l("A plan runs: %(tier)s.") % {"tier": title_of(catalog, facts["plan"])}
    if facts.get("next_plan") is not None:
        return _l("A plan is scheduled already.")
    return None


def _why_no_legacy(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if is_of_kind(facts, catalog, TierKind.LEGACY):
        return None
    return _l("There is no legacy plan that runs.")


def _why_not_schedule(facts: Facts, payer: Payer, catalog: Catalog) -> object:
    if facts.get("next_plan") is not None:
        return _l("A plan is scheduled already: take it back first.")
    return _why_no_legacy(facts, payer, catalog)


def _why_not_cancel(facts: Facts, payer: Payer, catalog: Catalog) -> object:
    if facts.get("next_plan") is None:
        return _l("No plan is scheduled.")
    return _why_no_legacy(facts, payer, catalog)


def _extend_effect(asked: Asked[Until]) -> list[str]:
    before = instant_of(asked.facts, "end_date")
    assert before is not None, "a legacy plan has an end"
    said = [
        gettext(
            "The legacy plan of %(name)s ends on %(after)s instead of %(before)s.",
            name=asked.payer.display_name,
            before=format_date(before),
            after=format_date(asked.command.until),
        )
    ]
    following = asked.facts.get("next_plan")
    if following is not None:
        tier = title_of(asked.ctx.catalog, following)
        said.append(gettext("%(tier)s, which is scheduled, begins then.", tier=tier))
    return said


def _end_effect(asked: Asked[Nothing]) -> list[str]:
    said = [
        gettext("The legacy plan of %(name)s ends now.", name=asked.payer.display_name),
        gettext("What it paid for nothing is switched off, unless another plan covers it."),
    ]
    following = asked.facts.get("next_plan")
    if following is not None:
        tier = title_of(asked.ctx.catalog, following)
        said.append(gettext("%(tier)s, which is scheduled, is given up, too.", tier=tier))
    return said


def _schedule_effect(asked: Asked[FollowingPlan]) -> list[str]:
    quote: ScheduledQuote = asked.result
    return [
        gettext(
            "%(tier)s begins for %(name)s on %(day)s with %(licenses)s, and nothing is billed "
            "before.",
            tier=quote.tier.title,
            name=asked.payer.display_name,
            day=format_date(quote.starts_at),
            licenses=count_licenses(quote.licenses),
        ),
        next_bill(quote.total, quote.renewal_total, quote.currency, quote.renews_at),
        gettext("Licenses: %(how)s.", how=management_word(quote.management)),
        gettext("Paid: %(how)s.", how=collection_word(quote.collection)),
    ]


LEGACY_CREATE = Action(
    key="legacy-create",
    group=ActionGroup.PLAN,
    title=_l("Put on a legacy plan"),
    form=UntilForm,
    command=Until,
    read=lambda form: Until(form.until.instant()),
    act=_create,
    effect=lambda asked: [
        gettext(
            "%(name)s has everything for nothing until %(day)s.",
            name=asked.payer.display_name,
            day=format_date(asked.command.until),
        ),
        gettext("Then it ends quietly, or the plan begins that was scheduled by then."),
    ],
    done=lambda asked: gettext(
        "%(name)s is on a legacy plan until %(day)s.",
        name=asked.payer.display_name,
        day=format_date(asked.command.until),
    ),
    unavailable=_why_not_create,
    fields={"end_not_ahead": "until", "end_too_far": "until"},
)
LEGACY_EXTEND = Action(
    key="legacy-extend",
    group=ActionGroup.PLAN,
    title=_l("Move the end of the legacy plan"),
    form=UntilForm,
    command=Until,
    read=lambda form: Until(form.until.instant()),
    prepare=fill_until,
    act=_extend,
    effect=_extend_effect,
    done=lambda asked: gettext(
        "The legacy plan ends on %(day)s.", day=format_date(asked.command.until)
    ),
    unavailable=_why_no_legacy,
    fields={"end_not_ahead": "until", "end_too_far": "until", "end_unchanged": "until"},
)
LEGACY_END = Action(
    key="legacy-end",
    group=ActionGroup.PLAN,
    title=_l("End the legacy plan now"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_end,
    effect=_end_effect,
    done=lambda _asked: gettext("The legacy plan has ended."),
    unavailable=_why_no_legacy,
    is_dangerous=True,
)
LEGACY_SCHEDULE = Action(
    key="legacy-schedule",
    group=ActionGroup.PLAN,
    title=_l("Schedule a paid plan for the end of the legacy plan"),
    form=FollowingForm,
    command=FollowingPlan,
    read=_read_following,
    prepare=_offer_plans,
    act=_schedule,
    effect=_schedule_effect,
    done=lambda asked: gettext(
        "%(tier)s begins on %(day)s.",
        tier=asked.result.tier.title,
        day=format_date(asked.result.starts_at),
    ),
    unavailable=_why_not_schedule,
    fields={
        "unknown_tier": "tier",
        "tier_required": "tier",
        "too_few_licenses": "licenses",
        "too_many_licenses": "licenses",
        "too_many_for_invoice": "licenses",
        "licenses_missing": "licenses",
        "no_card": "collection",
    },
)
LEGACY_CANCEL = Action(
    key="legacy-cancel",
    group=ActionGroup.PLAN,
    title=_l("Take back what is scheduled for the end of the legacy plan"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_cancel,
    effect=lambda asked: [
        gettext(
            "%(tier)s does not begin; the legacy plan ends with nothing after it.",
            tier=title_of(asked.ctx.catalog, asked.result),
        )
    ],
    done=lambda asked: gettext(
        "%(tier)s was taken back.", tier=title_of(asked.ctx.catalog, asked.result)
    ),
    unavailable=_why_not_cancel,
)

ACTIONS: tuple[Action[Any], ...] = (
    LEGACY_CREATE,
    LEGACY_EXTEND,
    LEGACY_SCHEDULE,
    LEGACY_CANCEL,
    LEGACY_END,
)
