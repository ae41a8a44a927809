"""Messages of errors that any part of the portal may meet."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "missing_data": _l(
        "We do not know how many people you have right now, because your server has not uploaded "
        "its counts for more than two days. Nothing was changed."
    ),
    "not_found": _l("This does not exist, or it is not yours."),
}
