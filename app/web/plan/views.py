"""Changing a running plan: ending it, taking that back, and the number of licenses."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.kinds import CancellationReason
from app.services.change_plan import (
    change_licenses_at_renewal,
    change_licenses_now,
    end_plan_at_cycle_end,
    keep_plan,
)
from app.services.identity import CustomerRef
from app.services.pages.changes import load_end_page, load_licenses_page
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done, flash_with_undo
from app.web.forms import form_view
from app.web.plan import blueprint
from app.web.plan.forms import EndForm, LicensesForm
from app.web.wording import count_licenses, format_date
from app.web.wordings.overview import cancellation_word
from app.web.wordings.plan_changes import kept_words

NOW, RENEWAL = "now", "renewal"
# Every refusal of a number stands beside its field.
NUMBER_FIELDS = dict.fromkeys(
    (
        "too_few_licenses",
        "too_many_licenses",
        "contact_support_for_more",
        "licenses_not_raised",
        "licenses_unchanged",
    ),
    "licenses",
)


def _make_form(_ref: CustomerRef) -> FlaskForm:
    return FlaskForm()


def _make_end_form(_ref: CustomerRef) -> EndForm:
    form = EndForm()
    form.why.choices = [(reason.value, cancellation_word(reason)) for reason in CancellationReason]
    return form


def _show_end(form: FlaskForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    page = load_end_page(ctx, get_fresh_read_session(), ref.payer, now=ctx.now())
    return render_template("plan/end.html", ref=ref, page=page, form=form)


@blueprint.route(f"{CUSTOMER}/plan/end/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_end_form, _show_end)
def billing_end(form: EndForm, ref: CustomerRef) -> ResponseReturnValue:
    """Say what ending means; POST lets the plan end when its cycle does."""
    ends_at = end_plan_at_cycle_end(
        get_context(), ref.payer, actor=current_actor(), said=form.said()
    )
    flash_with_undo(
        gettext("Your plan will end on %(day)s.", day=format_date(ends_at)),
        url_for(".billing_keep", entity_uuid=ref.uuid),
        gettext("Undo"),
    )
    return _to_billing(ref)


@blueprint.post(f"{CUSTOMER}/plan/keep/")
@billing_user()
def billing_keep(ref: CustomerRef) -> ResponseReturnValue:
    """Take an instructed end back."""
    was = keep_plan(get_context(), ref.payer, actor=current_actor())
    flash_done(kept_words(was))
    return _to_billing(ref)


def _make_now_form(_ref: CustomerRef) -> LicensesForm:
    return LicensesForm(prefix=NOW)


def _make_renewal_form(_ref: CustomerRef) -> LicensesForm:
    return LicensesForm(prefix=RENEWAL)


def _show_licenses(form: LicensesForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    page = load_licenses_page(ctx, get_fresh_read_session(), ref.payer, now=ctx.now())
    forms = {
        NOW: LicensesForm(None, prefix=NOW, data={"licenses": max(page.licenses, page.least)}),
        RENEWAL: LicensesForm(None, prefix=RENEWAL, data={"licenses": page.licenses_at_renewal}),
    }
    forms[form._prefix.rstrip("-")] = form if form.is_submitted() else forms[NOW]
    return render_template(
        "plan/licenses.html", ref=ref, page=page, form=form, now=forms[NOW], renewal=forms[RENEWAL]
    )


@blueprint.route(f"{CUSTOMER}/plan/licenses/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_now_form, _show_licenses, fields=NUMBER_FIELDS)
def billing_licenses(form: LicensesForm, ref: CustomerRef) -> ResponseReturnValue:
    """The licenses of a manual plan. POST raises them now."""
    number = form.number()
    change_licenses_now(get_context(), ref.payer, licenses=number, actor=current_actor())
    flash_done(gettext("You have %(licenses)s from now on.", licenses=count_licenses(number)))
    return _to_billing(ref)


@blueprint.route(f"{CUSTOMER}/plan/licenses/renewal/", methods=["GET", "POST"])
@billing_user()
@form_view(_make_renewal_form, _show_licenses, fields=NUMBER_FIELDS)
def billing_licenses_renewal(form: LicensesForm, ref: CustomerRef) -> ResponseReturnValue:
    """POST sets the number of licenses that the plan renews with."""
    number = form.number()
    change_licenses_at_renewal(get_context(), ref.payer, licenses=number, actor=current_actor())
    flash_done(gettext("Your plan will renew with %(licenses)s.", licenses=count_licenses(number)))
    return _to_billing(ref)


def _to_billing(ref: CustomerRef) -> ResponseReturnValue:
    return redirect(url_for("portal.billing", entity_uuid=ref.uuid), code=303)
