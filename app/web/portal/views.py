"""What a customer looks at: plans and invoices. Nothing here changes anything."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.invoice import load_invoice_page
from app.services.pages.invoices import load_invoices_page
from app.services.pages.plans import load_plans_page
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.paging import asked_page, pages_of
from app.web.portal import blueprint


@blueprint.get(f"{CUSTOMER}/plans/")
@billing_user()
def plans(ref: CustomerRef) -> ResponseReturnValue:
    """The tiers side by side, each with what it would cost these people."""
    ctx = get_context()
    page = load_plans_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    return render_template("portal/plans.html", ref=ref, page=page)


@blueprint.get(f"{CUSTOMER}/invoices/")
@billing_user()
def invoices(ref: CustomerRef) -> ResponseReturnValue:
    """Every invoice, newest first."""
    page = load_invoices_page(get_read_session(), ref.payer, number=asked_page())
    pages = pages_of("portal.invoices", page.part, entity_uuid=ref.uuid)
    return render_template("portal/invoices.html", ref=ref, page=page, pages=pages)


@blueprint.get(f"{CUSTOMER}/invoices/<int(max=9223372036854775807):invoice_id>/")
@billing_user()
def invoice(ref: CustomerRef, invoice_id: int) -> ResponseReturnValue:
    """One invoice: each line unfolds to the ledger entries and audit rows that made it."""
    ctx = get_context()
    page = load_invoice_page(ctx, get_read_session(), ref.payer, invoice_id, now=ctx.now())
    return render_template("portal/invoice.html", ref=ref, page=page)
