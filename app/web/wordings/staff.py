"""Words about the vendor's own people."""

from flask_babel import gettext

from app.domain.kinds import StaffRole
from app.web.wording import Message

MESSAGES: dict[str, Message] = {}


def staff_role_word(role: StaffRole) -> str:
    """What somebody of staff may do, in a word or two."""
    words = {
        StaffRole.READ_ONLY: gettext("reads only"),
        StaffRole.SUPPORT: gettext("support"),
        StaffRole.ADMIN: gettext("administrator"),
    }
    return words[role]
