"""Row 11: the billing page, against the same template with ready data and no database.

The customer has a monthly plan with twelve cycles of growth behind it and stands in the middle of
the thirteenth. Both sides are served by gunicorn with the same settings; the limit's application
(`billing_page_limit.py`) reads its page once and answers from memory from then on.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import Engine, event, select

from app import create_app
from app.clock import DemoClock, FixedClock
from app.extensions import db
from app.gateways.fake_payments import FakePayments
from app.models import Organization
from app.services.context import Context
from app.services.unit_of_work import is_transaction_open
from app.web.mails import build_renderer
from app.web.sessions import session_cookie_name
from tests.bench.billing_page_limit import COOKIE_VARIABLE, PATH_VARIABLE
from tests.bench.framework import BenchError, Benchmark, Check, Goal, Sides
from tests.bench.load import LoadError, fetch, measure_rate, request_text
from tests.bench.world import World
from tests.scenarios.story import SampleServer, Story
from tests.support.client import CheckedClient
from tests.support.login import KnownOrganization, begin_session
from tests.support.mail import RecordingMailer

START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
CYCLES = 12
PEOPLE_AT_START = 40
# What happens in each cycle: days after its start, and how the number of people changes.
EACH_CYCLE = ((1, 2), (3, 1), (6, 3), (9, -2), (12, 1), (15, 2), (19, -1), (23, 1))
# We look at the page this long after the last renewal.
INTO_THE_CYCLE = timedelta(days=20)
MOST_QUERIES = 6
BASE_URL = "http://127.0.0.1:5000"
_CSRF = re.compile(rb'name="csrf_token" value="[^"]*"')


@dataclass(frozen=True, slots=True)
class Visit:
    """A logged-in person and the page that is asked for."""

    path: str
    cookie: str
    queries: int
    facts: dict[str, Any]


@contextmanager
def set_up(world: World) -> Iterator[Sides]:
    """A customer with a year behind it, and both applications serving its billing page."""
    database_url = world.new_database("billing_page")
    clock_file = world.run.folder / "billing-page-clock.json"
    visit = _prepare(database_url, DemoClock(clock_file))
    with psycopg.connect(world.driver_address("billing_page"), autocommit=True) as connection:
        # The planner knows the tables as it would after a while in production.
        connection.execute("VACUUM ANALYZE")
    settings = {
        "TALLYPORT_ENV": "testing",
        "TALLYPORT_DATABASE_URL": database_url,
        "TALLYPORT_BASE_URL": BASE_URL,
        "TALLYPORT_CLOCK_FILE": str(clock_file),
    }
    ready = settings | {PATH_VARIABLE: visit.path, COOKIE_VARIABLE: visit.cookie}
    with (
        world.gunicorn("wsgi:app", settings) as ours,
        world.gunicorn("tests.bench.billing_page_limit:make_app()", ready) as limit,
    ):
        size = _same_page(visit, ours, limit)
        yield Sides(
            ours=lambda seconds: _rate(visit, ours, seconds),
            limit=lambda seconds: _rate(visit, limit, seconds),
            checks=(Check("queries", visit.queries, MOST_QUERIES),),
            facts=visit.facts | {"page_bytes": size},
        )


def _prepare(database_url: str, served_clock: DemoClock) -> Visit:
    """Live through the year, log somebody in, and count the queries of the page."""
    clock = FixedClock(START)
    mailer = RecordingMailer()
    payments = FakePayments(clock, in_transaction=is_transaction_open)
    app = create_app(
        {
            "env": "testing",
            "database_url": database_url,
            "base_url": BASE_URL,
            "clock": clock,
            "payments": payments,
            "mailer": mailer,
        }
    )
    # A line for each upload of a year is no news to whoever waits for the table.
    logging.getLogger("tallyport").setLevel(logging.WARNING)
    mailer.renderer = build_renderer(app)
    app.test_client_class = CheckedClient
    ctx: Context = app.extensions["tallyport"]
    try:
        story = Story(app, ctx, clock, payments)
        server = _live_through(story)
        served_clock.freeze(clock.now())
        return _visit(app, ctx, story, server)
    finally:
        with app.app_context():
            db.engine.dispose()


def _live_through(story: Story) -> SampleServer:
    """Buy, then a year of people who come and go, with the jobs after each of them."""
    people = PEOPLE_AT_START
    server = story.server(seats=(people,))
    story.upgrade(server)
    anchor = story.clock.now()
    starts = [_months_later(anchor, number) for number in range(CYCLES + 1)]
    now = starts[-1] + INTO_THE_CYCLE
    for start in starts:
        story.on(start).upload(server)
        story.run_jobs()
        for days, change in EACH_CYCLE:
            if start + timedelta(days=days) < now:
                people += change
                story.on(start + timedelta(days=days)).upload_seats(server, people)
                story.run_jobs()
    story.on(now).upload(server)
    story.run_jobs()
    return server


def _months_later(anchor: datetime, months: int) -> datetime:
    """The same day and time of a later month; the story begins on a day that each month has."""
    years, month = divmod(anchor.month - 1 + months, 12)
    return anchor.replace(year=anchor.year + years, month=month + 1)


def log_in(app: Flask, ctx: Context, server: SampleServer) -> tuple[CheckedClient, str, str]:
    """A browser of somebody who manages the server's first organization, the address of its
    billing page, and the cookie as a request sends it."""
    place = server.organizations[0]
    with ctx.sessions() as session:
        row = session.scalars(select(Organization).where(Organization.uuid == place.uuid)).one()
        known = KnownOrganization(row.id, place.uuid, place.host, row.server_id)
    client = app.test_client()
    assert isinstance(client, CheckedClient), "the application's clients check their pages"
    begin_session(client, ctx, known)
    name = session_cookie_name(ctx.settings)
    cookie = client.get_cookie(name)
    assert cookie is not None, "a session has begun"
    return client, known.page("billing"), f"{name}={cookie.value}"


def _visit(app: Flask, ctx: Context, story: Story, server: SampleServer) -> Visit:
    client, path, cookie = log_in(app, ctx, server)
    # The first visit stores the token of the page's forms, the second one only looks.
    client.get(path)
    with counted_statements() as statements:
        page = client.get(path)
    if page.status_code != 200:
        raise BenchError(f"the billing page answered {page.status}")
    export = story.export(story.payer(server))
    facts = {
        "ledger_entries": len(export["ledger"]),
        "invoices": len(export["invoices"]),
        "invoice_lines": sum(len(invoice["lines"]) for invoice in export["invoices"]),
        "statements": statements,
    }
    return Visit(path, cookie, len(statements), facts)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that this process sends meanwhile, shortened to be recognized."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        tables = re.findall(r"\bFROM (\w+)", statement)
        found.append(f"{statement.split()[0]} {', '.join(dict.fromkeys(tables))}")

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def without_form_tokens(page: bytes) -> bytes:
    """The page without what is signed anew each time it is shown."""
    return _CSRF.sub(b"", page)


def _same_page(visit: Visit, ours: int, limit: int) -> int:
    """The page's size in bytes. Raises BenchError when the two applications show different ones:
    then the comparison would be of nothing."""
    address = BASE_URL.partition("//")[2]
    request = request_text(address, visit.path, [f"Cookie: {visit.cookie}"])
    try:
        pages = [fetch("127.0.0.1", port, request) for port in (ours, limit)]
    except (LoadError, OSError) as error:
        raise BenchError(f"the billing page: {error}") from error
    if without_form_tokens(pages[0]) != without_form_tokens(pages[1]):
        raise BenchError("the limit shows another page than ours")
    return len(pages[0])


def _rate(visit: Visit, port: int, seconds: float) -> float:
    try:
        return measure_rate(
            f"127.0.0.1:{port}", visit.path, seconds=seconds, headers=[f"Cookie: {visit.cookie}"]
        )
    except LoadError as error:
        raise BenchError(str(error)) from error


BILLING_PAGE: Benchmark[World] = Benchmark(
    row=11,
    name="billing page",
    limit_name="same template, ready data, no database",
    unit="requests/s",
    goal=Goal(0.30),
    set_up=set_up,
)
