"""The ways in that begin with a mailed link: an invitation, and coming back after one."""

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.services.accept_invitation import AcceptInvitation, accept_invitation, open_invitation
from app.services.login_failures import LoginRefused
from app.services.mail_logins import log_in_by_mail, open_mail_login, request_mail_login
from app.services.mailed_sessions import BY_MAIL, Browser
from app.web.access import public
from app.web.context import get_context, get_read_session
from app.web.forms import form_view
from app.web.login import blueprint
from app.web.login.forms import CompleteForm, EmailForm
from app.web.login.limits import count_login_mail
from app.web.login.views import go_on
from app.web.sessions import current_stored_session


def _make_form(*, full_name: str = "", asks_tos: bool = True) -> CompleteForm:
    """The last step of a login without what such a login does not ask."""
    version = get_context().catalog.brand.tos_version
    form = CompleteForm(data={"full_name": full_name, "tos_version": version})
    del form.login, form.wants_major_release_mails, form.wants_maintenance_mails
    if not asks_tos:
        del form.accepts_tos
    return form


def _make_acceptance(key: str) -> CompleteForm:
    page = open_invitation(get_context(), get_read_session(), key, ip=request.remote_addr)
    form = _make_form(full_name=page.full_name)
    form.about = page
    return form


def _show_acceptance(form: CompleteForm, key: str) -> ResponseReturnValue:
    return render_template("login/invitation.html", form=form, page=form.about)


@blueprint.route("/invitation/<string:key>/", methods=["GET", "POST"])
@public
@form_view(
    _make_acceptance,
    _show_acceptance,
    fields={"tos_not_accepted": "accepts_tos"},
    beyond=(LoginRefused,),
)
def invitation(form: CompleteForm, key: str) -> ResponseReturnValue:
    """Who invites to what. POST accepts, and begins a session."""
    command = AcceptInvitation(
        key=key,
        full_name=form.full_name.data or "",
        tos_version=form.tos_version.data or "",
    )
    return go_on(accept_invitation(get_context(), command, _browser()))


def _make_email_form() -> EmailForm:
    form = EmailForm()
    del form.login
    return form


def _show_email_form(form: EmailForm) -> ResponseReturnValue:
    return render_template("login/by_mail.html", form=form)


@blueprint.route(BY_MAIL, methods=["GET", "POST"])
@public
@form_view(
    _make_email_form,
    _show_email_form,
    fields={"login_mail_limit": "email"},
    statuses={"login_mail_limit": 429},
)
def by_mail(form: EmailForm) -> ResponseReturnValue:
    """Where invited people come back. POST mails links, if there is anything to link to."""
    email = form.email.data or ""
    count_login_mail(email=email, server_id=None)
    request_mail_login(get_context(), email, ip=request.remote_addr)
    return redirect(url_for(".by_mail_sent"), code=303)


@blueprint.get(f"{BY_MAIL}sent/")
@public
def by_mail_sent() -> ResponseReturnValue:
    """What to do next, in the same words whether a mail is on its way or not."""
    return render_template("login/by_mail_sent.html")


def _make_confirmation(key: str) -> CompleteForm:
    page = open_mail_login(get_context(), get_read_session(), key, ip=request.remote_addr)
    form = _make_form(asks_tos=page.asks_tos)
    del form.full_name
    form.about = page
    return form


def _show_confirmation(form: CompleteForm, key: str) -> ResponseReturnValue:
    return render_template("login/by_mail_confirm.html", form=form, page=form.about)


@blueprint.route(f"{BY_MAIL}<string:key>/", methods=["GET", "POST"])
@public
@form_view(
    _make_confirmation,
    _show_confirmation,
    fields={"tos_not_accepted": "accepts_tos"},
    beyond=(LoginRefused,),
)
def by_mail_confirm(form: CompleteForm, key: str) -> ResponseReturnValue:
    """The mailed link: one button, since programs that read mail fetch every link in it."""
    version = form.tos_version.data if "accepts_tos" in form else None
    completed = log_in_by_mail(get_context(), key, _browser(), tos_version=version)
    return go_on(completed)


def _browser() -> Browser:
    stored = current_stored_session()
    # The form's token stays good, so that a form that was sent twice is told what became of it.
    kept = {"csrf_token": session["csrf_token"]} if "csrf_token" in session else {}
    return Browser(
        replaces=stored.id_hash if stored is not None else None,
        data=kept,
        ip=request.remote_addr,
    )
