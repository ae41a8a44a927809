"""The words of mails to customers: what is said below each of them, and of stopping them."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import MailKind
from app.web.wording import Message, describe_card

MESSAGES: dict[str, Message] = {
    "announcement_text": _l(
        "An announcement needs a subject of one line, at most %(subject_length)s characters, and a "
        "text of at most %(body_length)s."
    ),
    "announcement_unfinished": _l(
        "An announcement with these words has not reached everybody yet. Go on with --resume %(id)s."
    ),
    "announcement_unknown": _l("There is no announcement %(id)s."),
    "nobody_chosen": _l("No customer is like that, so there is nobody to write to."),
}

_KINDS = {
    MailKind.RENEWALS: _l("renewals and ends of plans"),
    MailKind.USAGE: _l("people, licenses and reports of your server"),
    MailKind.ANNOUNCEMENTS: _l("news about plans and prices"),
}


def mail_kind_word(kind: MailKind) -> str:
    """What mails of that kind are about: "renewals and ends of plans"."""
    return str(_KINDS[kind])


def why_this_mail(host: str, kind: MailKind | None) -> str:
    """Why somebody gets a mail of that kind (None: about money owed), and whether it can be
    stopped."""
    if kind is None:
        return gettext(
            "You get this mail because you manage billing for %(host)s. It is about money that is "
            "owed, so it comes in any case.",
            host=host,
        )
    return gettext(
        "You get this mail because you manage billing for %(host)s and want mails about %(what)s.",
        host=host,
        what=mail_kind_word(kind),
    )


def stop_these_mails(kind: MailKind) -> str:
    """The words of the link that stops mails of that kind."""
    return gettext("Stop mails about %(what)s", what=mail_kind_word(kind))


def mailed_card_words(card: Mapping[str, Any]) -> str:
    """ "Visa ending 4242, expires 4/2030"."""
    return describe_card(card["brand"], card["last4"], card["exp_month"], card["exp_year"])
