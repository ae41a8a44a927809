"""Invoices: the list and its file, one invoice, and the way to the provider's receipts."""

from collections.abc import Iterator

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.services.identity import CustomerRef
from app.services.open_payments_page import open_payments_page
from app.services.pages.invoice import load_invoice_page
from app.services.pages.invoice_lines import FiledLine, read_invoice_lines
from app.services.pages.invoice_states import StateChoice
from app.services.pages.invoices import load_invoices_page
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_read_session
from app.web.csv_files import Cell, amount, csv_name, csv_response
from app.web.flashes import flash_problem
from app.web.forms import form_view
from app.web.paging import asked_page, pages_of
from app.web.portal import blueprint
from app.web.portal.invoice_choice import asked_invoices, in_address
from app.web.wordings import invoices as words

COLUMNS = (
    "invoice",
    "state",
    "date",
    "due",
    "paid",
    "voided",
    "refunded",
    "currency",
    "description",
    "quantity",
    "unit_amount",
    "amount",
    "period_start",
    "period_end",
    "invoice_total",
)

for word in (
    words.invoice_state_word,
    words.invoice_state_tone,
    words.state_choice_word,
    words.invoices_headline,
    words.invoice_headline,
):
    blueprint.add_app_template_filter(word)


@blueprint.get(f"{CUSTOMER}/invoices/")
@billing_user()
def invoices(ref: CustomerRef) -> ResponseReturnValue:
    """Every invoice, or those of a state and a year, newest first."""
    choice = asked_invoices()
    page = load_invoices_page(
        get_read_session(), ref.payer, choice, number=asked_page(), now=get_context().now()
    )
    kept = in_address(choice)
    pages = pages_of("portal.invoices", page.part, entity_uuid=ref.uuid, **kept)
    return render_template(
        "portal/invoices.html",
        ref=ref,
        page=page,
        pages=pages,
        kept=kept,
        states=list(StateChoice),
    )


@blueprint.get(f"{CUSTOMER}/invoices.csv")
@billing_user()
def invoices_csv(ref: CustomerRef) -> ResponseReturnValue:
    """The lines of the same invoices, as a file for a spreadsheet."""
    now = get_context().now()

    def read_rows() -> Iterator[list[Cell]]:
        session = get_read_session()
        for line in read_invoice_lines(session, ref.payer, asked_invoices(), now=now):
            yield list(_cells(line))

    return csv_response(COLUMNS, read_rows, file_name=csv_name("invoices", ref.host, now))


def _cells(line: FiledLine) -> Iterator[Cell]:
    """One line in the order of COLUMNS."""
    yield from (line.number, line.state, line.dated, line.due_at)
    yield from (line.paid_at, line.voided_at, line.refunded_at, line.currency.upper())
    yield from (line.description, line.quantity)
    yield None if line.unit_amount is None else amount(line.unit_amount)
    yield None if line.amount is None else amount(line.amount)
    yield from (line.period_start, line.period_end, amount(line.total))


@blueprint.get(f"{CUSTOMER}/invoices/<int(max=9223372036854775807):invoice_id>/")
@billing_user()
def invoice(ref: CustomerRef, invoice_id: int) -> ResponseReturnValue:
    """One invoice: each line unfolds to the ledger entries and audit rows that made it."""
    ctx = get_context()
    page = load_invoice_page(ctx, get_read_session(), ref.payer, invoice_id, now=ctx.now())
    return render_template("portal/invoice.html", ref=ref, page=page)


def _make_form(_ref: CustomerRef) -> FlaskForm:
    return FlaskForm()


def _lead_back(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """To the page with the button, with the reason why the provider's page could not be opened."""
    for problem in form.form_errors:
        flash_problem(problem)
    return redirect(url_for(".invoices", entity_uuid=ref.uuid), code=303)


@blueprint.post(f"{CUSTOMER}/payments-page/")
@billing_user()
@form_view(_make_form, _lead_back)
def payments_page(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """To the provider's page with every receipt and the billing address."""
    ctx = get_context()
    back = url_for(".invoices", entity_uuid=ref.uuid)
    url = open_payments_page(
        ctx,
        ref.customer_id,
        return_url=f"{ctx.settings.base_url}{back}",
        actor=current_actor(),
    )
    return redirect(url, code=303)
