"""Acts that end a plan, keep it, or move the end that was agreed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd
from app.services.change_plan import end_at_cycle_end, take_back
from app.services.context import Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.end_plan_now import end_now, end_plan_now
from app.services.move_agreed_end import move_agreed_end
from app.services.preview_change import make_change
from app.services.staff_actions import Facts
from app.services.staff_change import StaffChange
from app.services.unit_of_work import UnitOfWork
from app.services.void_invoices import load_unpaid_invoices
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.common import (
    has_agreed_end,
    instant_of,
    title_of,
    why_no_licensed_plan,
)
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, in_one_unit
from app.web.support.actions.legacy_actions import Until, UntilForm, fill_until
from app.web.wording import format_date, format_money


@dataclass(frozen=True, slots=True)
class Ended:
    """A plan that ended, and its invoices that are unpaid: (number, cents, currency)."""

    at: datetime
    unpaid: tuple[tuple[str | None, int, str], ...]


def _end_later(work: UnitOfWork, payer: Payer, _command: Nothing, deed: Deed) -> datetime:
    return end_at_cycle_end(work, payer, actor=deed.actor, reason=deed.reason)


def _take_back(work: UnitOfWork, payer: Payer, _command: Nothing, deed: Deed) -> AtCycleEnd:
    return take_back(work, payer, actor=deed.actor, reason=deed.reason)


def _end(ctx: Context, payer: Payer, deed: Deed, *, is_trial: bool, voids: bool) -> Ended:
    if not is_trial:
        at = end_plan_now(
            ctx, payer, actor=deed.actor, reason=deed.reason, void_open_invoices=voids
        )
        return Ended(at, ())

    def change(work: UnitOfWork) -> Ended:
        customer = get_customer(work.session, payer)
        plan = None if customer is None else get_live_plan(work.session, customer.id)
        if plan is None:
            raise BillingError("no_plan")
        unpaid = tuple(
            (invoice.number, invoice.total, invoice.currency)
            for invoice in load_unpaid_invoices(work.session, plan.id)
        )
        return Ended(end_now(work, payer, actor=deed.actor, reason=deed.reason), unpaid)

    return make_change(ctx, change)


def _end_at_once(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> Ended:
    return _end(ctx, payer, deed, is_trial=is_trial, voids=False)


def _end_and_void(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> Ended:
    return _end(ctx, payer, deed, is_trial=is_trial, voids=True)


def _move_end(
    ctx: Context, payer: Payer, command: Until, deed: Deed, is_trial: bool
) -> StaffChange:
    return move_agreed_end(
        ctx, payer, until=command.until, reason=deed.reason, actor=deed.actor, dry_run=is_trial
    )


def _why_not_end_later(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    why_not = why_no_licensed_plan(facts)
    if why_not is None and facts["at_cycle_end"] != AtCycleEnd.RENEW.value:
        return _l("It does not renew as it is: an end or a change is set already.")
    return why_not


def _why_not_end(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return _l("There is no plan that runs.") if facts.get("plan") is None else None


def _why_not_take_back(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    why_not = why_no_licensed_plan(facts)
    if why_not is None and facts["at_cycle_end"] == AtCycleEnd.RENEW.value:
        return _l("It renews as it is: there is nothing to take back.")
    return why_not


def _why_not_move(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if facts.get("plan") is None:
        return _l("There is no plan that runs.")
    if not has_agreed_end(facts):
        return _l("The plan renews: let it end at its cycle's end, or now.")
    if facts["fixed_price"] is not None and facts["next_plan"] is not None:
        return _l("A plan is scheduled for that end: take it back first.")
    return None


def _tier(asked: Asked[Any]) -> str:
    return title_of(asked.ctx.catalog, asked.facts.get("plan"))


def _end_effect(asked: Asked[Nothing]) -> list[str]:
    said = [
        gettext("%(tier)s of %(name)s ends now.", tier=_tier(asked), name=asked.payer.display_name),
        gettext("What was added and not billed yet is billed at once. Nothing comes back."),
    ]
    following = asked.facts.get("next_plan")
    if following is not None:
        tier = title_of(asked.ctx.catalog, following)
        said.append(gettext("%(tier)s, which is scheduled, is given up, too.", tier=tier))
    return said


def _keeps_open(asked: Asked[Nothing]) -> list[str]:
    if not asked.result.unpaid:
        return _end_effect(asked)
    return [*_end_effect(asked), gettext("Still owed: %(invoices)s.", invoices=_unpaid(asked))]


def _voids_open(asked: Asked[Nothing]) -> list[str]:
    said = _end_effect(asked)
    if not asked.result.unpaid:
        return [*said, gettext("No invoice of it is open.")]
    return [*said, gettext("Not owed any more: %(invoices)s.", invoices=_unpaid(asked))]


def _unpaid(asked: Asked[Nothing]) -> str:
    return ", ".join(
        gettext(
            "%(number)s over %(total)s",
            number=number or gettext("an invoice without a number"),
            total=format_money(total, currency),
        )
        for number, total, currency in asked.result.unpaid
    )


def _take_back_effect(asked: Asked[Nothing]) -> list[str]:
    said = [
        gettext("%(tier)s of %(name)s renews.", tier=_tier(asked), name=asked.payer.display_name)
    ]
    following = asked.facts.get("next_plan")
    if following is not None:
        tier = title_of(asked.ctx.catalog, following)
        said.append(gettext("%(tier)s, which is scheduled, is given up.", tier=tier))
    return said


def _move_effect(asked: Asked[Until]) -> list[str]:
    before = instant_of(asked.facts, "end_date")
    said = [
        gettext(
            "%(tier)s of %(name)s ends on %(after)s instead of %(before)s.",
            tier=_tier(asked),
            name=asked.payer.display_name,
            before=gettext("never") if before is None else format_date(before),
            after=format_date(asked.command.until),
        )
    ]
    if asked.facts["fixed_price"] is not None:
        said.append(gettext("Nothing comes back; the month it ends in is billed whole."))
    elif asked.facts["next_plan"] is not None:
        tier = title_of(asked.ctx.catalog, asked.facts["next_plan"])
        said.append(gettext("%(tier)s, which is scheduled, begins then.", tier=tier))
    return said


END_LATER = Action(
    key="end-at-cycle-end",
    group=ActionGroup.PLAN,
    title=_l("End the plan at its cycle's end"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=in_one_unit(_end_later),
    effect=lambda asked: [
        gettext(
            "%(tier)s of %(name)s ends on %(day)s. That can be taken back until then.",
            tier=_tier(asked),
            name=asked.payer.display_name,
            day=format_date(asked.result),
        )
    ],
    done=lambda asked: gettext("It ends on %(day)s.", day=format_date(asked.result)),
    unavailable=_why_not_end_later,
)
TAKE_BACK = Action(
    key="take-back",
    group=ActionGroup.PLAN,
    title=_l("Take an end or a change back"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=in_one_unit(_take_back),
    effect=_take_back_effect,
    done=lambda _asked: gettext("It renews."),
    unavailable=_why_not_take_back,
)
END_NOW = Action(
    key="end-now",
    group=ActionGroup.PLAN,
    title=_l("End the plan now"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_end_at_once,
    effect=_keeps_open,
    done=lambda asked: gettext("%(tier)s has ended.", tier=_tier(asked)),
    unavailable=_why_not_end,
    is_dangerous=True,
)
END_AND_VOID = Action(
    key="end-now-and-void",
    group=ActionGroup.PLAN,
    title=_l("End the plan now, and void what is unpaid"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_end_and_void,
    effect=_voids_open,
    done=lambda asked: gettext(
        "%(tier)s has ended, and what was unpaid is not owed any more.", tier=_tier(asked)
    ),
    unavailable=_why_not_end,
    is_dangerous=True,
)
END_DATE = Action(
    key="end-date",
    group=ActionGroup.PLAN,
    title=_l("Move the agreed end"),
    form=UntilForm,
    command=Until,
    read=lambda form: Until(form.until.instant()),
    prepare=fill_until,
    act=_move_end,
    effect=_move_effect,
    done=lambda asked: gettext("It ends on %(day)s.", day=format_date(asked.command.until)),
    unavailable=_why_not_move,
    fields={
        "end_not_ahead": "until",
        "end_too_far": "until",
        "end_unchanged": "until",
        "end_beyond_year": "until",
    },
)

ACTIONS: tuple[Action[Any], ...] = (END_LATER, TAKE_BACK, END_DATE, END_NOW, END_AND_VOID)
