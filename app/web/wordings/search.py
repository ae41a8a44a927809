"""The words of the search for customers: states, filters, orders, what was found."""

from flask_babel import gettext, lazy_gettext, ngettext

from app.domain.kinds import CustomerKind
from app.services.pages.search import MOST_FOUND, SearchPage
from app.services.pages.search_rows import SearchRow
from app.services.pages.search_terms import CustomerState, Flag, SearchSort
from app.web.wording import Message, format_count, format_date

MESSAGES: dict[str, Message] = {
    "view_name_taken": lazy_gettext("You have a view of that name already."),
    "too_many_views": lazy_gettext("You have %(maximum)s views already; delete one first."),
}

# Each state's word and the tone of its tag.
_STATES = {
    CustomerState.GONE: (lazy_gettext("Gone"), "neutral"),
    CustomerState.PAST_DUE: (lazy_gettext("Past due"), "bad"),
    CustomerState.TRIAL: (lazy_gettext("Free trial"), "notice"),
    CustomerState.ENDING: (lazy_gettext("Ending"), "notice"),
    CustomerState.ACTIVE: (lazy_gettext("Active"), "good"),
    CustomerState.COVERED: (lazy_gettext("Covered by its server"), "good"),
    CustomerState.SCHEDULED: (lazy_gettext("Plan is scheduled"), "notice"),
    CustomerState.ENDED: (lazy_gettext("Plan ended"), "neutral"),
    CustomerState.FREE: (lazy_gettext("No plan"), "neutral"),
}
_FLAGS = {
    Flag.STALE: lazy_gettext("No uploads for two days"),
    Flag.PARKED: lazy_gettext("Parked"),
    Flag.SPONSORED: lazy_gettext("Sponsored"),
    Flag.DISCOUNT: lazy_gettext("With a discount"),
    Flag.ENDING_SOON: lazy_gettext("Plan or discount ends within 30 days"),
}
_SORTS = {
    SearchSort.NAME: lazy_gettext("Name"),
    SearchSort.NEWEST: lazy_gettext("Newest first"),
    SearchSort.AMOUNT: lazy_gettext("Most paid first"),
    SearchSort.NEXT_INVOICE: lazy_gettext("Next invoice first"),
    SearchSort.LAST_UPLOAD: lazy_gettext("Last upload first"),
}
_KINDS = {
    CustomerKind.SERVER: lazy_gettext("Server"),
    CustomerKind.ORGANIZATION: lazy_gettext("Organization"),
}


def customer_state_word(state: CustomerState) -> str:
    """Where a customer stands."""
    return str(_STATES[state][0])


def customer_state_tone(state: CustomerState) -> str:
    """The tone of its tag."""
    return _STATES[state][1]


def search_flag_word(flag: Flag) -> str:
    """What a filter asks for."""
    return str(_FLAGS[flag])


def search_sort_word(sort: SearchSort) -> str:
    """An order."""
    return str(_SORTS[sort])


def found_kind_word(kind: CustomerKind) -> str:
    """What a result is."""
    return str(_KINDS[kind])


def found_name(row: SearchRow) -> str:
    """What a result is called: its organization's name, else its host."""
    return row.name or row.host or row.uuid


def found_heard(row: SearchRow) -> str:
    """When the server of a result last uploaded."""
    if row.heard_at is None:
        return gettext("never")
    return format_date(row.heard_at)


def search_headline(page: SearchPage) -> str:
    """The first line: how many were found."""
    total = page.part.total
    if page.is_alike:
        return ngettext(
            "Nothing has “%(text)s”. This one is alike:",
            "Nothing has “%(text)s”. These %(count)s are alike:",
            total,
            text=page.query.text,
            count=format_count(total),
        )
    if page.is_cut:
        return gettext(
            "More than %(count)s customers: type more of the name", count=format_count(MOST_FOUND)
        )
    if not total:
        return gettext("No customer found")
    if page.query.is_empty:
        return ngettext(
            "%(count)s server or organization",
            "%(count)s servers and organizations",
            total,
            count=format_count(total),
        )
    return ngettext(
        "%(count)s customer found", "%(count)s customers found", total, count=format_count(total)
    )
