"""Who may log in to the support console: the list, adding, roles, resetting, disabling."""

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.domain.kinds import StaffRole
from app.services.pages.staff_people import StaffRow, list_staff, load_staff
from app.services.staff_people import (
    CreateStaff,
    change_role,
    create_staff,
    disable_staff,
    enable_staff,
    reset_staff,
    unbind_provider,
)
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.sessions import current_staff
from app.web.staff import blueprint
from app.web.staff.forms import NewPersonForm, RoleForm

PERSON = "/support/staff/<int(max=9223372036854775807):person_id>/"


def _you() -> int:
    person = current_staff()
    assert person is not None, "the views are for staff only"
    return person.staff_user_id


def _load(person_id: int) -> StaffRow:
    ctx = get_context()
    return load_staff(get_fresh_read_session(), person_id, you=_you(), now=ctx.now())


@blueprint.get("/support/staff/")
@staff(StaffRole.ADMIN)
def people() -> ResponseReturnValue:
    """Everybody who may log in, or might before."""
    rows = list_staff(get_fresh_read_session(), you=_you(), now=get_context().now())
    has_provider = get_context().login_provider is not None or any(row.is_bound for row in rows)
    return render_template("staff/people.html", rows=rows, has_provider=has_provider)


def _make_new_form() -> FlaskForm:
    return NewPersonForm()


def _show_new_form(form: NewPersonForm) -> ResponseReturnValue:
    return render_template("staff/person_new.html", form=form)


@blueprint.route("/support/staff/new/", methods=["GET", "POST"])
@staff(StaffRole.ADMIN)
@form_view(_make_new_form, _show_new_form, fields={"staff_known": "email"})
def person_new(form: NewPersonForm) -> ResponseReturnValue:
    """POST adds somebody and mails the link with which they choose a password."""
    command = CreateStaff(form.email.data or "", form.full_name.data or "", form.chosen_role())
    create_staff(get_context(), command, actor=current_staff_actor(), mails=True)
    flash_done(
        gettext(
            "%(name)s is added. The mail to %(email)s has a link that works for 24 hours.",
            name=command.full_name,
            email=command.email,
        )
    )
    return _to_people()


def _make_role_form(person_id: int) -> FlaskForm:
    return RoleForm(data={"role": _load(person_id).role.value})


def _show_person(form: RoleForm, person_id: int) -> ResponseReturnValue:
    return render_template("staff/person.html", form=form, person=_load(person_id))


@blueprint.route(PERSON, methods=["GET", "POST"])
@staff(StaffRole.ADMIN)
@form_view(_make_role_form, _show_person, fields={"staff_last_admin": "role"})
def person(form: RoleForm, person_id: int) -> ResponseReturnValue:
    """One person; POST changes what they may do."""
    change_role(get_context(), person_id, form.chosen_role(), actor=current_staff_actor())
    flash_done(gettext("The role is saved. It counts from the next click on."))
    # Whoever gave the own role away may not see the list any more.
    return redirect(url_for("staff.sessions"), code=303) if person_id == _you() else _to_people()


def _make_form(person_id: int) -> FlaskForm:
    _load(person_id)
    return FlaskForm()


def _show_reset(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    return render_template("staff/person_reset.html", form=form, person=_load(person_id))


@blueprint.route(f"{PERSON}reset/", methods=["GET", "POST"])
@staff(StaffRole.ADMIN)
@form_view(_make_form, _show_reset)
def person_reset(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    """Say what a reset takes away; POST does it and mails a link."""
    email = _load(person_id).email
    reset_staff(get_context(), person_id, actor=current_staff_actor(), mails=True)
    flash_done(gettext("The login is reset. The mail to %(email)s has a link.", email=email))
    return _to_people()


def _make_unbinding_form(person_id: int) -> FlaskForm:
    if not _load(person_id).is_bound:
        abort(404)
    return FlaskForm()


def _show_unbinding(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    return render_template("staff/person_unbind.html", form=form, person=_load(person_id))


@blueprint.route(f"{PERSON}unbind/", methods=["GET", "POST"])
@staff(StaffRole.ADMIN)
@form_view(_make_unbinding_form, _show_unbinding)
def person_unbind(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    """Say what it means to forget the provider's account of somebody; POST forgets it."""
    name = _load(person_id).name
    unbind_provider(get_context(), person_id, actor=current_staff_actor())
    flash_done(gettext("The single sign-on account of %(name)s is forgotten.", name=name))
    return _to_people()


def _show_disable(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    return render_template("staff/person_disable.html", form=form, person=_load(person_id))


@blueprint.route(f"{PERSON}disable/", methods=["GET", "POST"])
@staff(StaffRole.ADMIN)
@form_view(_make_form, _show_disable)
def person_disable(form: FlaskForm, person_id: int) -> ResponseReturnValue:
    """Say what disabling means; POST does it at once."""
    name = _load(person_id).name
    disable_staff(get_context(), person_id, actor=current_staff_actor())
    flash_done(gettext("%(name)s cannot log in any more.", name=name))
    return _to_people()


@blueprint.post(f"{PERSON}enable/")
@staff(StaffRole.ADMIN)
def person_enable(person_id: int) -> ResponseReturnValue:
    """Let somebody log in again."""
    enable_staff(get_context(), person_id, actor=current_staff_actor())
    flash_done(gettext("%(name)s can log in again.", name=_load(person_id).name))
    return _to_people()


def _to_people() -> ResponseReturnValue:
    return redirect(url_for("staff.people"), code=303)
