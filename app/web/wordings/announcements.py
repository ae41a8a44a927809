"""The words of announcements: whom they go to, and how far they are."""

from babel import Locale
from flask_babel import get_locale, gettext, lazy_gettext, ngettext

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind
from app.services.announce import Chosen
from app.services.pages.announcements import AnnouncementPage, AnnouncementRow, ListPreview
from app.web.wording import Message, count_people, format_count, format_date, schedule_word

MESSAGES: dict[str, Message] = {}

_KINDS = {
    CustomerKind.SERVER: lazy_gettext("servers"),
    CustomerKind.ORGANIZATION: lazy_gettext("organizations"),
}


def announced_kind_word(kind: CustomerKind) -> str:
    """Customers of one kind."""
    return str(_KINDS[kind])


def country_name(code: str) -> str:
    """The name of a country in the reader's language; its code when nobody knows it."""
    locale = get_locale() or Locale("en")
    return str(locale.territories.get(code.upper(), code))


def chosen_words(chosen: Chosen, catalog: Catalog) -> str:
    """Whom an announcement goes to."""
    parts = []
    if chosen.kind is not None:
        parts.append(announced_kind_word(chosen.kind))
    if chosen.tiers:
        titles = [catalog.tiers[key].title if key in catalog.tiers else key for key in chosen.tiers]
        parts.append(gettext("on %(tiers)s", tiers=", ".join(titles)))
    if chosen.schedule is not None:
        parts.append(schedule_word(chosen.schedule).lower())
    if chosen.country is not None:
        parts.append(gettext("in %(country)s", country=country_name(chosen.country)))
    if chosen.legacy_ending_before is not None:
        parts.append(
            gettext("legacy until before %(day)s", day=format_date(chosen.legacy_ending_before))
        )
    return " · ".join(parts) if parts else gettext("every customer")


def listed_words(preview: ListPreview) -> str:
    """How many would get a mail."""
    return ngettext(
        "It goes to %(people)s of %(count)s customer",
        "It goes to %(people)s of %(count)s customers",
        preview.customers,
        people=count_people(preview.people),
        count=format_count(preview.customers),
    )


def progress_words(page: AnnouncementPage) -> str:
    """How far an announcement is."""
    if page.is_finished:
        return ngettext(
            "Sent to %(count)s person",
            "Sent to %(count)s people",
            page.mails,
            count=format_count(page.mails),
        )
    return gettext(
        "%(reached)s of %(all)s customers reached",
        reached=format_count(page.reached),
        all=format_count(page.row.customers),
    )


def announcement_state_word(row: AnnouncementRow) -> str:
    """Whether it has reached everybody."""
    return gettext("Sent") if row.finished_at is not None else gettext("On its way")
