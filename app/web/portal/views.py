"""The tiers with their prices. Nothing here changes anything."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.plans import load_plans_page
from app.web.access import CUSTOMER, billing_user
from app.web.context import get_context, get_read_session
from app.web.portal import blueprint
from app.web.wordings import plans as words

for word in (
    words.plans_headline,
    words.current_words,
    words.price_note,
    words.list_price_note,
    words.trial_note,
    words.required_note,
    words.licenses_note,
    words.why_so_many,
    words.computation,
    words.billed_words,
    words.free_words,
):
    blueprint.add_app_template_filter(word)


@blueprint.get(f"{CUSTOMER}/plans/")
@billing_user()
def plans(ref: CustomerRef) -> ResponseReturnValue:
    """The tiers side by side, each with what it would cost these people."""
    ctx = get_context()
    page = load_plans_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    return render_template("portal/plans.html", ref=ref, page=page)
