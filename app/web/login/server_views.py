"""The doors of a server: its id and key, and a link that our support made."""

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.domain.kinds import LoginDoor
from app.services.login_failures import LoginRefused
from app.services.login_links import NEXT_PAGES, open_login_link
from app.services.server_login import ServerLogin, begin_server_login
from app.web.access import SERVER_LOGIN, public
from app.web.context import get_context, get_read_session
from app.web.forms import form_view
from app.web.login import blueprint, half_logins
from app.web.login.forms import ServerLoginForm
from app.web.login.limits import count_server_login


def _read_next_page() -> str | None:
    name = request.args.get("next_page")
    if name is not None and name not in NEXT_PAGES:
        abort(400)
    return name


def _make_form() -> ServerLoginForm:
    _read_next_page()
    return ServerLoginForm()


def _show_form(form: ServerLoginForm) -> ResponseReturnValue:
    return render_template(
        "login/server_login.html", form=form, is_to_deactivate=_read_next_page() == "deactivate"
    )


@blueprint.route(SERVER_LOGIN, methods=["GET", "POST"])
@public
@form_view(
    _make_form,
    _show_form,
    # One answer for a wrong id and a wrong key, and not a word more.
    statuses={"server_login_wrong": 200},
    beyond=(LoginRefused,),
)
def server_login(form: ServerLoginForm) -> ResponseReturnValue:
    """For servers whose organizations have no Billing entry: POST checks the server's id and key.

    What follows gives access to nothing before somebody's address is confirmed.
    """
    ip = request.remote_addr
    command = ServerLogin(
        server_uuid=form.clean_id(), key=form.clean_key(), next_page=_read_next_page()
    )
    count_server_login(server_uuid=command.server_uuid)
    half = begin_server_login(get_context(), get_read_session(), command, ip=ip)
    half_logins.remember(half)
    return redirect(url_for(".confirm"), code=303)


@blueprint.get("/remote-billing-login/server/<string:token>")
@public
def begin_on_behalf(token: str) -> ResponseReturnValue:
    """A link that our support made: keep what it stands for and get it out of the address."""
    half = open_login_link(
        get_context(),
        get_read_session(),
        token,
        ip=request.remote_addr,
        door=LoginDoor.ON_BEHALF,
    )
    half_logins.remember(half)
    response = redirect(url_for(".complete"))
    # Only here: without a Referer, pages under https could not send their forms.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
