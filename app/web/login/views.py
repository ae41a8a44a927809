"""The steps of every login, from the product's link to a session, and out again.

Whoever comes for a server comes in by `server_views` and goes on here.
"""

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse

from app.services.complete_login import CompletedLogin, complete_login
from app.services.confirm_email import (
    SendConfirmation,
    confirm_email,
    is_confirmation_recent,
    load_sent_confirmation,
    open_confirmation,
    send_confirmation,
)
from app.services.login_failures import LoginRefused
from app.services.login_links import (
    HalfLogin,
    LoginPage,
    is_half_login_good,
    load_login_page,
    open_login_link,
)
from app.services.logout import log_out
from app.web.access import current_identity, page_address, public
from app.web.context import get_context, get_read_session
from app.web.forms import form_view
from app.web.login import blueprint, half_logins
from app.web.login.forms import CompleteForm, EmailForm
from app.web.login.limits import count_login_mail
from app.web.sessions import current_stored_session, portal_session


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    """These pages hold addresses of people, and some of them secrets in their own address."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/")
@public
def come_in() -> ResponseReturnValue:
    """The start: billing for who is logged in, the way in for everybody else."""
    identity = current_identity()
    if identity is not None:
        return redirect(page_address(identity, "billing"))
    return render_template("login/come_in.html")


@blueprint.get("/remote-billing-login/<string:token>")
@public
def begin(token: str) -> ResponseReturnValue:
    """The product's link: keep what it stands for in the session and get it out of the address."""
    half = open_login_link(get_context(), get_read_session(), token, ip=request.remote_addr)
    half_logins.remember(half)
    is_known = _load_page(half).is_known
    response = redirect(url_for(".complete" if is_known else ".confirm"))
    # Only here: without a Referer, pages under https could not send their forms.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/remote-billing-login/sent/")
@public
def sent() -> ResponseReturnValue:
    """The mail is on its way: to which address, and what to do if nothing comes."""
    page = load_sent_confirmation(get_read_session(), half_logins.load_sent())
    return render_template("login/sent.html", page=page)


def _make_email_form() -> FlaskForm | BaseResponse:
    handle, half = half_logins.load(request.form.get("login"))
    page = _load_page(half)
    if page.is_known:
        return redirect(url_for(".complete"))
    form = EmailForm(data={"login": handle, "email": page.email})
    form.page, form.half, form.handle = page, half, handle
    return form


def _show_email_form(form: EmailForm) -> ResponseReturnValue:
    return render_template("login/confirm_email.html", form=form, page=form.page)


@blueprint.route("/remote-billing-login/confirm/", methods=["GET", "POST"])
@public
@form_view(
    _make_email_form,
    _show_email_form,
    fields={"login_mail_limit": "email"},
    statuses={"login_mail_limit": 429},
    beyond=(LoginRefused,),
)
def confirm(form: EmailForm) -> ResponseReturnValue:
    """First visit: which address is this person's? POST sends a link to it."""
    ctx, ip = get_context(), request.remote_addr
    command = SendConfirmation(half=form.half, email=form.email.data or "")
    if not is_confirmation_recent(ctx, get_read_session(), command):
        count_login_mail(email=command.email, server_id=form.page.server_id)
    half_logins.remember_sent(send_confirmation(ctx, command, ip=ip))
    return redirect(url_for(".sent"), code=303)


def _make_confirm_form(key: str) -> FlaskForm | BaseResponse:
    half = half_logins.find_confirmed(key)
    if half is not None and is_half_login_good(get_context(), get_read_session(), half):
        return redirect(url_for(".complete"))
    return FlaskForm()


def _show_confirm_form(form: FlaskForm, key: str) -> ResponseReturnValue:
    page = open_confirmation(get_context(), get_read_session(), key, ip=request.remote_addr)
    return render_template("login/do_confirm.html", form=form, page=page)


@blueprint.route("/remote-billing-login/do-confirm/<string:key>", methods=["GET", "POST"])
@public
@form_view(_make_confirm_form, _show_confirm_form, beyond=(LoginRefused,))
def do_confirm(form: FlaskForm, key: str) -> ResponseReturnValue:
    """The mailed link: one button, since programs that read mail fetch every link in it."""
    half = confirm_email(get_context(), key, ip=request.remote_addr)
    half_logins.remember_confirmed(key, half_logins.remember(half))
    return redirect(url_for(".complete"), code=303)


def _make_complete_form() -> FlaskForm | BaseResponse:
    identity = current_identity()
    is_over = half_logins.is_finished(request.form.get("login")) or half_logins.is_empty()
    if identity is not None and is_over:
        return redirect(page_address(identity, "billing"), code=303)
    handle, half = half_logins.load(request.form.get("login"))
    page = _load_page(half)
    if not page.is_known:
        return redirect(url_for(".confirm"))
    shown = get_context().catalog.brand.tos_version
    form = CompleteForm(data={"login": handle, "full_name": page.full_name, "tos_version": shown})
    form.ask(page)
    form.page, form.half, form.handle = page, half, handle
    return form


def _show_complete_form(form: CompleteForm) -> ResponseReturnValue:
    return render_template("login/confirm_login.html", form=form, page=form.page)


@blueprint.route("/remote-billing-login/complete/", methods=["GET", "POST"])
@public
@form_view(
    _make_complete_form,
    _show_complete_form,
    fields={"tos_not_accepted": "accepts_tos"},
    beyond=(LoginRefused,),
)
def complete(form: CompleteForm) -> ResponseReturnValue:
    """Every visit ends here: who logs in where. POST begins the session."""
    stored = current_stored_session()
    completed = complete_login(
        get_context(),
        form.command(),
        replaces=stored.id_hash if stored is not None else None,
        session_data=half_logins.values_after(form.handle),
        ip=request.remote_addr,
    )
    return go_on(completed)


def go_on(completed: CompletedLogin) -> BaseResponse:
    """Let this browser have the session of a login, and send it to the page the login leads to."""
    portal_session().replace_by(completed.secret)
    identity = current_identity()
    assert identity is not None, "whoever has just logged in is logged in"
    return redirect(page_address(identity, completed.page), code=303)


@blueprint.post("/logout/")
@public
def logout() -> ResponseReturnValue:
    """End the session of this browser."""
    stored = current_stored_session()
    if stored is not None:
        log_out(get_context(), stored.id_hash, identity=stored.identity, ip=request.remote_addr)
    portal_session().replace_by(None)
    return redirect(url_for(".logged_out"), code=303)


@blueprint.get("/logged-out/")
@public
def logged_out() -> ResponseReturnValue:
    """Say that the session is over, and how to come back."""
    return render_template("login/logged_out.html")


@blueprint.get("/terms/")
@public
def terms() -> ResponseReturnValue:
    """The Terms of Service of the version that logins ask for."""
    return render_template("login/terms.html")


def _load_page(half: HalfLogin) -> LoginPage:
    return load_login_page(get_context(), get_read_session(), half, ip=request.remote_addr)
