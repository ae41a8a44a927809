"""Whom to ask, and answers to what is asked most."""

from flask import render_template
from flask.typing import ResponseReturnValue

from app.services.identity import CustomerRef
from app.services.pages.help import load_help_page
from app.web.access import CUSTOMER, billing_user
from app.web.account import blueprint
from app.web.context import get_context, get_read_session


@blueprint.get(f"{CUSTOMER}/help/")
@billing_user()
def help_contact(ref: CustomerRef) -> ResponseReturnValue:
    """The address of support, with a mail that says who asks, and the common questions."""
    ctx = get_context()
    page = load_help_page(ctx, get_read_session(), ref.payer, now=ctx.now())
    return render_template("account/help.html", ref=ref, page=page)
