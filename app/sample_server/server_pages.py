"""The server's own pages at its root host: organizations, uploads, statistics."""

from __future__ import annotations

import os

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .access import server_page, store
from .audit import count_roles
from .organizations import list_organizations, set_organization_active
from .problems import EXPLANATIONS, ROWS_BEHIND, explain
from .records import UploadReport
from .registration import own_hostname
from .seed import found_organization
from .uploads import BUTTON, last_uploads, problem_of, upload_now

server_pages = Blueprint("server", __name__)

SHOWN_UPLOADS = 20
STATISTICS_VARIABLE = "SUBMIT_USAGE_STATISTICS"


@server_pages.get("/organizations/")
@server_page
def home() -> ResponseReturnValue:
    """Show the organizations of this server, with the way into each."""
    with store().read() as connection:
        rows = [(o, count_roles(connection, o)) for o in list_organizations(connection)]
    settings = store().settings()
    return render_template(
        "server_home.html",
        rows=rows,
        settings=settings,
        hostname=own_hostname(settings),
        refusal=EXPLANATIONS.get(settings.refusal),
    )


@server_pages.post("/organizations/")
@server_page
def create() -> ResponseReturnValue:
    """Create an organization with one owner."""
    name = request.form.get("name", "")
    found_organization(store(), name=name, title=request.form.get("title", ""))
    flash(f"{name.strip().lower()} was created with one owner.")
    return redirect(url_for("server.home"), 303)


@server_pages.post("/organizations/<string:name>/state/")
@server_page
def change_state(name: str) -> ResponseReturnValue:
    """Deactivate or reactivate an organization."""
    active = request.form.get("active") == "yes"
    with store().write() as connection:
        changed = set_organization_active(connection, name, active=active)
    state = "active" if active else "deactivated"
    flash(f"{name} is {'now' if changed else 'already'} {state}.")
    return redirect(url_for("server.home"), 303)


@server_pages.get("/uploads/")
@server_page
def uploads() -> ResponseReturnValue:
    """Show what the last uploads did."""
    with store().read() as connection:
        reports = last_uploads(connection, limit=SHOWN_UPLOADS)
    return render_template(
        "uploads.html",
        rows=[(report, _advice(report)) for report in reports],
        settings=store().settings(),
        rows_behind=ROWS_BEHIND,
        fixed=STATISTICS_VARIABLE in os.environ,
    )


def _advice(report: UploadReport) -> str:
    if report.code is None:
        return ""
    return explain(problem_of(report)).explanation.todo


@server_pages.post("/uploads/")
@server_page
def upload_button() -> ResponseReturnValue:
    """Upload now and say what came of it."""
    report = upload_now(store(), trigger=BUTTON, interactive=True)
    if report.code is None:
        flash(f"Uploaded: {report.audit_rows} audit rows were accepted.")
    else:
        flash(f"The upload failed: {explain(problem_of(report)).explanation.title}.")
    return redirect(url_for("server.uploads"), 303)


@server_pages.post("/uploads/statistics/")
@server_page
def statistics() -> ResponseReturnValue:
    """Switch usage statistics on or off, unless the environment decides."""
    if STATISTICS_VARIABLE in os.environ:
        flash(f"{STATISTICS_VARIABLE} is set in the environment, which decides.")
    else:
        wanted = request.form.get("submit") == "yes"
        store().save(submit_usage_statistics=wanted)
        flash(f"Usage statistics are {'' if wanted else 'not '}submitted from now on.")
    return redirect(url_for("server.uploads"), 303)
