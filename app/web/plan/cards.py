"""The card on file: to the provider's page, and back."""

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.errors import BillingError
from app.services.card_setup import check_card_setup
from app.services.identity import CustomerRef
from app.services.open_card_page import open_card_page
from app.services.pages.card import CardReturn, load_card_return
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import form_view
from app.web.plan import blueprint
from app.web.plan.ways import address_after, cancel_address, return_address, way_of
from app.web.wordings.purchases import card_return_words, refused_words


def _make_form(_ref: CustomerRef) -> FlaskForm:
    return FlaskForm()


def _lead_back(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """To the page with the button, with the reason why the card page could not be opened."""
    for problem in form.form_errors:
        flash_problem(problem)
    return redirect(address_after(ref, way_of(request.form)), code=303)


@blueprint.post(f"{CUSTOMER}/card/")
@billing_user()
@form_view(_make_form, _lead_back)
def billing_card(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """To the provider's page, the only place where cards are entered."""
    return to_card_page(ref, way_of(request.form))


def to_card_page(ref: CustomerRef, way: Mapping[str, Any]) -> ResponseReturnValue:
    """To the provider's page, and from there where `way` leads. Raises BillingError as
    `open_card_page` does."""
    url = open_card_page(
        get_context(),
        ref.payer,
        return_url=return_address(ref, way),
        cancel_url=cancel_address(ref, way),
        actor=current_actor(),
    )
    return redirect(url, code=303)


def _load_return(ref: CustomerRef) -> CardReturn:
    session_id = request.args.get("session_id", "")
    return load_card_return(get_fresh_read_session(), ref, session_id=session_id)


def _show_return(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    found = _load_return(ref)
    if not found.is_stored or found.card is None:
        way_on = address_after(ref, way_of(request.args))
        return render_template("plan/card_return.html", ref=ref, form=form, way_on=way_on)
    flash_done(card_return_words(found))
    for charge in found.refused:
        flash_problem(refused_words(charge))
    return redirect(address_after(ref, way_of(request.args)), code=303)


@blueprint.route(f"{CUSTOMER}/card/return/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_form, _show_return)
def billing_card_return(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """Back from the card page: waits for the provider's word; POST asks for it."""
    _load_return(ref)
    is_stored = check_card_setup(
        get_context(),
        request.args.get("session_id", ""),
        customer_id=ref.customer_id or 0,
        actor=current_actor(),
    )
    if not is_stored:
        raise BillingError("card_not_entered")
    return _show_return(form, ref)


@blueprint.get(f"{CUSTOMER}/card/cancelled/")
@billing_user()
def billing_card_cancelled(ref: CustomerRef) -> ResponseReturnValue:
    """Back from the card page without a card."""
    flash_problem(gettext("No card was entered, so nothing has changed."))
    return redirect(address_after(ref, way_of(request.args)))
