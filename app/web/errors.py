"""Error pages: what happened, what to do, whom to ask. Never a stack trace.

Under /api/ nobody reads HTML: there `register_api_errors(app)` of `app/web/remotes/errors.py`
returns the function that answers every error instead.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, make_response, render_template, request, url_for
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, InternalServerError

from app.domain.errors import BillingError, MissingDataError, NotFoundError
from app.extensions import limiter
from app.gateways.payments import PaymentsError
from app.services import logs
from app.services.identity import customer_ref
from app.services.pages.uploads import load_uploads_page
from app.web.context import get_context, get_read_session
from app.web.error_texts import (
    CSRF_TEXT,
    ERROR_TEXTS,
    FOREIGN_HOST_TEXT,
    PAYMENTS_TEXT,
    PLAIN_FOREIGN_PAGE,
    PLAIN_PAGE,
    ErrorPage,
    ErrorText,
    refusal_text,
    text_for_status,
)
from app.web.logging import mask_tokens
from app.web.look.shell import use_plain_shell
from app.web.referrer import came_from
from app.web.remotes.errors import is_api_path, register_api_errors
from app.web.sessions import current_identity

RETRY_AFTER_SECONDS = 60
log = logging.getLogger("tallyport.errors")


def init_app(app: Flask) -> None:
    """Answer every error with a page, or with the wire's JSON under /api/."""
    logs.configure(app.config["TALLYPORT"])
    answer_api = register_api_errors(app)
    app.log_exception = _log_crash  # type: ignore[method-assign]  # what Flask calls to log one

    def handler(make_page: Callable[[Any], Response]) -> Callable[[Exception], Any]:
        def answer(error: Exception) -> ResponseReturnValue:
            if is_api_path(request.path) and not _is_redirect(error):
                return answer_api(error)
            return make_page(error)

        return answer

    app.register_error_handler(HTTPException, handler(_http_page))
    app.register_error_handler(CSRFError, handler(_csrf_page))
    app.register_error_handler(BillingError, handler(_refusal_page))
    app.register_error_handler(NotFoundError, handler(_not_found_page))
    app.register_error_handler(MissingDataError, handler(_missing_data_page))
    app.register_error_handler(PaymentsError, handler(_payments_page))
    app.register_error_handler(OperationalError, handler(_database_page))
    app.register_error_handler(PoolTimeoutError, handler(_database_page))
    app.register_error_handler(InternalServerError, handler(_crash_page))


def _is_redirect(error: Exception) -> bool:
    """Whether the router only knows a better address, as for /api without its slash."""
    return isinstance(error, HTTPException) and 300 <= (error.code or 500) < 400


def _http_page(error: HTTPException) -> Response:
    if error.response is not None:
        # `abort(response)` and redirects of the router are answers already.
        return make_response(error.response)
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    text = FOREIGN_HOST_TEXT if g.get("foreign_host") else text_for_status(status)
    wait = seconds_to_wait(error) if isinstance(error, RateLimitExceeded) else None
    page = error_page(text, status, wait=wait)
    for name, value in error.get_headers():
        # Allow of a 405, Retry-After of a 429.
        if name.lower() not in {"content-type", "content-length"}:
            page.headers[name] = value
    if wait is not None:
        page.headers["Retry-After"] = str(wait)
    return page


def _csrf_page(_error: CSRFError) -> Response:
    return error_page(CSRF_TEXT, 400, back_url=came_from())


def _refusal_page(error: BillingError) -> Response:
    return error_page(refusal_text(error), 400, back_url=came_from())


def _not_found_page(_error: NotFoundError) -> Response:
    return error_page(ERROR_TEXTS[404], 404)


def _missing_data_page(error: MissingDataError) -> Response:
    identity = current_identity()
    if identity is None:
        return error_page(refusal_text(error), 409)
    ctx = get_context()
    payer = customer_ref(identity).payer
    page = load_uploads_page(ctx, get_read_session(), payer, now=ctx.now())
    return make_response(render_template("portal/missing_data.html", page=page), 409)


def _payments_page(error: PaymentsError) -> Response:
    log.error("payment provider: %s %s", type(error).__name__, error.code)
    return _later(error_page(PAYMENTS_TEXT, 503, back_url=came_from()))


def _database_page(error: OperationalError | PoolTimeoutError) -> Response:
    # The statement and its values stay out of the log: they hold names and addresses.
    log.error("database: %s", getattr(error, "orig", None) or error)
    use_plain_shell()
    return _later(error_page(ERROR_TEXTS[503], 503))


def _log_crash(exc_info: Any) -> None:
    """Log the trace of an exception that nobody foresaw, under the reference that its page shows."""
    fields = {
        "reference": _reference(),
        "method": request.method,
        "path": mask_tokens(request.path),
    }
    log.error("page.crashed", exc_info=exc_info, extra={"fields": fields})


def _crash_page(_error: InternalServerError) -> Response:
    # The trace is in the log already. Whatever broke may break the page's frame as well.
    use_plain_shell()
    return error_page(ERROR_TEXTS[500], 500)


def _reference() -> str:
    """A name for what went wrong in this request, for whoever writes to support about it."""
    if "error_reference" not in g:
        g.error_reference = secrets.token_hex(4)
    return str(g.error_reference)


def error_page(
    text: ErrorText, status: int, *, back_url: str | None = None, wait: int | None = None
) -> Response:
    """The page for an error; `back_url` is an address of ours to go back to, `wait` how many
    seconds it takes until the same request may succeed."""
    if request_ctx.url_adapter is None:
        return make_response(PLAIN_FOREIGN_PAGE, status)
    page = ErrorPage(
        text=text,
        status=status,
        back_url=back_url,
        retry_url=request.full_path.rstrip("?") if _may_retry(status) else None,
        start_url=url_for("login.come_in"),
        wait=wait,
        reference=g.get("error_reference"),
    )
    try:
        body = render_template("errors/error.html", page=page)
    except Exception:
        # The last resort when even the page of an error fails; the cause is what matters.
        log.exception("the error page of status %s could not be rendered", status)
        body = PLAIN_PAGE
    return make_response(body, status)


def _may_retry(status: int) -> bool:
    """Whether asking once more, later, is what helps. A form is never sent again by a link."""
    return request.method == "GET" and (status == 429 or status >= 500)


def seconds_to_wait(error: RateLimitExceeded) -> int:
    """How long to wait, in whole seconds. The limiter lives on real time and never waits longer
    than its window, which bounds the answer under any clock of ours."""
    window: int = error.limit.limit.get_expiry()
    current = limiter.current_limit
    if current is None:
        return window
    left = int(current.reset_at - get_context().clock.real_now().timestamp())
    return min(max(left, 1), window)


def _later(response: Response) -> Response:
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
