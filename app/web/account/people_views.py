"""Who manages the billing of this customer: the list, one's own details, removing somebody."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.errors import BillingError
from app.domain.kinds import BillingRole
from app.extensions import caller_network
from app.services.billing_people import change_own_details, remove_person
from app.services.change_role import change_role
from app.services.identity import CustomerRef
from app.services.invitations import invite_person, resend_invitation, withdraw_invitation
from app.services.pages.account_people import load_people_page, load_removal_page, load_role_page
from app.web.access import CUSTOMER, billing_user, current_actor
from app.web.account import blueprint
from app.web.account.forms import InviteForm, OwnDetailsForm, RoleForm
from app.web.attempts import count_attempt
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.paging import asked_page, pages_of

_INVITATION = f"{CUSTOMER}/people/invitations/<int(max=9223372036854775807):invitation_id>"


def _make_details_form(_ref: CustomerRef) -> OwnDetailsForm:
    return OwnDetailsForm()


def _show_people(form: FlaskForm, ref: CustomerRef, **_named: int) -> ResponseReturnValue:
    now = get_context().now()
    page = load_people_page(get_fresh_read_session(), ref, number=asked_page(), now=now)
    pages = pages_of("account.people", page.part, entity_uuid=ref.uuid)
    # One form was sent, if any; the others show what is so now.
    details = form if isinstance(form, OwnDetailsForm) and form.is_submitted() else None
    invite = form if isinstance(form, InviteForm) and form.is_submitted() else None
    return render_template(
        "account/people.html",
        ref=ref,
        page=page,
        pages=pages,
        sent=form,
        form=details or OwnDetailsForm(None, obj=page.you),
        invite=invite or InviteForm(None),
    )


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


def _make_invite_form(_ref: CustomerRef) -> InviteForm:
    return InviteForm()


@blueprint.route(f"{CUSTOMER}/people/invite/", methods=["GET", "POST"])
@billing_user(acts=BillingRole.OWNER)
@form_view(
    _make_invite_form,
    _show_people,
    fields={"person_already_here": "email", "invitation_pending": "email"},
    statuses={"invite_too_often": 429},
)
def people_invite(form: InviteForm, ref: CustomerRef) -> ResponseReturnValue:
    """POST mails an invitation."""
    _count_invitation(ref)
    role = BillingRole(form.role.data)
    email = invite_person(get_context(), ref, form.email.data or "", role, actor=current_actor())
    flash_done(gettext("An invitation is on its way to %(email)s.", email=email))
    return _to_people(ref)


def _make_button(_ref: CustomerRef, invitation_id: int) -> FlaskForm:
    return FlaskForm()


@blueprint.post(f"{_INVITATION}/resend/")
@billing_user(acts=BillingRole.OWNER)
@form_view(_make_button, _show_people, statuses={"invite_too_often": 429})
def invitation_resend(form: FlaskForm, ref: CustomerRef, invitation_id: int) -> ResponseReturnValue:
    """Mail a pending invitation anew; the link of the earlier mail works no more."""
    _count_invitation(ref)
    email = resend_invitation(get_context(), ref, invitation_id, actor=current_actor())
    flash_done(gettext("Another invitation is on its way to %(email)s.", email=email))
    return _to_people(ref)


@blueprint.post(f"{_INVITATION}/withdraw/")
@billing_user(acts=BillingRole.OWNER)
@form_view(_make_button, _show_people)
def invitation_withdraw(
    form: FlaskForm, ref: CustomerRef, invitation_id: int
) -> ResponseReturnValue:
    """Make the link of an invitation useless."""
    email = withdraw_invitation(get_context(), ref, invitation_id, actor=current_actor())
    flash_done(gettext("The invitation of %(email)s is withdrawn.", email=email))
    return _to_people(ref)


def _count_invitation(ref: CustomerRef) -> None:
    """Count one mail by customer and by caller. Raises BillingError `invite_too_often`."""
    counted = ("customer", ref.uuid), ("ip", caller_network())
    limits = get_context().settings.rate_limit_invite
    seconds = count_attempt("invitations", limits, *counted)
    if seconds is not None:
        raise BillingError("invite_too_often", minutes=-(-seconds // 60))


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
