"""One's own login: sessions, password, second factor, recovery codes."""

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from app.services.staff_account import (
    check_own_password,
    has_password,
    load_account_page,
    make_recovery_codes,
    remove_factor,
    set_factor,
)
from app.services.staff_sessions import HANDLE_LENGTH, end_all_others, end_session_of
from app.services.staff_setup import change_password
from app.web.access import current_staff_actor, staff
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done
from app.web.forms import form_view
from app.web.sessions import current_staff, current_stored_session
from app.web.staff import blueprint, half_logins
from app.web.staff.forms import ChangePasswordForm, CodeForm, PasswordForm
from app.web.staff.limits import count_staff_attempt
from app.web.staff.qr import qr_image, spelled_secret

ACCOUNT = "/support/account/"
_PASSWORD_FIELDS = {
    "staff_password_wrong": "current",
    "staff_password_short": "password",
    "staff_password_long": "password",
    "staff_password_common": "password",
    "staff_password_like_name": "password",
}


def _you() -> int:
    person = current_staff()
    assert person is not None, "the views are for staff only"
    return person.staff_user_id


def _here() -> str:
    stored = current_stored_session()
    assert stored is not None, "whoever is logged in has a session"
    return stored.id_hash


@blueprint.get(ACCOUNT)
@staff()
def sessions() -> ResponseReturnValue:
    """Where one is logged in, and how one logs in."""
    page = load_account_page(get_context(), get_fresh_read_session(), _you(), here=_here())
    return render_template("staff/account.html", page=page)


@blueprint.post(f"{ACCOUNT}sessions/<string(length={HANDLE_LENGTH}):handle>/end/")
@staff()
def session_end(handle: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    end_session_of(get_context(), _you(), handle, actor=current_staff_actor())
    flash_done(gettext("That browser is logged out."))
    return _to_account()


@blueprint.post(f"{ACCOUNT}sessions/end-others/")
@staff()
def sessions_end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    ended = end_all_others(get_context(), _you(), here=_here(), actor=current_staff_actor())
    flash_done(
        ngettext(
            "%(num)s other browser is logged out.", "%(num)s other browsers are logged out.", ended
        )
        if ended
        else gettext("You were logged in nowhere else.")
    )
    return _to_account()


def _make_change_form() -> FlaskForm:
    if not has_password(get_read_session(), _you()):
        abort(404)
    return ChangePasswordForm()


def _show_change_form(form: ChangePasswordForm) -> ResponseReturnValue:
    return render_template("staff/password.html", form=form)


@blueprint.route(f"{ACCOUNT}password/", methods=["GET", "POST"])
@staff()
@form_view(_make_change_form, _show_change_form, fields=_PASSWORD_FIELDS)
def password(form: ChangePasswordForm) -> ResponseReturnValue:
    """POST changes the password; every other session ends."""
    count_staff_attempt(f"staff:{_you()}")
    change_password(
        get_context(),
        get_fresh_read_session(),
        _you(),
        current=form.current.data or "",
        new=form.password.data or "",
        here=_here(),
        actor=current_staff_actor(),
    )
    flash_done(gettext("Your password is changed. Every other browser is logged out."))
    return _to_account()


def _make_password_form() -> FlaskForm:
    form = PasswordForm()
    if not has_password(get_read_session(), _you()):
        del form.current
    return form


def _check(form: PasswordForm) -> None:
    """Who sits at this browser is who logged in. Raises BillingError `staff_password_wrong`."""
    count_staff_attempt(f"staff:{_you()}")
    current = form.current.data if "current" in form else None
    check_own_password(get_context(), get_fresh_read_session(), _you(), current)


def _show_factor_start(form: PasswordForm) -> ResponseReturnValue:
    page = load_account_page(get_context(), get_fresh_read_session(), _you(), here=_here())
    return render_template("staff/factor.html", form=form, page=page)


@blueprint.route(f"{ACCOUNT}second-factor/", methods=["GET", "POST"])
@staff()
@form_view(_make_password_form, _show_factor_start, fields={"staff_password_wrong": "current"})
def factor(form: PasswordForm) -> ResponseReturnValue:
    """Begin to set the second factor up, or to replace it. The one that counts stays until then."""
    _check(form)
    half_logins.enrolling_secret(renew=True)
    return redirect(url_for("staff.factor_confirm"), code=303)


def _make_confirm_form() -> FlaskForm | BaseResponse:
    if half_logins.get_enrolling_secret() is None:
        return redirect(url_for("staff.factor"), code=303)
    return CodeForm()


def _show_confirm_form(form: CodeForm) -> ResponseReturnValue:
    return render_template(
        "staff/factor_confirm.html",
        form=form,
        secret=spelled_secret(),
        image_url=url_for("staff.factor_qr"),
        cancel_url=url_for("staff.sessions"),
    )


@blueprint.route(f"{ACCOUNT}second-factor/confirm/", methods=["GET", "POST"])
@staff()
@form_view(_make_confirm_form, _show_confirm_form, fields={"staff_code_wrong": "code"})
def factor_confirm(form: CodeForm) -> ResponseReturnValue:
    """POST proves that the authenticator knows the secret; from then on it counts."""
    codes = set_factor(
        get_context(),
        _you(),
        sealed=half_logins.get_enrolling_secret(),
        code=form.code.data or "",
        here=_here(),
        actor=current_staff_actor(),
    )
    half_logins.keep_codes(codes)
    return redirect(url_for("staff.recovery_codes"), code=303)


@blueprint.get(f"{ACCOUNT}second-factor/qr.svg")
@staff()
def factor_qr() -> ResponseReturnValue:
    """The QR code of that page, for this browser only."""
    person = current_staff()
    assert person is not None, "the view is for staff only"
    return qr_image(person.email)


def _show_factor_removal(form: PasswordForm) -> ResponseReturnValue:
    return render_template("staff/factor_remove.html", form=form)


def _make_removal_form() -> FlaskForm:
    if get_context().settings.staff_require_2fa:
        abort(404)
    return _make_password_form()


@blueprint.route(f"{ACCOUNT}second-factor/remove/", methods=["GET", "POST"])
@staff()
@form_view(_make_removal_form, _show_factor_removal, fields={"staff_password_wrong": "current"})
def factor_remove(form: PasswordForm) -> ResponseReturnValue:
    """POST goes back to the password alone. There is no such page where a factor is required."""
    _check(form)
    remove_factor(get_context(), _you(), actor=current_staff_actor())
    flash_done(gettext("The second factor is removed."))
    return _to_account()


@blueprint.get(f"{ACCOUNT}recovery-codes/")
@staff()
def recovery_codes() -> ResponseReturnValue:
    """The recovery codes that were just made, the first time only."""
    codes = half_logins.take_codes()
    next_url = half_logins.next_path()
    return render_template("staff/recovery_codes.html", codes=codes, next_url=next_url)


def _show_new_codes(form: PasswordForm) -> ResponseReturnValue:
    return render_template("staff/recovery_codes_new.html", form=form)


@blueprint.route(f"{ACCOUNT}recovery-codes/new/", methods=["GET", "POST"])
@staff()
@form_view(_make_password_form, _show_new_codes, fields={"staff_password_wrong": "current"})
def recovery_codes_new(form: PasswordForm) -> ResponseReturnValue:
    """POST makes new recovery codes in place of those before."""
    _check(form)
    half_logins.keep_codes(make_recovery_codes(get_context(), _you(), actor=current_staff_actor()))
    return redirect(url_for("staff.recovery_codes"), code=303)


def _to_account() -> ResponseReturnValue:
    return redirect(url_for("staff.sessions"), code=303)
