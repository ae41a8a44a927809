"""The pages of one organization: chat, login, settings, about, and the way to billing."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .access import (
    SESSION_PERSON,
    billing_admin,
    organization,
    organization_page,
    person,
    safe_path,
    signed_in,
    store,
)
from .audit import count_roles
from .billing import billing_link
from .inputs import LARGEST_ID, clean_number
from .messages import CHANNELS, check_channel, last_messages, post_message
from .organizations import rename_organization
from .payloads import API_FEATURE_LEVEL, VERSION
from .people import get_person, list_people
from .portal_client import PortalProblem
from .problems import MISMATCH, explain
from .records import InputError

organization_pages = Blueprint("organization", __name__)

SHOWN_LOGINS = 50


@organization_pages.get("/")
def front() -> ResponseReturnValue:
    """Lead to the chat on an organization's host, to the list of organizations on the server's."""
    if g.organization is None:
        return redirect(url_for("server.home"))
    return redirect(url_for("organization.channel", name=CHANNELS[0]))


@organization_pages.get("/channels/<string:name>/")
@signed_in
def channel(name: str) -> ResponseReturnValue:
    """Show one channel's messages."""
    with store().read() as connection:
        messages = last_messages(connection, organization(), channel=check_channel(name))
        counts = count_roles(connection, organization())
    return render_template(
        "chat.html", messages=messages, channels=CHANNELS, current=name, people=counts.people
    )


@organization_pages.post("/channels/<string:name>/")
@signed_in
def post(name: str) -> ResponseReturnValue:
    """Write a message."""
    text = request.form.get("text")
    with store().write() as connection:
        post_message(connection, organization(), person(), channel=name, text=text)
    return redirect(url_for("organization.channel", name=name), 303)


@organization_pages.get("/login/")
@organization_page
def login() -> ResponseReturnValue:
    """Let anybody choose which of the sample people to be."""
    search = request.args.get("q", "").strip()[:100]
    with store().read() as connection:
        people, total = list_people(
            connection, organization(), search=search, active_only=True, limit=SHOWN_LOGINS
        )
    wanted = safe_path(request.args.get("next"))
    return render_template("login.html", people=people, total=total, search=search, next=wanted)


@organization_pages.post("/login/")
@organization_page
def log_in() -> ResponseReturnValue:
    """Begin a session as the person chosen; no password, since this is a sample."""
    person_id = clean_number(
        request.form.get("person"), label="The person", least=1, most=LARGEST_ID
    )
    with store().read() as connection:
        someone = get_person(connection, organization(), person_id)
    if someone is None or someone.is_bot or not someone.is_active:
        raise InputError("Nobody can log in as that person: choose one from the list.")
    session.clear()
    session[SESSION_PERSON] = someone.id
    return redirect(safe_path(request.form.get("next")), 303)


@organization_pages.post("/logout/")
@organization_page
def log_out() -> ResponseReturnValue:
    """End the session."""
    session.clear()
    return redirect(url_for("organization.login"), 303)


@organization_pages.get("/settings/")
@signed_in
def settings() -> ResponseReturnValue:
    """Show the organization's settings; owners and admins may change them."""
    with store().read() as connection:
        counts = count_roles(connection, organization())
    return render_template("settings.html", counts=counts)


@organization_pages.post("/settings/")
@billing_admin
def save_settings() -> ResponseReturnValue:
    """Rename the organization."""
    with store().write() as connection:
        rename_organization(connection, organization().name, title=request.form.get("title", ""))
    flash("The settings were saved.")
    return redirect(url_for("organization.settings"), 303)


@organization_pages.get("/about/")
@signed_in
def about() -> ResponseReturnValue:
    """Say what this product is and where its server stands with the portal."""
    return render_template(
        "about.html",
        settings=store().settings(),
        version=VERSION,
        api_feature_level=API_FEATURE_LEVEL,
    )


@organization_pages.get("/self-hosted-billing/")
@billing_admin
def self_hosted_billing() -> ResponseReturnValue:
    """Send the admin on to the portal, or say what stands in the way and what to do."""
    next_page = request.args.get("next_page", "").strip() or None
    try:
        url = billing_link(store(), organization(), person(), next_page=next_page)
    except PortalProblem as problem:
        page = explain(problem)
        headers = {} if page.retry_after is None else {"Retry-After": str(page.retry_after)}
        again = request.full_path.rstrip("?")
        return (
            render_template(
                "problem.html",
                page=page,
                again=again,
                move_page=_move_page(problem),
                server_uuid=store().settings().server_uuid,
            ),
            page.explanation.status,
            headers,
        )
    return redirect(url, 302)


def _move_page(problem: PortalProblem) -> str | None:
    """The portal's page on which an organization is moved to this server, where that helps."""
    if problem.code != MISMATCH:
        return None
    settings = store().settings()
    return f"{(settings.portal_public or settings.portal).rstrip('/')}/realm-transfer/"
