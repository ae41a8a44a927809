"""Who is billed, and where: the name, address and mailbox that stand on invoices."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.services.billing_details import load_billing_details, save_billing_details
from app.services.identity import CustomerRef
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.account import blueprint
from app.web.account.forms import AddressForm
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.wording import country_names


def _make_form(ref: CustomerRef) -> AddressForm:
    known = load_billing_details(get_fresh_read_session(), ref.payer).details
    form = AddressForm(obj=known) if known is not None else AddressForm()
    form.country.choices = [("", gettext("Choose a country")), *country_names()]
    return form


def _show(form: FlaskForm, ref: CustomerRef) -> str:
    known = load_billing_details(get_fresh_read_session(), ref.payer)
    return render_template("account/address.html", ref=ref, form=form, page=known)


@blueprint.route(f"{CUSTOMER}/billing-address/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_form, _show)
def billing_address(form: AddressForm, ref: CustomerRef) -> ResponseReturnValue:
    """The name and address on invoices. POST keeps them and tells the payment provider."""
    save_billing_details(get_context(), ref.payer, form.details(), actor=current_actor())
    flash_done(gettext("Saved. It stands on invoices from now on."))
    return redirect(url_for(".billing_address", entity_uuid=ref.uuid), code=303)
