"""Which customers the address asks for."""

from enum import StrEnum
from typing import Any, TypeVar

from flask import request

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind
from app.services.pages.search_terms import (
    LONGEST_TEXT,
    CustomerState,
    Flag,
    SearchQuery,
    SearchSort,
)
from app.web.forms import clean_text
from app.web.paging import asked_page

Word = TypeVar("Word", bound=StrEnum)


def asked_query(catalog: Catalog) -> SearchQuery:
    """Words, filters and order of the address; a value that means nothing narrows nothing."""
    tiers = dict.fromkeys(request.args.getlist("tier"))
    return SearchQuery(
        text=clean_text(request.args.get("q"))[:LONGEST_TEXT],
        tiers=tuple(key for key in tiers if key in catalog.tiers),
        states=_known(CustomerState, request.args.getlist("state")),
        flags=_known(Flag, request.args.getlist("flag")),
        kind=next(iter(_known(CustomerKind, [request.args.get("kind", "")])), None),
        sort=next(iter(_known(SearchSort, [request.args.get("sort", "")])), None),
        page=asked_page(),
    )


def in_address(query: SearchQuery) -> dict[str, Any]:
    """The same as values of an address, without the page."""
    values: dict[str, Any] = {
        "q": query.text,
        "tier": list(query.tiers),
        "state": [state.value for state in query.states],
        "flag": [flag.value for flag in query.flags],
        "kind": query.kind.value if query.kind else None,
        "sort": query.sort.value if query.sort else None,
    }
    return {name: value for name, value in values.items() if value}


def _known(kind: type[Word], values: list[str]) -> tuple[Word, ...]:
    known = {word.value: word for word in kind}
    return tuple(known[value] for value in dict.fromkeys(values) if value in known)
