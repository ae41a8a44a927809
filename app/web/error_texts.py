"""The words of the error pages: what happened, and what to do about it."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.domain.errors import BillingError
from app.web.wording import message_for


@dataclass(frozen=True, slots=True)
class ErrorText:
    """A title, and sentences that say what happened and what to do."""

    title: str | LazyString
    sentences: tuple[str | LazyString, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """Everything the error page shows.

    The ways on: `back_url` to the page somebody came from, `retry_url` the same address once more,
    `start_url` for who is not logged in. `wait` is in seconds; `reference` is what the log calls
    this error.
    """

    text: ErrorText
    status: int
    back_url: str | None
    retry_url: str | None
    start_url: str
    wait: int | None
    reference: str | None


ERROR_TEXTS = {
    400: ErrorText(
        _l("We could not read that request"),
        (
            _l(
                "Something in the address or in the form was not as we expected, so we did nothing."
            ),
            _l("Go back, check what you entered and try again."),
        ),
    ),
    401: ErrorText(
        _l("Please come in from your organization"),
        (
            _l("You are not logged in here, or your login has ended."),
            _l(
                "Open your organization, choose Billing in the menu with the gear, and you will "
                "be brought here. Only owners and billing administrators see that entry."
            ),
        ),
    ),
    403: ErrorText(
        _l("You cannot open this page"),
        (
            _l(
                "Your login does not allow it. Somebody who manages billing with you may be able to."
            ),
            _l("Nothing was changed. Go back, or open billing again from your organization."),
        ),
    ),
    404: ErrorText(
        _l("There is no such page"),
        (
            _l("The address may be mistyped, or what it showed is not there any more."),
            _l(
                "If you are looking for your billing pages, open your organization and choose "
                "Billing in the menu with the gear."
            ),
        ),
    ),
    405: ErrorText(
        _l("This address cannot be opened like that"),
        (
            _l("It belongs to a button of another page. Nothing was changed."),
            _l("Go back to that page and use the button again."),
        ),
    ),
    413: ErrorText(
        _l("That was too much at once"),
        (
            _l("What you sent is larger than we accept, so we did nothing with it."),
            _l("Go back and send less at once."),
        ),
    ),
    415: ErrorText(
        _l("We cannot read that kind of content"),
        (
            _l("What you sent is of a kind that this address does not take. Nothing was changed."),
            _l("Go back to the page and use its form again."),
        ),
    ),
    429: ErrorText(
        _l("Too many requests"),
        (
            _l("We received more requests from you than we answer in so short a time."),
            _l("Wait a while, then try again. Nothing is lost."),
        ),
    ),
    500: ErrorText(
        _l("Something went wrong on our side"),
        (
            _l("It is our mistake, not yours, and it has been recorded."),
            _l(
                "Try again in a few minutes. If you were paying, look at your invoices first: "
                "a payment that went through is listed there."
            ),
        ),
    ),
    503: ErrorText(
        _l("The billing pages are not available right now"),
        (
            _l("They will be back soon. What you did before is kept, and your plan keeps running."),
            _l("Try again in a minute."),
        ),
    ),
}
CSRF_TEXT = ErrorText(
    _l("This page was open for too long"),
    (
        _l(
            "To protect you we accept a form only together with the visit it was opened in, and "
            "that visit has ended, or your browser refuses cookies. Nothing was changed."
        ),
        _l("Open the page again and send the form once more."),
    ),
)
FOREIGN_HOST_TEXT = ErrorText(
    _l("We do not answer at this address"),
    (_l("Use the address of the billing pages as your organization links to it."),),
)
PAYMENTS_TEXT = ErrorText(
    _l("We could not reach our payment provider"),
    (
        _l(
            "We do not know yet whether the last step arrived there. You are never charged twice "
            "for it: we find out before anything is tried again."
        ),
        _l("Wait a minute, then look at your billing page before you repeat it."),
    ),
)
# Shown when rendering itself is broken; it uses nothing of ours.
PLAIN_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Error</title></head><body>'
    "<main><h1>Something went wrong on our side</h1><p>Please try again in a few minutes.</p>"
    "</main></body></html>"
)
# For a request whose Host cannot be one, so that no address of ours can be made.
PLAIN_FOREIGN_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not here</title></head>'
    "<body><main><h1>We do not answer at this address</h1><p>Use the address of the billing pages "
    "as your organization links to it.</p></main></body></html>"
)


def text_for_status(status: int) -> ErrorText:
    """The words for a status; one without words of its own borrows those of its family."""
    return ERROR_TEXTS.get(status) or ERROR_TEXTS[400 if status < 500 else 500]


def refusal_text(error: BillingError) -> ErrorText:
    """The words for a rule that refused, when no form shows them."""
    return ErrorText(_l("That is not possible right now"), (message_for(error),))
