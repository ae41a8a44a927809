"""Messages about the payment provider."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "payments_unavailable": _l(
        "Our payment provider does not answer right now. Nothing was changed and nothing was "
        "charged. Please try again in a few minutes."
    ),
    "earlier_purchase_open": _l(
        "An earlier payment of yours is not settled, and our payment provider does not answer "
        "right now. This one was not made. Please try again in a few minutes."
    ),
    "payment_not_made": _l(
        "The payment was not made: our payment provider did not answer, or the payment was called "
        "off meanwhile. Nothing was charged. Please confirm again."
    ),
    "payments_refused": _l(
        "Our payment provider refused the request (%(reason)s). Nothing was changed and nothing "
        "was charged. Please contact support if it happens again."
    ),
}
