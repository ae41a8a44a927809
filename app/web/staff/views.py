"""The login of staff, step by step, and out again."""

from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from app.domain.errors import BillingError
from app.services.staff_login import (
    HalfStaff,
    NextStep,
    check_password,
    finish_with_code,
    finish_with_enrollment,
    finish_without_code,
    load_email,
    next_step,
)
from app.services.staff_sessions import log_out_staff
from app.services.staff_setup import choose_password, load_setup_email
from app.web.access import STAFF_LOGIN, current_staff_actor, public
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_done, flash_problem
from app.web.forms import form_view
from app.web.sessions import current_staff, current_stored_session, portal_session
from app.web.staff import blueprint, half_logins
from app.web.staff.forms import CodeForm, LoginForm, NewPasswordForm
from app.web.staff.limits import count_staff_attempt
from app.web.staff.qr import qr_image, spelled_secret
from app.web.wording import message_for


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    """These pages hold addresses of people, and some of them secrets in their own address."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _make_login_form() -> FlaskForm | BaseResponse:
    asked = half_logins.safe_next(request.args.get("next"))
    if current_staff() is not None:
        return redirect(asked or half_logins.home(), code=303)
    return LoginForm(data={"next": asked or ""})


def _show_login_form(form: LoginForm) -> ResponseReturnValue:
    settings, provider = get_context().settings, get_context().login_provider
    name = settings.staff_oidc_name if provider is not None else None
    return render_template("staff/login.html", form=form, provider_name=name)


@blueprint.route(STAFF_LOGIN, methods=["GET", "POST"])
@public
# One answer for everything that is wrong, and not a word more.
@form_view(_make_login_form, _show_login_form, statuses={"staff_login_wrong": 200})
def login(form: LoginForm) -> ResponseReturnValue:
    """The first step: address and password."""
    ctx, email = get_context(), form.email.data or ""
    count_staff_attempt(email)
    half = check_password(
        ctx,
        get_fresh_read_session(),
        email=email,
        password=form.password.data or "",
        ip=request.remote_addr,
    )
    return go_on(half, next_path=form.next.data)


def go_on(half: HalfStaff, *, next_path: str | None) -> ResponseReturnValue:
    """From the first step to whatever is asked next."""
    ctx = get_context()
    step = next_step(ctx, get_fresh_read_session(), half)
    half_logins.remember(half, next_path=next_path)
    if step is NextStep.CODE:
        return redirect(url_for("staff.login_code"), code=303)
    if step is NextStep.ENROLL:
        half_logins.enrolling_secret(renew=True)
        return redirect(url_for("staff.login_enroll"), code=303)
    target = half_logins.next_path()
    portal_session().replace_by(finish_without_code(ctx, half, half_logins.browser()))
    return redirect(target, code=303)


def _half_for(step: NextStep) -> HalfStaff | BaseResponse:
    """The login under way when it is at that step; otherwise the way to where it is."""
    if current_staff() is not None:
        return redirect(half_logins.home(), code=303)
    try:
        half = half_logins.load()
        found = next_step(get_context(), get_read_session(), half)
    except BillingError as error:
        half_logins.forget()
        flash_problem(message_for(error))
        return redirect(STAFF_LOGIN, code=303)
    return half if found is step else redirect(STAFF_LOGIN, code=303)


def _make_code_form() -> FlaskForm | BaseResponse:
    half = _half_for(NextStep.CODE)
    return half if isinstance(half, BaseResponse) else CodeForm()


def _show_code_form(form: CodeForm) -> ResponseReturnValue:
    return render_template("staff/login_code.html", form=form)


@blueprint.route(f"{STAFF_LOGIN}code/", methods=["GET", "POST"])
@public
@form_view(_make_code_form, _show_code_form, fields={"staff_code_wrong": "code"})
def login_code(form: CodeForm) -> ResponseReturnValue:
    """The second step: a code of the authenticator, or one for the day it is lost."""
    half = half_logins.load()
    count_staff_attempt(f"staff:{half.staff_user_id}")
    target = half_logins.next_path()
    secret = finish_with_code(get_context(), half, form.code.data or "", half_logins.browser())
    portal_session().replace_by(secret)
    return redirect(target, code=303)


def _make_enroll_form() -> FlaskForm | BaseResponse:
    half = _half_for(NextStep.ENROLL)
    return half if isinstance(half, BaseResponse) else CodeForm()


def _show_enroll_form(form: CodeForm) -> ResponseReturnValue:
    return render_template(
        "staff/login_enroll.html",
        form=form,
        secret=spelled_secret(),
        image_url=url_for("staff.login_qr"),
    )


@blueprint.route(f"{STAFF_LOGIN}second-factor/", methods=["GET", "POST"])
@public
@form_view(_make_enroll_form, _show_enroll_form, fields={"staff_code_wrong": "code"})
def login_enroll(form: CodeForm) -> ResponseReturnValue:
    """The second step of who has no second factor where one is required: setting it up."""
    half = half_logins.load()
    count_staff_attempt(f"staff:{half.staff_user_id}")
    enrolled = finish_with_enrollment(
        get_context(),
        half,
        form.code.data or "",
        half_logins.browser(),
        sealed=half_logins.get_enrolling_secret(),
    )
    portal_session().replace_by(enrolled.secret)
    half_logins.keep_codes(enrolled.codes)
    return redirect(url_for("staff.recovery_codes"), code=303)


@blueprint.get(f"{STAFF_LOGIN}second-factor/qr.svg")
@public
def login_qr() -> ResponseReturnValue:
    """The QR code of that page, for the browser in the middle of the login only."""
    half = _half_for(NextStep.ENROLL)
    if isinstance(half, BaseResponse):
        abort(404)
    return qr_image(load_email(get_read_session(), half))


@blueprint.post("/support/logout/")
@public
def logout() -> ResponseReturnValue:
    """End the session of this browser."""
    stored = current_stored_session()
    if stored is not None and current_staff() is not None:
        log_out_staff(get_context(), stored.id_hash, actor=current_staff_actor())
        portal_session().replace_by(None)
    flash_done(gettext("You are logged out."))
    return redirect(STAFF_LOGIN, code=303)


def _make_setup_form(key: str) -> FlaskForm:
    return NewPasswordForm()


def _show_setup_form(form: NewPasswordForm, key: str) -> ResponseReturnValue:
    try:
        email = load_setup_email(get_context(), get_fresh_read_session(), key)
    except BillingError as error:
        return render_template("staff/setup_over.html", message=message_for(error)), 410
    return render_template("staff/setup.html", form=form, email=email)


@blueprint.route("/support/setup/<string(maxlength=64):key>/", methods=["GET", "POST"])
@public
@form_view(
    _make_setup_form,
    _show_setup_form,
    fields={
        "staff_password_short": "password",
        "staff_password_long": "password",
        "staff_password_common": "password",
        "staff_password_like_name": "password",
    },
)
def setup(form: NewPasswordForm, key: str) -> ResponseReturnValue:
    """The link of somebody new, or who was reset: POST sets the password."""
    ip = request.remote_addr
    choose_password(get_context(), get_read_session(), key, form.password.data or "", ip=ip)
    flash_done(gettext("Your password is set. Log in with it."))
    return redirect(STAFF_LOGIN, code=303)
