"""A server lost its database, restored an older one, and goes on: nothing is counted twice."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.clock import FixedClock
from app.domain.errors import BillingError, NotFoundError
from app.domain.row_order import LAST_EPOCH
from app.gateways.fake_payments import FakePayments
from app.models.audit import AuditEntry
from app.models.plans import LedgerEntry
from app.models.registrations import Server
from app.models.uploads import AuditRow, OrganizationCount, PendingAuditRow, ServerCount
from app.services.accepted_ids import AcceptedIds
from app.services.context import CLI, Context
from app.services.pages.people import load_history
from app.services.rewind_ids import RewindIds, rewind_ids
from app.services.seats import count_people
from app.services.unit_of_work import unit_of_work
from tests.conftest import START as START_AT
from tests.scenarios.story import Story
from tests.support.plans import add_customer, add_plan
from tests.support.wire import (
    START,
    WireServer,
    audit_row,
    count_row,
    load_organization,
    load_server,
    realm,
    refusal,
)

HOUR = 3600.0


@pytest.fixture
def server(client: FlaskClient) -> WireServer:
    """A registered server."""
    registered = WireServer(client)
    registered.register()
    return registered


def rewind(ctx: Context, **changes: Any) -> AcceptedIds:
    """Rewind the one server there is."""
    with ctx.sessions() as session:
        server_id = session.scalars(select(Server.id)).one()
    fields: dict[str, Any] = {"server_id": server_id, "reason": "its disk broke"}
    return rewind_ids(ctx, RewindIds(**(fields | changes)), actor=CLI)


def entries(ctx: Context) -> list[tuple[float, bool, int, int, int | None]]:
    """What the ledger says, in the order of writing."""
    with ctx.sessions() as session:
        return [
            (
                row.event_time.timestamp(),
                row.is_renewal,
                row.licenses,
                row.licenses_at_next_renewal,
                row.remote_id,
            )
            for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))
        ]


def number_of(ctx: Context, model: Any) -> int:
    with ctx.sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_server_restores_an_older_database(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    first = [audit_row(n, n + 2, at=START - 100 + n) for n in (1, 2, 3)]
    assert server.upload(first, [realm()]).status_code == 200
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), licenses=5)
    clock.advance(days=1)
    later = [audit_row(n, n + 2, at=START + n * HOUR) for n in (4, 5, 6)]
    counts = [count_row(n) for n in (1, 2, 3)]
    of_server = [count_row(n, organization=None) for n in (1, 2)]
    server.upload(later, realm_counts=counts, installation_counts=of_server)
    before = entries(ctx)
    assert [entry[2] for entry in before] == [5, 6, 7, 8]

    # The restored database is that of yesterday; two rows of today are written anew under the ids
    # of others, and one hour's counts are made again.
    assert refusal(server.upload([audit_row(4, 9, at=START + 20 * HOUR)]))[2].startswith("Data is")
    assert rewind(ctx, audit_rows=3, organization_counts=1, server_counts=0) == AcceptedIds(1, 0, 3)
    assert server.last_ids() == (1, 0, 3)
    clock.advance(hours=1)
    answer = server.upload(
        [later[1] | {"id": 4}, later[2] | {"id": 5}],
        realm_counts=[counts[1], counts[2]],
        installation_counts=of_server,
    )
    assert answer.status_code == 200
    assert entries(ctx) == before
    assert [number_of(ctx, model) for model in (AuditRow, OrganizationCount, ServerCount)] == [
        6,
        3,
        2,
    ]

    new = audit_row(6, 12, at=START + 24 * HOUR)
    assert server.upload([new], realm_counts=[count_row(4)]).status_code == 200
    assert entries(ctx) == [*before, (START + 24 * HOUR, False, 12, 12, 6)]
    assert number_of(ctx, AuditRow) == 7
    assert server.last_ids() == (4, 2, 6)


def test_it_is_written_down(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(7, 3)], realm_counts=[count_row(5)])
    rewind(ctx, audit_rows=2)
    assert load_server(ctx).id_epoch == 1
    with ctx.sessions() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "server.ids_rewound")
        ).one()
    others = {"realm_counts": 5, "installation_counts": 0}
    assert entry.actor == "cli"
    assert entry.before == others | {"realmauditlog_rows": 7, "id_epoch": 0}
    assert entry.after == others | {
        "realmauditlog_rows": 2,
        "id_epoch": 1,
        "reason": "its disk broke",
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "rewind_nothing"),
        ({"audit_rows": 7, "organization_counts": 5}, "rewind_nothing"),
        ({"audit_rows": 8}, "rewind_higher"),
        ({"audit_rows": 2, "organization_counts": 6}, "rewind_higher"),
        ({"server_counts": 1}, "rewind_higher"),
        ({"audit_rows": -1}, "rewind_negative"),
        ({"audit_rows": 10**30}, "rewind_higher"),
    ],
)
def test_what_is_no_way_back(
    server: WireServer, ctx: Context, changes: dict[str, int], code: str
) -> None:
    server.upload([audit_row(7, 3)], realm_counts=[count_row(5)])
    with pytest.raises(BillingError) as caught:
        rewind(ctx, **changes)
    assert caught.value.code == code
    assert server.last_ids() == (5, 0, 7)
    assert load_server(ctx).id_epoch == 0


def test_a_server_that_nobody_knows(server: WireServer, ctx: Context) -> None:
    with pytest.raises(NotFoundError):
        rewind(ctx, server_id=load_server(ctx).id + 1, audit_rows=0)


def test_there_is_an_end_to_it(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(7, 3)])
    with ctx.sessions() as session:
        session.query(Server).update({"id_epoch": LAST_EPOCH})
        session.commit()
    with pytest.raises(BillingError, match="rewind_too_often"):
        rewind(ctx, audit_rows=0)


def test_of_one_second_the_row_that_was_written_later_counts(
    server: WireServer, ctx: Context
) -> None:
    """Its id is lower, since the server numbers anew, and still it came later."""
    server.upload([audit_row(8, 30, at=START - 5), audit_row(9, 20, at=START - 5)], [realm()])
    rewind(ctx, audit_rows=1)
    server.upload([audit_row(2, 12, at=START - 5)])
    organization = load_organization(ctx)
    with unit_of_work(ctx) as work:
        ids = [organization.id]
        counted = count_people(work.session, organization_ids=ids, at=work.now)
        start = work.now - timedelta(days=1)
        shown = load_history(work.session, ids, start=start, until=work.now)
        later = load_history(work.session, ids, start=work.now, until=work.now)
    assert counted == {organization.id: 12}
    assert (shown.now, later.now) == (12, 12)
    assert [row.seats for row in shown.rows] == [30, 20, 12]


def test_rows_of_the_future_wait_under_the_same_id(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload([audit_row(5, 4, at=START + 2 * HOUR)], [realm()])
    rewind(ctx, audit_rows=0)
    server.upload([audit_row(5, 6, at=START + 3 * HOUR)])
    with ctx.sessions() as session:
        waiting = session.scalars(select(PendingAuditRow).order_by(PendingAuditRow.due_at)).all()
        assert [row.due_at.timestamp() - START for row in waiting] == [2 * HOUR, 3 * HOUR]


@pytest.mark.parametrize("rewound", ["before the purchase", "after it"])
def test_rows_of_the_purchases_own_second(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, rewound: str
) -> None:
    """What a purchase counted is told from what came after it, in either numbering."""
    story = Story(app, ctx, clock, payments)
    server = story.server(seats=(30,))
    story.upload_seats(server, 25, 20)
    steps = [lambda: rewind(ctx, audit_rows=1), lambda: story.upgrade(server)]
    for step in steps if rewound == "before the purchase" else reversed(steps):
        step()
    bought = (START, True, 20, 20, None)
    clock.advance(minutes=1)
    story.run_jobs()
    assert entries(ctx) == [bought]
    # The server goes on with an id below those that the purchase counted.
    server.next_row_id = 2
    story.set_people(server, 22, at=START_AT)
    story.upload(server)
    assert entries(ctx) == [bought, (START, False, 22, 22, 2)]
    # Sending it all again changes nothing.
    rewind(ctx, audit_rows=0)
    server.next_row_id = 1
    for people in (30, 25, 20):
        story.set_people(server, people, at=START_AT)
    story.upload(server)
    assert number_of(ctx, AuditRow) == 4
    assert entries(ctx) == [bought, (START, False, 22, 22, 2)]
