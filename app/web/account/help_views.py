"""Whom to ask, answers to what is asked most, and a message to support."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.errors import BillingError
from app.extensions import caller_network
from app.services.identity import CustomerRef
from app.services.login_links import NEXT_PAGES
from app.services.pages.help import load_help_page
from app.services.request_help import load_own_requests, request_help
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.account import blueprint
from app.web.account.forms import HelpForm
from app.web.attempts import count_attempt
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view

_REQUESTS = "help-requests"


def _make_form(_ref: CustomerRef) -> HelpForm:
    return HelpForm()


def _show(form: FlaskForm, ref: CustomerRef) -> str:
    ctx = get_context()
    session = get_fresh_read_session()
    page = load_help_page(ctx, session, ref.payer, now=ctx.now())
    if isinstance(form, HelpForm) and not form.page.data:
        # The page that asks for help may be named in the address.
        form.page.data = request.args.get("from", "")
    return render_template(
        "account/help.html",
        ref=ref,
        page=page,
        form=form,
        requests=load_own_requests(session, ref),
    )


@blueprint.route(f"{CUSTOMER}/help/", methods=["GET", "POST"])
@billing_user()
@form_view(
    _make_form,
    _show,
    fields={"help_message_missing": "message", "help_message_too_long": "message"},
    statuses={"help_too_often": 429},
)
def help_contact(form: HelpForm, ref: CustomerRef) -> ResponseReturnValue:
    """The address of support, the common questions, and what was asked. POST asks."""
    ctx = get_context()
    counted = ("customer", ref.uuid), ("ip", caller_network())
    seconds = count_attempt(_REQUESTS, ctx.settings.rate_limit_help, *counted)
    if seconds is not None:
        raise BillingError("help_too_often", minutes=-(-seconds // 60))
    page = form.page.data if form.page.data in NEXT_PAGES else None
    request_help(ctx, ref, form.message.data or "", page=page, actor=current_actor())
    flash_done(
        gettext("Your message is with our support. The answer comes by mail, and stands here.")
    )
    return redirect(url_for(".help_contact", entity_uuid=ref.uuid), code=303)
