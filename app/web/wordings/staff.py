"""Words about the vendor's own people."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import StaffRole
from app.services.pages.staff_people import StaffRow
from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "staff_login_wrong": _l(
        "This address and this password do not let anybody in. Check both; after several failures "
        "a login waits a while before it works again."
    ),
    "staff_code_wrong": _l(
        "This code is not right, or was used before. Enter the one that the authenticator shows now."
    ),
    "staff_login_over": _l(
        "This login took too long, or something changed meanwhile. Log in again."
    ),
    "staff_setup_over": _l(
        "This link does not work any more. Ask an administrator of the support console for another."
    ),
    "staff_password_wrong": _l("This is not your password."),
    "staff_password_short": _l("A password has at least %(least)s characters here."),
    "staff_password_long": _l("A password has at most %(most)s characters here."),
    "staff_password_like_name": _l(
        "Most of this password is your name or your address. Choose something nobody would guess."
    ),
    "staff_password_common": _l(
        "This password is among the first that anybody would try. Choose a few unrelated words, or "
        "let a password manager make one."
    ),
    "staff_provider_unreachable": _l(
        "The single sign-on does not answer properly at the moment. Try again in a minute, or log "
        "in with your password."
    ),
    "staff_provider_broken": _l(
        "What the single sign-on answers cannot be used, so nobody can log in that way. Whoever "
        "runs this console finds the reason in its log."
    ),
    "staff_provider_refused": _l(
        "The single sign-on did not let this login go on. Try again, or log in with your password."
    ),
    "staff_provider_unproven": _l(
        "What the single sign-on sent does not prove who you are. Try again; if it stays so, tell "
        "whoever runs this console."
    ),
    "staff_provider_over": _l(
        "This login by the single sign-on took too long, was used before, or was not begun in this "
        "browser. Begin again."
    ),
    "staff_provider_unknown": _l(
        "The single sign-on knows you, but lets nobody in here for this account. An administrator "
        "of the support console can say why."
    ),
    "staff_known": _l("Somebody of staff has this address already."),
    "staff_disabled": _l("This person is disabled. Enable them first."),
    "staff_last_admin": _l(
        "Nobody else could administer the support console then. Make somebody else an "
        "administrator first."
    ),
    "staff_no_factor": _l("Set up a second factor first."),
    "staff_factor_needed": _l("A second factor is required here, so it can only be replaced."),
}


def staff_role_word(role: StaffRole) -> str:
    """What somebody of staff may do, in a word or two."""
    words = {
        StaffRole.READ_ONLY: gettext("reads only"),
        StaffRole.SUPPORT: gettext("support"),
        StaffRole.ADMIN: gettext("administrator"),
    }
    return words[role]


def staff_role_choice(role: StaffRole) -> str:
    """A role with what it lets somebody do."""
    words = {
        StaffRole.READ_ONLY: gettext("Read only: sees everything, changes nothing"),
        StaffRole.SUPPORT: gettext("Support: acts on customers"),
        StaffRole.ADMIN: gettext("Administrator: also catalog, staff and keys"),
    }
    return words[role]


def staff_state_word(person: StaffRow) -> str:
    """Whether somebody can log in."""
    if person.disabled_at is not None:
        return gettext("disabled")
    if not person.is_set_up:
        return gettext("has not chosen a password yet")
    return gettext("waits after failed logins") if person.is_locked else gettext("can log in")
