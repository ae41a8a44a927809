"""Pages for logins that cannot go on: what happened, and what to do."""

from collections.abc import Mapping

from flask import Response, make_response, render_template
from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import LoginDoor
from app.services.login_failures import LoginRefused
from app.services.plan_moves import Stays
from app.web.context import get_context
from app.web.login import blueprint
from app.web.wording import message_for

# Who is refused in person gets 403; everything else is a link that is no good (any more).
_FORBIDDEN = frozenset(
    {
        "login_contact_changed",
        "login_from_organization",
        "login_link_moved",
        "login_link_revoked",
        "login_organization_inactive",
        "login_plan_elsewhere",
        "login_server_deactivated",
        "login_user_deactivated",
    }
)
_TITLES: Mapping[str, LazyString] = {
    "login_link_expired": _l("This login link has expired"),
    "login_on_behalf_expired": _l("This login link has expired"),
    "login_link_used": _l("This login link has been used"),
    "login_link_moved": _l("This organization has moved"),
    "login_link_revoked": _l("This login was ended"),
    "login_contact_changed": _l("This link was made for another address"),
    "login_from_organization": _l("Log in from your organization"),
    "login_plan_elsewhere": _l("Plan management is not available here"),
    "login_organization_inactive": _l("This organization is not active"),
    "login_server_deactivated": _l("This server is no longer registered"),
    "login_user_deactivated": _l("You cannot log in"),
    "invitation_over": _l("This invitation cannot be used any more"),
    "mail_login_over": _l("This login link cannot be used any more"),
    "login_not_begun": _l("There is no login to continue here"),
    "login_email_first": _l("Confirm your email address first"),
    "organization_move_over": _l("This move cannot go on"),
    "confirmation_expired": _l("This confirmation link has expired"),
    "confirmation_used": _l("This confirmation link has been used"),
    "confirmation_completed": _l("This confirmation link has been used"),
}
_DEFAULT_TITLE = _l("This link does not work")
_STEPS: Mapping[str, LazyString] = {
    "login_link_moved": _l(
        "Open %(product)s at the organization's new address and choose Billing in the gear menu "
        "there."
    ),
    "login_server_deactivated": _l(
        "Only our support can switch the registration on again. Write to us from the contact "
        "address of the server and name its host."
    ),
    "login_organization_inactive": _l(
        "Is it active? Then open %(product)s there, and choose Billing in the gear menu once more: "
        "its server tells us."
    ),
    "organization_move_over": _l(
        "Open Billing in %(product)s at the organization's new address: the page there leads here "
        "again."
    ),
    "invitation_over": _l("Ask whoever invited you for another mail."),
    "mail_login_over": _l("Ask for another link, and follow it within 15 minutes."),
    "login_user_deactivated": _l("Ask somebody else who manages billing with you."),
    "login_contact_changed": _l("Ask our support for a link to the server's contact address now."),
}
_FROM_THE_PRODUCT = _l(
    "Open %(product)s, then the gear menu, and choose Billing: that makes a new link."
)
_BY_THE_KEY = _l("Log in again with the id and the key of your server.")
# Whose server's plan it is may manage it there; otherwise only our support can help.
_BY_THE_SERVERS_KEY = _l("Whoever runs the server logs in with its id and key.")
_ASK_SUPPORT = _l("Write to our support, and name the organization's address.")
_HELPED_BY_SUPPORT = frozenset({Stays.SPONSORSHIP_PENDING, Stays.PAID_BEFORE, Stays.OTHER_TERMS})
# Where the way in begins again, for each door.
_WAYS_BACK: Mapping[LoginDoor | None, tuple[LazyString, ...]] = {
    LoginDoor.PRODUCT: (_FROM_THE_PRODUCT,),
    LoginDoor.SERVER_KEY: (_BY_THE_KEY,),
    LoginDoor.ON_BEHALF: (_l("Ask our support for another link."), _BY_THE_KEY),
    None: (_FROM_THE_PRODUCT, _BY_THE_KEY),
}
# A server may have hundreds of organizations; whoever reads this knows their own.
_MOST_HOSTS = 10


@blueprint.app_errorhandler(LoginRefused)
def refuse(error: LoginRefused) -> Response:
    """Say why a login cannot go on. Nothing was created."""
    page = render_template(
        "login/refused.html",
        title=_TITLES.get(error.code, _DEFAULT_TITLE),
        message=message_for(error),
        steps=_steps(error),
        leads_to_server_login=_leads_to_server_login(error),
        leads_to_mail=error.code in {"invitation_over", "mail_login_over"},
        leads_to_deactivation=error.code == "login_from_organization",
    )
    response = make_response(page, 403 if error.code in _FORBIDDEN else 400)
    response.headers["Cache-Control"] = "no-store"
    return response


def _steps(error: LoginRefused) -> list[str]:
    product = get_context().catalog.brand.product
    if error.code == "login_from_organization":
        return _steps_from_organizations(error, product)
    if error.code == "login_plan_elsewhere":
        helped = error.params.get("reason") in _HELPED_BY_SUPPORT
        steps = (_BY_THE_SERVERS_KEY, _ASK_SUPPORT) if helped else (_BY_THE_SERVERS_KEY,)
        return [str(step) for step in steps]
    own = _STEPS.get(error.code)
    texts = _WAYS_BACK[error.door] if own is None else (own,)
    return [str(text) % {"product": product} for text in texts]


def _steps_from_organizations(error: LoginRefused, product: str) -> list[str]:
    """Where to log in instead, by name: the right key has been given."""
    found = error.params.get("hosts", ())
    hosts = [str(host) for host in found] if isinstance(found, tuple) else []
    steps = [
        gettext(
            "Open %(product)s at %(host)s and choose Billing in the gear menu.",
            product=product,
            host=host,
        )
        for host in hosts[:_MOST_HOSTS]
    ]
    if more := len(hosts) - len(steps):
        steps.append(
            ngettext(
                "Or do so at the other organization of this server.",
                "Or do so at one of the other %(num)s organizations of this server.",
                more,
            )
        )
    return steps


def _leads_to_server_login(error: LoginRefused) -> bool:
    if error.code == "login_plan_elsewhere":
        return True
    return error.code not in _STEPS and _BY_THE_KEY in _WAYS_BACK[error.door]
