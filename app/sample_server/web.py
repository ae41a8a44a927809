"""The Flask app of the sample server: wiring, security headers and error pages."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from .access import identify, is_loopback
from .access import store as store_of_app
from .billing import portal_origins
from .clock import from_seconds
from .control import control
from .organization_pages import organization_pages
from .people_pages import people_pages
from .records import InputError
from .registration_pages import registration_pages
from .server_pages import server_pages
from .store import Store

MEBIBYTE = 1024 * 1024
CONTROL_PREFIX = "/_control/"
LOG = logging.getLogger(__name__)

WORDS = {
    400: ("That request makes no sense here", "Check the address, or go back and try again."),
    403: ("This is not open to you", "The sample server answers this computer only."),
    404: ("There is no such page", "Check the address, or begin at the front page."),
    405: ("This page cannot be used that way", "Go back and use the page's own buttons."),
    413: ("That is too much at once", "Send less text."),
    500: ("Something went wrong here", "It has been logged. Try again."),
}


def create_sample_app(store: Store, *, port: int) -> Flask:
    """Return the app of one sample server; `port` is where it is reached.

    The cookie's name carries the port: cookies are shared between the ports of a host, and the
    portal, the emulator and other sample servers may be neighbors.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=store.settings().cookie_secret,
        SESSION_COOKIE_NAME=f"parlor_session_{port}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MEBIBYTE,
        WTF_CSRF_TIME_LIMIT=None,
        PORT=port,
    )
    app.extensions["sample_store"] = store
    csrf = CSRFProtect(app)
    # Programs call the control API; it refuses everything that a browser's page could send.
    csrf.exempt(control)
    # The host is looked at before anything else, the CSRF check included, so that every error
    # page knows where it is.
    app.before_request_funcs.setdefault(None, []).insert(0, identify)
    app.after_request(_add_headers)
    app.register_error_handler(InputError, _input_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)
    app.register_blueprint(server_pages)
    app.register_blueprint(registration_pages)
    app.register_blueprint(organization_pages)
    app.register_blueprint(people_pages)
    app.register_blueprint(control, url_prefix="/_control")
    app.jinja_env.filters["moment"] = lambda seconds: f"{from_seconds(seconds):%-d %B %Y, %H:%M}"
    app.jinja_env.filters["clock_time"] = lambda seconds: f"{from_seconds(seconds):%H:%M}"
    app.jinja_env.filters["iso"] = lambda seconds: from_seconds(seconds).isoformat()
    app.jinja_env.globals["server_home"] = f"http://localhost:{port}/"
    app.jinja_env.globals["port"] = port
    return app


def _add_headers(response: Response) -> Response:
    """Set the browser's rules.

    A login that came for Billing is a form whose answer leads on to the portal, and browsers hold
    form-action against every redirect on the way, so the portal's addresses are listed.
    """
    settings = store_of_app().settings()
    origins = " ".join(("'self'", *portal_origins(settings.portal, settings.portal_public)))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {origins}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _wants_json() -> bool:
    return request.path.startswith(CONTROL_PREFIX) and is_loopback(request.remote_addr)


def _input_error(error: InputError) -> ResponseReturnValue:
    if _wants_json():
        return jsonify(error=str(error)), 400
    return render_template("input_error.html", message=str(error)), 400


def _csrf_error(error: CSRFError) -> ResponseReturnValue:
    message = "The form was open for too long or came from elsewhere. Go back and send it again."
    return render_template("input_error.html", message=message), 400


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    title, advice = WORDS.get(status, WORDS[400])
    if _wants_json():
        answer: ResponseReturnValue = (jsonify(error=title), status)
    else:
        answer = render_template("http_error.html", title=title, advice=advice), status
    response = make_response(answer)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _unexpected_error(error: Exception) -> ResponseReturnValue:
    """Log what the program did wrong and show a page without any of it."""
    LOG.exception("Unexpected error at %s %s", request.method, request.path)
    title, advice = WORDS[500]
    if _wants_json():
        return jsonify(error=title), 500
    return render_template("http_error.html", title=title, advice=advice), 500
