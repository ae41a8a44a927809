"""Showing the upgrade page, and answering what became of a payment."""

from datetime import timedelta
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.errors import BillingError
from app.domain.kinds import LicenseManagement, Schedule
from app.services.identity import CustomerRef
from app.services.pages.purchase import PurchasePage, load_purchase_page
from app.services.pages.schedule import SchedulePage
from app.services.pages.upgrade import (
    QuoteChange,
    UpgradePage,
    default_choice,
    find_quote_changes,
    load_tier_options,
    load_upgrade_page,
    read_choice,
)
from app.services.purchase_state import Outcome, PurchaseResult
from app.services.quote import PurchaseChoice
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import REFUSED
from app.web.upgrade.forms import (
    CARD,
    INVOICE,
    ChoiceForm,
    ConfirmForm,
    asked_choice,
    choice_form,
)
from app.web.upgrade.guesses import count_guess, without_guess
from app.web.upgrade.offers import show_offer
from app.web.wording import format_count, format_date, format_duration, format_money, message_for
from app.web.wordings.purchases import without_plan_words
from app.web.wordings.trials import trial_started_words

# Refusals that no other choice would mend: the billing page shows what there is.
LEAD_TO_BILLING = frozenset({"already_subscribed", "covered_by_server"})


def show_choice(ref: CustomerRef) -> ResponseReturnValue:
    """The page for the choice in the address; an offer that waits for its answer comes first."""
    offer = show_offer(ref)
    if offer is not None:
        return offer
    ctx = get_context()
    session = get_read_session()
    tiers = load_tier_options(ctx, session, ref.payer)
    form = asked_choice(default_choice(tiers), tiers)
    choice = without_guess(ref, form, form.choice() if form.validate() else None)
    return _render(ref, form, choice)


