"""The server's own page about its registration: who it is to the portal, transfer, deactivation."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from .access import server_page, store
from .portal_client import NOT_REGISTERED, PortalProblem
from .problems import EXPLANATIONS, explain
from .registration import deactivate, own_hostname
from .transfer import transfer_registration
from .uploads import DEACTIVATED, HOSTNAME_TAKEN, INVALID_KEY

registration_pages = Blueprint("registration", __name__)


@registration_pages.get("/registration/")
@server_page
def registration() -> ResponseReturnValue:
    """Show how the portal knows this server, and what can be done about it."""
    settings = store().settings()
    portal = settings.portal_public or settings.portal
    return render_template(
        "registration.html",
        settings=settings,
        hostname=own_hostname(settings),
        refusal=EXPLANATIONS.get(settings.refusal),
        server_login=f"{portal}/serverlogin/" if portal else None,
        needs_transfer=settings.refusal in (INVALID_KEY, HOSTNAME_TAKEN),
        has_ended=settings.refusal == DEACTIVATED,
    )


@registration_pages.post("/registration/transfer/")
@server_page
def transfer() -> ResponseReturnValue:
    """Take over the registration of this server's hostname."""
    try:
        has_other_id = transfer_registration(store())
    except PortalProblem as problem:
        return _problem_page(problem)
    others = " The server's id is now that of the registration." if has_other_id else ""
    flash(f"The registration was transferred to this server. Its key is a new one.{others}")
    return redirect(url_for("registration.registration"), 303)


@registration_pages.get("/registration/deactivate/")
@server_page
def confirm_deactivation() -> ResponseReturnValue:
    """Ask once more before the registration ends."""
    settings = store().settings()
    if not settings.registered:
        return _problem_page(PortalProblem(NOT_REGISTERED))
    return render_template("deactivate.html", settings=settings, hostname=own_hostname(settings))


@registration_pages.post("/registration/deactivate/")
@server_page
def end_registration() -> ResponseReturnValue:
    """End the registration, or show the portal's reason why not."""
    try:
        deactivate(store())
    except PortalProblem as problem:
        return _problem_page(problem)
    flash("The registration of this server was deactivated.")
    return redirect(url_for("registration.registration"), 303)


def _problem_page(problem: PortalProblem) -> ResponseReturnValue:
    page = explain(problem)
    headers = {} if page.retry_after is None else {"Retry-After": str(page.retry_after)}
    return render_template("server_problem.html", page=page), page.explanation.status, headers
