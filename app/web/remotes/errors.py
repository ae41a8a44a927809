"""Every error under /api/ as the wire's JSON: a code for programs, a message for people.

Nothing here ever answers with HTML, and nothing of a trace leaves the log.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, abort, jsonify, request
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException, InternalServerError

from app.domain.errors import BillingError, NotFoundError
from app.extensions import limiter
from app.web.context import get_context
from app.web.database_errors import DATABASE_ERRORS, describe_database_error
from app.web.wording import message_for
from app.web.wordings.remotes import HTTP_MESSAGES

PREFIX = "/api/"
_ROOT = "/api"
# How long a caller waits when the database is away.
RETRY_AFTER_SECONDS = 60
# The scheme that a 401 asks for (RFC 9110 wants one on every 401).
CHALLENGE = 'Basic realm="server"'

log = logging.getLogger("tallyport.api")


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP status and the code on the wire for an error of ours."""

    status: int
    code: str


BAD_REQUEST = Answer(400, "BAD_REQUEST")
ANSWERS = {
    "server_credentials": Answer(401, "INVALID_ZULIP_SERVER"),
    "server_unauthenticated": Answer(401, "INVALID_ZULIP_SERVER"),
    "server_deactivated": Answer(401, "REMOTE_SERVER_DEACTIVATED"),
    "hostname_in_use": Answer(400, "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"),
    "organization_unknown": Answer(403, "MISSING_REMOTE_REALM"),
    "organization_of_other_server": Answer(403, "REMOTE_REALM_SERVER_MISMATCH_ERROR"),
    "not_found": Answer(404, "NOT_FOUND"),
    "payload_too_large": Answer(413, "PAYLOAD_TOO_LARGE"),
}
HTTP_CODES = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    429: "RATE_LIMIT_HIT",
}


def register_api_errors(app: Flask) -> Callable[[Exception], Response]:
    """The function that answers every error under /api/; also refuses doubled slashes there."""
    app.before_request(_refuse_doubled_slashes)
    return answer_error


def is_api_path(path: str) -> bool:
    """Whether programs read the answers at that path. A slash forgotten makes nobody a person."""
    return path.startswith(PREFIX) or path == _ROOT


def answer_error(error: Exception) -> Response:
    """The answer to any exception. What nobody foresaw is logged by Flask and told as such."""
    if isinstance(error, BillingError):
        return _refusal(error)
    if isinstance(error, DATABASE_ERRORS):
        log.error("database: %s", describe_database_error(error))
        return _later(error_response(503, "INTERNAL_ERROR", str(HTTP_MESSAGES[503])))
    if isinstance(error, RateLimitExceeded):
        return _rate_limited(error)
    if isinstance(error, HTTPException) and not isinstance(error, InternalServerError):
        return _http_error(error)
    return error_response(500, "INTERNAL_ERROR", str(HTTP_MESSAGES[500]))


def error_response(status: int, code: str, message: str, **fields: object) -> Response:
    """An error in the form that every client of the protocol reads."""
    response = jsonify(error_body(code, message, **fields))
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def error_body(code: str, message: str, **fields: object) -> dict[str, object]:
    """What an error says; also of the examples in the API's description."""
    return {"result": "error", "msg": message, "code": code, **fields}


def find_answer(error: BillingError, *, endpoint: str | None) -> tuple[Answer, dict[str, object]]:
    """Status and code of a refusal by that endpoint, and the fields that go with the code."""
    known = ANSWERS.get(error.code, BAD_REQUEST)
    if isinstance(error, NotFoundError):
        known = ANSWERS["not_found"]
    fields: dict[str, object] = {}
    if known.code == "INVALID_ZULIP_SERVER":
        fields["role"] = error.params.get("uuid")
    if error.code == "server_credentials" and endpoint == "remotes.post_register":
        # A registration is no login: it carries the key as a field of its own.
        known = Answer(400, known.code)
    return known, fields


def _refusal(error: BillingError) -> Response:
    known, fields = find_answer(error, endpoint=request.endpoint)
    return error_response(known.status, known.code, message_for(error), **fields)


def _rate_limited(error: RateLimitExceeded) -> Response:
    """How long to wait, in whole seconds. The limiter lives on real time, and never waits longer
    than its window, which bounds the answer under any clock of ours."""
    window: int = error.limit.limit.get_expiry()
    current = limiter.current_limit
    left = window
    if current is not None:
        left = int(current.reset_at - get_context().clock.real_now().timestamp())
    seconds = min(max(left, 1), window)
    response = error_response(
        429, "RATE_LIMIT_HIT", str(HTTP_MESSAGES[429]), **{"retry-after": seconds}
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code = HTTP_CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
    fallback = HTTP_MESSAGES[400 if status < 500 else 500]
    response = error_response(status, code, str(HTTP_MESSAGES.get(status, fallback)))
    for name, value in error.get_headers():
        # Allow of a 405.
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _later(response: Response) -> Response:
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _refuse_doubled_slashes() -> None:
    """Such a path is nowhere. The router's own answer would be a page that redirects, or, for the
    wrong method, that the path is right."""
    if request.path.startswith(PREFIX) and "//" in request.path:
        abort(404)
