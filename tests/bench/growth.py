"""Row 13: uploads and pages with 10,000,000 audit rows stored, against 100,000.

The same portal twice, on two databases that differ in nothing but how much other servers have
uploaded before. Both sides do the same in turns: a server uploads a batch, and somebody looks at
its billing page, its usage page, and staff search for it.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from flask import Flask

from app.clock import FixedClock
from app.extensions import db
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from app.services.unit_of_work import is_transaction_open
from app.web.mails import build_renderer
from tests.bench.billing_page import START, log_in
from tests.bench.framework import BenchError, Benchmark, Goal, Sides
from tests.bench.world import World
from tests.scenarios.story import SampleServer, Story
from tests.support.client import CheckedClient
from tests.support.mail import RecordingMailer

MANY, FEW = 10_000_000, 100_000
# Rows of one server, and of one organization, that was there before.
ROWS_OF_A_SERVER = 10_000
ORGANIZATIONS_OF_A_SERVER = 3
PAGES = ("billing", "usage", "invoices")

# Rows a second apart, of servers that have nothing to do with ours.
FILL = """
INSERT INTO audit_rows (server_id, id_epoch, organization_id, remote_id, event_type, event_time,
    event_time_us, backfilled, extra_data, seats, received_at)
SELECT 1000000 + n / %(of_server)s, 0,
    1000000 + n / %(of_server)s * %(organizations)s + n %% %(organizations)s,
    n %% %(of_server)s + 1, 101 + n %% 5,
    at, extract(epoch FROM at)::bigint * 1000000, false,
    '{"10":{"11":{"100":1,"200":1,"300":0,"400":' || n %% 40 || ',"600":0},"12":1}}',
    2 + n %% 40, at
FROM generate_series(0, %(rows)s - 1) AS n,
    LATERAL (SELECT timestamptz '2011-06-01 00:00:00+00' + n %% %(of_server)s * interval '900 s')
        AS moment(at)
"""


@contextmanager
def set_up(world: World) -> Iterator[Sides]:
    """Two portals, one with a long past."""
    many, few = world.scaled(MANY), world.scaled(FEW)
    with _portal(world, "many", rows=many) as ours, _portal(world, "few", rows=few) as limit:
        yield Sides(ours=ours, limit=limit, facts={"rows": many, "limit_rows": few})


@contextmanager
def _portal(world: World, name: str, *, rows: int) -> Iterator[Callable[[float], float]]:
    url = world.new_database(f"growth_{name}")
    with psycopg.connect(world.driver_address(f"growth_{name}"), autocommit=True) as connection:
        wanted = {
            "rows": rows,
            "of_server": ROWS_OF_A_SERVER,
            "organizations": ORGANIZATIONS_OF_A_SERVER,
        }
        connection.execute(FILL, wanted)
        connection.execute("VACUUM ANALYZE")
    clock = FixedClock(START)
    mailer = RecordingMailer()
    payments = FakePayments(clock, in_transaction=is_transaction_open)
    app = make_app(url, clock, payments, mailer)
    # A line for each upload is no news to whoever waits for the table.
    logging.getLogger("tallyport").setLevel(logging.WARNING)
    ctx: Context = app.extensions["tallyport"]
    story = Story(app, ctx, clock, payments)
    server = story.server(seats=(40,))
    story.upgrade(server)
    client, page, _ = log_in(app, ctx, server)
    paths = [page.replace("/billing/", f"/{each}/") for each in PAGES]
    try:
        yield lambda seconds: _rate(story, server, client, paths, seconds)
    finally:
        with app.app_context():
            db.engine.dispose()


def make_app(url: str, clock: FixedClock, payments: FakePayments, mailer: RecordingMailer) -> Flask:
    """A portal of tests on that database."""
    from app import create_app

    app = create_app(
        {
            "env": "testing",
            "database_url": url,
            "base_url": "http://127.0.0.1:5000",
            "clock": clock,
            "payments": payments,
            "mailer": mailer,
        }
    )
    mailer.renderer = build_renderer(app)
    app.test_client_class = CheckedClient
    return app


def _rate(
    story: Story, server: SampleServer, client: CheckedClient, paths: list[str], seconds: float
) -> float:
    """Rounds of an upload and all pages in one second."""
    began, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        story.clock.advance(seconds=1)
        story.upload_seats(server, 40 + done % 2)
        for path in paths:
            answer = client.get(path)
            if answer.status_code != 200:
                raise BenchError(f"{path} answered {answer.status}")
        done += 1
    return done / passed


GROWTH: Benchmark[World] = Benchmark(
    row=13,
    name="growth",
    limit_name="a hundredth of the audit rows",
    unit="rounds/s",
    # At most 1.2 times the time.
    goal=Goal(1 / 1.2),
    set_up=set_up,
)
