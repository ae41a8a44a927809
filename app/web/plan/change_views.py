"""Changing a running plan to another one, and who decides the number of licenses."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.errors import BillingError, MissingDataError
from app.domain.kinds import Schedule
from app.services.change_management import change_management
from app.services.identity import CustomerRef
from app.services.next_terms import PlanChoice
from app.services.pages.plan_change import (
    find_changed_terms,
    load_change_page,
)
from app.services.pages.plan_management import load_management_page
from app.services.plan_change_tokens import PlanChange, read_change
from app.services.preview_change import make_change
from app.services.purchase_state import AUTHENTICATION_AGE
from app.services.switch_plan import switch_at_cycle_end
from app.services.upgrade_tier import UpgradeOutcome, upgrade_tier
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done, flash_problem, flash_with_undo
from app.web.forms import form_view
from app.web.plan import blueprint
from app.web.plan.forms import ChangeForm, ManagementForm
from app.web.wording import format_date
from app.web.wordings.plan_changes import managed_words, switched_in_trial_words, upgraded_words

# However old a confirmation is, its page can be shown once more.
ANY_AGE = AUTHENTICATION_AGE * 366


def _make_form(_ref: CustomerRef) -> ChangeForm:
    return ChangeForm()


def _show_change(form: ChangeForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    confirmed = _confirmed(form, ref)
    choice = confirmed.choice if confirmed is not None else _asked_choice()
    try:
        page = load_change_page(ctx, get_fresh_read_session(), ref.payer, choice, now=ctx.now())
    except BillingError as error:
        if not form.form_errors or isinstance(error, MissingDataError):
            raise
        # What was confirmed is not there to be shown any more: billing shows what there is.
        flash_problem(form.form_errors[0])
        return _to_billing(ref)
    changed = () if confirmed is None else find_changed_terms(confirmed.terms, page)
    return render_template("plan/change.html", ref=ref, page=page, form=form, changes=changed)


@blueprint.route(f"{CUSTOMER}/plan/change/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_form, _show_change)
def billing_change(form: ChangeForm, ref: CustomerRef) -> ResponseReturnValue:
    """Say what another plan means; POST changes to it, at once or at the cycle's end."""
    change = read_change(get_context(), ref.payer, form.quote.data or "")
    if change.is_at_once:
        return _upgrade(ref, change)
    found = make_change(
        get_context(),
        lambda work: switch_at_cycle_end(
            work, ref.payer, change.choice, actor=current_actor(), confirmed=change.terms
        ),
    )
    if found.has_begun:
        flash_done(switched_in_trial_words(found.schedule))
        return _to_billing(ref)
    day = format_date(found.at)
    flash_with_undo(
        gettext("Your plan will change on %(day)s.", day=day),
        url_for(".billing_keep", entity_uuid=ref.uuid),
        gettext("Undo"),
    )
    return _to_billing(ref)


def _upgrade(ref: CustomerRef, change: PlanChange) -> ResponseReturnValue:
    ctx = get_context()
    result = upgrade_tier(
        ctx, ref.payer, change.choice, actor=current_actor(), confirmed=change.terms
    )
    if result.outcome is UpgradeOutcome.AUTHENTICATE and result.hosted_url:
        return redirect(result.hosted_url, code=303)
    tier = ctx.catalog.tiers.get(result.tier)
    said = upgraded_words(result, result.tier if tier is None else tier.title)
    is_trouble = result.outcome in {UpgradeOutcome.UNPAID, UpgradeOutcome.AUTHENTICATE}
    (flash_problem if is_trouble else flash_done)(said)
    return _to_billing(ref)


def _confirmed(form: ChangeForm, ref: CustomerRef) -> PlanChange | None:
    """What a form that was refused had confirmed, however old it is."""
    if not form.is_submitted():
        return None
    try:
        return read_change(get_context(), ref.payer, form.quote.data or "", max_age=ANY_AGE)
    except BillingError:
        return None


def _asked_choice() -> PlanChoice:
    """The choice in the address. Raises BillingError `unknown_tier` for none that can be."""
    schedules = {schedule.value: schedule for schedule in Schedule}
    schedule = schedules.get(request.args.get("schedule", ""))
    if schedule is None:
        raise BillingError("unknown_tier")
    return PlanChoice(request.args.get("tier", ""), schedule)


def _make_management_form(_ref: CustomerRef) -> ManagementForm:
    return ManagementForm()


def _show_management(form: ManagementForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    page = load_management_page(ctx, get_fresh_read_session(), ref.payer, now=ctx.now())
    return render_template("plan/management.html", ref=ref, page=page, form=form)


@blueprint.route(f"{CUSTOMER}/plan/management/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_management_form, _show_management)
def billing_management(form: ManagementForm, ref: CustomerRef) -> ResponseReturnValue:
    """Say what it means to let somebody else decide the number; POST does it."""
    target = form.target()
    make_change(
        get_context(),
        lambda work: change_management(work, ref.payer, target, actor=current_actor()),
    )
    flash_done(managed_words(target))
    return _to_billing(ref)


def _to_billing(ref: CustomerRef) -> ResponseReturnValue:
    return redirect(url_for("portal.billing", entity_uuid=ref.uuid), code=303)
