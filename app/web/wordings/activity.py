"""The customer's activity log in words: who, and what."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.domain.kinds import Schedule
from app.services.pages.activity import ActivityPage, ActivityRow, WhoKind
from app.services.pages.activity_actions import ActivityKind
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    format_count,
    format_date,
    format_money,
    schedule_word,
)

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
    "login_contact_changed": _l("the server's contact address had changed"),
    "login_from_organization": _l("its organizations pay by themselves"),
    "login_link_expired": _l("the link was too old"),
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


_MAILS = ("major_release_mails", "maintenance_mails")


# --- plan and money ---


def _tier(row: ActivityRow) -> str:
    return row.tier or gettext("the plan")


def _tier_first(row: ActivityRow) -> str:
    return row.tier or gettext("The plan")


def _plan_started(row: ActivityRow) -> str:
    return _with_licenses(row, gettext("%(tier)s started", tier=_tier_first(row)))


def _purchase_confirmed(row: ActivityRow) -> str:
    return _with_licenses(row, gettext("Confirmed the purchase of %(tier)s", tier=_tier(row)))


def _with_licenses(row: ActivityRow, words: str) -> str:
    licenses = row.after.get("licenses")
    if not isinstance(licenses, int):
        return words
    return gettext("%(what)s with %(licenses)s", what=words, licenses=count_licenses(licenses))


def _set_to_end(row: ActivityRow) -> str:
    return gettext("Set %(tier)s to end on %(day)s", tier=_tier(row), day=_day(row.after, "end"))


def _schedule_canceled(row: ActivityRow) -> str:
    return gettext("Gave %(tier)s up before it began", tier=_tier(row))


def _trial_ended(row: ActivityRow) -> str:
    return gettext("The free trial of %(tier)s was over", tier=_tier(row))


def _plan_kept(row: ActivityRow) -> str:
    if str(row.after.get("instead_of", "")).startswith("switch_"):
        return gettext("Took the scheduled change of the plan back")
    return gettext("Took the end of the plan back")


def _management_changed(row: ActivityRow) -> str:
    if row.after.get("management") == "automatic":
        return gettext("Let the licenses follow the people from now on")
    return gettext("Took over the choice of the number of licenses")


def _switch_scheduled(row: ActivityRow) -> str:
    schedule = Schedule(str(row.after.get("schedule", "monthly")))
    return gettext(
        "Scheduled a change of %(tier)s for %(day)s; billed from then on: %(schedule)s",
        tier=_tier(row),
        day=_day(row.after, "at"),
        schedule=schedule_word(schedule),
    )


def _plan_ended(row: ActivityRow) -> str:
    return gettext(
        "%(tier)s ended on %(day)s", tier=_tier_first(row), day=_day(row.after, "ended_at")
    )


def _plan_given(row: ActivityRow) -> str:
    return gettext(
        "%(tier)s was given to you until %(day)s",
        tier=_tier_first(row),
        day=_day(row.after, "until"),
    )


def _end_moved(row: ActivityRow) -> str:
    return gettext(
        "The end of %(tier)s was moved from %(before)s to %(day)s",
        tier=_tier(row),
        before=_day(row.after, "instead_of"),
        day=_day(row.after, "until"),
    )


def _ended_by_staff(row: ActivityRow) -> str:
    return gettext("Support ended %(tier)s", tier=_tier(row))


def _licenses(now: LazyString) -> Callable[[ActivityRow], str]:
    def words(row: ActivityRow) -> str:
        return str(now) % {"licenses": count_licenses(int(row.after["licenses"]))}

    return words


def _people_fell(row: ActivityRow) -> str:
    return gettext(
        "People left before the payment arrived: %(people)s then. The %(licenses)s that were "
        "confirmed stay",
        people=count_people(int(row.after["people"])),
        licenses=count_licenses(int(row.after["licenses"])),
    )


def _invoice(what: LazyString) -> Callable[[ActivityRow], str]:
    def words(row: ActivityRow) -> str:
        number = row.number or row.after.get("number")
        about = gettext("Invoice %(number)s", number=number) if number else gettext("Invoice")
        said = f"{about} {what}"
        return gettext("%(said)s: %(total)s", said=said, total=_total(row)) if _total(row) else said

    return words


def _invoiced(row: ActivityRow) -> str:
    day = _day(row.after, "boundary")
    if not _total(row):
        return gettext("Invoice made for %(tier)s as of %(day)s", tier=_tier(row), day=day)
    return gettext(
        "Invoice made for %(tier)s as of %(day)s: %(total)s",
        tier=_tier(row),
        day=day,
        total=_total(row),
    )


def _deferred(row: ActivityRow) -> str:
    return gettext(
        "The invoice of %(day)s waits until your server uploads again",
        day=_day(row.after, "boundary"),
    )


def _discount_set(row: ActivityRow) -> str:
    percent = row.after.get("discount_percent")
    if percent is None:
        return gettext("A price of your own was agreed with you")
    return gettext("A discount of %(percent)s %% was agreed with you", percent=percent)


def _license_rules_set(row: ActivityRow) -> str:
    was, now = (values.get("minimum_licenses") for values in (row.before, row.after))
    if was == now:
        return gettext("What was agreed about your licenses changed")
    if now is None:
        return gettext("The minimum of licenses that was agreed with you ended")
    return gettext("At least %(licenses)s were agreed with you", licenses=count_licenses(int(now)))


def _total(row: ActivityRow) -> str:
    total = row.after.get("total", row.total)
    if not isinstance(total, int) or row.currency is None:
        return ""
    return format_money(total, row.currency)


def _day(values: Mapping[str, Any], name: str) -> str:
    return format_date(datetime.fromisoformat(str(values[name])))


# --- server and organizations ---


def _hostname_changed(row: ActivityRow) -> str:
    return gettext(
        "Hostname of the server changed from %(before)s to %(after)s",
        before=row.before.get("hostname", ""),
        after=row.after.get("hostname", ""),
    )


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
    "billing_user.mails_stopped": _l("Stopped mails that can be stopped, by the link in one"),
    "billing_user.email_confirmed": _about_person(
        _l("%(person)s confirmed this address again"), _l("Somebody confirmed an address again")
    ),
    "billing_user.removed": _about_person(
        _l("Removed %(person)s from billing"), _l("Removed somebody from billing")
    ),
    "customer.license_rules_set": _license_rules_set,
    "plan.end_moved": _end_moved,
    "plan.ended": _plan_ended,
    "plan.ended_by_staff": _ended_by_staff,
    "plan.given": _plan_given,
    "plan.kept": _plan_kept,
    "plan.licenses_at_renewal_set": _licenses(_l("Set the next renewal to %(licenses)s")),
    "plan.licenses_raised": _licenses(_l("Raised the plan to %(licenses)s")),
    "plan.management_changed": _management_changed,
    "plan.revived": _l("What was owed has been paid, so the plan goes on"),
    "plan.schedule_canceled": _schedule_canceled,
    "plan.set_to_end": _set_to_end,
    "plan.started": _plan_started,
    "plan.switch_scheduled": _switch_scheduled,
    "plan.trial_ended": _trial_ended,
    "purchase.confirmed": _purchase_confirmed,
    "purchase.declined": _l("The payment of a purchase was declined; nothing was charged"),
    "purchase.given_up": _l("Gave a purchase up before it was paid"),
    "purchase.people_fell": _people_fell,
    "purchase.voided": _l("A purchase ended unpaid; nothing was charged"),
    "card.changed": _l("The card on file was changed"),
    "card_setup.started": _l("Opened the page where a card is entered"),
    "invoice.open": _invoice(_l("sent")),
    "invoice.paid": _invoice(_l("paid")),
    "invoice.payment_asked_for": _invoice(_l("to be paid now by card")),
    "invoice.payment_failed": _invoice(_l("not paid: the card was not accepted")),
    "invoice.refund_failed": _invoice(_l("could not be paid back yet; we look after it")),
    "invoice.refunded": _invoice(_l("paid back")),
    "invoice.uncollectible": _invoice(_l("written off")),
    "invoice.unpaid_for_good": _invoice(_l("not paid after all tries: the plan ended")),
    "invoice.void": _invoice(_l("void, nothing to pay")),
    "customer.discount_removed": _l("The discount that was agreed with you ended"),
    "customer.discount_set": _discount_set,
    "payments_page.opened": _l("Opened the payment provider's page with receipts"),
    "plan.invoice_deferred": _deferred,
    "plan.invoiced": _invoiced,
    "purchase.paid_in_part": _l("A part of a purchase was paid; its plan starts with the rest"),
    "purchase.paid_without_plan": _l(
        "A payment arrived although a plan was running already; we look after it"
    ),
    "organization.changed": _organization_changed,
    "organization.created": _organization(_l("Organization reported by its server")),
    "organization.identified": _organization(_l("Organization named itself")),
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
