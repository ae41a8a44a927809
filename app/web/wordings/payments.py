"""Messages about the payment provider."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "payments_unavailable": _l(
        "Our payment provider does not answer right now. Nothing was changed and nothing was "
        "charged. Please try again in a few minutes."
    ),
    "payments_refused": _l(
        "Our payment provider refused the request (%(reason)s). Nothing was changed and nothing "
        "was charged. Please contact support if it happens again."
    ),
}
