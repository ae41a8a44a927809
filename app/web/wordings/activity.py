"""The customer's activity log in words: who, and what."""

from collections.abc import Callable
from typing import TypeAlias

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.services.pages.activity import ActivityPage, ActivityRow, WhoKind
from app.services.pages.activity_actions import ActivityKind
from app.web.wording import Message, format_count
from app.web.wordings.activity_given import GIVEN_WORDS
from app.web.wordings.activity_plans import PLAN_WORDS

MESSAGES: dict[str, Message] = {}

Words: TypeAlias = LazyString | Callable[[ActivityRow], str]

_KINDS = {
    ActivityKind.LOGINS: _l("Logins"),
    ActivityKind.PEOPLE: _l("People"),
    ActivityKind.PLAN: _l("Plan"),
    ActivityKind.MONEY: _l("Money"),
    ActivityKind.SERVER: _l("Server"),
}
_WHO = {
    WhoKind.YOU: _l("you"),
    WhoKind.PERSON: _l("somebody"),
    WhoKind.SERVER: _l("your server"),
    WhoKind.SUPPORT: _l("our support"),
    WhoKind.PROVIDER: _l("the payment provider"),
    WhoKind.STRANGER: _l("somebody who was not logged in"),
    WhoKind.AUTOMATIC: _l("automatic"),
}
# Why a login was refused, as far as it can be told in a few words.
_REFUSALS = {
    "confirmation_completed": _l("the mailed link had served its login"),
    "confirmation_expired": _l("the mailed link was too old"),
    "confirmation_used": _l("the mailed link was used before"),
    "invitation_over": _l("the invitation could not be used any more"),
    "mail_login_over": _l("the mailed link was too old or used before"),
    "login_contact_changed": _l("the server's contact address had changed"),
    "login_from_organization": _l("its organizations pay by themselves"),
    "login_link_expired": _l("the link was too old"),
    "login_organization_inactive": _l("the organization was switched off"),
    "login_plan_elsewhere": _l("the plan is managed with the server"),
    "login_link_moved": _l("the organization had moved to another server"),
    "login_link_revoked": _l("the link had been withdrawn"),
    "login_link_used": _l("the link was used before"),
    "login_server_deactivated": _l("the server is not registered any more"),
    "login_user_deactivated": _l("this person was removed"),
    "server_credentials": _l("the key was wrong"),
    "server_deactivated": _l("the server is not registered any more"),
    "tos_not_accepted": _l("the Terms of Service were not accepted"),
}
# Fields of an organization that tell something by their name alone.
_FIELDS = {
    "authentication_methods": _l("ways to log in"),
    "date_created": _l("day of its creation"),
    "is_system_bot_realm": _l("whether it is for system bots"),
    "org_type": _l("kind of organization"),
    "remote_realm_id": _l("number on the server"),
    "url": _l("address"),
}


def activity_kind_word(kind: ActivityKind) -> str:
    """The heading that the log can be narrowed to."""
    return str(_KINDS[kind])


def activity_headline(page: ActivityPage, host: str) -> str:
    """The first line: how much is there, and about what."""
    total = page.part.total
    if page.kind is not None:
        return ngettext(
            "%(kind)s: %(count)s entry for %(host)s.",
            "%(kind)s: %(count)s entries for %(host)s.",
            total,
            kind=activity_kind_word(page.kind),
            count=format_count(total),
            host=host,
        )
    if not total:
        return gettext("Nothing has happened to billing for %(host)s.", host=host)
    return ngettext(
        "%(count)s entry says what happened to billing for %(host)s.",
        "%(count)s entries say what happened to billing for %(host)s.",
        total,
        count=format_count(total),
        host=host,
    )


def activity_who(row: ActivityRow) -> str:
    """Who did it: a name, an address, or what sort of actor it was."""
    return row.name or row.email or str(_WHO[row.who])


def activity_words(row: ActivityRow) -> str:
    """What was done, in a sentence without its end: "Logged in"."""
    words = ACTION_WORDS[row.action]
    return str(words) if isinstance(words, LazyString) else words(row)


# --- logins and people ---


def _login_failed(row: ActivityRow) -> str:
    reason = _REFUSALS.get(str(row.after.get("reason")))
    if reason is None:
        return gettext("A login was refused")
    return gettext("A login was refused: %(reason)s", reason=str(reason))


def _about_person(known: LazyString, unknown: LazyString) -> Callable[[ActivityRow], str]:
    def words(row: ActivityRow) -> str:
        return str(known) % {"person": row.person} if row.person else str(unknown)

    return words


def _details_changed(row: ActivityRow) -> str:
    wishes = (row.before.get(name) != row.after.get(name) for name in _MAILS)
    if any(wishes):
        if row.after.get("renamed"):
            return gettext("Changed the own name and mail preferences")
        return gettext("Changed the own mail preferences")
    return gettext("Changed the own name")


_MAILS = (
    "major_release_mails",
    "maintenance_mails",
    "renewals_mails",
    "usage_mails",
    "announcements_mails",
)


# --- server and organizations ---


