"""The words of the usage page."""

from datetime import date

from flask_babel import gettext, ngettext

from app.domain.days import start_of_day
from app.domain.kinds import CustomerKind
from app.services.pages.usage import PlaceView, UsagePage
from app.services.pages.usage_places import PlaceCover
from app.web.wording import (
    MINUS,
    Message,
    count_licenses,
    count_people,
    format_count,
    format_date,
)

MESSAGES: dict[str, Message] = {}


def usage_headline(page: UsagePage) -> str:
    """The first line: how many of how many."""
    if page.as_of is None:
        return gettext("We do not know yet how many people you have.")
    if page.kind is CustomerKind.SERVER:
        return _of_server(page)
    place = page.places[0]
    people = count_people(place.people)
    if place.cover is PlaceCover.GONE:
        return gettext("Your server does not list your organization any more: nobody is counted.")
    if place.cover is PlaceCover.DEACTIVATED:
        return gettext("Your organization is deactivated on its server: nobody is counted.")
    if place.cover is PlaceCover.SERVER_PLAN:
        return gettext(
            "%(people)s, paid for by your server's %(tier)s plan.",
            people=people,
            tier=page.plan_title,
        )
    if place.cover is PlaceCover.OWN_PLAN:
        return _with_plan(page, people)
    if place.cover is PlaceCover.OVER_FREE:
        return gettext(
            "%(people)s; %(free)s would be free.", people=people, free=format_count(page.free_seats)
        )
    return _of_free(place.people, page.free_seats)


def _of_free(people: int, free_seats: int) -> str:
    return gettext(
        "%(count)s of %(free)s people free.",
        count=format_count(people),
        free=format_count(free_seats),
    )


def _with_plan(page: UsagePage, people: str) -> str:
    if page.licenses is None:
        return gettext("%(people)s on the %(tier)s plan.", people=people, tier=page.plan_title)
    licenses = count_licenses(page.licenses)
    return gettext("%(people)s, %(licenses)s.", people=people, licenses=licenses)


def _of_server(page: UsagePage) -> str:
    if not page.part.total:
        return gettext("Your server has not told us about any organization yet.")
    where = ngettext(
        "%(people)s in %(count)s organization",
        "%(people)s in %(count)s organizations",
        page.counted_places,
        people=count_people(page.people),
        count=format_count(page.counted_places),
    )
    if page.plan_title is not None:
        return _with_plan(page, where)
    if not page.over_places:
        return gettext("%(where)s, within the free limit.", where=where)
    if page.counted_places == 1:
        return gettext("%(where)s, which is over the free limit.", where=where)
    return ngettext(
        "%(where)s; %(count)s organization is over the free limit.",
        "%(where)s; %(count)s organizations are over the free limit.",
        page.over_places,
        where=where,
        count=format_count(page.over_places),
    )


def place_words(place: PlaceView, free_seats: int) -> str:
    """What the paid part of an organization stands on."""
    if place.cover is PlaceCover.OWN_PLAN:
        return gettext(
            "%(people)s, paid for by its own %(tier)s plan and not counted for the server",
            people=count_people(place.people),
            tier=place.tier_title,
        )
    if place.cover is PlaceCover.SERVER_PLAN:
        return gettext(
            "%(people)s, paid for by the server's %(tier)s plan",
            people=count_people(place.people),
            tier=place.tier_title,
        )
    if place.cover is PlaceCover.DEACTIVATED:
        return gettext("deactivated on the server, nobody is counted")
    if place.cover is PlaceCover.GONE:
        return gettext("not listed by the server any more, nobody is counted")
    if place.cover is PlaceCover.OVER_FREE:
        return gettext(
            "%(people)s, over the free limit of %(free)s",
            people=count_people(place.people),
            free=format_count(free_seats),
        )
    free = format_count(free_seats)
    return gettext("%(count)s of %(free)s people free", count=format_count(place.people), free=free)


def change_words(change: int | None) -> str:
    """ "+3", "−2"; nothing on the first day."""
    if change is None:
        return ""
    sign = "+" if change > 0 else MINUS
    return f"{sign}{format_count(abs(change))}"


def range_word(days: int) -> str:
    """How much of the past is shown."""
    if days == 365:
        return gettext("1 year")
    return ngettext("%(num)s day", "%(num)s days", days)


def date_words(day: date) -> str:
    """ "2 March 2027", of a whole UTC day."""
    return format_date(start_of_day(day))
