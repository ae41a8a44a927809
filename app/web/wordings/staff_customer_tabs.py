"""The words of staff's tabs about one customer: uploads, people, deals, mails, audit log."""

import re
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.domain.kinds import OfferStatus, SponsorshipStatus
from app.services.pages.staff_customer_deals import AgreedView, CouponView
from app.services.pages.staff_customer_people import InvitationState, MailRow, MailState
from app.services.pages.staff_customer_uploads import StaffUploadsPage
from app.services.pages.uploads import UploadsState
from app.web.wording import (
    Message,
    count_months,
    format_count,
    format_instant,
    format_money,
    format_percent,
)
from app.web.wordings.activity import ACTION_WORDS

MESSAGES: dict[str, Message] = {}

_AREAS = {
    "action": _l("Acts of staff"),
    "adjustment": _l("Adjustments"),
    "balance": _l("Credit"),
    "billing_user": _l("People"),
    "card": _l("Card"),
    "card_setup": _l("Card"),
    "customer": _l("Deals and parking"),
    "invoice": _l("Invoices"),
    "late_fall": _l("Late reports"),
    "ledger": _l("Ledger"),
    "login": _l("Logins"),
    "login_link": _l("Login links"),
    "mail": _l("Mails"),
    "note": _l("Notes"),
    "offer": _l("Offers"),
    "one_off": _l("Single charges"),
    "organization": _l("Organization"),
    "payments_page": _l("Pages of Stripe"),
    "plan": _l("Plan"),
    "purchase": _l("Purchases"),
    "server": _l("Server"),
    "sponsorship": _l("Sponsorship"),
}
_HEALTH = {
    UploadsState.FRESH: (_l("Arriving"), "good"),
    UploadsState.NEVER: (_l("Never arrived"), "bad"),
    UploadsState.STALE: (_l("Stopped"), "bad"),
    UploadsState.REFUSED: (_l("Refused"), "bad"),
}
_OFFERS = {
    OfferStatus.OPEN: (_l("Open"), "notice"),
    OfferStatus.ACCEPTED: (_l("Accepted"), "good"),
    OfferStatus.WITHDRAWN: (_l("Withdrawn"), "neutral"),
    OfferStatus.EXPIRED: (_l("Expired"), "neutral"),
}
_SPONSORSHIPS = {
    SponsorshipStatus.PENDING: (_l("Waits for an answer"), "notice"),
    SponsorshipStatus.APPROVED: (_l("Approved"), "good"),
    SponsorshipStatus.REJECTED: (_l("Rejected"), "neutral"),
    SponsorshipStatus.WITHDRAWN: (_l("Taken back"), "neutral"),
}
_INVITATIONS = {
    InvitationState.OPEN: (_l("Open"), "notice"),
    InvitationState.ACCEPTED: (_l("Accepted"), "good"),
    InvitationState.WITHDRAWN: (_l("Withdrawn"), "neutral"),
    InvitationState.EXPIRED: (_l("Expired"), "neutral"),
}
_MAILS = {
    MailState.SENT: (_l("Sent"), "good"),
    MailState.FAILED: (_l("Not delivered"), "bad"),
    MailState.WAITING: (_l("Waits"), "notice"),
}
# Customers see only some of these entries, and their words are for those.
_TOLD_OTHERWISE = frozenset({"login_link.created"})
# Values of the audit log that are cents of the currency of the catalog.
_CENTS = re.compile(r"(?:^|_)(?:total|amount|price|paid|credit|due)$")
_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
# The longest value that is shown whole.
_LONGEST = 300


def area_word(area: str) -> str:
    """What the actions that begin with that noun are about."""
    return str(_AREAS.get(area) or area.replace("_", " ").capitalize())


def audit_action_words(action: str) -> str:
    """What was done: as the customer's own log says it where that needs nothing else, else by the
    name of the action ("Plan: end moved")."""
    words = None if action in _TOLD_OTHERWISE else ACTION_WORDS.get(action)
    if isinstance(words, LazyString) and "%(" not in str(words):
        return str(words)
    noun, _, verb = action.partition(".")
    said = verb.replace("_", " ")
    return gettext("%(about)s: %(what)s", about=noun.replace("_", " ").capitalize(), what=said)


def audit_name(name: str) -> str:
    """A field of the audit log."""
    return name.replace("_", " ").capitalize()


