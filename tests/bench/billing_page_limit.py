"""The limit of the billing page: the same application, its view answering from memory.

A WSGI module for benchmarks only. It fetches the page once, as the person whose cookie the
environment names, and keeps what the template was given and the session that was read. From then on
the same template is rendered from that, and the database is out of reach: whatever asked for it
would answer 500, which ends the benchmark.
"""

import os
from copy import deepcopy
from typing import Any

from flask import Flask, Request, render_template, template_rendered
from jinja2 import Template
from sqlalchemy import event

from app.extensions import db
from app.services.identity import StoredSession
from app.web.sessions import PortalSession, PortalSessionInterface, current_stored_session

PATH_VARIABLE = "BENCH_PAGE_PATH"
COOKIE_VARIABLE = "BENCH_PAGE_COOKIE"
ENDPOINT = "portal.billing"


class ReadySession(PortalSession):
    """A session that was read already."""

    def __init__(self, secret: str | None, stored: StoredSession) -> None:
        super().__init__(secret)
        self._stored = stored
        self._data = deepcopy(dict(stored.data))


class ReadySessionInterface(PortalSessionInterface):
    """Opens the one session there is, whoever asks."""

    ready: StoredSession

    def open_session(self, app: Flask, request: Request) -> PortalSession:
        """The session, without a look at the database."""
        return ReadySession(request.cookies.get(self.cookie_name), self.ready)


class DatabaseIsOutOfReachError(Exception):
    """The limit asked for the database, so it is none."""


def make_app() -> Flask:
    """What gunicorn calls: the application of the environment with its billing page from memory."""
    from wsgi import app

    return answer_from_memory(app, os.environ[PATH_VARIABLE], os.environ[COOKIE_VARIABLE])


def answer_from_memory(app: Flask, path: str, cookie: str) -> Flask:
    """Let `app` show the billing page at `path`, as `cookie` sees it now, without its database."""
    template, given, stored = _fetch_once(app, path, cookie)

    def ready_page(**_address: Any) -> str:
        return render_template(template, **given)

    app.view_functions[ENDPOINT] = ready_page
    sessions = ReadySessionInterface(app.config["TALLYPORT"])
    sessions.ready = stored
    app.session_interface = sessions
    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", _refuse)
    return app


def _fetch_once(app: Flask, path: str, cookie: str) -> tuple[str, dict[str, Any], StoredSession]:
    """The template of the page, what the view gave it, and the session of the visit."""
    rendered: list[tuple[str, dict[str, Any]]] = []

    def note(_app: Flask, *, template: Template, context: dict[str, Any], **_rest: Any) -> None:
        rendered.append((str(template.name), context))

    with template_rendered.connected_to(note, app), app.test_client(use_cookies=False) as client:
        answer = client.get(path, headers={"Cookie": cookie})
        stored = current_stored_session()
        # What the template is given with every page is made anew for each request, on both sides.
        always: dict[str, Any] = {}
        app.update_template_context(always)
    assert answer.status_code == 200 and stored is not None, f"the page answered {answer.status}"
    [(name, context)] = rendered
    return name, {key: value for key, value in context.items() if key not in always}, stored


def _refuse(*_arguments: Any) -> None:
    raise DatabaseIsOutOfReachError
