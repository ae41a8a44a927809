"""The words about sponsorships: who asks, what became of it, and why it cannot be asked for."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.sponsorship import OrganizationType
from app.services.pages.sponsorship import SponsorshipPage, SponsorshipState
from app.web.wording import Message, format_date


def _is_sponsored(params: Mapping[str, Any]) -> str:
    return gettext(
        "It is sponsored until %(day)s already. Another term can be asked for in the month before "
        "that.",
        day=format_date(params["ends_at"]),
    )


MESSAGES: dict[str, Message] = {
    "sponsorship_is_pending": _l(
        "A sponsorship was asked for already, and waits for our decision. Nothing was changed."
    ),
    "is_sponsored": _is_sponsored,
    "no_sponsorship_request": _l("There is no request for a sponsorship that waits."),
}

_TYPES = {
    OrganizationType.OPEN_SOURCE: _l("Open source project"),
    OrganizationType.EDUCATION_NON_PROFIT: _l("Education, not for profit"),
    OrganizationType.EDUCATION_FOR_PROFIT: _l("Education, for profit"),
    OrganizationType.RESEARCH: _l("Research"),
    OrganizationType.NON_PROFIT: _l("Non-profit or charity"),
    OrganizationType.COMMUNITY: _l("Community or club"),
    OrganizationType.EVENT: _l("Event or conference"),
    OrganizationType.BUSINESS: _l("Business"),
    OrganizationType.OTHER: _l("Something else"),
}


def organization_type_word(kind: str) -> str:
    """What sort of organization it is, for people."""
    return str(_TYPES[OrganizationType(kind)])


def sponsorship_headline(page: SponsorshipPage) -> str:
    """The first line: where things stand."""
    if page.state is SponsorshipState.PENDING and page.request is not None:
        return gettext(
            "Your request of %(day)s waits for our decision.", day=format_date(page.request.at)
        )
    if page.state is SponsorshipState.APPROVED and page.until is not None:
        return gettext("You are sponsored until %(day)s.", day=format_date(page.until))
    if page.state is SponsorshipState.SERVER_IS_SPONSORED:
        return gettext("Your organization is sponsored together with its server.")
    if page.state is SponsorshipState.REJECTED and page.decided_at is not None:
        return gettext(
            "Your request was not approved on %(day)s.", day=format_date(page.decided_at)
        )
    return gettext("Tell us about your organization.")


def sponsorship_lead(page: SponsorshipPage) -> str:
    """What comes next."""
    if page.state is SponsorshipState.PENDING:
        return gettext("You get a mail with our answer. Nothing changes before.")
    if page.state is SponsorshipState.APPROVED and page.may_ask:
        return gettext(
            "It ends soon. Tell us below that everything is as it was, and we look at it again."
        )
    if page.state is SponsorshipState.APPROVED:
        return gettext("You have the plan %(tier)s, and nothing is charged.", tier=page.tier_title)
    if page.state is SponsorshipState.SERVER_IS_SPONSORED:
        return gettext("There is nothing to do or to pay here.")
    return gettext(
        "We sponsor those who do good with little money: open source, education, research, "
        "charities, clubs."
    )
