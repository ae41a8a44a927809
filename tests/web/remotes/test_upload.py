"""POST server/analytics: rules 1 to 3 and 6, and GET server/analytics/status."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from app.clock import FixedClock
from app.models.audit import AuditEntry
from app.models.registrations import Organization
from app.models.uploads import AuditRow, OrganizationCount, PendingAuditRow, ServerCount
from app.services.context import CLI, Context
from app.services.rewind_ids import RewindIds, rewind_ids
from tests.support.wire import (
    LITERAL_ORGANIZATION,
    START,
    WireServer,
    audit_row,
    count_row,
    load_fixture,
    load_server,
    realm,
    refusal,
    role_counts,
)

EVENT_TYPES = (101, 102, 103, 104, 105, 201, 202, 229)


def stored(ctx: Context, model: type = AuditRow) -> int:
    with ctx.sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def rows(ctx: Context) -> list[AuditRow]:
    with ctx.sessions() as session:
        return list(session.scalars(select(AuditRow).order_by(AuditRow.id)))


# --- the literal requests ---


def test_the_two_table_format(server: WireServer, ctx: Context) -> None:
    response = server.post("server/analytics", dict(load_fixture("two_table.json")))
    assert response.get_json() == {"result": "success", "msg": "", "realms": {}}
    assert server.last_ids() == (1, 1, 0)
    assert load_server(ctx).last_audit_log_update is None
    with ctx.sessions() as session:
        count = session.scalars(select(OrganizationCount)).one()
        organization = session.get_one(Organization, count.organization_id)
        assert (count.property, count.subgroup, count.value) == ("invites_sent::day", None, 5)
        assert count.end_time == datetime(2012, 1, 2, tzinfo=UTC)
        assert (organization.uuid, organization.remote_realm_id) == (None, 2)
        installation = session.scalars(select(ServerCount)).one()
        assert (installation.property, installation.subgroup, installation.value) == (
            "messages_sent:is_bot:hour",
            "false",
            12,
        )


def test_the_three_table_format(server: WireServer, ctx: Context) -> None:
    response = server.post("server/analytics", dict(load_fixture("three_table.json")))
    # Eleven people are one more than an organization may have without a plan.
    assert response.get_json() == {
        "result": "success",
        "msg": "",
        "realms": {LITERAL_ORGANIZATION: {"can_push": False, "expected_end_timestamp": None}},
    }
    assert server.last_ids() == (0, 0, 10)
    stored_server = load_server(ctx)
    assert stored_server.product_version == "8.0"
    assert stored_server.api_feature_level == 237
    assert stored_server.last_audit_log_update == ctx.now()
    row = rows(ctx)[0]
    assert (row.remote_id, row.event_type, row.seats) == (10, 101, 11)
    assert row.event_time == datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "zuliprealm_x" not in (load_organization_hash(ctx) or "")


def load_organization_hash(ctx: Context) -> str | None:
    with ctx.sessions() as session:
        return session.scalars(select(Organization.owner_secret_hash)).one()


def test_a_json_body_means_the_same(server: WireServer, ctx: Context) -> None:
    server.as_json = True
    response = server.upload(
        [audit_row(1, 9)], [realm()], version="9.1", api_feature_level=300, unknown_field=[1]
    )
    assert response.get_json()["realms"][realm()["uuid"]]["can_push"] is True
    assert load_server(ctx).product_version == "9.1"
    assert rows(ctx)[0].seats == 9


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("sent", "kept"),
    [('"8.0"', "8.0"), ("8.0", "8.0"), ("8.0-dev+git", "8.0-dev+git"), ("null", None)],
)
def test_the_version_with_and_without_quotes(
    server: WireServer, ctx: Context, sent: str, kept: str | None
) -> None:
    assert server.upload([], version=sent).status_code == 200
    assert load_server(ctx).product_version == kept


@pytest.mark.sqlite_only
def test_optional_fields_may_be_null(server: WireServer, ctx: Context) -> None:
    response = server.upload(
        None, realmauditlog_rows=None, realms=None, seat_digests=None, api_feature_level=None
    )
    assert response.status_code == 200
    assert load_server(ctx).last_audit_log_update is None


@pytest.mark.sqlite_only
def test_seat_digests_are_taken_and_set_aside(server: WireServer) -> None:
    assert server.upload(seat_digests=[{"realm": 2, "digests": ["0f" * 32]}]).status_code == 200
    wrong: list[Any] = [
        [{"realm": 2, "digests": ["0F" * 32]}],
        [{"realm": 2}],
        {},
        [{"digests": []}],
    ]
    for broken in wrong:
        response = server.upload(seat_digests=broken)
        assert refusal(response)[2].startswith("seat_digests")


# --- rule 1: order and times ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": [audit_row(12, 4), audit_row(12, 5)]},
        {"rows": [audit_row(13, 4), audit_row(12, 5)]},
        {"rows": [audit_row(10, 4)]},
        {"rows": [audit_row(9, 4)]},
        {"rows": [audit_row(0, 4)]},
        {"rows": [audit_row(-1, 4)]},
        {"realm_counts": [count_row(5), count_row(5)]},
        {"realm_counts": [count_row(3)]},
        {"installation_counts": [count_row(7, organization=None), count_row(6, organization=None)]},
        {"installation_counts": [count_row(3, organization=None)]},
    ],
)
def test_ids_ascend_and_exceed_the_last(
    server: WireServer, ctx: Context, wrong: dict[str, Any]
) -> None:
    first = server.upload(
        [audit_row(10, 3)],
        realm_counts=[count_row(3)],
        installation_counts=[count_row(3, organization=None)],
    )
    assert first.status_code == 200
    # A right row in another table goes down with the wrong one.
    fields: dict[str, Any] = {"rows": [audit_row(11, 4)], **wrong}
    if "rows" in wrong:
        fields["realm_counts"] = [count_row(4)]
    response = server.upload(**fields)
    assert refusal(response) == (400, "BAD_REQUEST", "Data is out of order.")
    assert server.last_ids() == (3, 3, 10)
    assert (stored(ctx), stored(ctx, OrganizationCount), stored(ctx, ServerCount)) == (1, 1, 1)


def test_an_upload_sent_again_is_refused_and_changes_nothing(
    server: WireServer, ctx: Context
) -> None:
    assert server.upload([audit_row(1, 5)], [realm()]).status_code == 200
    assert refusal(server.upload([audit_row(1, 5)], [realm()]))[2] == "Data is out of order."
    assert stored(ctx) == 1


@pytest.mark.sqlite_only
def test_tables_have_ids_of_their_own_and_gaps_are_fine(server: WireServer) -> None:
    server.upload([audit_row(5, 1), audit_row(9, 2)], realm_counts=[count_row(2), count_row(40)])
    assert server.last_ids() == (40, 0, 9)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("when", [-1.0, -0.001, 253402300800.0, 1e18, 1e308])
def test_times_that_are_none(server: WireServer, ctx: Context, when: float) -> None:
    for fields in (
        {"rows": [audit_row(1, 2, at=when)]},
        {"realm_counts": [count_row(1, end_time=when)]},
        {"installation_counts": [count_row(1, organization=None, end_time=when)]},
        {"realms": [realm(date_created=when)]},
    ):
        assert refusal(server.upload(**fields))[:2] == (400, "BAD_REQUEST")
    assert stored(ctx) == 0


@pytest.mark.sqlite_only
@pytest.mark.parametrize("when", ["NaN", "Infinity", "-Infinity", "1e400", '"1325473445"', "true"])
def test_times_that_are_no_numbers(server: WireServer, when: str) -> None:
    row = json.dumps(audit_row(1, 2)).replace(str(START), when)
    fields = {"realm_counts": "[]", "installation_counts": "[]", "realmauditlog_rows": f"[{row}]"}
    status, code, message = refusal(server.post("server/analytics", fields))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("realmauditlog_rows")


def test_fractions_are_floored_and_kept_in_the_key(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5, at=START - 0.000001), audit_row(2, 5, at=START - 1)])
    first, second = rows(ctx)
    assert first.event_time == second.event_time == datetime(2012, 1, 2, 3, 4, 4, tzinfo=UTC)
    assert first.event_time_us == 1325473444_999999
    assert second.event_time_us == 1325473444_000000


def test_rows_ahead_of_now_wait_for_their_time(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload(
        [
            audit_row(1, 5, at=START),
            audit_row(2, 6, at=START + 300),
            audit_row(3, 7, at=START + 301),
            audit_row(4, 8, at=START + 86400),
        ],
        [realm()],
    )
    with ctx.sessions() as session:
        pending = session.execute(
            select(AuditRow.remote_id, PendingAuditRow.flagged)
            .join(AuditRow, AuditRow.id == PendingAuditRow.audit_row_id)
            .order_by(AuditRow.remote_id)
        ).all()
        assert [tuple(row) for row in pending] == [(2, False), (3, True), (4, True)]
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "server.uploaded_future_rows")
        ).one()
        assert entry.after == {"rows": 2, "latest": "2012-01-03T03:04:05+00:00"}
    # Not counted before their time.
    assert server.entitlement().get_json()["seats"] == 5
    clock.advance(seconds=301)
    assert server.entitlement().get_json()["seats"] == 7


# --- rule 2: the form of rows ---


def test_every_known_event_type(server: WireServer, ctx: Context) -> None:
    uploaded = [
        audit_row(n, event_type=kind, at=START - 100 + n)
        for n, kind in enumerate(EVENT_TYPES, start=1)
    ]
    assert server.upload(uploaded).status_code == 200
    assert [row.event_type for row in rows(ctx)] == list(EVENT_TYPES)


@pytest.mark.parametrize("event_type", [0, 1, 100, 106, 200, 203, -101, 2**40])
def test_an_unknown_event_type(server: WireServer, ctx: Context, event_type: int) -> None:
    response = server.upload([audit_row(1, 5), audit_row(2, 5, event_type=event_type)], [realm()])
    assert refusal(response) == (400, "BAD_REQUEST", "Invalid event type.")
    assert stored(ctx) == 0
    assert stored(ctx, Organization) == 0
    assert server.last_ids() == (0, 0, 0)


STOCK_PROPERTIES = [
    "messages_sent:is_bot:hour",
    "messages_sent:message_type:day",
    "messages_sent:client:day",
    "messages_in_stream:is_bot:day",
    "active_users_audit:is_bot:day",
    "active_users_log:is_bot:day",
    "active_users:is_bot:day",
    "1day_actives::day",
    "15day_actives::day",
    "minutes_active::day",
    "messages_read::hour",
    "invites_sent::day",
    "mobile_pushes_sent::day",
    "sites",
]


def test_the_properties_of_stock_servers(server: WireServer, ctx: Context) -> None:
    uploaded = [count_row(n, property=name) for n, name in enumerate(STOCK_PROPERTIES, start=1)]
    assert server.upload(realm_counts=uploaded).status_code == 200
    assert stored(ctx, OrganizationCount) == len(STOCK_PROPERTIES)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "name",
    ["", ":", "::day", "invites_sent:", "Invites::day", "a b", "a-b", "a\n", "é", "x" * 65, "a\0b"],
)
def test_a_malformed_property(server: WireServer, ctx: Context, name: str) -> None:
    for fields in (
        {"realm_counts": [count_row(1), count_row(2, property=name)]},
        {"installation_counts": [count_row(1, organization=None, property=name)]},
    ):
        status, code, message = refusal(server.upload(**fields))
        assert (status, code) == (400, "BAD_REQUEST")
        assert message == f"Invalid property {name}"
    assert stored(ctx, OrganizationCount) == 0


@pytest.mark.parametrize(
    ("extra_data", "seats"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ("{}", None),
        ({"4": 200, "5": 300}, None),
        (role_counts(7, bots=3), 7),
        ('{"10": {"11": {"100": 1, "400": 2}, "12": 0}}', 3),
        ({"10": {"11": {"600": 4}, "12": 1}, "old": "é"}, 4),
    ],
)
def test_extra_data_in_its_forms(
    server: WireServer, ctx: Context, extra_data: Any, seats: int | None
) -> None:
    for as_json in (False, True):
        server.as_json = as_json
        row = audit_row(1 + as_json, extra_data=extra_data, at=START - as_json)
        assert server.upload([row]).status_code == 200
    assert [row.seats for row in rows(ctx)] == [seats, seats]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "extra_data",
    [
        "{",
        "not json",
        "[]",
        "null",
        [],
        [1],
        7,
        1.5,
        True,
        {"10": 5},
        {"10": {"11": [1]}},
        {"10": {"11": {"400": "3"}}},
        {"10": {"11": {"400": -3}}},
        {"10": {"11": {"400": 2**70}}},
        {"a": 2**63},
        {"a": [{"b": -(2**64)}]},
        {"a": "\0"},
        {"\0": 1},
        '{"a": "\\ud800"}',
        '{"a": NaN}',
    ],
)
def test_malformed_extra_data(server: WireServer, ctx: Context, extra_data: Any) -> None:
    for as_json in (False, True):
        server.as_json = as_json
        response = server.upload([audit_row(1, 5), audit_row(2, extra_data=extra_data)])
        assert refusal(response) == (400, "BAD_REQUEST", "Malformed audit log data")
    assert stored(ctx) == 0


@pytest.mark.sqlite_only
def test_a_backslash_before_u0000_is_no_nul(server: WireServer, ctx: Context) -> None:
    assert server.upload([audit_row(1, extra_data={"a": "\\u0000"})]).status_code == 200
    assert stored(ctx) == 1


ROW = audit_row(1, 5)
COUNT = count_row(1)
INSTALLATION = count_row(1, organization=None)


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key != name}


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("table", "row", "where"),
    [
        *[("realmauditlog_rows", without(ROW, name), f"[0].{name}") for name in ROW],
        *[("realm_counts", without(COUNT, name), f"[0].{name}") for name in COUNT],
        *[("installation_counts", without(INSTALLATION, n), f"[0].{n}") for n in INSTALLATION],
        ("realmauditlog_rows", ROW | {"id": "1"}, "[0].id"),
        ("realmauditlog_rows", ROW | {"id": 1.5}, "[0].id"),
        ("realmauditlog_rows", ROW | {"id": True}, "[0].id"),
        ("realmauditlog_rows", ROW | {"id": None}, "[0].id"),
        ("realmauditlog_rows", ROW | {"id": 2**53}, "[0].id"),
        ("realm_counts", COUNT | {"id": 2**53}, "[0].id"),
        ("realmauditlog_rows", ROW | {"id": 10**400}, "[0].id"),
        ("realmauditlog_rows", ROW | {"realm": "2"}, "[0].realm"),
        ("realmauditlog_rows", ROW | {"realm": -2}, "[0].realm"),
        ("realmauditlog_rows", ROW | {"realm": 2**63}, "[0].realm"),
        ("realmauditlog_rows", ROW | {"event_time": None}, "[0].event_time"),
        ("realmauditlog_rows", ROW | {"event_type": "101"}, "[0].event_type"),
        ("realmauditlog_rows", ROW | {"event_type": None}, "[0].event_type"),
        ("realmauditlog_rows", ROW | {"backfilled": 0}, "[0].backfilled"),
        ("realmauditlog_rows", [], "[0]"),
        ("realmauditlog_rows", None, "[0]"),
        ("realmauditlog_rows", "x", "[0]"),
        ("realm_counts", COUNT | {"value": 2**63}, "[0].value"),
        ("realm_counts", COUNT | {"value": "5"}, "[0].value"),
        ("realm_counts", COUNT | {"property": 5}, "[0].property"),
        ("realm_counts", COUNT | {"subgroup": 5}, "[0].subgroup"),
        ("realm_counts", COUNT | {"subgroup": "s" * 65}, "[0].subgroup"),
        ("realm_counts", COUNT | {"subgroup": "a\0b"}, "[0].subgroup"),
        ("installation_counts", INSTALLATION | {"end_time": "now"}, "[0].end_time"),
    ],
)
def test_a_row_with_a_field_missing_or_malformed(
    server: WireServer, ctx: Context, table: str, row: Any, where: str
) -> None:
    for as_json in (False, True):
        server.as_json = as_json
        fields: dict[str, Any] = {"realm_counts": [], "installation_counts": []}
        status, code, message = refusal(server.post("server/analytics", fields | {table: [row]}))
        assert (status, code) == (400, "BAD_REQUEST")
        assert message.startswith((f"{table}{where}", "body:")), message
    assert server.last_ids() == (0, 0, 0)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("realm_counts", None),
        ("realm_counts", {}),
        ("realm_counts", 5),
        ("installation_counts", None),
        ("installation_counts", "x"),
        ("realmauditlog_rows", {}),
        ("realms", {}),
        ("api_feature_level", -1),
        ("api_feature_level", 2**31),
        ("api_feature_level", 1.5),
        ("api_feature_level", []),
        ("version", "v" * 65),
        ("version", '"8.0'),
        ("version", "8\n0"),
    ],
)
def test_a_field_of_the_upload_missing_or_malformed(
    server: WireServer, ctx: Context, name: str, value: Any
) -> None:
    fields: dict[str, Any] = {
        "realm_counts": [],
        "installation_counts": [],
        "realmauditlog_rows": [audit_row(1, 5)],
    }
    response = server.post("server/analytics", fields | {name: value})
    status, code, message = refusal(response)
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(name)
    assert stored(ctx) == 0


# --- rule 3: duplicates ---


def rewind(ctx: Context) -> None:
    """What staff do for a server that lost its database."""
    command = RewindIds(
        server_id=load_server(ctx).id,
        organization_counts=0,
        server_counts=0,
        audit_rows=0,
        reason="its disk broke",
    )
    rewind_ids(ctx, command, actor=CLI)


def test_known_rows_under_other_ids_are_dropped(server: WireServer, ctx: Context) -> None:
    uploaded = [audit_row(1, 5, at=START - 2), audit_row(2, 6, at=START - 1.25)]
    server.upload(
        uploaded, realm_counts=[count_row(1)], installation_counts=[count_row(1, organization=None)]
    )
    again = [audit_row(11, 5, at=START - 2), audit_row(12, 6, at=START - 1.25), audit_row(13, 7)]
    response = server.upload(
        again,
        realm_counts=[count_row(5, end_time=START + 3600), count_row(6)],
        installation_counts=[count_row(7, organization=None, end_time=START + 3600)],
    )
    assert response.status_code == 200
    assert [row.remote_id for row in rows(ctx)] == [1, 2, 13]
    assert stored(ctx, OrganizationCount) == 2
    assert stored(ctx, ServerCount) == 1
    # Dropped rows count as accepted.
    assert server.last_ids() == (6, 7, 13)


def test_what_is_sent_again_after_a_rewind_is_absorbed(server: WireServer, ctx: Context) -> None:
    uploaded = [audit_row(n, n, at=START - 50 + n) for n in range(1, 20)]
    server.upload(uploaded, realm_counts=[count_row(1)])
    rewind(ctx)
    response = server.upload([*uploaded, audit_row(20, 20)], realm_counts=[count_row(1)])
    assert response.status_code == 200
    assert stored(ctx) == 20
    assert stored(ctx, OrganizationCount) == 1
    assert server.last_ids() == (1, 0, 20)


def test_after_a_rewind_an_id_may_mean_another_row(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 5)])
    rewind(ctx)
    assert server.upload([audit_row(1, 6)]).status_code == 200
    assert [(row.remote_id, row.id_epoch, row.seats) for row in rows(ctx)] == [(1, 0, 5), (1, 1, 6)]
    # The order of ids holds within the new epoch as it did before.
    assert refusal(server.upload([audit_row(1, 7)]))[2] == "Data is out of order."


@pytest.mark.parametrize(
    "change",
    [
        {"organization": 3},
        {"event_type": 105},
        {"at": START + 0.000001 - 10},
        {"people": 6},
    ],
)
def test_rows_that_differ_in_their_key_are_kept(
    server: WireServer, ctx: Context, change: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {"people": 5, "at": START - 10}
    server.upload([audit_row(1, **fields), audit_row(2, **(fields | change))])
    assert stored(ctx) == 2


def test_equal_extra_data_is_equal_in_every_form(server: WireServer, ctx: Context) -> None:
    uploaded = [
        audit_row(1, extra_data={"10": {"12": 0, "11": {"400": 3, "100": 1}}}),
        audit_row(2, extra_data={"10": {"11": {"100": 1, "400": 3}, "12": 0}}),
        audit_row(3, extra_data='{"10": {"11": {"100": 1, "400": 3}, "12": 0}}'),
        audit_row(4, extra_data=None, event_type=102),
        audit_row(5, extra_data={}, event_type=102),
        audit_row(6, extra_data="", event_type=102),
    ]
    server.upload(uploaded)
    assert [row.remote_id for row in rows(ctx)] == [1, 4]


def test_servers_do_not_share_duplicates(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    server.upload([audit_row(1, 5)], realm_counts=[count_row(1)])
    other_server.upload([audit_row(1, 5)], realm_counts=[count_row(1)])
    assert stored(ctx) == 2
    assert stored(ctx, OrganizationCount) == 2
    assert stored(ctx, Organization) == 2


# --- rule 6: what proves that the link works ---


def test_audit_rows_prove_the_link_even_none(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload(None)
    assert load_server(ctx).last_audit_log_update is None
    server.upload([])
    first = load_server(ctx).last_audit_log_update
    assert first == ctx.now()
    clock.advance(hours=1)
    server.upload(None, realm_counts=[count_row(1)])
    assert load_server(ctx).last_audit_log_update == first


def test_a_full_batch_says_that_more_is_waiting(server: WireServer, ctx: Context) -> None:
    batch = [audit_row(n, n, at=START - 20_000 + n) for n in range(1, 10_001)]
    assert server.upload(batch).status_code == 200
    assert load_server(ctx).last_audit_log_update is None
    assert stored(ctx) == 10_000
    assert server.upload([audit_row(10_001, 3)]).status_code == 200
    assert load_server(ctx).last_audit_log_update == ctx.now()
