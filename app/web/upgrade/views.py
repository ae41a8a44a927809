"""Buying a plan: choose, see the exact price, pay, and what to do when a payment hangs."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.services.cancel_purchase import cancel_purchase, check_own_purchase
from app.services.identity import CustomerRef
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context
from app.web.forms import form_view
from app.web.upgrade import blueprint
from app.web.upgrade.forms import ConfirmForm
from app.web.upgrade.pages import (
    answer_purchase,
    choice_arguments,
    load_purchase,
    next_address,
    show_again,
    show_choice,
)

# No number is longer than the database's.
STATUS = f"{CUSTOMER}/upgrade/status/<int(max=9223372036854775807):purchase_id>/"


@blueprint.get(f"{CUSTOMER}/upgrade/")
@billing_user()
def plan_choice(ref: CustomerRef) -> ResponseReturnValue:
    """The choices, and exactly what the chosen plan costs now and later."""
    return show_choice(ref)


def _make_confirm_form(_ref: CustomerRef) -> ConfirmForm:
    return ConfirmForm()


def _show_confirm_form(form: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    if request.method != "POST":
        return redirect(url_for(".plan_choice", entity_uuid=ref.uuid))
    return show_again(form, ref)


@blueprint.route(f"{CUSTOMER}/upgrade/confirm/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_confirm_form, _show_confirm_form)
def plan_confirm(form: ConfirmForm, ref: CustomerRef) -> ResponseReturnValue:
    """Pay what the signed quote says, and start the plan."""
    command = ConfirmPurchase(ref.payer, form.quote.data or "")
    return answer_purchase(ref, confirm_purchase(get_context(), command, actor=current_actor()))


def _make_status_form(_ref: CustomerRef, purchase_id: int) -> FlaskForm:
    return FlaskForm()


def _show_status(form: FlaskForm, ref: CustomerRef, purchase_id: int) -> ResponseReturnValue:
    page = load_purchase(ref, purchase_id)
    again = url_for(".plan_choice", entity_uuid=ref.uuid, **choice_arguments(page.choice))
    return render_template("upgrade/status.html", ref=ref, page=page, form=form, again=again)


@blueprint.route(STATUS, methods=["GET", "POST"])
@billing_user()
@form_view(_make_status_form, _show_status)
def plan_status(form: FlaskForm, ref: CustomerRef, purchase_id: int) -> ResponseReturnValue:
    """A payment that is neither done nor failed. POST asks the provider what became of it."""
    result = check_own_purchase(get_context(), ref.payer, purchase_id)
    return redirect(next_address(ref, result), code=303)


@blueprint.route(f"{STATUS}cancel/", methods=["POST"])
@billing_user()
@form_view(_make_status_form, _show_status)
def plan_cancel(form: FlaskForm, ref: CustomerRef, purchase_id: int) -> ResponseReturnValue:
    """Give the payment up, to start over."""
    result = cancel_purchase(get_context(), ref.payer, purchase_id, actor=current_actor())
    return redirect(next_address(ref, result), code=303)
