"""Row 12: the search of staff at 100,000 customers, against a scan of the same texts in memory.

Our side is everything that the first page of a search asks of the database, on one connection, as a
worker does it again and again; the limit looks for the same words in a list of the same texts. Both
go through the same searches: parts of hosts, addresses and names, none of them a whole word.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median

import psycopg
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.clock import FixedClock
from app.demo.recorded.names import company_name, slug
from app.demo.recorded.seed import Wish, seed_recorded
from app.extensions import db
from app.gateways.fake_payments import FakePayments
from app.models.staff import SearchEntry
from app.services.context import Context
from app.services.pages.search import find_customers
from app.services.pages.search_terms import SearchQuery
from app.services.unit_of_work import is_transaction_open
from tests.bench.billing_page import START
from tests.bench.framework import BenchError, Benchmark, Check, Goal, Sides
from tests.bench.world import World

CUSTOMERS = 100_000
PAGE_SIZE = 25
# Parts of hosts, of addresses and of names, of customers that there are at any scale.
HOSTS = tuple(slug(company_name(number)) for number in (3, 20, 41, 57, 76, 92))
WORDS = (
    HOSTS[0][2:12],
    f"chat.{HOSTS[1]}"[:14],
    f"@{HOSTS[2]}"[:10],
    f"t@{HOSTS[3]}"[:9],
    company_name(76).lower()[2:],
    HOSTS[5][-9:],
)
# The last of so many repetitions may take so many hundredths of the first ones.
REPETITIONS = 100
MOST_PERCENT = 150


@contextmanager
def set_up(world: World) -> Iterator[Sides]:
    """A hundred thousand customers, and the texts of the same in memory."""
    url = world.new_database("search")
    app = make_app(url)
    ctx: Context = app.extensions["tallyport"]
    try:
        with app.app_context():
            customers = world.scaled(CUSTOMERS)
            seed_recorded(ctx, Wish(customers))
            with psycopg.connect(world.driver_address("search"), autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            with ctx.sessions() as session:
                texts = list(session.scalars(select(SearchEntry.content)))
            searches = _searches(ctx)
            found = [each() for each in searches]
            if not all(found):
                raise BenchError(f"a search finds nothing: {found}")
            yield Sides(
                ours=lambda seconds: rate(searches, seconds),
                limit=lambda seconds: rate(_scans(texts), seconds),
                checks=(Check("% of the first after 100", _slowed(ctx), MOST_PERCENT),),
                facts={"customers": customers, "entries": len(texts), "found": found},
            )
    finally:
        with app.app_context():
            db.engine.dispose()


def make_app(url: str) -> Flask:
    """A portal on that database at a fixed time."""
    clock = FixedClock(START)
    return create_app(
        {
            "env": "testing",
            "database_url": url,
            "base_url": "http://127.0.0.1:5000",
            "clock": clock,
            "payments": FakePayments(clock, in_transaction=is_transaction_open),
        }
    )


def rate(calls: Sequence[Callable[[], int]], seconds: float) -> float:
    """How many of these calls are done in one second, one after the other."""
    began, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        calls[done % len(calls)]()
        done += 1
    return done / passed


def _searches(ctx: Context) -> list[Callable[[], int]]:
    def search(words: str) -> int:
        with ctx.sessions() as session:
            query = SearchQuery(text=words)
            page = find_customers(session, query, catalog=ctx.catalog, now=ctx.now())
            return 0 if page.is_alike else len(page.rows)

    return [partial(search, words) for words in WORDS]


def _scans(texts: list[str]) -> list[Callable[[], int]]:
    def scan(words: Sequence[str]) -> int:
        found = [text for text in texts if all(word in text for word in words)]
        return len(found[:PAGE_SIZE])

    return [partial(scan, words.split()) for words in WORDS]


def _slowed(ctx: Context) -> int:
    """The last repetitions of one search, in percent of the first: the driver prepares statements
    after some runs, and a plan that is good for every word is good for none."""
    search = _searches(ctx)[0]
    times = []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        search()
        times.append(time.perf_counter() - began)
    return round(100 * median(times[-9:]) / median(times[:9]))


SEARCH: Benchmark[World] = Benchmark(
    row=12,
    name="search of staff",
    limit_name="a scan of the same texts in memory",
    unit="searches/s",
    # At most half the time of the limit.
    goal=Goal(2.0),
    set_up=set_up,
)