def _hostname_changed(row: ActivityRow) -> str:
    return gettext(
        "Hostname of the server changed from %(before)s to %(after)s",
        before=row.before.get("hostname", ""),
        after=row.after.get("hostname", ""),
    )


def _invited(row: ActivityRow) -> str:
    if row.after.get("is_again"):
        return gettext("Sent an invitation again")
    return str(_INVITED.get(str(row.after.get("role")), _l("Invited somebody by mail")))


_INVITED = {
    "owner": _l("Invited somebody by mail to become the owner"),
    "billing": _l("Invited somebody by mail to manage billing"),
    "viewer": _l("Invited somebody by mail to look"),
}


def _role_changed(row: ActivityRow) -> str:
    role = row.after.get("role")
    if role == "owner":
        words = _about_person(_l("Made %(person)s the owner"), _l("Made somebody the owner"))
    elif role == "viewer":
        words = _about_person(_l("Let %(person)s look only"), _l("Let somebody look only"))
    else:
        words = _about_person(
            _l("Let %(person)s manage billing"), _l("Let somebody manage billing")
        )
    return words(row)


def _organization(words: LazyString) -> Callable[[ActivityRow], str]:
    def said(row: ActivityRow) -> str:
        return _told_apart(row, str(words))

    return said


def _organization_changed(row: ActivityRow) -> str:
    field = next(iter(row.after), "")
    values = {"before": row.before.get(field) or "–", "after": row.after.get(field) or "–"}
    if field == "host":
        said = gettext("Host of the organization changed from %(before)s to %(after)s", **values)
    elif field == "name":
        said = gettext("Name of the organization changed from %(before)s to %(after)s", **values)
    elif field == "deactivated" and row.after[field]:
        said = gettext("Organization deactivated on its server: its people do not count any more")
    elif field == "deactivated":
        said = gettext("Organization reactivated on its server: its people count again")
    else:
        said = gettext("Organization changed: %(field)s", field=str(_FIELDS.get(field, field)))
    return _told_apart(row, said)


def _told_apart(row: ActivityRow, said: str) -> str:
    """With the organization's name for people of a server, who have several to tell apart."""
    return f"{row.organization}: {said}" if row.organization else said


# Exactly the actions of `SHOWN` (a test compares them).
ACTION_WORDS: dict[str, Words] = {
    "login.confirmation_sent": _l("Asked for a mail that confirms an address"),
    "login.ended": _l("Logged out"),
    "login.failed": _login_failed,
    "login.link_mailed": _about_person(
        _l("A login link was mailed to %(person)s"), _l("A login link was mailed to somebody")
    ),
    "login.succeeded": _l("Logged in"),
    "login_link.created": _l("A login link was made for the server's contact address"),
    "billing_user.became_owner": _about_person(
        _l("%(person)s became the owner"), _l("Somebody became the owner")
    ),
    "billing_user.created": _about_person(
        _l("%(person)s confirmed an address and can manage billing"),
        _l("Somebody confirmed an address and can manage billing"),
    ),
    "billing_user.details_changed": _details_changed,
    "billing_user.invitation_accepted": _about_person(
        _l("%(person)s accepted an invitation"), _l("Somebody accepted an invitation")
    ),
    "billing_user.invitation_withdrawn": _l("Withdrew an invitation"),
    "billing_user.invited": _invited,
    "billing_user.mails_stopped": _l("Stopped mails that can be stopped, by the link in one"),
    "billing_user.email_confirmed": _about_person(
        _l("%(person)s confirmed this address again"), _l("Somebody confirmed an address again")
    ),
    "billing_user.removed": _about_person(
        _l("Removed %(person)s from billing"), _l("Removed somebody from billing")
    ),
    "billing_user.role_changed": _role_changed,
    **GIVEN_WORDS,
    **PLAN_WORDS,
    "organization.changed": _organization_changed,
    "organization.created": _organization(_l("Organization reported by its server")),
    "organization.identified": _organization(_l("Organization named itself")),
    "organization.left": _l("An organization moved to another server"),
    "organization.move_asked": _l("A mail was sent that confirms a move to another server"),
    "organization.move_refused": _l("A move to another server was refused: the proof was wrong"),
    "organization.moved": _organization(_l("Organization moved here from another server")),
    "organization.locally_deleted": _organization(
        _l("Organization not listed by its server any more: its people do not count")
    ),
    "organization.owner_secret_changed": _organization(
        _l("The secret that proves whose organization it is was changed")
    ),
    "organization.restored": _organization(_l("Organization listed by its server again")),
    "server.contact_changed": _l("Contact address of the server changed"),
    "server.deactivated": _l("The server was unregistered"),
    "server.hostname_changed": _hostname_changed,
    "server.ids_rewound": _l("The server may send again what it had sent before"),
    "server.key_rotated": _l("The server's key was changed"),
    "server.reactivated": _l("The server was registered again"),
    "server.registered": _l("The server was registered"),
    "server.signing_key_changed": _l("The key that the server signs with was changed"),
    "server.transfer_requested": _l("Asked to move the registration, which its host must prove"),
    "server.transferred": _l("The registration was moved: the server has a new key"),
}
