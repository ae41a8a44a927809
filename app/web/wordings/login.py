"""Messages of errors that end or hold up a login."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.web.wording import Message


def _login_mail_limit(params: Mapping[str, Any]) -> str:
    minutes = params["minutes"]
    return ngettext(
        "Too many links were asked for. Please try again in one minute.",
        "Too many links were asked for. Please try again in %(num)s minutes.",
        minutes,
    )


MESSAGES: dict[str, Message] = {
    "login_link_invalid": _l("It is not complete, or something in it was changed on the way."),
    "login_link_expired": _l(
        "A login has to be finished within two hours after it began. Nothing was changed."
    ),
    "login_on_behalf_expired": _l("The link worked for 24 hours. Nothing was changed."),
    "login_link_used": _l("Each link works for one login. Nothing was changed."),
    "login_link_moved": _l(
        "Since this link was made, the organization was registered with another server."
    ),
    "login_link_revoked": _l(
        "The registration of the server changed after this login began, so it does not count any "
        "more. Nothing was changed."
    ),
    "login_contact_changed": _l(
        "Since this link was made, the server has another contact address. Nothing was changed."
    ),
    "login_server_deactivated": _l(
        "The registration of this server has been deactivated. Nothing that you have paid for is "
        "forgotten, but nobody can log in to its billing now."
    ),
    "server_login_wrong": _l(
        "We know no server with this id and this key. Copy both from the server's configuration, "
        "each in full."
    ),
    "login_from_organization": _l(
        "Each organization of this server has a plan of its own, and the server has none: there is "
        "nothing to manage here."
    ),
    "login_user_deactivated": _l("Your access to billing has been switched off."),
    "login_not_begun": _l(
        "This page belongs to a login that this browser has not begun, or has finished."
    ),
    "login_email_first": _l("Your email address is not confirmed yet."),
    "login_already_known": _l(
        "Your email address is confirmed already. Open billing from the gear menu again."
    ),
    "login_mail_limit": _login_mail_limit,
    "confirmation_invalid": _l("It is not complete, or something in it was changed on the way."),
    "confirmation_expired": _l("A confirmation link works for 24 hours. Nothing was changed."),
    "confirmation_used": _l(
        "Each confirmation link works once, and this one did: your address is confirmed."
    ),
    "confirmation_completed": _l(
        "It works until somebody has logged in with it, or with another link from the same mails, "
        "and that has happened."
    ),
    "tos_not_accepted": _l("Tick the box to agree to the Terms of Service."),
    "token_expired": _l("This link has expired."),
    "token_invalid": _l("This link is not complete, or something in it was changed on the way."),
}
