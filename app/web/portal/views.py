"""What a customer looks at: billing, plans, invoices. Nothing here changes anything."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.billing import load_billing_page
from app.services.pages.invoice import load_invoice_page
from app.services.pages.invoices import load_invoices_page
from app.services.pages.plans import load_plans_page
from app.services.pages.uploads import load_uploads_state
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.portal import blueprint
from app.web.portal.charts import draw_billing_chart
from app.web.portal.paging import asked_page, pages_of


@blueprint.get(f"{CUSTOMER}/billing/")
@billing_user()
def billing(ref: CustomerRef) -> ResponseReturnValue:
    """The plan, the next charge line by line, people and licenses, the card, what is owed."""
    ctx = get_context()
    page = load_billing_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    chart = draw_billing_chart(page)
    return render_template("portal/billing.html", ref=ref, page=page, chart=chart)


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
    return render_template("portal/invoices.html", ref=ref, page=page, pages=pages_of(ref, page))


@blueprint.get(f"{CUSTOMER}/invoices/<int(max=9223372036854775807):invoice_id>/")
@billing_user()
def invoice(ref: CustomerRef, invoice_id: int) -> ResponseReturnValue:
    """One invoice: each line unfolds to the ledger entries and audit rows that made it."""
    ctx = get_context()
    page = load_invoice_page(ctx, get_read_session(), ref.payer, invoice_id, now=ctx.now())
    return render_template("portal/invoice.html", ref=ref, page=page)


@blueprint.get(f"{CUSTOMER}/missing-data/")
@billing_user()
def missing_data(ref: CustomerRef) -> ResponseReturnValue:
    """How to get a server to upload again; billing when it does."""
    state = load_uploads_state(get_read_session(), ref.payer, now=get_context().now())
    if not state.is_stale:
        return redirect(url_for(".billing", entity_uuid=ref.uuid))
    return render_template("errors/missing_data.html", last_heard=state.last_heard)