def audit_value(value: Any, name: str, currency: str) -> str:
    """A value of the audit log as staff read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        if name.endswith("percent"):
            return format_percent(value)
        is_money = _CENTS.search(name) is not None
        return format_money(value, currency) if is_money else str(value)
    if isinstance(value, str):
        if _INSTANT.match(value):
            return _instant(value)
        return value[:_LONGEST]
    if isinstance(value, dict):
        said = (
            f"{audit_name(key)}: {audit_value(one, key, currency)}" for key, one in value.items()
        )
        return "; ".join(said)[:_LONGEST]
    if isinstance(value, list):
        return ", ".join(audit_value(one, name, currency) for one in value)[:_LONGEST]
    return str(value)[:_LONGEST]


def _instant(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value[:_LONGEST]
    return format_instant(moment) if moment.tzinfo is not None else value


def health_word(state: UploadsState) -> str:
    """Whether uploads arrive."""
    return str(_HEALTH[state][0])


def health_tone(state: UploadsState) -> str:
    """The tone of its tag."""
    return _HEALTH[state][1]


def staff_uploads_headline(page: StaffUploadsPage) -> str:
    """The first line: whether uploads arrive, and since when not."""
    health, host = page.health, page.health.hostname
    if health.state is UploadsState.REFUSED and health.refusal is not None:
        time = format_instant(health.refusal.at)
        return gettext("The upload of %(host)s was refused on %(time)s.", host=host, time=time)
    if health.last_heard is None:
        return gettext("%(host)s has never uploaded.", host=host)
    time = format_instant(health.last_heard)
    if health.is_stale:
        return gettext("%(host)s has not uploaded since %(time)s.", host=host, time=time)
    return gettext("%(host)s uploads; the last time was %(time)s.", host=host, time=time)


def pending_words(page: StaffUploadsPage) -> str:
    """Rows that are ahead of their time."""
    if not page.pending:
        return gettext("None")
    said = ngettext("%(num)s row", "%(num)s rows", page.pending)
    if not page.flagged:
        return said
    return gettext(
        "%(rows)s, %(flagged)s of them far ahead: the server's clock is wrong",
        rows=said,
        flagged=format_count(page.flagged),
    )


def offer_word(status: OfferStatus) -> str:
    """Where an offer stands."""
    return str(_OFFERS[status][0])


def offer_tone(status: OfferStatus) -> str:
    """The tone of its tag."""
    return _OFFERS[status][1]


def sponsorship_word(status: SponsorshipStatus) -> str:
    """Where a request stands."""
    return str(_SPONSORSHIPS[status][0])


def sponsorship_tone(status: SponsorshipStatus) -> str:
    """The tone of its tag."""
    return _SPONSORSHIPS[status][1]


def invitation_word(state: InvitationState) -> str:
    """What became of an invitation."""
    return str(_INVITATIONS[state][0])


def invitation_tone(state: InvitationState) -> str:
    """The tone of its tag."""
    return _INVITATIONS[state][1]


def mail_state_word(state: MailState) -> str:
    """Where a mail stands."""
    return str(_MAILS[state][0])


def mail_state_tone(state: MailState) -> str:
    """The tone of its tag."""
    return _MAILS[state][1]


def mail_title(mail: MailRow) -> str:
    """What a mail is about: its subject where that was kept, else the name of its template."""
    return mail.subject or mail.template.replace("_", " ").capitalize()


def agreed_discount_words(agreed: AgreedView, currency: str) -> str:
    """The discount of staff: "40%", "$3.00 a license a month, $30.00 a year"."""
    if agreed.percent is not None:
        return format_percent(agreed.percent)
    said = []
    if agreed.monthly_price is not None:
        price = format_money(agreed.monthly_price, currency)
        said.append(gettext("%(price)s a license a month", price=price))
    if agreed.annual_price is not None:
        price = format_money(agreed.annual_price, currency)
        said.append(gettext("%(price)s a license a year", price=price))
    return ", ".join(said) or gettext("None")


def coupon_words(coupon: CouponView, currency: str) -> str:
    """What a coupon takes off: "25% for 3 months"."""
    what = (
        format_percent(coupon.percent)
        if coupon.percent is not None
        else gettext("%(amount)s a month", amount=format_money(coupon.amount or 0, currency))
    )
    return gettext("%(what)s for %(months)s", what=what, months=count_months(coupon.months))
