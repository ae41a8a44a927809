"""Searching customers: what staff typed, narrowed by filters, sorted, a page at a time.

Every word has to be somewhere in the one text of an entry (app/services/search_index.py). On
PostgreSQL a trigram index finds words of three and more characters, and the beginnings of shorter
ones; when nothing is found, what is most alike comes instead. Reads only, a fixed number of queries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Select, func, literal, or_, select, text
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.likeness import LEAST_LIKENESS, likeness, trigrams
from app.models.staff import SearchEntry
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.search_rows import SearchRow, load_rows
from app.services.pages.search_terms import (
    SearchQuery,
    SearchSort,
    add_filters,
    is_narrowed,
    sort_order,
)

# A text that is found in more entries is too short to be of use: so many of them are listed.
MOST_FOUND = 1_000
# How many that are only alike are shown.
MOST_ALIKE = 25
# SQLite: so many entries that share a trigram are compared one by one.
_MOST_COMPARED = 5_000
_ENTRIES_PER_PIECE = 500


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of what was found. `is_alike`: nothing has the text, these are the most alike.
    `is_cut`: there are more than are listed."""

    query: SearchQuery
    rows: tuple[SearchRow, ...]
    part: ListPart
    is_alike: bool = False
    is_cut: bool = False


def find_customers(
    session: Session, query: SearchQuery, *, catalog: Catalog, now: datetime
) -> SearchPage:
    """The customers of a query. One without a text finds everybody the filters leave."""
    words = query.words
    if words:
        _plan_for_these_words(session)
    found = _find(session, query, words, catalog=catalog, now=now)
    if words and not found.total:
        alike = _find_alike(session, query, catalog=catalog, now=now)
        return SearchPage(
            query=query,
            rows=tuple(load_rows(session, alike, catalog=catalog, now=now)),
            part=part_of_list(len(alike), number=1),
            is_alike=bool(alike),
        )
    return SearchPage(
        query=replace(query, page=found.part.number),
        rows=tuple(load_rows(session, found.ids, catalog=catalog, now=now)),
        part=found.part,
        is_cut=found.is_cut,
    )


def iterate_found(
    session: Session, query: SearchQuery, *, catalog: Catalog, now: datetime
) -> Iterator[SearchRow]:
    """Every customer of a query, by age, a few hundred at a time: for a file of all of them."""
    words = query.words
    if words:
        _plan_for_these_words(session)
    after = 0
    while True:
        statement = _matching(query, words, catalog=catalog, now=now)
        piece = list(
            session.scalars(
                statement.with_only_columns(SearchEntry.id)
                .where(SearchEntry.id > after)
                .order_by(SearchEntry.id)
                .limit(_ENTRIES_PER_PIECE)
            )
        )
        if not piece and not after and words:
            piece = _find_alike(session, query, catalog=catalog, now=now)
        yield from load_rows(session, piece, catalog=catalog, now=now)
        if len(piece) < _ENTRIES_PER_PIECE:
            return
        after = piece[-1]


@dataclass(frozen=True, slots=True)
class _Found:
    ids: list[int]
    total: int
    part: ListPart
    is_cut: bool


def _find(
    session: Session,
    query: SearchQuery,
    words: Sequence[str],
    *,
    catalog: Catalog,
    now: datetime,
) -> _Found:
    if words:
        ids, total = _page_of_words(session, query, words, catalog=catalog, now=now)
    else:
        ids, total = _page_of_all(session, query, catalog=catalog, now=now)
    part = part_of_list(min(total, MOST_FOUND) if words else total, number=query.page)
    if part.number != query.page and total:
        # A page that is not there: the nearest one.
        nearest = replace(query, page=part.number)
        return _find(session, nearest, words, catalog=catalog, now=now)
    return _Found(ids, total, part, is_cut=bool(words) and total > MOST_FOUND)


