"""Asking for a sponsorship, seeing what became of it, and taking the request back."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.services.identity import CustomerRef
from app.services.pages.sponsorship import load_sponsorship_page, tier_choices
from app.services.sponsorship import request_sponsorship, withdraw_sponsorship
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.sponsorship import blueprint
from app.web.sponsorship.forms import SponsorshipForm


def _make_form(_ref: CustomerRef) -> SponsorshipForm:
    form = SponsorshipForm()
    form.offer(tier_choices(get_context().catalog))
    return form


def _show(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    page = load_sponsorship_page(ctx, get_fresh_read_session(), ref.payer, now=ctx.now())
    asked = form if isinstance(form, SponsorshipForm) else _make_empty_form()
    return render_template(
        "sponsorship/sponsorship.html", ref=ref, page=page, form=asked, problems=form
    )


def _make_empty_form() -> SponsorshipForm:
    form = SponsorshipForm(None)
    form.offer(tier_choices(get_context().catalog))
    return form


@blueprint.route(f"{CUSTOMER}/sponsorship/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_form, _show)
def sponsorship(form: SponsorshipForm, ref: CustomerRef) -> ResponseReturnValue:
    """What sponsored customers get, and what became of a request. POST asks for it."""
    request_sponsorship(get_context(), ref, form.command(), actor=current_actor())
    flash_done(gettext("Your request was sent. We answer by mail."))
    return _back(ref)


def _make_withdrawal(_ref: CustomerRef) -> FlaskForm:
    return FlaskForm()


@blueprint.post(f"{CUSTOMER}/sponsorship/withdraw/")
@billing_user()
@form_view(_make_withdrawal, _show)
def sponsorship_withdraw(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    """POST takes the request back."""
    withdraw_sponsorship(get_context(), ref.payer, actor=current_actor())
    flash_done(gettext("Your request was taken back."))
    return _back(ref)


def _back(ref: CustomerRef) -> ResponseReturnValue:
    return redirect(url_for(".sponsorship", entity_uuid=ref.uuid), code=303)
