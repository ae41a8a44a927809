"""The words of the page for missing uploads: what is wrong, why, and what happens meanwhile."""

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.errors import BillingError
from app.services.pages.uploads import Refusal, UploadsPage
from app.web.wording import Message, count_people, format_instant, message_for

MESSAGES: dict[str, Message] = {}

# What an administrator can do about a refused report; for other codes, see `remedy_words`.
_REMEDIES = {
    "data_out_of_order": _l(
        "This happens when the server's database was restored from a backup: it numbers its "
        "reports from an earlier number again. Write to us, and we let it begin anew; nothing is "
        "counted twice."
    ),
    "duplicate_registration": _l(
        "An organization on this server is registered to another server, where its plan goes on. "
        "If it moved here for good, write to us, and we move its registration; if it did not, "
        "remove the copy of it here. Reports are taken again after either."
    ),
    "payload_too_large": _l(
        "A server that was silent for long, or that has very many organizations, may have more to "
        "tell than one report holds. Write to us, and we let a larger one in."
    ),
    "server_deactivated": _l(
        "Reports are taken again when the registration is switched on again. Write to us."
    ),
}


def missing_headline(page: UploadsPage) -> str:
    """The first line: what is missing, since when."""
    if page.refusal is not None:
        return gettext(
            "Your server's report of %(time)s was refused.", time=format_instant(page.refusal.at)
        )
    if page.last_heard is None:
        return gettext("We have not heard from your server yet.")
    return gettext(
        "We have not heard from your server since %(time)s.", time=format_instant(page.last_heard)
    )


def missing_lead(page: UploadsPage) -> str:
    """Why it matters, and how long it does not yet."""
    if page.is_stale:
        return ngettext(
            "What you pay depends on how many people you have, and your server tells us every "
            "hour. Without a report of the last day we would have to guess, and we do not guess.",
            "What you pay depends on how many people you have, and your server tells us every "
            "hour. Without a report of the last %(num)s days we would have to guess, and we do "
            "not guess.",
            page.stale_days,
        )
    return ngettext(
        "Everything goes on with the numbers of the report before it, for one day from then.",
        "Everything goes on with the numbers of the report before it, for %(num)s days from then.",
        page.stale_days,
    )


def refusal_words(refusal: Refusal) -> str:
    """Why a report was refused, as the server was told."""
    try:
        return message_for(BillingError(refusal.code, **refusal.params))
    except (KeyError, TypeError, ValueError):
        # A code of an earlier release, or parameters that it stored otherwise.
        return gettext("The reason has the code %(code)s.", code=refusal.code)


def remedy_words(refusal: Refusal) -> str:
    """What to do about it."""
    known = _REMEDIES.get(refusal.code)
    if known is not None:
        return str(known)
    return gettext(
        "The server sent something that we cannot read, as a version that was changed or is only "
        "half updated may do. Bring it up to date, let it report again, and write to us if it is "
        "refused again."
    )


def meanwhile_words(page: UploadsPage, entitlement: str) -> list[str]:
    """What we do until the server reports again, sentence by sentence; `entitlement` is the
    feature that a plan switches on."""
    if not page.is_stale:
        return []
    if page.has_plan:
        return [
            gettext("Your plan goes on. Nothing is charged that depends on the missing numbers."),
            ngettext(
                "Your %(entitlement)s keep working, also for one day after such an invoice was due; "
                "then they pause until a report arrives.",
                "Your %(entitlement)s keep working, also for %(num)s days after such an invoice was "
                "due; then they pause until a report arrives.",
                page.deferral_days,
                entitlement=entitlement,
            ),
            gettext(
                "When your server reports again, the invoice follows, for exactly the people you "
                "had."
            ),
        ]
    said = gettext(
        "Without a plan and without a report, %(entitlement)s are off, since we cannot see whether "
        "you have more than %(people)s.",
        entitlement=entitlement,
        people=count_people(page.free_seats),
    )
    after = gettext("They are on again with the first report, if you do not. You owe us nothing.")
    return [said, after]
