"""What the sample server sends: the tables, the ids, the formats, the batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from app.sample_server import clock, payloads
from app.sample_server.organizations import (
    create_organization,
    load_organization,
    set_organization_active,
)
from app.sample_server.people import (
    add_person,
    add_sample_people,
    change_roles,
    list_people,
    newest_people,
    set_people_active,
)
from app.sample_server.records import GUEST, MEMBER, OWNER, InputError
from app.sample_server.store import TWO_TABLE, Store
from app.sample_server.uploads import CONTROL, upload_if_due, upload_now
from tests.sample_server.conftest import ClockFile
from tests.sample_server.fake_portal import ANALYTICS, STATUS, FakePortal
from tests.sample_server.protocol import check_register, read_billing, read_upload

WIRE = Path(__file__).parent.parent / "fixtures" / "wire"


def audit(portal: FakePortal) -> list[dict[str, Any]]:
    return portal.rows["realmauditlog_rows"]


def people_of(row: dict[str, Any]) -> int:
    return sum(row["extra_data"]["10"]["11"].values())


def test_the_protocols_literal_requests_pass_the_checks_used_here() -> None:
    check_register(dict(parse_qsl((WIRE / "register_2x.txt").read_text().strip())))
    for name in ("two_table", "three_table"):
        read_upload(json.loads((WIRE / f"{name}.json").read_text()))
    user, realm = read_billing(json.loads((WIRE / "billing.json").read_text()))
    assert (user["full_name"], realm["host"]) == ("Iago", "acme.test")


def test_the_default_sample_is_eighteen_people_and_two_bots(
    registered: Store, portal: FakePortal
) -> None:
    report = upload_now(registered, trigger=CONTROL)

    assert (report.ok, report.audit_rows, report.calls) == (True, 20, 1)
    rows = audit(portal)
    assert [row["id"] for row in rows] == list(range(1, 21))
    assert {row["event_type"] for row in rows} == {101}
    assert rows[-1]["extra_data"] == {
        "10": {"11": {"100": 1, "200": 1, "300": 1, "400": 14, "600": 1}, "12": 2}
    }
    assert people_of(rows[-1]) == 18
    [realm] = portal.realms.values()
    assert (realm["host"], realm["name"]) == ("acme.localhost:5002", "Acme")
    assert {int(row["event_time"]) for row in rows} == {1325473445}


def test_a_second_upload_sends_only_what_is_new(registered: Store, portal: FakePortal) -> None:
    upload_now(registered, trigger=CONTROL)
    with registered.write() as connection:
        acme = load_organization(connection, "acme")
        add_sample_people(connection, acme, number=5, role=MEMBER)

    assert upload_now(registered, trigger=CONTROL).audit_rows == 5
    assert upload_now(registered, trigger=CONTROL).audit_rows == 0
    assert people_of(audit(portal)[-1]) == 23


def test_every_kind_of_change_has_its_event(registered: Store, portal: FakePortal) -> None:
    upload_now(registered, trigger=CONTROL)
    with registered.write() as connection:
        acme = load_organization(connection, "acme")
        add_person(
            connection, acme, full_name="Kim", email="kim@acme.test", role=MEMBER, invited=True
        )
        [kim], _ = list_people(connection, acme, search="kim@acme.test")
        set_people_active(connection, acme, [kim.id], active=True)
        change_roles(connection, acme, [kim.id], role=GUEST)
        set_people_active(connection, acme, [kim.id], active=False)
        set_people_active(connection, acme, [kim.id], active=True)
        set_organization_active(connection, "acme", active=False)
        set_organization_active(connection, "acme", active=True)
        # Repeating what is so already is no event.
        set_organization_active(connection, "acme", active=True)
        assert set_people_active(connection, acme, [kim.id], active=True) == 0
        assert change_roles(connection, acme, [kim.id], role=GUEST) == 0

    upload_now(registered, trigger=CONTROL)

    new = audit(portal)[20:]
    assert [row["event_type"] for row in new] == [102, 105, 103, 104, 201, 202]
    assert [people_of(row) for row in new] == [19, 19, 18, 19, 19, 19]
    assert [row["extra_data"]["10"]["11"]["600"] for row in new] == [1, 2, 1, 2, 2, 2]


def test_events_of_one_second_never_have_the_same_time(
    registered: Store, portal: FakePortal
) -> None:
    """Equal times and counts would be taken for one row sent twice, and the count would be wrong."""
    with registered.write() as connection:
        acme = load_organization(connection, "acme")
        for _ in range(3):
            ids = newest_people(connection, acme, number=1, active=True)
            set_people_active(connection, acme, ids, active=False)
            set_people_active(connection, acme, ids, active=True)

    upload_now(registered, trigger=CONTROL)

    times = [row["event_time"] for row in audit(portal)]
    assert len(set(times)) == len(times) == 26
    assert times == sorted(times)
    assert times[:2] == [1325473445.0, 1325473445.000001]


def test_ids_ascend_across_organizations_and_counts_stay_apart(
    registered: Store, portal: FakePortal
) -> None:
    with registered.write() as connection:
        acme = load_organization(connection, "acme")
        globex = create_organization(connection, name="globex", title="Globex")
        add_sample_people(connection, globex, number=2, role=OWNER)
        add_sample_people(connection, acme, number=1, role=MEMBER)
        add_sample_people(connection, globex, number=1, role=MEMBER, is_bot=True)

    upload_now(registered, trigger=CONTROL)

    new = audit(portal)[20:]
    assert [(r["id"], r["realm"], people_of(r)) for r in new] == [
        (21, 2, 1),
        (22, 2, 2),
        (23, 1, 19),
        (24, 2, 2),
    ]
    assert new[-1]["extra_data"]["10"]["12"] == 1


def test_usage_statistics_fill_the_hours_that_passed(
    registered: Store, portal: FakePortal, clock_file: ClockFile
) -> None:
    upload_now(registered, trigger=CONTROL)
    assert portal.rows["realm_counts"] == []
    clock_file.set("2012-01-04T00:00:00Z")

    report = upload_now(registered, trigger=CONTROL)

    rows = portal.rows["realm_counts"]
    assert {row["property"] for row in rows} == {
        "messages_sent:is_bot:hour",
        "active_users_audit:is_bot:day",
        "invites_sent::day",
    }
    assert all(1325473445 < row["end_time"] <= 1325635200 for row in rows)
    assert report.realm_counts == len(rows) > 20
    first = {(r["property"], r["subgroup"], r["end_time"], r["value"]) for r in rows}
    everything = portal.rows["installation_counts"]
    assert {(r["property"], r["subgroup"], r["end_time"], r["value"]) for r in everything} == first
    [day] = [r for r in rows if r["property"] == "invites_sent::day"]
    assert (day["value"], day["end_time"]) == (18, 1325548800.0)
    assert upload_now(registered, trigger=CONTROL).realm_counts == 0


def test_a_clock_set_back_adds_no_hour_twice(registered: Store, clock_file: ClockFile) -> None:
    clock_file.set("2012-01-03T12:00:00Z")
    upload_now(registered, trigger=CONTROL)
    clock_file.set("2012-01-03T09:00:00Z")
    assert upload_now(registered, trigger=CONTROL).realm_counts == 0
    clock_file.set("2012-01-03T13:00:00Z")
    assert upload_now(registered, trigger=CONTROL).ok


def test_without_usage_statistics_only_what_billing_needs_is_sent(
    registered: Store, portal: FakePortal, clock_file: ClockFile
) -> None:
    registered.save(submit_usage_statistics=False)
    clock_file.set("2012-01-05T00:00:00Z")

    report = upload_now(registered, trigger=CONTROL)

    assert (report.realm_counts, report.installation_counts, report.audit_rows) == (0, 0, 20)
    assert portal.rows["realm_counts"] == portal.rows["installation_counts"] == []
    assert len(portal.realms) == 1
    registered.save(submit_usage_statistics=True)
    assert upload_now(registered, trigger=CONTROL).realm_counts > 0


def test_the_two_table_format_has_two_fields(
    registered: Store, portal: FakePortal, clock_file: ClockFile
) -> None:
    registered.save(upload_format=TWO_TABLE)
    clock_file.set("2012-01-03T12:00:00Z")

    report = upload_now(registered, trigger=CONTROL)

    [fields] = [fields for path, fields in portal.calls if path == ANALYTICS]
    assert set(fields) == {"realm_counts", "installation_counts"}
    assert (report.ok, report.audit_rows) == (True, 0)
    assert report.realm_counts > 0
    registered.save(upload_format="three-table")
    assert upload_now(registered, trigger=CONTROL).audit_rows == 20


@pytest.mark.parametrize(("batch", "calls"), [(6, 4), (10, 3), (20, 2), (21, 1)])
def test_a_full_batch_is_followed_by_another(
    registered: Store,
    portal: FakePortal,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    calls: int,
) -> None:
    """The last call of an upload is never full: a full one does not prove that the link works."""
    monkeypatch.setattr(payloads, "BATCH_ROWS", batch)

    report = upload_now(registered, trigger=CONTROL)

    assert (report.calls, report.audit_rows) == (calls, 20)
    assert len(audit(portal)) == 20
    assert portal.paths().count(STATUS) == 1


def test_ten_thousand_rows_are_the_most_of_one_call(registered: Store, portal: FakePortal) -> None:
    with registered.write() as connection:
        acme = load_organization(connection, "acme")
        add_sample_people(connection, acme, number=10_000, role=MEMBER)

    report = upload_now(registered, trigger=CONTROL)

    assert (report.calls, report.audit_rows) == (2, 10_020)
    assert people_of(audit(portal)[-1]) == 10_018


def test_an_upload_that_lost_its_answer_is_not_sent_again(
    registered: Store, portal: FakePortal
) -> None:
    portal.lose_answer(ANALYTICS)

    first = upload_now(registered, trigger=CONTROL)
    second = upload_now(registered, trigger=CONTROL)

    assert first.code == "PORTAL_ANSWER_UNREADABLE"
    assert (second.ok, second.audit_rows) == (True, 0)
    assert len(audit(portal)) == 20


def test_the_hourly_upload_comes_once_an_hour_of_the_clock(
    registered: Store, clock_file: ClockFile
) -> None:
    assert upload_if_due(registered) is not None
    assert upload_if_due(registered) is None
    clock_file.set("2012-01-02T03:59:59Z")
    assert upload_if_due(registered) is None
    clock_file.set("2012-01-02T04:00:00Z")
    assert upload_if_due(registered) is not None


def test_an_hour_in_which_the_portal_was_down_is_not_used_up(
    registered: Store, portal: FakePortal
) -> None:
    registered.save(portal="http://127.0.0.1:9")
    report = upload_if_due(registered)
    assert report is not None
    assert report.code == "PORTAL_UNREACHABLE"
    registered.save(portal=portal.url)
    again = upload_if_due(registered)
    assert again is not None
    assert again.ok


def test_an_unregistered_server_does_not_upload(store: Store, portal: FakePortal) -> None:
    assert upload_if_due(store) is None
    assert upload_now(store, trigger=CONTROL).code == "NOT_REGISTERED"
    assert portal.calls == []


def test_half_done_changes_are_undone_together(store: Store) -> None:
    with store.read() as connection:
        acme = load_organization(connection, "acme")
        people, _ = list_people(connection, acme)
    owner, admin = people[0], people[1]
    with (
        pytest.raises(InputError, match="at least one active owner"),
        store.write() as connection,
    ):
        set_people_active(connection, acme, [admin.id, owner.id], active=False)
    with pytest.raises(InputError, match="Only an owner"), store.write() as connection:
        change_roles(connection, acme, [owner.id], role=MEMBER, actor=admin)
    with store.read() as connection:
        (rows,) = connection.execute("SELECT count(*) FROM audit_rows").fetchone()
        again, _ = list_people(connection, acme)
    assert rows == 20
    assert again == people


@pytest.mark.parametrize(
    ("content", "moment"),
    [
        ('{"frozen": "2012-01-02T03:04:05Z"}', "2012-01-02T03:04:05+00:00"),
        ('{"frozen": "2012-01-02T03:04:05.900000"}', "2012-01-02T03:04:05+00:00"),
        ('{"frozen": "2012-01-02T05:04:05+02:00"}', "2012-01-02T03:04:05+00:00"),
    ],
)
def test_the_clock_file_freezes_time(clock_file: ClockFile, content: str, moment: str) -> None:
    clock_file.path.write_text(content)
    assert clock.now().isoformat() == moment


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"frozen": 5}',
        '{"frozen": "soon"}',
        '{"offset_seconds": "1"}',
        '{"offset_seconds": true}',
        '{"offset_seconds": 1e99}',
        '{"offset_seconds": 999999999999}',
    ],
)
def test_an_unreadable_clock_file_means_real_time(
    clock_file: ClockFile, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    clock_file.path.write_text(content)
    with_file = clock.now_seconds()
    monkeypatch.delenv("TALLYPORT_CLOCK_FILE")
    assert 0 <= clock.now_seconds() - with_file <= 2


def test_an_offset_moves_time(clock_file: ClockFile, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_file.path.write_text('{"offset_seconds": -86400}')
    moved = clock.now_seconds()
    monkeypatch.delenv("TALLYPORT_CLOCK_FILE")
    assert 86400 <= clock.now_seconds() - moved <= 86402
