"""The words of the pages about people, activity, help and leaving."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "owner_stays": _l(
        "You are the owner, so you cannot remove yourself: nobody could manage the others any more."
    ),
    "person_already_removed": _l("%(email)s was removed already and cannot log in."),
}
