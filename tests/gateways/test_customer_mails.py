"""Every mail to customers: the subject says the fact, both parts say the same, one button, and how
to stop it where it can be stopped."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask

from app.domain.kinds import MailKind
from app.gateways.mail import RenderedMail, SmtpMailGateway
from app.web.mails import build_renderer
from tests.support.mail import SmtpServer

pytestmark = pytest.mark.sqlite_only
DAY = datetime(2012, 2, 5, 3, 4, 5, tzinfo=UTC)
COMMON = {
    "name": "Acme",
    "host": "acme.test",
    "pages_url": "http://portal.test/realm/1",
    "billing_url": "http://portal.test/realm/1/billing/",
    "plans_url": "http://portal.test/realm/1/plans/",
    "licenses_url": "http://portal.test/realm/1/billing/licenses/",
    "tier": "Basic",
    "total": 6050,
    "currency": "usd",
    "ends_at": DAY,
    "renews_at": DAY,
}
INVOICE = {"number": "ACME-0007", "day": DAY, "pay_url": "https://pay.test/7"}
STOP = "http://portal.test/mail/unsubscribe/token/"
CARD = {"brand": "visa", "last4": "4242", "exp_month": 3, "exp_year": 2012}
# Template, what it can be stopped as, its own params, and the subject.
MAILS: list[tuple[str, MailKind | None, dict[str, Any], str]] = [
    (
        "payment_failed",
        None,
        {**INVOICE, "again_at": DAY, "is_last": False, "asks_for_person": False, "refusal": "No."},
        "The payment of $60.50 for acme.test failed; we try again on 5 February 2012",
    ),
    (
        "payment_failed",
        None,
        {**INVOICE, "again_at": DAY, "is_last": True, "asks_for_person": True, "refusal": None},
        "The payment of $60.50 for acme.test failed; we try again on 5 February 2012",
    ),
    (
        "plan_ended_unpaid",
        None,
        {**INVOICE, "at": DAY, "until": DAY},
        "Your Basic plan for acme.test ended on 5 February 2012: $60.50 is not paid",
    ),
    (
        "trial_ends",
        MailKind.RENEWALS,
        {"outcome": "ends"},
        "Your free trial of Basic for acme.test ends on 5 February 2012; nothing is charged",
    ),
    (
        "trial_ends",
        MailKind.RENEWALS,
        {"outcome": "unpaid"},
        "Your free trial of Basic for acme.test ends on 5 February 2012, unless $60.50 is paid",
    ),
    (
        "trial_ends",
        MailKind.RENEWALS,
        {"outcome": "paid"},
        "Your free trial of Basic for acme.test ends on 5 February 2012; the time after it is paid",
    ),
    (
        "trial_ends",
        MailKind.RENEWALS,
        {"outcome": "charged"},
        "Your free trial of Basic for acme.test ends on 5 February 2012; then $60.50 is charged",
    ),
    (
        "trial_ends",
        MailKind.RENEWALS,
        {"outcome": "charged", "total": None},
        "Your free trial of Basic for acme.test ends on 5 February 2012; then the card is charged",
    ),
    (
        "renewal_ahead",
        MailKind.RENEWALS,
        {"is_sent": False, "has_risen": True, "last_total": 4300},
        "Your Basic plan for acme.test renews on 5 February 2012 for $60.50",
    ),
    (
        "renewal_ahead",
        MailKind.RENEWALS,
        {"is_sent": True, "has_risen": False, "last_total": None},
        "Your Basic plan for acme.test renews on 5 February 2012: an invoice of $60.50 is sent",
    ),
    (
        "card_expires",
        MailKind.RENEWALS,
        {"card": CARD, "charged_at": DAY},
        "The card for acme.test (Visa ending 4242, expires 3/2012) expires soon, and your next "
        "payment is on 5 February 2012",
    ),
    (
        "plan_ends",
        MailKind.RENEWALS,
        {"is_agreed": False},
        "Your Basic plan for acme.test ends on 5 February 2012",
    ),
    (
        "plan_ends",
        MailKind.RENEWALS,
        {"is_agreed": True},
        "Your Basic plan for acme.test ends on 5 February 2012",
    ),
    (
        "plan_ended",
        MailKind.RENEWALS,
        {"ended_at": DAY},
        "Your Basic plan for acme.test ended on 5 February 2012",
    ),
    (
        "legacy_ends",
        MailKind.RENEWALS,
        {"next_tier": None, "total": None},
        "Your Basic plan for acme.test ends on 5 February 2012",
    ),
    (
        "legacy_ends",
        MailKind.RENEWALS,
        {"next_tier": "Business", "total": None},
        "Your Basic plan for acme.test ends on 5 February 2012; then Business begins",
    ),
    (
        "legacy_ends",
        MailKind.RENEWALS,
        {"next_tier": "Business"},
        "Your Basic plan for acme.test ends on 5 February 2012; then Business begins with a charge "
        "of $60.50",
    ),
    (
        "uploads_stopped",
        MailKind.USAGE,
        {"server_host": "chat.acme.test", "last_heard": DAY, "fix_url": "http://portal.test/fix/"},
        "We have not heard from chat.acme.test since 5 February 2012",
    ),
    (
        "seats_filling",
        MailKind.USAGE,
        {"people": 18, "licenses": 20, "over": 0, "is_full": False, "percent": 90},
        "18 people use 90 % of the 20 licenses for acme.test",
    ),
    (
        "seats_filling",
        MailKind.USAGE,
        {"people": 20, "licenses": 20, "over": 0, "is_full": True, "percent": 100},
        "All of your 20 licenses for acme.test are in use",
    ),
    (
        "seats_filling",
        MailKind.USAGE,
        {
            "people": 22,
            "licenses": 20,
            "over": 2,
            "is_full": False,
            "percent": 110,
            "renews_at": None,
        },
        "22 people use the 20 licenses for acme.test: over by 2",
    ),
    (
        "licenses_raise",
        MailKind.RENEWALS,
        {"people": 23, "licenses": 18},
        "On 5 February 2012 the licenses for acme.test are raised to 23: $60.50 will be due",
    ),
    (
        "licenses_raise",
        MailKind.RENEWALS,
        {"people": 23, "licenses": 18, "total": None},
        "On 5 February 2012 the licenses for acme.test are raised to 23",
    ),
    (
        "announcement",
        MailKind.ANNOUNCEMENTS,
        {"announced": "Prices <change> in March", "paragraphs": ["One & two.", "Three."]},
        "Prices <change> in March",
    ),
]


class Words(HTMLParser):
    """The words of a mail's HTML part, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.buttons = 0
        self.sources: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note buttons, and anything that is fetched when the mail is opened."""
        values = dict(attrs)
        self._silent += tag in {"style", "title"}
        self.buttons += "button" in (values.get("class") or "").split()
        if values.get("src") or tag in {"img", "link", "script"}:
            self.sources.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Style sheets are no words."""
        self._silent -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._silent:
            self.said.append(data)


