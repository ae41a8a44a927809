"""Searching customers, on both databases: by words, by what is alike, by filters; in order, in
pages, at a fixed number of queries."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.domain.kinds import AtCycleEnd, CustomerKind, PlanStatus, Schedule
from app.extensions import db
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.pages.search import SearchPage, find_customers, iterate_found
from app.services.pages.search_terms import CustomerState, Flag, SearchQuery, SearchSort
from app.services.unit_of_work import unit_of_work
from tests.support.plans import add_customer, add_plan
from tests.support.shop import counted_queries


class Register:
    """Servers, organizations and customers by name, and searches over them."""

    def __init__(self, app: Flask, ctx: Context) -> None:
        self.app = app
        self.ctx = ctx

    def server(self, hostname: str, *, email: str = "root@example.test", heard: int = 0) -> Server:
        """One that uploaded so many days ago."""
        with unit_of_work(self.ctx) as work:
            server = Server(
                uuid=str(uuid4()),
                hostname=hostname,
                contact_email=email,
                key_hash="0" * 64,
                created_at=work.now,
                last_audit_log_update=work.now - timedelta(days=heard),
            )
            work.session.add(server)
            work.commit()
        return server

    def organization(self, server: Server, host: str, name: str = "") -> Organization:
        with unit_of_work(self.ctx) as work:
            organization = Organization(
                server_id=server.id,
                uuid=str(uuid4()),
                remote_realm_id=len(host) * 1000 + sum(map(ord, host)),
                host=host,
                name=name,
                created_at=work.now,
            )
            work.session.add(organization)
            work.commit()
        return organization

    def change(self, customer_id: int, **values: object) -> None:
        with unit_of_work(self.ctx) as work:
            customer = work.claim_customer(customer_id)
            for name, value in values.items():
                setattr(customer, name, value)
            work.commit()

    def page(self, text: str = "", **values: Any) -> SearchPage:
        query = SearchQuery(text, **values)
        with self.app.app_context(), Session(db.engine) as session:
            now = self.ctx.now()
            return find_customers(session, query, catalog=self.ctx.catalog, now=now)

    def hosts(self, text: str = "", **values: Any) -> list[str]:
        return [row.host for row in self.page(text, **values).rows]


@pytest.fixture
def register(app: Flask, ctx: Context) -> Register:
    return Register(app, ctx)


def test_words_are_found_wherever_they_stand(register: Register) -> None:
    acme = register.server("chat.acme.test", email="Pat@Acme.test")
    nord = register.organization(acme, "nord.acme.test", "Société Nörd")
    register.server("talk.example.test", email="root@other.test")
    customer = add_customer(register.ctx, nord)
    register.change(customer, stripe_customer_id="cus_AbC123", billing_email="books@nord.test")
    for text, hosts in {
        "acme": ["chat.acme.test", "nord.acme.test"],
        "cme.te": ["chat.acme.test", "nord.acme.test"],
        "PAT@acme": ["chat.acme.test"],
        "société nord.": ["nord.acme.test"],
        "cus_abc123": ["nord.acme.test"],
        "books@": ["nord.acme.test"],
        str(acme.uuid): ["chat.acme.test"],
        str(acme.uuid)[3:20]: ["chat.acme.test"],
        # One or two characters are the beginning of a word.
        "ch": ["chat.acme.test"],
        "ta": ["talk.example.test"],
        # What means something to the database means nothing here.
        "%": [],
        "c_t": [],
        "\\": [],
        "'": [],
        "\x00": ["talk.example.test", "nord.acme.test", "chat.acme.test"],
    }.items():
        assert register.hosts(text) == hosts, text
    # Whoever begins with it comes first, whatever the alphabet says.
    register.server("aaa.nord.example.test")
    assert register.hosts("nord") == ["nord.acme.test", "aaa.nord.example.test"]


def test_a_typing_error_finds_what_is_alike(register: Register) -> None:
    register.server("chat.acmecorp.test")
    register.server("talk.example.org", email="somebody@else.org")
    for typed in ("acmecrop", "chat.acnecorp.test", "acmeccorp"):
        page = register.page(typed)
        assert page.is_alike and [row.host for row in page.rows] == ["chat.acmecorp.test"], typed
    nothing = register.page("zzqqxx")
    assert not nothing.is_alike and nothing.rows == () and nothing.part.total == 0
    assert register.page("zz").rows == ()
    assert register.hosts("acmecrop", flags=(Flag.PARKED,)) == []


def test_filters_say_what_they_mean(register: Register) -> None:
    ctx, now = register.ctx, register.ctx.now()
    names = ("free", "paid", "trial", "ending", "legacy", "sponsored", "parked", "ended", "silent")
    servers = {
        name: register.server(f"{name}.test", heard=5 * (name == "silent")) for name in names
    }
    ids = {name: add_customer(ctx, servers[name]) for name in names if name != "free"}
    add_plan(ctx, ids["paid"], licenses=12, discounted_price=300)
    add_plan(ctx, ids["trial"], status=PlanStatus.TRIAL, trial_start=now)
    add_plan(
        ctx,
        ids["ending"],
        at_cycle_end=AtCycleEnd.END,
        end_date=now + timedelta(days=20),
        schedule=Schedule.ANNUAL,
        price_per_license=4000,
    )
    add_plan(
        ctx,
        ids["legacy"],
        tier="legacy",
        price_per_license=0,
        at_cycle_end=AtCycleEnd.END,
        end_date=now + timedelta(days=90),
    )
    add_plan(ctx, ids["sponsored"], tier="community", price_per_license=0)
    add_plan(ctx, ids["parked"], tier="business", price_per_license=None, fixed_price=120_000)
    add_plan(ctx, ids["ended"], status=PlanStatus.ENDED, ended_at=now)
    register.change(ids["parked"], parked_at=now, parked_reason="broke")
    register.change(ids["ended"], discount_percent=1000)
    place = register.organization(servers["paid"], "place.test")

    def found(**values: Any) -> set[str]:
        return {host.removesuffix(".test") for host in register.hosts(**values)}

    basic = {"paid", "trial", "ending"}
    assert found(tiers=("basic",)) == basic
    assert found(tiers=("basic", "community")) == basic | {"sponsored"}
    assert found(tiers=("free",)) == {"free", "ended", "silent", "place"}
    assert found(states=(CustomerState.ACTIVE,)) == {"paid", "sponsored", "parked"}
    assert found(states=(CustomerState.TRIAL,)) == {"trial"}
    assert found(states=(CustomerState.ENDING,)) == {"ending", "legacy"}
    assert found(states=(CustomerState.ENDED,)) == {"ended"}
    assert found(states=(CustomerState.COVERED,)) == {"place"}
    assert found(states=(CustomerState.FREE,)) == {"free", "silent"}
    assert found(flags=(Flag.STALE,)) == {"silent"}
    assert found(flags=(Flag.PARKED,)) == {"parked"}
    assert found(flags=(Flag.SPONSORED,)) == {"sponsored"}
    assert found(flags=(Flag.DISCOUNT,)) == {"paid", "ended"}
    assert found(flags=(Flag.ENDING_SOON,)) == {"ending"}
    assert found(kind=CustomerKind.ORGANIZATION) == {"place"}
    assert found(tiers=("basic",), states=(CustomerState.ACTIVE,), kind=CustomerKind.SERVER) == {
        "paid"
    }
    # Two letters are the beginning of a word, and no UUID begins with an o.
    assert register.hosts("on", states=(CustomerState.ACTIVE,)) == []
    assert register.hosts("parked", states=(CustomerState.ACTIVE,)) == ["parked.test"]
    by_amount = register.page(sort=SearchSort.AMOUNT).rows
    assert [(row.host, row.monthly) for row in by_amount[:3]] == [
        ("parked.test", 10_000),
        ("paid.test", 3_600),
        ("ending.test", 3_333),
    ]
    assert register.hosts(sort=SearchSort.LAST_UPLOAD)[-1] in {"silent.test"}
    assert register.hosts("test", sort=SearchSort.NAME)[0] == "ended.test"
    [row] = register.page("place.test").rows
    assert (row.uuid, row.state, row.tier_title) == (place.uuid, CustomerState.COVERED, "Basic")


def _fill(register: Register, first: int, end: int) -> None:
    for n in range(first, end):
        add_plan(register.ctx, add_customer(register.ctx, register.server(f"many{n:03d}.test")))


def test_long_lists_come_in_pages_at_a_fixed_number_of_queries(register: Register) -> None:
    def queries(text: str, **values: Any) -> Sequence[str]:
        with counted_queries() as found:
            register.page(text, **values)
        return found

    _fill(register, 0, 2)
    few = [len(queries("many")), len(queries("")), len(queries("mani000.tset"))]
    _fill(register, 2, 28)
    assert [len(queries("many")), len(queries("")), len(queries("mani000.tset"))] == few
    assert max(few) <= 6
    page = register.page("many", page=2)
    assert (page.part.number, page.part.pages, page.part.total) == (2, 2, 28)
    assert [row.host for row in page.rows] == [f"many{n:03d}.test" for n in (25, 26, 27)]
    # A page that is not there is the nearest.
    for number in (3, 1_000_000):
        assert register.page("many", page=number) == page
    newest = register.page(page=99)
    assert newest.part.number == 2 and newest.rows[-1].host == "many000.test"
    with register.app.app_context(), Session(db.engine) as session:
        query = SearchQuery("many", page=2)
        rows = iterate_found(session, query, catalog=register.ctx.catalog, now=register.ctx.now())
        assert [row.host for row in rows] == [f"many{n:03d}.test" for n in range(28)]


@pytest.mark.sqlite_only
def test_a_query_is_kept_as_it_was_asked() -> None:
    query = SearchQuery(
        "acme", ("basic",), (CustomerState.ACTIVE,), (Flag.STALE,), CustomerKind.SERVER
    )
    assert SearchQuery.from_json(query.to_json()) == query
    assert (
        SearchQuery.from_json({"text": None, "flags": ["unheard-of"], "sort": "x"}) == SearchQuery()
    )
