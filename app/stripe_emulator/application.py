"""The WSGI application: which address leads where, and what every answer carries."""

import json
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, g, render_template, request
from werkzeug.exceptions import HTTPException

# Imported for the routes that they enter into the table.
from app.stripe_emulator import (  # noqa: F401  # most are imported for what they register
    card_setup,
    checkout,
    control,
    customers,
    dashboard,
    events,
    invoices,
    items,
    pages,
    payment_methods,
    payments,
    portal_sessions,
    refunds,
    settlement,
    wording,
)
from app.stripe_emulator.api import DROP, Api
from app.stripe_emulator.store import Store
from app.stripe_emulator.webhooks import Dispatcher

MAX_REQUEST_BYTES = 2 * 1024 * 1024
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def build(
    store_path: str, *, webhook_url: str | None, webhook_secret: str | None, background: bool
) -> Flask:
    """Put the parts together; see `create_emulator` for the arguments."""
    app = Flask(
        "stripe_emulator",
        root_path=str(Path(__file__).parent),
        static_url_path="/emulator/static",
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_REQUEST_BYTES
    # An invoice of 250 lines with metadata is a form of several thousand fields.
    app.config["MAX_FORM_PARTS"] = 50_000
    store = Store(store_path)
    if webhook_url is not None:
        with store.transaction() as tx:
            control.configure_webhooks(tx, webhook_url, webhook_secret)
    dispatcher = Dispatcher(store)
    app.extensions["stripe_emulator_store"] = store
    app.extensions["stripe_emulator_dispatcher"] = dispatcher
    api = Api(store)

    @app.route("/v1/<path:rest>", methods=["GET", "POST", "DELETE"])
    def api_request(rest: str) -> Response:
        response = api.handle(request)
        dispatcher.wake()
        return response

    app.register_blueprint(control.blueprint)
    app.register_blueprint(dashboard.blueprint)
    app.register_blueprint(pages.blueprint)
    app.before_request(_refuse_strangers)
    app.after_request(_secure)
    app.register_error_handler(HTTPException, _error_page)
    app.jinja_env.filters.update(
        money=wording.money,
        balance=wording.balance,
        credit=wording.credit,
        balance_change=wording.balance_change,
        date=wording.date,
        period=wording.period,
        moment=wording.moment,
        card=wording.card,
    )
    app.jinja_env.filters["pretty"] = lambda value: json.dumps(value, indent=2, sort_keys=True)

    @app.teardown_request
    def wake_after_pages(error: BaseException | None) -> None:
        dispatcher.wake()

    app.wsgi_app = DroppingMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # Flask's way
    if background:
        dispatcher.start()
    return app


def _refuse_strangers() -> None:
    """Loopback names only, and no form of another site: a web page must not reach the emulator.

    Without the check of the Host header a foreign name that resolves to 127.0.0.1 would do.
    """
    host = request.host.rsplit(":", 1)[0].strip("[]") if request.host else ""
    if host not in _LOOPBACK_NAMES and not host.endswith(".localhost"):
        abort(403)
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and origin != request.host_url.rstrip("/"):
        abort(403)


def _secure(response: Response) -> Response:
    targets = ["'self'", *(target for target in getattr(g, "form_targets", []) if target)]
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; "
        # A POST that is answered by a redirect counts as a form action to where it leads.
        f"form-action {' '.join(targets)}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    # With no-referrer the browser would send "Origin: null" with our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    if not request.path.startswith("/emulator/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


def _error_page(error: HTTPException) -> Response | tuple[Any, int]:
    code = error.code or 500
    if request.path.startswith("/v1"):
        body = {"error": {"type": "invalid_request_error", "message": error.description or ""}}
        return Response(json.dumps(body), status=code, mimetype="application/json")
    if request.path.startswith("/_control"):
        return Response(
            json.dumps({"error": error.description}), status=code, mimetype="application/json"
        )
    return render_template("error.html", error=error), code


class DroppingMiddleware:
    """Drops the connection where a planned fault says so, after the work was done."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.wsgi_app(environ, start_response)
        seconds = environ.get(DROP)
        if seconds is None:
            return answer
        time.sleep(seconds)
        connection: socket.socket | None = environ.get("werkzeug.socket")
        if connection is not None:
            # The connection would otherwise be kept alive, and the caller would wait for its answer.
            connection.shutdown(socket.SHUT_RDWR)
        # The server takes this for a client that went away and writes nothing.
        raise ConnectionResetError("A planned fault dropped this connection.")
