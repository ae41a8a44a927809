"""Who manages the billing of this customer: the list, one's own details, removing somebody."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.kinds import BillingRole
from app.services.billing_people import change_own_details, remove_person
from app.services.change_role import change_role
from app.services.identity import CustomerRef
from app.services.pages.account_people import load_people_page, load_removal_page, load_role_page
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.account import blueprint
from app.web.account.forms import OwnDetailsForm, RoleForm
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.paging import asked_page, pages_of


def _make_details_form(_ref: CustomerRef) -> OwnDetailsForm:
    return OwnDetailsForm()


def _show_people(form: OwnDetailsForm, ref: CustomerRef) -> ResponseReturnValue:
    page = load_people_page(get_fresh_read_session(), ref, number=asked_page())
    if not form.is_submitted():
        form = OwnDetailsForm(None, obj=page.you)
    pages = pages_of("account.people", page.part, entity_uuid=ref.uuid)
    return render_template("account/people.html", ref=ref, page=page, pages=pages, form=form)


@blueprint.get(f"{CUSTOMER}/people/")
@billing_user()
def people(ref: CustomerRef) -> ResponseReturnValue:
    """Who can manage billing, and the details of whoever looks."""
    return _show_people(_make_details_form(ref), ref)


@blueprint.route(f"{CUSTOMER}/people/me/", methods=["GET", "POST"])
@billing_user(acts=BillingRole.VIEWER)
@form_view(_make_details_form, _show_people)
def people_me(form: OwnDetailsForm, ref: CustomerRef) -> ResponseReturnValue:
    """POST keeps the name and the mail preferences of whoever is logged in."""
    changed = change_own_details(get_context(), ref, form.command(), actor=current_actor())
    flash_done(gettext("Your details are saved.") if changed else gettext("Nothing was changed."))
    return _to_people(ref)


def _make_removal_form(_ref: CustomerRef, person_id: int) -> FlaskForm:
    return FlaskForm()


def _show_removal(form: FlaskForm, ref: CustomerRef, person_id: int) -> ResponseReturnValue:
    person = load_removal_page(get_fresh_read_session(), ref, person_id)
    return render_template("account/remove_person.html", ref=ref, person=person, form=form)


@blueprint.route(
    f"{CUSTOMER}/people/<int(max=9223372036854775807):person_id>/remove/", methods=["GET", "POST"]
)
@billing_user(acts=BillingRole.OWNER)
@form_view(_make_removal_form, _show_removal)
def people_remove(form: FlaskForm, ref: CustomerRef, person_id: int) -> ResponseReturnValue:
    """Say what removing somebody means; POST does it."""
    email = remove_person(get_context(), ref, person_id, actor=current_actor())
    flash_done(gettext("%(email)s cannot manage billing any more.", email=email))
    return _to_people(ref)


def _make_role_form(_ref: CustomerRef, person_id: int) -> RoleForm:
    return RoleForm()


def _show_role(form: RoleForm, ref: CustomerRef, person_id: int) -> ResponseReturnValue:
    person = load_role_page(get_fresh_read_session(), ref, person_id)
    if not form.is_submitted():
        form = RoleForm(None, obj=person)
    return render_template("account/change_role.html", ref=ref, person=person, form=form)


@blueprint.route(
    f"{CUSTOMER}/people/<int(max=9223372036854775807):person_id>/role/", methods=["GET", "POST"]
)
@billing_user(acts=BillingRole.OWNER)
@form_view(_make_role_form, _show_role)
def people_role(form: RoleForm, ref: CustomerRef, person_id: int) -> ResponseReturnValue:
    """Say what each role may do; POST changes it, or hands the ownership over."""
    role = BillingRole(form.role.data)
    email = change_role(get_context(), ref, person_id, role, actor=current_actor())
    if role is BillingRole.OWNER:
        flash_done(gettext("%(email)s is the owner now.", email=email))
    elif role is BillingRole.BILLING:
        flash_done(gettext("%(email)s can manage billing now.", email=email))
    else:
        flash_done(gettext("%(email)s can look now, and change nothing.", email=email))
    return _to_people(ref)


def _to_people(ref: CustomerRef) -> ResponseReturnValue:
    return redirect(url_for("account.people", entity_uuid=ref.uuid), code=303)
