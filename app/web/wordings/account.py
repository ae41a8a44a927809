"""The words of the pages about people, activity, help and leaving."""

from urllib.parse import quote

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import BillingRole
from app.services.accept_invitation import InvitationPage
from app.services.deactivation_rules import HeldPlan, Obstacle, ObstacleKind
from app.services.pages.account_people import PeoplePage, PersonRow, RemovedRow
from app.services.pages.help import HelpPage
from app.web.wording import Message, count_people, format_date

MESSAGES: dict[str, Message] = {
    "billing_name_missing": _l("Enter the name that invoices are made out to."),
    "billing_part_too_long": _l("This has at most %(maximum)s characters here."),
    "help_message_missing": _l("Write what you need."),
    "help_message_too_long": _l("A message has at most %(maximum)s characters here."),
    "help_too_often": _l(
        "You sent many messages. Wait %(minutes)s minutes, or write a mail instead."
    ),
    "person_already_here": _l("%(email)s can log in to this billing already."),
    "invitation_pending": _l(
        "%(email)s has an invitation already. Send it again, or withdraw it first."
    ),
    "invitations_full": _l(
        "There are %(maximum)s invitations that nobody accepted. Withdraw one first."
    ),
    "invite_too_often": _l("You sent many invitations. Wait %(minutes)s minutes."),
    "owner_stays": _l(
        "You are the owner, so you cannot remove yourself: nobody could manage the others any more."
    ),
    "owner_hands_over": _l(
        "You are the owner. Make somebody else the owner, and you become one who manages billing."
    ),
    "person_unconfirmed": _l(
        "%(email)s has to confirm this address at a login before becoming the owner."
    ),
    "role_unchanged": _l("This person has that role already."),
    "person_already_removed": _l("%(email)s was removed already and cannot log in."),
}

# Numbers that begin a sentence are written out as long as they are short.
_FEW_PEOPLE = {
    1: _l("One person"),
    2: _l("Two people"),
    3: _l("Three people"),
    4: _l("Four people"),
    5: _l("Five people"),
    6: _l("Six people"),
    7: _l("Seven people"),
    8: _l("Eight people"),
    9: _l("Nine people"),
}
_ROLES = {
    BillingRole.OWNER: _l("Owner"),
    BillingRole.BILLING: _l("Billing"),
    BillingRole.VIEWER: _l("Viewer"),
}


# --- people ---


def people_headline(page: PeoplePage, host: str) -> str:
    """ "Two people can manage billing for acme.test."."""
    people = str(_FEW_PEOPLE.get(page.part.total) or count_people(page.part.total))
    return gettext("%(people)s can manage billing for %(host)s.", people=people, host=host)


def role_word(role: BillingRole) -> str:
    """What a billing user may do: "Owner", "Billing", "Viewer"."""
    return str(_ROLES[role])


def invitation_words(page: InvitationPage) -> str:
    """What accepting an invitation lets somebody do."""
    if page.role is BillingRole.OWNER:
        return gettext("You become the owner: you buy, pay, change plans, and manage the people.")
    if page.role is BillingRole.BILLING:
        return gettext("You can buy, pay and change plans.")
    return gettext("You can see everything, and change nothing.")


def mails_words(person: PersonRow) -> str:
    """Which mails somebody wants beside those about money."""
    wished = [
        gettext("renewals") if person.wants_renewal_mails else "",
        gettext("licenses") if person.wants_usage_mails else "",
        gettext("news") if person.wants_announcement_mails else "",
        gettext("releases") if person.wants_major_release_mails else "",
        gettext("maintenance") if person.wants_maintenance_mails else "",
    ]
    words = ", ".join(wish for wish in wished if wish)
    return f"{words[0].upper()}{words[1:]}" if words else gettext("None of these")


def removed_by(person: RemovedRow) -> str:
    """Who took billing away from somebody."""
    if person.is_by_support:
        return gettext("our support")
    return person.by or gettext("somebody whose details were erased")


# --- help ---


def help_address(page: HelpPage, support_email: str, host: str, uuid: str) -> str:
    """The address of a mail to support whose subject says who asks, and about which plan."""
    if page.tier_title is None:
        subject = gettext("Billing for %(host)s (%(uuid)s), no plan", host=host, uuid=uuid)
    else:
        subject = gettext(
            "Billing for %(host)s (%(uuid)s), plan %(tier)s",
            host=host,
            uuid=uuid,
            tier=page.tier_title,
        )
    return f"mailto:{support_email}?subject={quote(subject, safe='')}"


# --- leaving ---


def obstacle_words(obstacle: Obstacle) -> str:
    """What stands in the way of leaving, and whose it is."""
    held = obstacle.held
    values = {"holder": held.holder, "tier": held.tier_title}
    if obstacle.kind is ObstacleKind.OPEN_PURCHASE:
        return gettext("A payment for %(tier)s of %(holder)s is under way.", **values)
    if obstacle.kind is ObstacleKind.SCHEDULED_PLAN:
        return gettext("%(tier)s of %(holder)s is scheduled to start.", **values)
    if held.until is None:
        return gettext("%(tier)s of %(holder)s goes on.", **values)
    return gettext(
        "%(tier)s of %(holder)s is paid until %(day)s and then goes on.",
        day=format_date(held.until),
        **values,
    )


def ending_words(held: HeldPlan) -> str:
    """What becomes of a plan that is set to end anyway."""
    values = {"holder": held.holder, "tier": held.tier_title}
    if held.until is None:
        return gettext("%(tier)s of %(holder)s is set to end.", **values)
    return gettext(
        "%(tier)s of %(holder)s is set to end on %(day)s. Until then it is paid for but of no "
        "use, and nothing is paid back.",
        day=format_date(held.until),
        **values,
    )
