"""Paying an open invoice with the card on file."""

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.errors import BillingError
from app.services.identity import CustomerRef
from app.services.pay_invoice import PayOutcome, PayResult, pay_open_invoice
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context
from app.web.flashes import flash_done, flash_problem
from app.web.forms import form_view
from app.web.plan import blueprint
from app.web.plan.cards import to_card_page
from app.web.plan.ways import address_after, way_of
from app.web.wording import format_money

# No number is longer than the database's.
INVOICE = f"{CUSTOMER}/invoices/<int(max=9223372036854775807):invoice_id>"


def _make_form(_ref: CustomerRef, invoice_id: int) -> FlaskForm:
    return FlaskForm()


def _lead_back(form: FlaskForm, ref: CustomerRef, invoice_id: int) -> ResponseReturnValue:
    """To the page with the button, with the reason why it was not paid."""
    for problem in form.form_errors:
        flash_problem(problem)
    return redirect(_address(ref, invoice_id), code=303)


@blueprint.post(f"{INVOICE}/pay/")
@billing_user()
@form_view(_make_form, _lead_back)
def pay_invoice(form: FlaskForm, ref: CustomerRef, invoice_id: int) -> ResponseReturnValue:
    """Charge the card on file for an open invoice of a plan."""
    result = pay_open_invoice(get_context(), ref.payer, invoice_id, actor=current_actor())
    if result.outcome is PayOutcome.NO_CARD:
        return to_card_page(ref, {"next": "invoice", "invoice": str(invoice_id)})
    if result.outcome is PayOutcome.AUTHENTICATE and result.hosted_url:
        return redirect(result.hosted_url, code=303)
    _tell(result)
    return redirect(_address(ref, invoice_id), code=303)


def _tell(result: PayResult) -> None:
    """Say what became of it. Raises BillingError when it was not paid."""
    amount = {"total": result.total, "currency": result.currency}
    if result.outcome is PayOutcome.DECLINED and result.message:
        raise BillingError("invoice_declined", reason=result.message, **amount)
    if result.outcome is PayOutcome.UNKNOWN:
        raise BillingError("invoice_unanswered", **amount)
    if result.outcome is PayOutcome.ALREADY_PAID:
        flash_done(gettext("This invoice was paid already. Nothing was charged."))
    elif result.outcome is PayOutcome.PAID:
        paid = format_money(result.total, result.currency)
        flash_done(gettext("%(total)s was paid. Thank you.", total=paid))
    else:
        raise BillingError("invoice_not_paid", **amount)


def _address(ref: CustomerRef, invoice_id: int) -> str:
    """Back to billing for whoever came from there, else to the invoice."""
    if request.form.get("next") == "billing":
        return address_after(ref, way_of(request.form))
    return address_after(ref, {"next": "invoice", "invoice": str(invoice_id)})
