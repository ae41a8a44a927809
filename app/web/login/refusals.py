"""Pages for logins that cannot go on: what happened, and what to do."""

from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, render_template
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.services.login_links import LoginRefused
from app.web.context import get_context
from app.web.login import blueprint
from app.web.wording import message_for

# Who is refused in person gets 403; everything else is a link that is no good (any more).
_FORBIDDEN = frozenset({"login_link_moved", "login_server_deactivated", "login_user_deactivated"})
_TITLES: Mapping[str, LazyString] = {
    "login_link_expired": _l("This login link has expired"),
    "login_link_used": _l("This login link has been used"),
    "login_link_moved": _l("This organization has moved"),
    "login_server_deactivated": _l("This server is no longer registered"),
    "login_user_deactivated": _l("You cannot log in"),
    "login_not_begun": _l("There is no login to continue here"),
    "confirmation_expired": _l("This confirmation link has expired"),
    "confirmation_used": _l("This confirmation link has been used"),
}
_DEFAULT_TITLE = _l("This link does not work")
_STEPS: Mapping[str, LazyString] = {
    "login_link_moved": _l(
        "Open %(product)s at the organization's new address and choose Billing in the gear menu "
        "there."
    ),
    "login_server_deactivated": _l(
        "Ask whoever runs the server to register it again, then choose Billing in the gear menu."
    ),
    "login_user_deactivated": _l("Ask another billing admin of your organization."),
}
_DEFAULT_STEP = _l(
    "Open %(product)s, then the gear menu, and choose Billing: that makes a new link."
)


@blueprint.app_errorhandler(LoginRefused)
def refuse(error: LoginRefused) -> Response:
    """Say why a login cannot go on. Nothing was created."""
    step: Any = _STEPS.get(error.code, _DEFAULT_STEP)
    product = get_context().catalog.brand.product
    page = render_template(
        "login/refused.html",
        title=_TITLES.get(error.code, _DEFAULT_TITLE),
        message=message_for(error),
        steps=[str(step) % {"product": product}],
    )
    response = make_response(page, 403 if error.code in _FORBIDDEN else 400)
    response.headers["Cache-Control"] = "no-store"
    return response
