"""Scheduling a paid plan for the end of a legacy plan, and taking that back."""

from datetime import timedelta
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from wtforms import SelectChoice  # type: ignore[attr-defined]  # the types are of an older release

from app.domain.errors import BillingError
from app.services.identity import CustomerRef
from app.services.pages.parts import tier_title
from app.services.pages.schedule import SchedulePage, load_schedule_page
from app.services.pages.upgrade import default_choice, load_tier_options
from app.services.quote import PurchaseChoice
from app.services.schedule_upgrade import (
    cancel_scheduled_upgrade,
    confirm_scheduled_upgrade,
    read_scheduled_quote,
)
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done, flash_problem, flash_with_undo
from app.web.forms import REFUSED, form_view
from app.web.upgrade import blueprint
from app.web.upgrade.forms import CARD, INVOICE, ChoiceForm, ConfirmForm, asked_choice, choice_form
from app.web.upgrade.pages import billing_address, choice_arguments, schedule_amounts
from app.web.wording import format_count, format_date, message_for

# Refusals that no other choice would mend: the billing page shows what there is.
LEAD_TO_BILLING = frozenset({"no_legacy_plan", "plan_has_ended", "upgrade_is_scheduled"})
# A form that is older still says what was chosen.
ANY_AGE = timedelta(days=366)


@blueprint.get(f"{CUSTOMER}/upgrade/schedule/")
@billing_user()
def plan_schedule(ref: CustomerRef) -> ResponseReturnValue:
    """The choices, and what the chosen plan will cost when the legacy plan ends."""
    ctx, session = get_context(), get_read_session()
    tiers = load_tier_options(ctx, session, ref.payer)
    form = asked_choice(default_choice(tiers), tiers)
    return _render(ref, form, form.choice() if form.validate() else None)


def _make_confirm_form(_ref: CustomerRef) -> ConfirmForm:
    return ConfirmForm()


def _show_again(confirmation: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    if request.method != "POST":
        return redirect(url_for(".plan_schedule", entity_uuid=ref.uuid))
    ctx, session = get_context(), get_fresh_read_session()
    try:
        choice, _ = read_scheduled_quote(
            ctx, ref.payer, confirmation.quote.data or "", max_age=ANY_AGE
        )
    except BillingError:
        choice = default_choice(load_tier_options(ctx, session, ref.payer))
    form = choice_form(choice, load_tier_options(ctx, session, ref.payer))
    form.form_errors = [*confirmation.form_errors]
    return _render(ref, form, choice)


@blueprint.route(f"{CUSTOMER}/upgrade/schedule/confirm/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_confirm_form, _show_again)
def plan_schedule_confirm(form: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    """Let the plan of the signed quote begin when the legacy plan ends."""
    quote = confirm_scheduled_upgrade(
        get_context(), ref.payer, form.quote.data or "", actor=current_actor()
    )
    flash_with_undo(
        gettext(
            "%(tier)s begins on %(day)s.",
            tier=quote.tier.title,
            day=format_date(quote.starts_at),
        ),
        url_for(".plan_schedule_cancel", entity_uuid=ref.uuid),
        gettext("Undo"),
    )
    return redirect(billing_address(ref), code=303)


def _lead_back(form: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    for problem in form.form_errors:
        flash_problem(problem)
    return redirect(billing_address(ref), code=303)


@blueprint.post(f"{CUSTOMER}/upgrade/schedule/cancel/")
@billing_user()
@form_view(_make_confirm_form, _lead_back)
def plan_schedule_cancel(form: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    """Take the scheduled plan back."""
    ctx = get_context()
    tier = cancel_scheduled_upgrade(ctx, ref.payer, actor=current_actor())
    title = tier_title(ctx.catalog, tier)
    flash_done(gettext("%(tier)s is not scheduled any more.", tier=title))
    return redirect(billing_address(ref), code=303)


def _render(
    ref: CustomerRef, form: ChoiceForm, choice: PurchaseChoice | None
) -> ResponseReturnValue:
    ctx = get_context()
    try:
        page = load_schedule_page(ctx, get_read_session(), ref.payer, choice, now=ctx.now())
    except BillingError as error:
        if error.code not in LEAD_TO_BILLING:
            raise
        flash_problem(message_for(error))
        return redirect(billing_address(ref), code=303)
    # Nothing is paid now.
    form.pay.choices = [
        SelectChoice(CARD, gettext("Card")),
        SelectChoice(INVOICE, gettext("By invoice")),
    ]
    form.note_problem(page)
    form.suggest(page.quote.licenses if page.quote is not None else page.people)
    way = {} if page.quote is None or choice is None else choice_arguments(choice)
    body = render_template(
        "upgrade/schedule.html",
        ref=ref,
        page=page,
        form=form,
        card_fields={"next": "schedule"} | way,
        pay_notes=_pay_notes(page),
        summaries={tier.key: tier.summary for tier in page.tiers},
        amounts=schedule_amounts(page, form),
    )
    return make_response(body, REFUSED if page.quote is None else 200)


def _pay_notes(page: SchedulePage) -> dict[str, Any]:
    """What each way to pay means."""
    return {
        CARD: gettext("Charged on %(day)s.", day=format_date(page.starts_at)),
        INVOICE: gettext(
            "For %(least)s to %(most)s licenses; the invoice is sent on that day.",
            least=format_count(page.least_by_invoice),
            most=format_count(page.most_by_invoice),
        ),
    }
