"""Messages of errors that end or hold up a login."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.services.plan_moves import MovingPlan, Stays
from app.web.wording import Message, count_licenses


def _login_mail_limit(params: Mapping[str, Any]) -> str:
    minutes = params["minutes"]
    return ngettext(
        "Too many links were asked for. Please try again in one minute.",
        "Too many links were asked for. Please try again in %(num)s minutes.",
        minutes,
    )


_STAYS = {
    Stays.SEVERAL_ORGANIZATIONS: _l(
        "Its server has a plan for all of its organizations, and that is managed by whoever runs "
        "the server."
    ),
    Stays.NOT_BILLABLE: _l(
        "Its server has a plan, and this organization is not one that could take it over."
    ),
    Stays.SPONSORSHIP_PENDING: _l(
        "A request for sponsorship is being looked at, and until it is decided the plan of its "
        "server stays with the server."
    ),
    Stays.OPEN_PURCHASE: _l(
        "Its server has a plan, and a payment has been begun that is not finished. As long as that "
        "is open, the plan stays with the server."
    ),
    Stays.PAID_BEFORE: _l(
        "Its server has a plan, while the organization has invoices of its own from before. Our "
        "support puts both together."
    ),
    Stays.OTHER_TERMS: _l(
        "Its server has a plan, and we agreed on terms with each of the two. Our support puts both "
        "together."
    ),
    Stays.HAS_PLAN: _l("Its server has a plan, and so has the organization."),
}
_REFUSED_TO_STAFF = {
    Stays.SPONSORSHIP_PENDING: _l("a request for sponsorship is pending: decide it first"),
    Stays.OPEN_PURCHASE: _l("a payment is under way: finish it or give it up first"),
    Stays.HAS_PLAN: _l("the other one has a live or scheduled plan"),
    Stays.PAID_BEFORE: _l("the other one is known to the payment provider"),
    Stays.OTHER_TERMS: _l("there are terms or offers for both: clear one of them first"),
}


def _plan_elsewhere(params: Mapping[str, Any]) -> str:
    reason = _STAYS.get(params.get("reason", Stays.SEVERAL_ORGANIZATIONS))
    said = gettext("Plans of this organization are not managed from here.")
    return f"{said} {reason}"


def _plan_move_refused(params: Mapping[str, Any]) -> str:
    reason = _REFUSED_TO_STAFF.get(params.get("reason", Stays.HAS_PLAN))
    return gettext("The plan cannot move: %(reason)s.", reason=str(reason))


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
    "login_plan_elsewhere": _plan_elsewhere,
    "login_organization_inactive": _l(
        "This organization is switched off on its server, or is not there any more. Nothing that "
        "was paid for is forgotten."
    ),
    "plan_move_refused": _plan_move_refused,
    "plan_move_pointless": _l(
        "A plan moves from a server to one of its organizations, or back. There is no live plan to "
        "move, or the two do not belong together."
    ),
    "organization_move_wrong": _l(
        "Something of this is not right: the id or the key of the server, or the id or the owner "
        "secret of the organization. Copy each in full."
    ),
    "organization_move_over": _l(
        "It was not begun in this browser, it was begun more than an hour ago, its link is older "
        "than 24 hours, or one of the two ends has changed since. Nothing more was moved."
    ),
    "organization_move_same": _l("The organization is on that server already."),
    "organization_moved": _l(
        "The organization has just moved to another server. Log in again from there."
    ),
    "login_user_deactivated": _l("Your access to billing has been switched off."),
    "invitation_over": _l(
        "An invitation works once and for seven days, unless it is withdrawn or sent again. Nothing "
        "was changed."
    ),
    "mail_login_over": _l("Such a link works once, for 15 minutes. Nothing was changed."),
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


def moving_words(moving: MovingPlan) -> str:
    """What completing a login does to the server's plan."""
    plan = moving.tier_title
    if moving.licenses is not None:
        plan = gettext(
            "%(tier)s, %(licenses)s", tier=plan, licenses=count_licenses(moving.licenses)
        )
    said = gettext(
        "Your server has a plan (%(plan)s). When you continue, it becomes this organization's, "
        "with its invoices, its card and what was paid: nothing is charged for that, and it "
        "renews as before. From then on it is managed here and not with the server's key.",
        plan=plan,
    )
    if not moving.has_next_plan:
        return said
    return f"{said} {gettext('The plan that is scheduled to follow it comes along.')}"
