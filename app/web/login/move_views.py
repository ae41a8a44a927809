"""The self-service move of an organization to another server, which proves both ends."""

from typing import Any

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.services.login_failures import LoginRefused
from app.services.prove_move import (
    BeginMove,
    ProvenMove,
    begin_move,
    finish_move,
    load_move_review,
    read_mailed_proof,
)
from app.web.access import public
from app.web.context import get_context, get_read_session
from app.web.forms import form_view
from app.web.login import blueprint
from app.web.login.forms import MoveForm
from app.web.login.limits import count_login_mail, count_server_login
from app.web.sessions import portal_session

_PROOF = "organization_move"
_DONE = "organization_moved"


def _show_begin(form: MoveForm) -> ResponseReturnValue:
    return render_template("login/move_begin.html", form=form)


@blueprint.route("/realm-transfer/", methods=["GET", "POST"])
@public
@form_view(
    MoveForm,
    _show_begin,
    # One answer for whatever is wrong, and not a word more.
    statuses={"organization_move_wrong": 200, "login_mail_limit": 429},
    fields={"login_mail_limit": "email"},
    beyond=(LoginRefused,),
)
def move(form: MoveForm) -> ResponseReturnValue:
    """POST proves the new server by its key, and the organization by its secret or by a mail."""
    ctx = get_context()
    command = BeginMove(
        server_uuid=form.clean(form.server_id).lower(),
        key=form.clean(form.server_key),
        organization_uuid=form.clean(form.organization_id).lower(),
        owner_secret=form.clean(form.owner_secret),
        email=form.clean(form.email),
    )
    count_server_login(server_uuid=command.server_uuid)
    count_server_login(server_uuid=command.organization_uuid)
    if not command.owner_secret:
        count_login_mail(email=command.email, server_id=None)
    proven = begin_move(ctx, get_read_session(), command, ip=request.remote_addr)
    if proven is None:
        return redirect(url_for(".move_sent"), code=303)
    _remember(proven)
    return redirect(url_for(".move_review"), code=303)


@blueprint.get("/realm-transfer/sent/")
@public
def move_sent() -> ResponseReturnValue:
    """What to do next, in the same words whether a mail is on its way or not."""
    return render_template("login/move_sent.html")


def _make_form(**_: Any) -> FlaskForm:
    return FlaskForm()


def _show_confirm(form: FlaskForm, token: str) -> ResponseReturnValue:
    proven = read_mailed_proof(get_context(), get_read_session(), token)
    page = load_move_review(get_context(), get_read_session(), proven)
    return render_template("login/move_confirm.html", form=form, page=page)


@blueprint.route("/realm-transfer/confirm/<string:token>", methods=["GET", "POST"])
@public
@form_view(_make_form, _show_confirm, beyond=(LoginRefused,))
def move_confirm(form: FlaskForm, token: str) -> ResponseReturnValue:
    """The mailed link: one button, since programs that read mail fetch every link in it."""
    _remember(read_mailed_proof(get_context(), get_read_session(), token))
    return redirect(url_for(".move_review"), code=303)


def _show_review(form: FlaskForm) -> ResponseReturnValue:
    page = load_move_review(get_context(), get_read_session(), _load())
    return render_template("login/move_review.html", form=form, page=page)


@blueprint.route("/realm-transfer/review/", methods=["GET", "POST"])
@public
@form_view(_make_form, _show_review, beyond=(LoginRefused,))
def move_review(form: FlaskForm) -> ResponseReturnValue:
    """What moves, and the button that moves it."""
    moved = finish_move(get_context(), _load(), ip=request.remote_addr)
    del session[_PROOF]
    session[_DONE] = [moved.host, moved.from_host, moved.to_host]
    return redirect(url_for(".move_done"), code=303)


@blueprint.get("/realm-transfer/done/")
@public
def move_done() -> ResponseReturnValue:
    """What was moved, and where to log in now."""
    if _DONE not in session:
        raise LoginRefused("organization_move_over")
    host, from_host, to_host = session[_DONE]
    return render_template("login/move_done.html", host=host, from_host=from_host, to_host=to_host)


def _remember(proven: ProvenMove) -> None:
    # Whoever has this session may move the organization now, so it gets a new id.
    session[_PROOF] = proven.to_json()
    portal_session().renew()


def _load() -> ProvenMove:
    if _PROOF not in session:
        raise LoginRefused("organization_move_over")
    return ProvenMove(**session[_PROOF])