def render(
    app: Flask, template: str, kind: MailKind | None, own: Mapping[str, Any]
) -> RenderedMail:
    stop = {"mail_kind": kind, "unsubscribe_url": STOP if kind else None}
    return build_renderer(app)(template, {**COMMON, **stop, **own})


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w$.,<>&%/:-]+", text)


@pytest.mark.parametrize(("template", "kind", "own", "subject"), MAILS)
def test_a_mail_says_the_fact_and_the_same_in_both_parts(
    app: Flask, template: str, kind: MailKind | None, own: dict[str, Any], subject: str
) -> None:
    mail = render(app, template, kind, own)
    assert mail.subject == subject
    assert mail.text.startswith(subject), "the first line repeats it"
    html = Words()
    html.feed(mail.html)
    brand = words_of("Parlor billing")
    said = words_of(" ".join(html.said))
    assert said[: len(brand)] == brand
    # The address of the button stands below it in one part, behind it in the other.
    plain = [word.strip(":.") for word in words_of(mail.text) if word.strip(":.")]
    rest = [word.strip(":.") for word in said[len(brand) :] if word.strip(":.")]
    assert plain == rest
    assert html.buttons == 1
    assert html.sources == [], "nothing is fetched when it is opened: no tracking"
    assert "You get this mail because you manage billing for acme.test" in mail.text
    assert (STOP in mail.text and STOP in mail.html) is (kind is not None)
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("kind", [None, MailKind.RENEWALS])
def test_mail_programs_are_told_how_to_stop_it(
    smtp_server: SmtpServer, kind: MailKind | None
) -> None:
    def rendered(_template: str, _params: object) -> RenderedMail:
        return RenderedMail("Renewal", "text\n", "<p>text</p>")

    mailer = SmtpMailGateway(url=smtp_server.url, sender="b@portal.test", renderer=rendered)
    mailer.send(
        "renewal_ahead",
        {},
        recipient="iago@acme.test",
        message_id="<1@portal.test>",
        unsubscribe_url=STOP if kind else None,
    )
    (message,) = smtp_server.messages
    if kind is None:
        assert message["List-Unsubscribe"] is None
    else:
        assert message["List-Unsubscribe"] == f"<{STOP}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_staff_hear_of_the_end_of_a_plan(app: Flask) -> None:
    mail = render(app, "staff_plan_ended_unpaid", None, {**INVOICE, "at": DAY, "until": DAY})
    assert mail.subject == "The Basic plan of Acme ended: $60.50 is not paid"
    assert "ACME-0007" in mail.text and "ACME-0007" in mail.html
