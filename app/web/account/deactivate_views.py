"""Leaving: a server ends its registration."""

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from app.domain.kinds import CustomerKind
from app.services.deactivate_server import deactivate_server
from app.services.identity import CustomerRef
from app.services.pages.deactivation import load_deactivation_page
from app.web.access import billing_user, current_actor, public
from app.web.account import blueprint
from app.web.account.forms import DeactivateForm
from app.web.context import get_context, get_fresh_read_session
from app.web.forms import form_view

# The name of the server that has just left, kept in what remains of the browser's session.
_LEFT = "left_server"


def _make_form(_ref: CustomerRef) -> DeactivateForm:
    return DeactivateForm()


def _show(form: DeactivateForm, ref: CustomerRef) -> ResponseReturnValue:
    ctx = get_context()
    page = load_deactivation_page(ctx, get_fresh_read_session(), ref.payer, now=ctx.now())
    return render_template("account/deactivate.html", ref=ref, page=page, form=form)


@blueprint.route("/server/<uuid:entity_uuid>/deactivate/", methods=["GET", "POST"])
@billing_user(CustomerKind.SERVER)
@form_view(_make_form, _show)
def deactivate(form: DeactivateForm, ref: CustomerRef) -> ResponseReturnValue:
    """Say what leaving means and what stands in the way; POST does it."""
    deactivate_server(get_context(), ref.payer.server_id, actor=current_actor())
    # The session has ended with the registration, so this begins a new one without anybody in it.
    session[_LEFT] = ref.host
    return redirect(url_for("account.left"), code=303)


@blueprint.get("/server/left/")
@public
def left() -> ResponseReturnValue:
    """Say that a server has left, and how to come back."""
    host = session.get(_LEFT)
    if host is None:
        return redirect(url_for("login.come_in"))
    return render_template("account/left.html", host=host)
