"""Counting people from stored rows: the latest row, activity, ties, one payer."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import NAMESPACE_DNS, uuid5

from hypothesis import given
from hypothesis import strategies as st

from app.domain.seats import SeatState
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow
from app.services.context import Context
from app.services.coverage import (
    get_covering_plan,
    get_organizations_covered_otherwise,
    load_organizations_of_server_plan,
)
from app.services.seats import (
    count_people,
    is_stale,
    load_counted_organizations,
    load_seat_rows,
    load_seat_states,
)
from app.services.unit_of_work import unit_of_work
from tests.support.plans import add_customer, add_plan

NOON = datetime(2012, 1, 2, 12, tzinfo=UTC)
CREATED, GONE, BACK = 101, 201, 202


def add_server(ctx: Context, name: str = "acme") -> int:
    with unit_of_work(ctx) as work:
        server = Server(
            uuid=str(uuid5(NAMESPACE_DNS, name)),
            hostname=f"{name}.test",
            contact_email="root@acme.test",
            key_hash="0" * 64,
            created_at=work.now,
        )
        work.session.add(server)
        work.flush()
        server_id = server.id
        work.commit()
    return server_id


def add_organization(ctx: Context, server_id: int, number: int = 2, **changes: object) -> int:
    with unit_of_work(ctx) as work:
        organization = Organization(
            server_id=server_id,
            uuid=str(uuid5(NAMESPACE_DNS, f"{server_id}-{number}")),
            remote_realm_id=number,
            created_at=work.now,
            **changes,
        )
        work.session.add(organization)
        work.flush()
        organization_id = organization.id
        work.commit()
    return organization_id


def add_rows(
    ctx: Context, server_id: int, rows: list[tuple[int, int, int, int, int | None]]
) -> None:
    """Rows of (organization, remote id, seconds after noon, event type, seats)."""
    with unit_of_work(ctx) as work:
        for organization_id, remote_id, seconds, event_type, seats in rows:
            at = NOON + timedelta(seconds=seconds)
            work.session.add(
                AuditRow(
                    server_id=server_id,
                    organization_id=organization_id,
                    remote_id=remote_id,
                    event_type=event_type,
                    event_time=at,
                    event_time_us=int(at.timestamp()) * 1_000_000,
                    seats=seats,
                    received_at=work.now,
                )
            )
        work.commit()


def people(ctx: Context, organization_id: int, seconds: int = 10_000) -> int:
    with ctx.sessions() as session:
        at = NOON + timedelta(seconds=seconds)
        return count_people(session, organization_ids=[organization_id], at=at)[organization_id]


def test_the_latest_row_with_role_data_at_or_before_the_instant(ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server)
    add_rows(ctx, server, [(acme, 1, 0, 101, 5), (acme, 2, 10, 101, 6), (acme, 3, 20, 105, None)])
    assert [people(ctx, acme, at) for at in (-1, 0, 9, 10, 30)] == [0, 5, 5, 6, 6]


def test_ties_go_to_the_higher_remote_id_whatever_arrived_last(ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server)
    add_rows(ctx, server, [(acme, 8, 0, 101, 8), (acme, 7, 0, 101, 7)])
    assert people(ctx, acme) == 8


def test_deactivated_and_reactivated_at_their_instants(ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server)
    add_rows(
        ctx,
        server,
        [
            (acme, 1, 0, CREATED, 5),
            (acme, 2, 10, GONE, 5),
            (acme, 3, 15, CREATED, 6),
            (acme, 4, 20, BACK, None),
            (acme, 6, 30, BACK, None),
            (acme, 5, 30, GONE, None),
        ],
    )
    assert [people(ctx, acme, at) for at in (9, 10, 19, 20, 30)] == [5, 0, 0, 6, 6]


def test_the_flag_decides_only_while_no_row_does(ctx: Context) -> None:
    server = add_server(ctx)
    flagged = add_organization(ctx, server, 2, deactivated=True)
    told = add_organization(ctx, server, 3, deactivated=True)
    later = add_organization(ctx, server, 4, deactivated=True)
    add_rows(
        ctx,
        server,
        [
            (flagged, 1, 0, CREATED, 5),
            (told, 2, 0, CREATED, 6),
            (told, 3, 5, BACK, None),
            (later, 4, 0, CREATED, 7),
            (later, 5, 50, GONE, None),
        ],
    )
    assert [people(ctx, key, 20) for key in (flagged, told, later)] == [0, 6, 7]
    assert people(ctx, later, 50) == 0


def test_a_locally_deleted_one_counts_until_then(ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server, locally_deleted_at=NOON + timedelta(seconds=10))
    add_rows(ctx, server, [(acme, 1, 0, CREATED, 5)])
    assert [people(ctx, acme, at) for at in (9, 10)] == [5, 0]


def test_organizations_and_servers_are_never_mixed_up(ctx: Context) -> None:
    one, other = add_server(ctx, "one"), add_server(ctx, "other")
    a, b = add_organization(ctx, one, 2), add_organization(ctx, one, 3)
    c = add_organization(ctx, other, 2)
    bot = add_organization(ctx, one, 1, is_system_bot_realm=True)
    add_rows(ctx, one, [(a, 1, 0, 101, 5), (b, 2, 0, 101, 7), (bot, 3, 0, 101, 99)])
    add_rows(ctx, other, [(c, 1, 0, 101, 11)])
    with ctx.sessions() as session:
        assert load_counted_organizations(session, server_id=one) == [a, b]
        assert load_counted_organizations(session, server_id=other) == [c]
        counted = count_people(session, organization_ids=[a, b, c], at=NOON)
    assert counted == {a: 5, b: 7, c: 11}


def test_an_organization_without_rows_has_nobody(ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server)
    assert people(ctx, acme) == 0
    with ctx.sessions() as session:
        assert count_people(session, organization_ids=[], at=NOON) == {}


def test_staleness(ctx: Context) -> None:
    server = Server(last_audit_log_update=None)
    assert is_stale(server, now=NOON)
    server.last_audit_log_update = NOON - timedelta(days=2)
    assert not is_stale(server, now=NOON)
    server.last_audit_log_update = NOON - timedelta(days=2, seconds=1)
    assert is_stale(server, now=NOON)


def test_seat_rows_are_those_that_can_change_a_count(ctx: Context) -> None:
    server, other = add_server(ctx), add_server(ctx, "other")
    acme, foreign = add_organization(ctx, server), add_organization(ctx, other)
    add_rows(
        ctx,
        server,
        [
            (acme, 1, 0, 101, 5),
            (acme, 2, 20, 101, 6),
            (acme, 3, 10, 105, None),
            (acme, 4, 10, GONE, None),
            (acme, 5, 10, 101, 7),
            (acme, 6, 99, 101, 8),
        ],
    )
    add_rows(ctx, other, [(foreign, 1, 0, 101, 5)])
    with ctx.sessions() as session:
        found = load_seat_rows(
            session, server_id=server, after_id=0, up_to_time=NOON + timedelta(seconds=20)
        )
        assert [row.remote_id for row in found] == [1, 4, 5, 2]
        rest = load_seat_rows(
            session,
            server_id=server,
            after_id=found[0].id,
            up_to_time=NOON + timedelta(seconds=99),
        )
        assert [row.remote_id for row in rest] == [4, 5, 2, 6]


def test_one_payer(ctx: Context) -> None:
    server_id = add_server(ctx)
    a, b = add_organization(ctx, server_id, 2), add_organization(ctx, server_id, 3)
    with ctx.sessions() as session:
        server = session.get_one(Server, server_id)
        first, second = session.get_one(Organization, a), session.get_one(Organization, b)
        assert get_covering_plan(session, first) is None
    of_server = add_plan(ctx, add_customer(ctx, server))
    own = add_plan(ctx, add_customer(ctx, first))
    with ctx.sessions() as session:
        covering = [get_covering_plan(session, organization) for organization in (first, second)]
        assert [plan and plan.id for plan in covering] == [own, of_server]
        assert get_organizations_covered_otherwise(session, server) == {a}
        assert load_organizations_of_server_plan(session, server) == [b]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([101, 105, GONE, BACK]),
        st.one_of(st.none(), st.integers(0, 50)),
    ),
    max_size=12,
)


@given(rows=ROWS, order=st.randoms(use_true_random=False))
def test_the_database_counts_as_the_fold_does(
    ctx: Context, rows: list[tuple[int, int, int | None]], order: Random
) -> None:
    """Whatever the order of arrival, the stored rows say what walking through them says."""
    server = add_server(ctx, f"law{ctx_counter(ctx)}")
    acme = add_organization(ctx, server)
    numbered = [
        (acme, remote_id, seconds, event_type, seats)
        for remote_id, (seconds, event_type, seats) in enumerate(rows, start=1)
    ]
    arriving = list(numbered)
    order.shuffle(arriving)
    add_rows(ctx, server, arriving)
    walked = SeatState()
    instants = sorted({row[2] for row in numbered} | {0})
    for at in instants:
        for row in sorted(numbered, key=lambda row: (row[2], row[1])):
            if row[2] == at:
                walked = walked.after(event_type=row[3], seats=row[4])
        with ctx.sessions() as session:
            found = load_seat_states(
                session, organization_ids=[acme], at=NOON + timedelta(seconds=at)
            )
        assert found == {acme: walked}


def ctx_counter(ctx: Context) -> int:
    """A number that no server of this database has in its name yet."""
    with ctx.sessions() as session:
        return session.query(Server).count()