def show_again(confirmation: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    """The page again after a confirmation that was refused, with what is different now."""
    ctx, token = get_context(), confirmation.quote.data or ""
    session = get_fresh_read_session()
    tiers = load_tier_options(ctx, session, ref.payer)
    choice = read_choice(ctx, ref.payer, token) or default_choice(tiers)
    offer = show_offer(ref, confirmed=choice, problems=tuple(confirmation.form_errors))
    if offer is not None:
        return offer
    if choice.offer_id is not None:
        # It is not open any more.
        choice = default_choice(tiers)
    form = choice_form(choice, tiers)
    form.form_errors = [*confirmation.form_errors]
    return _render(ref, form, choice, changes=_changes(ref, token))


def _changes(ref: CustomerRef, token: str) -> tuple[QuoteChange, ...]:
    ctx = get_context()
    try:
        return find_quote_changes(ctx, get_read_session(), ref.payer, token, now=ctx.now())
    except BillingError:
        # Too old or not ours, or nothing can be bought any more: the message above says which.
        return ()


def _render(
    ref: CustomerRef,
    form: ChoiceForm,
    choice: PurchaseChoice | None,
    *,
    changes: tuple[QuoteChange, ...] = (),
) -> ResponseReturnValue:
    ctx = get_context()
    try:
        page = load_upgrade_page(ctx, get_read_session(), ref.payer, choice, now=ctx.now())
    except BillingError as error:
        if error.code not in LEAD_TO_BILLING:
            raise
        flash_problem(message_for(error))
        return redirect(billing_address(ref), code=303)
    form.note_problem(page)
    count_guess(ref, page)
    form.suggest(page.quote.licenses if page.quote is not None else page.people)
    body = render_template(
        "upgrade/choice.html",
        ref=ref,
        page=page,
        form=form,
        changes=changes,
        card_fields=card_form_fields(page, choice),
        pay_notes=pay_notes(page),
        summaries={tier.key: tier.summary for tier in page.tiers},
        amounts=schedule_amounts(page, form),
    )
    refused = page.quote is None or bool(form.coupon.errors)
    return make_response(body, REFUSED if refused else 200)


def schedule_amounts(page: UpgradePage | SchedulePage, form: ChoiceForm) -> dict[str, str]:
    """What a license of the chosen tier costs with each schedule."""
    chosen = [tier for tier in page.tiers if tier.key == form.tier.data]
    return {
        schedule.value: gettext(
            "%(price)s a license",
            price=format_money(
                tier.monthly if schedule is Schedule.MONTHLY else tier.annual, page.currency
            ),
        )
        for tier in chosen
        for schedule in Schedule
    }


def pay_notes(page: UpgradePage) -> dict[str, str]:
    """What each way to pay means."""
    trial = page.quote.trial_ends_at if page.quote is not None else None
    if trial is not None:
        return _pay_notes_of_trial(page, format_date(trial))
    by_invoice = gettext(
        "For %(least)s to %(most)s licenses. Due in %(days)s; the plan starts when it is paid.",
        least=format_count(page.least_by_invoice),
        most=format_count(page.most_by_invoice),
        days=format_duration(timedelta(days=page.days_until_due)),
    )
    if page.least_by_invoice > page.most_by_invoice:
        by_invoice = gettext(
            "For up to %(most)s licenses; for more, write to support.",
            most=format_count(page.most_by_invoice),
        )
    return {CARD: gettext("The plan starts at once."), INVOICE: by_invoice}


def _pay_notes_of_trial(page: UpgradePage, day: str) -> dict[str, str]:
    return {
        CARD: gettext("Charged for the first time on %(day)s.", day=day),
        INVOICE: gettext(
            "For %(least)s to %(most)s licenses. Sent now, due on %(day)s.",
            least=format_count(page.least_by_invoice),
            most=format_count(page.most_by_invoice),
            day=day,
        ),
    }


def card_form_fields(page: UpgradePage, choice: PurchaseChoice | None) -> dict[str, Any]:
    """What the way to the card page and back has to remember of a choice."""
    if page.quote is None or choice is None:
        return {"next": "upgrade"}
    return {"next": "upgrade"} | choice_arguments(choice)


def choice_arguments(choice: PurchaseChoice) -> dict[str, Any]:
    """A choice as arguments of the upgrade page's address."""
    found: dict[str, Any] = {"tier": choice.tier, "schedule": choice.schedule.value}
    if choice.is_by_invoice:
        found["pay"] = INVOICE
    else:
        found["management"] = choice.license_management.value
    if choice.license_management is LicenseManagement.MANUAL and choice.licenses is not None:
        found["licenses"] = str(choice.licenses)
    if choice.coupon is not None:
        found["coupon"] = choice.coupon
    return found


def answer_purchase(ref: CustomerRef, result: PurchaseResult) -> ResponseReturnValue:
    """Where a payment leads: to the plan, to the bank, to the page that waits, or back with the
    reason. Raises BillingError when there was no payment, which the form's page shows."""
    if result.outcome is Outcome.DECLINED:
        if load_purchase(ref, result.purchase_id).is_by_invoice:
            raise BillingError("invoice_not_made")
        if result.message:
            raise BillingError("card_declined", reason=result.message)
        raise BillingError("payment_failed")
    if result.outcome is Outcome.VOIDED:
        raise BillingError("payment_not_made")
    if result.outcome is Outcome.AUTHENTICATE and result.hosted_url:
        return redirect(result.hosted_url, code=303)
    return redirect(next_address(ref, result), code=303)


def next_address(ref: CustomerRef, result: PurchaseResult) -> str:
    """The page of ours that shows what a payment has come to; says so when it is settled."""
    if result.outcome is Outcome.REFUNDED and result.reason is not None:
        flash_problem(
            f"{without_plan_words(result.reason)} "
            + gettext("No second plan was started, and the money goes back to you.")
        )
    if result.outcome is Outcome.TRIAL and result.trial_end is not None:
        words = trial_started_words(result.trial_end, is_by_invoice=result.is_by_invoice)
        flash_done(words)
        return billing_address(ref)
    purchase = load_purchase(ref, result.purchase_id)
    if result.outcome is Outcome.PAID:
        flash_done(
            gettext(
                "Your %(tier)s plan has started. You paid %(total)s.",
                tier=purchase.tier_title,
                total=format_money(purchase.total, purchase.currency),
            )
        )
        return billing_address(ref)
    if result.outcome is Outcome.VOIDED:
        total = format_money(purchase.total, purchase.currency)
        if purchase.is_by_invoice:
            text = gettext("The invoice over %(total)s is void. Nothing is owed.", total=total)
        else:
            text = gettext(
                "The payment of %(total)s was called off. Nothing was charged.", total=total
            )
        flash_done(text)
        return url_for(
            "upgrade.plan_choice", entity_uuid=ref.uuid, **choice_arguments(purchase.choice)
        )
    if result.outcome is Outcome.WAITING and request.endpoint == "upgrade.plan_status":
        flash_done(gettext("We asked again: it is not paid yet. A transfer takes a few days."))
    return url_for("upgrade.plan_status", entity_uuid=ref.uuid, purchase_id=purchase.id)


def load_purchase(ref: CustomerRef, purchase_id: int) -> PurchasePage:
    """A purchase as it is now. Raises NotFoundError when it is not this customer's."""
    return load_purchase_page(get_context(), get_fresh_read_session(), ref.payer, purchase_id)


def billing_address(ref: CustomerRef) -> str:
    """The billing page."""
    return url_for("portal.billing", entity_uuid=ref.uuid)
