"""Stopping mails by the link in them: a page with a button, and the button of mail programs."""

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.domain.errors import BillingError, NotFoundError
from app.extensions import csrf, limiter
from app.services.mail_choices import load_stoppable_mails, stop_mails
from app.web.access import public
from app.web.context import get_context
from app.web.mail_choices import blueprint

ADDRESS = "/mail/unsubscribe/<string:token>/"


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    """These pages hold addresses of people, and a secret in their own address."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _limit() -> str:
    return get_context().settings.rate_limit_unsubscribe


def _wrong_link() -> ResponseReturnValue:
    return make_response(render_template("mail_choices/wrong_link.html"), 400)


@blueprint.get(ADDRESS)
@limiter.limit(_limit)
@public
def stop(token: str) -> ResponseReturnValue:
    """Say which mails would be stopped. Programs that read mail fetch every link, so a look does
    nothing."""
    try:
        mails = load_stoppable_mails(get_context(), token)
    except (BillingError, NotFoundError):
        return _wrong_link()
    template = "mail_choices/stop.html" if mails.is_wanted else "mail_choices/stopped.html"
    return render_template(template, mails=mails)


@blueprint.post(ADDRESS)
@limiter.limit(_limit)
# Mail programs post here without a page of ours (RFC 8058); the token says whose mails, and a
# forged call could do nothing but stop some.
@csrf.exempt
@public
def do_stop(token: str) -> ResponseReturnValue:
    """Stop them; again and again is the same."""
    try:
        mails = stop_mails(get_context(), token, ip=request.remote_addr)
    except (BillingError, NotFoundError):
        return _wrong_link()
    return render_template("mail_choices/stopped.html", mails=mails)