def _page_of_words(
    session: Session,
    query: SearchQuery,
    words: Sequence[str],
    *,
    catalog: Catalog,
    now: datetime,
) -> tuple[list[int], int]:
    """The ids of one page, and how many there are; one more than are listed stands for more."""
    order = sort_order(query.sort, now=now)
    matching = _matching(query, words, catalog=catalog, now=now)
    matching = matching.with_only_columns(
        SearchEntry.id, SearchEntry.content, *(column.label(name) for name, column, _ in order)
    )
    listed = matching.limit(MOST_FOUND + 1).subquery()
    # Counted on the way: the words are looked for once.
    total = func.count().over()
    # Whose host or name begins with the first word comes first.
    begins = listed.c.content.like(f" {_escaped(words[0])}%", escape="\\")
    by = [direction(listed.c[name]) for name, _, direction in order]
    statement = (
        select(listed.c.id, total)
        .order_by(*by, begins.desc(), listed.c.content, listed.c.id)
        .limit(PAGE_SIZE)
        .offset((query.page - 1) * PAGE_SIZE)
    )
    rows = session.execute(statement).all()
    if not rows and query.page > 1:
        return [], int(session.scalars(select(func.count()).select_from(listed)).one())
    return [row[0] for row in rows], rows[0][1] if rows else 0


def _page_of_all(
    session: Session, query: SearchQuery, *, catalog: Catalog, now: datetime
) -> tuple[list[int], int]:
    matching = _matching(query, (), catalog=catalog, now=now)
    counted = matching.with_only_columns(func.count())
    if not is_narrowed(query):
        counted = select(func.count()).select_from(SearchEntry)
    total = session.scalars(counted).one()
    by = [direction(column) for _, column, direction in sort_order(query.sort, now=now)]
    if query.sort is SearchSort.NAME:
        by.append(SearchEntry.content.asc())
    statement = (
        matching.with_only_columns(SearchEntry.id)
        .order_by(*by, SearchEntry.id.desc())
        .limit(PAGE_SIZE)
        .offset((query.page - 1) * PAGE_SIZE)
    )
    return list(session.scalars(statement)), total


def _matching(
    query: SearchQuery, words: Sequence[str], *, catalog: Catalog, now: datetime
) -> Select[int]:
    statement = add_filters(select(SearchEntry.id), query, catalog=catalog, now=now)
    for word in words:
        # The texts are in lower case, so the cheaper of the two comparisons is enough.
        pattern = f"%{_escaped(word)}%" if len(word) >= 3 else f"% {_escaped(word)}%"
        statement = statement.where(SearchEntry.content.like(pattern, escape="\\"))
    return statement


def _find_alike(
    session: Session, query: SearchQuery, *, catalog: Catalog, now: datetime
) -> list[int]:
    """The ids of what is most alike, the best first; nothing for a text of one or two characters."""
    typed = " ".join(query.words)
    if len(typed) < 3:
        return []
    if session.get_bind().dialect.name == "postgresql":
        return _alike_by_index(session, query, typed, catalog=catalog, now=now)
    return _alike_one_by_one(session, query, typed, catalog=catalog, now=now)


def _alike_by_index(
    session: Session, query: SearchQuery, typed: str, *, catalog: Catalog, now: datetime
) -> list[int]:
    # The operator is what uses the index; it reads its limit from this setting.
    session.execute(
        select(func.set_config("pg_trgm.word_similarity_threshold", LEAST_LIKENESS, literal(True)))
    )
    statement = _matching(query, (), catalog=catalog, now=now)
    statement = statement.where(literal(typed).op("<%")(SearchEntry.content))
    best = func.word_similarity(typed, SearchEntry.content)
    statement = statement.order_by(best.desc(), SearchEntry.content, SearchEntry.id)
    return list(session.scalars(statement.limit(MOST_ALIKE)))


def _alike_one_by_one(
    session: Session, query: SearchQuery, typed: str, *, catalog: Catalog, now: datetime
) -> list[int]:
    """SQLite has no such index: entries that share a trigram are compared, up to a limit."""
    shared = [
        SearchEntry.content.like(f"%{_escaped(part.strip())}%", escape="\\")
        for part in sorted(trigrams(typed))
        if len(part.strip()) >= 2
    ]
    if not shared:
        return []
    statement = _matching(query, (), catalog=catalog, now=now).where(or_(*shared))
    texts = statement.with_only_columns(SearchEntry.id, SearchEntry.content)
    candidates = session.execute(texts.order_by(SearchEntry.id).limit(_MOST_COMPARED))
    scored = [(likeness(typed, content), content, key) for key, content in candidates]
    least = Fraction(LEAST_LIKENESS)
    best = sorted((-score, content, key) for score, content, key in scored if score >= least)
    return [key for _, _, key in best[:MOST_ALIKE]]


def _plan_for_these_words(session: Session) -> None:
    """PostgreSQL: a statement that ran often may be given a plan for any words, which then reads
    every entry; until the end of this transaction each gets the plan for its own."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def _escaped(word: str) -> str:
    r"""A word in which %, _ and \ stand for themselves."""
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
