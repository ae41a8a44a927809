"""An organization exported from one server and imported into another: it stays itself."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.sample_server.cli import main
from app.sample_server.moving import export_organization, import_organization
from app.sample_server.organizations import load_organization
from app.sample_server.records import InputError
from app.sample_server.registration import configure, register
from app.sample_server.seed import OrganizationSeed, seed_organization
from app.sample_server.store import Store
from app.sample_server.uploads import CONTROL, upload_now
from app.sample_server.web import create_sample_app
from tests.sample_server.conftest import Browser, ClockFile
from tests.sample_server.fake_portal import FakePortal

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def other(tmp_path: Path, registered: Store, portal: FakePortal) -> Store:
    """Another server, registered, with an organization of its own that has the number 1."""
    assert upload_now(registered, trigger=CONTROL).ok
    other = Store(tmp_path / "other.sqlite3")
    configure(other, portal=portal.url, hostname="chat.other.test", contact_email="it@other.test")
    seed_organization(other, OrganizationSeed("harbor", "Harbor", {"owner": 1, "member": 2}))
    register(other)
    assert upload_now(other, trigger=CONTROL).ok
    return other


@pytest.fixture
def file(tmp_path: Path, registered: Store) -> Path:
    """The exported Acme."""
    path = tmp_path / "acme.json"
    export_organization(registered, "acme", path)
    return path


def rows(store: Store, query: str, *values: object) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query, values)]


def test_the_organization_stays_itself_under_a_new_number(
    registered: Store, other: Store, file: Path, clock_file: ClockFile
) -> None:
    clock_file.set("2012-01-05T10:00:00Z")
    with registered.read() as connection:
        before = load_organization(connection, "acme")

    after = import_organization(other, file)

    assert (before.id, after.id) == (1, 2)
    kept = ("name", "title", "uuid", "uuid_owner_secret", "org_type", "created", "deactivated")
    assert {n: getattr(after, n) for n in kept} == {n: getattr(before, n) for n in kept}
    people = (
        "SELECT uuid, email, full_name, role, is_bot, state, created FROM people"
        " WHERE organization_id = ? ORDER BY id"
    )
    assert rows(other, people, after.id) == rows(registered, people, before.id)
    messages = "SELECT channel, text, at FROM messages WHERE organization_id = ? ORDER BY id"
    assert rows(other, messages, after.id) == rows(registered, messages, before.id) != []
    history = (
        "SELECT event_type, event_microseconds, extra_data FROM audit_rows"
        " WHERE organization_id = ? ORDER BY id"
    )
    *old, (event_type, at, counts) = rows(other, history, after.id)
    # To the microsecond, although the other organization has events of the same instants.
    assert old == rows(registered, history, before.id)
    assert (event_type, at) == (229, 1325757600 * 1_000_000)
    roles = {"100": 1, "200": 1, "300": 1, "400": 14, "600": 1}
    assert json.loads(counts) == {"10": {"11": roles, "12": 2}}


def test_the_commands(registered: Store, other: Store, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "by-command.json"
    export = ["export-organization", "--store", str(registered.path)]
    assert main([*export, "acme", str(path)]) == 0
    out = capsys.readouterr().out
    assert "Acme, 20 people and bots" in out and "secret" in out
    assert path.stat().st_mode & 0o077 == 0
    # Neither an unknown name nor a file that is there already.
    assert main([*export, "nobody", str(tmp_path / "new.json")]) == 1
    assert main([*export, "acme", str(path)]) == 1
    assert "File exists" in capsys.readouterr().err
    assert not (tmp_path / "new.json").exists()

    bring = ["import-organization", "--store", str(other.path), str(path)]
    assert main([*bring, "--name", "acme-two"]) == 0
    assert "Acme was imported: http://acme-two.localhost:" in capsys.readouterr().out
    assert main(bring) == 1
    assert "on this server already" in capsys.readouterr().err
    assert main([*bring[:-1], str(tmp_path / "missing.json")]) == 1


def test_uploads_are_refused_and_the_uploads_page_says_why(
    other: Store, file: Path, portal: FakePortal
) -> None:
    import_organization(other, file)
    stored = len(portal.rows["realmauditlog_rows"])
    server = Browser(create_sample_app(other, port=5002), "localhost")

    server.post("/uploads/")

    assert len(portal.rows["realmauditlog_rows"]) == stored
    page = server.get("/uploads/").text
    assert "An organization here is registered to another server" in page
    assert "“Duplicate registration detected.”" in page
    assert "Open Billing in the organization that came from elsewhere" in page
    assert "next_page" not in page


def test_billing_shows_the_mismatch_with_support(
    other: Store, file: Path, portal: FakePortal
) -> None:
    organization = import_organization(other, file)
    acme = Browser(create_sample_app(other, port=5002), "acme.localhost")
    acme.log_in("owner")
    page = acme.get("/self-hosted-billing/")
    assert page.status_code == 403
    assert "<h1>This organization is registered to another server</h1>" in page.text
    assert 'href="mailto:help@vendor.test"' in page.text
    assert organization.uuid in page.text and other.settings().server_uuid in page.text
    # The organization that was here before is still known, and its people come to billing.
    harbor = Browser(create_sample_app(other, port=5002), "harbor.localhost")
    harbor.log_in("owner")
    assert harbor.get("/self-hosted-billing/").status_code == 302


def test_an_imported_organization_that_is_new_to_the_portal_is_uploaded(
    other: Store, store: Store, tmp_path: Path, portal: FakePortal
) -> None:
    """One that was exported from a server that never registered it."""
    seed_organization(store, OrganizationSeed("globex", "Globex", {"owner": 1, "guest": 3}))
    export_organization(store, "globex", tmp_path / "globex.json")
    import_organization(other, tmp_path / "globex.json")
    assert upload_now(other, trigger=CONTROL).ok
    last = portal.rows["realmauditlog_rows"][-1]
    assert (last["event_type"], last["realm"]) == (229, 2)
    assert last["extra_data"]["10"]["11"]["600"] == 3


def spoiled(content: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    target: Any = content
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "else"),
        (("version",), 2),
        (("organization",), []),
        (("organization", "uuid"), "../x"),
        (("organization", "name"), "Not A Name"),
        (("organization", "name"), None),
        (("organization", "title"), ""),
        (("organization", "uuid_owner_secret"), 7),
        (("organization", "created"), -1),
        (("organization", "org_type"), 1.5),
        (("people",), {}),
        (("people",), []),
        (("people",), ["x"]),
        (("people", 0, "state"), "dead"),
        (("people", 0, "state"), "deactivated"),
        (("people", 0, "role"), 150),
        (("people", 0, "is_bot"), 2),
        (("people", 0, "email"), "nobody"),
        (("people", 0, "full_name"), "\x00"),
        (("people", 1, "uuid"), None),
        (("messages", 0, "author"), "6cde5f7a-1f7e-4978-9716-49f69ebfc9fe"),
        (("messages", 0, "channel"), "attic"),
        (("messages", 0, "text"), "x" * 3000),
        (("audit_rows", 0, "event_type"), 999),
        (("audit_rows", 0, "event_type"), []),
        (("audit_rows", 0, "extra_data"), "{"),
        (("audit_rows", 0, "extra_data"), '{"10": 1}'),
        (("audit_rows", 0, "extra_data"), {"10": {"11": {}}}),
        (("audit_rows", 0, "extra_data"), '{"10": {"11": {"100": 1}, "12": 0}}'),
        (("audit_rows", 0, "event_microseconds"), 1e300),
        (("audit_rows", 0, "event_microseconds"), 2**61),
        (("organization", "created"), 2**61),
    ],
)
def test_a_spoiled_export_is_refused_whole(
    other: Store, file: Path, path: tuple[str | int, ...], value: object, capsys: Captured
) -> None:
    file.write_text(json.dumps(spoiled(json.loads(file.read_text()), path, value)))
    tables = ("organizations", "people", "messages", "audit_rows")
    before = [rows(other, f"SELECT * FROM {table}") for table in tables]
    assert main(["import-organization", "--store", str(other.path), str(file)]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    assert [rows(other, f"SELECT * FROM {table}") for table in tables] == before


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, "\xff"])
def test_a_file_that_is_no_export_is_refused(other: Store, file: Path, text: str) -> None:
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        import_organization(other, file)


def test_people_and_events_that_are_there_twice_are_refused(other: Store, file: Path) -> None:
    for key in ("people", "audit_rows"):
        content = json.loads(file.read_text())
        content[key].append(content[key][0])
        spoiled_file = file.with_name(f"{key}.json")
        spoiled_file.write_text(json.dumps(content))
        with pytest.raises(InputError, match="twice"):
            import_organization(other, spoiled_file)


def test_a_store_of_an_older_version_takes_an_import(
    registered: Store, tmp_path: Path, file: Path
) -> None:
    """Its events were at unlike instants among all organizations; their numbers stay."""
    older = tmp_path / "older.sqlite3"
    Store(older)
    with sqlite3.connect(older) as connection:
        connection.executescript(
            "DROP TABLE audit_rows;"
            "CREATE TABLE audit_rows (id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " organization_id INTEGER NOT NULL REFERENCES organizations(id),"
            " event_type INTEGER NOT NULL, event_microseconds INTEGER NOT NULL UNIQUE,"
            " extra_data TEXT NOT NULL);"
        )
    with sqlite3.connect(registered.path) as connection:
        found = connection.execute("SELECT id, 1, 101, event_microseconds, '{}' FROM audit_rows")
        same_instants = found.fetchall()
    with sqlite3.connect(older) as connection:
        connection.execute(
            "INSERT INTO organizations (name, title, uuid, uuid_owner_secret, org_type, created)"
            " VALUES ('old', 'Old', 'u', 's', 10, 0)"
        )
        connection.executemany("INSERT INTO audit_rows VALUES (?, ?, ?, ?, ?)", same_instants)
    store = Store(older)
    assert rows(store, "SELECT * FROM audit_rows") == same_instants
    import_organization(store, file)
    last = rows(store, "SELECT max(id) FROM audit_rows")
    assert last == [(2 * len(same_instants) + 1,)]
    assert Store(older).settings() == store.settings()
