"""The words of ledger entries and of the audit rows that servers upload."""

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.services.pages.parts import EntryView
from app.web.wording import Message, count_licenses, format_count

MESSAGES: dict[str, Message] = {}

# The numbers of the wire.
_EVENTS = {
    101: _l("Person added"),
    102: _l("Person activated"),
    103: _l("Person deactivated"),
    104: _l("Person reactivated"),
    105: _l("Role changed"),
    201: _l("Organization deactivated"),
    202: _l("Organization reactivated"),
    229: _l("Organization imported"),
}
_ACTORS = {
    "system:renewal": _l("The plan renewed"),
    "system:minimum": _l("The least number of licenses changed"),
    "system:correction": _l("A late report corrected the count"),
    "system:count": _l("What is counted for this plan changed"),
    "system:move": _l("The plan moved between the server and its organization"),
}


def event_word(event_type: int) -> str:
    """What an uploaded audit row says: "Person added"."""
    return str(_EVENTS.get(event_type) or gettext("Event %(number)s", number=event_type))


def role_words(role: str, number: int) -> str:
    """How many people have a role: "8 members"; `role` is the wire's number for it."""
    count = format_count(number)
    if role == "100":
        return ngettext("%(count)s owner", "%(count)s owners", number, count=count)
    if role == "200":
        return ngettext("%(count)s admin", "%(count)s admins", number, count=count)
    if role == "300":
        return ngettext("%(count)s moderator", "%(count)s moderators", number, count=count)
    if role == "400":
        return ngettext("%(count)s member", "%(count)s members", number, count=count)
    if role == "600":
        return ngettext("%(count)s guest", "%(count)s guests", number, count=count)
    return gettext("%(count)s with role %(role)s", count=count, role=role)


def entry_words(entry: EntryView) -> str:
    """What a ledger entry did: "Licenses 18 → 19", "Renewed with 23 licenses"."""
    licenses = count_licenses(entry.licenses)
    if entry.is_renewal:
        if entry.licenses_before is None:
            return gettext("Plan started with %(licenses)s", licenses=licenses)
        return gettext("Renewed with %(licenses)s", licenses=licenses)
    if entry.licenses_before is None or entry.licenses_before == entry.licenses:
        return gettext("Stays at %(licenses)s", licenses=licenses)
    return gettext(
        "Licenses %(before)s → %(after)s",
        before=format_count(entry.licenses_before),
        after=format_count(entry.licenses),
    )


def cause_words(entry: EntryView) -> str:
    """Who or what wrote an entry that no uploaded row caused; nothing for the others."""
    if entry.actor is None:
        return ""
    if entry.actor in _ACTORS:
        return str(_ACTORS[entry.actor])
    if entry.actor.startswith("billing_user:"):
        return gettext("Chosen by somebody who manages your billing")
    return gettext("Set by the billing system")
