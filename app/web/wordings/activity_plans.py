"""The words of the activity log for plans and money."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.domain.kinds import AdjustmentReason, Collection, CustomerKind, Schedule
from app.services.pages.activity import ActivityRow
from app.web.wording import (
    Message,
    collection_word,
    count_licenses,
    count_people,
    format_date,
    format_money,
    schedule_word,
)

MESSAGES: dict[str, Message] = {}

Words: TypeAlias = LazyString | Callable[[ActivityRow], str]


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


def _transferred(row: ActivityRow) -> str:
    """Between the server and its organization, whichever of them reads it."""
    if row.after.get("kind") == CustomerKind.SERVER:
        return gettext("%(tier)s moved to the server", tier=_tier_first(row))
    return gettext("%(tier)s moved from the server to the organization", tier=_tier_first(row))


def _set_to_end(row: ActivityRow) -> str:
    return gettext("Set %(tier)s to end on %(day)s", tier=_tier(row), day=_day(row.after, "end"))


def _schedule_canceled(row: ActivityRow) -> str:
    return gettext("Gave %(tier)s up before it began", tier=_tier(row))


def _plan_replaced(row: ActivityRow) -> str:
    return _with_licenses(row, gettext("Changed to %(tier)s at once", tier=_tier(row)))


def _balance_credited(row: ActivityRow) -> str:
    said = gettext("Credit for unused time was put onto the balance")
    return gettext("%(said)s: %(total)s", said=said, total=_total(row)) if _total(row) else said


def _trial_started(row: ActivityRow) -> str:
    return gettext(
        "The free trial of %(tier)s started; it lasts until %(day)s",
        tier=_tier(row),
        day=_day(row.after, "end"),
    )


def _trial_ended(row: ActivityRow) -> str:
    return gettext("The free trial of %(tier)s was over", tier=_tier(row))


def _plan_kept(row: ActivityRow) -> str:
    if str(row.after.get("instead_of", "")).startswith("switch_"):
        return gettext("Took the scheduled change of the plan back")
    return gettext("Took the end of the plan back")


def _collection_changed(row: ActivityRow) -> str:
    if row.after.get("collection") not in set(Collection):
        return gettext("How the plan is paid was changed")
    return gettext(
        "How the plan is paid was changed: %(how)s",
        how=collection_word(Collection(row.after["collection"])),
    )


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


def _adjusted(row: ActivityRow) -> str:
    licenses = int(row.after["licenses"])
    if row.after.get("reason") == AdjustmentReason.LATE_ROWS.value:
        return gettext(
            "A late report added %(licenses)s to a time that was invoiced before",
            licenses=count_licenses(licenses),
        )
    count = count_licenses(abs(licenses))
    if licenses < 0:
        return gettext("An estimate was corrected: %(licenses)s less", licenses=count)
    return gettext("An estimate was corrected: %(licenses)s more", licenses=count)


def _one_off(words: LazyString) -> Callable[[ActivityRow], str]:
    def said(row: ActivityRow) -> str:
        values = {**row.before, **row.after}
        return str(words) % {
            "amount": format_money(int(values["amount"]), str(values["currency"])),
            "what": values["description"],
        }

    return said


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


PLAN_WORDS: dict[str, Words] = {
    "customer.license_rules_set": _license_rules_set,
    "plan.end_moved": _end_moved,
    "plan.ended": _plan_ended,
    "plan.ended_by_staff": _ended_by_staff,
    "plan.given": _plan_given,
    "plan.kept": _plan_kept,
    "plan.licenses_at_renewal_set": _licenses(_l("Set the next renewal to %(licenses)s")),
    "plan.licenses_raised": _licenses(_l("Raised the plan to %(licenses)s")),
    "plan.management_changed": _management_changed,
    "plan.collection_changed": _collection_changed,
    "plan.replaced": _plan_replaced,
    "plan.trial_started": _trial_started,
    "plan.revived": _l("What was owed has been paid, so the plan goes on"),
    "plan.schedule_canceled": _schedule_canceled,
    "plan.set_to_end": _set_to_end,
    "plan.started": _plan_started,
    "plan.transferred": _transferred,
    "plan.switch_scheduled": _switch_scheduled,
    "plan.trial_ended": _trial_ended,
    "purchase.confirmed": _purchase_confirmed,
    "purchase.declined": _l("The payment of a purchase was declined; nothing was charged"),
    "purchase.given_up": _l("Gave a purchase up before it was paid"),
    "purchase.people_fell": _people_fell,
    "purchase.voided": _l("A purchase ended unpaid; nothing was charged"),
    "balance.credited": _balance_credited,
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
    "offer.closed": _l("The offer of a fixed price can no longer be accepted"),
    "offer.follow_up_scheduled": _l("Another year at a fixed price was scheduled"),
    "offer.made": _l("A fixed price was offered to you"),
    "offer.withdrawn": _l("The offer of a fixed price was withdrawn"),
    "customer.discount_removed": _l("The discount that was agreed with you ended"),
    "customer.discount_set": _discount_set,
    "adjustment.recorded": _adjusted,
    "one_off.added": _one_off(_l("A single charge was added: %(what)s, %(amount)s")),
    "one_off.canceled": _one_off(_l("A single charge was taken back: %(what)s, %(amount)s")),
    "payments_page.opened": _l("Opened the payment provider's page with receipts"),
    "plan.invoice_deferred": _deferred,
    "plan.invoiced": _invoiced,
    "purchase.paid_in_part": _l("A part of a purchase was paid; its plan starts with the rest"),
    "purchase.paid_without_plan": _l(
        "A payment arrived although a plan was running already; we look after it"
    ),
}
