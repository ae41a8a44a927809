"""The billing page and the page for missing uploads. Nothing here changes anything."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.billing import load_billing_page
from app.services.pages.uploads import UploadsState, load_uploads_page
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.portal import blueprint
from app.web.portal.charts import draw_billing_chart


@blueprint.get(f"{CUSTOMER}/billing/")
@billing_user()
def billing(ref: CustomerRef) -> ResponseReturnValue:
    """The plan, the next charge line by line, people and licenses, the card, what is owed."""
    ctx = get_context()
    page = load_billing_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    chart = draw_billing_chart(page)
    return render_template("portal/billing.html", ref=ref, page=page, chart=chart)


@blueprint.get(f"{CUSTOMER}/missing-data/")
@billing_user()
def missing_data(ref: CustomerRef) -> ResponseReturnValue:
    """How to get a server to upload again; billing when it does."""
    ctx = get_context()
    page = load_uploads_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    if page.state is UploadsState.FRESH:
        return redirect(url_for(".billing", entity_uuid=ref.uuid))
    return render_template("portal/missing_data.html", page=page)
