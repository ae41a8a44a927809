"""The product's pages: people, organizations, chat, uploads; and what bad input gets."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.sample_server.audit import count_roles
from app.sample_server.organizations import get_organization, load_organization
from app.sample_server.people import add_sample_people, list_people
from app.sample_server.records import MEMBER, OWNER
from app.sample_server.store import Store
from tests.sample_server.conftest import PORT, Browser, ClockFile
from tests.sample_server.fake_portal import ANALYTICS, FakePortal


def events(store: Store) -> list[int]:
    with store.read() as connection:
        rows = connection.execute("SELECT event_type FROM audit_rows ORDER BY id").fetchall()
    return [row["event_type"] for row in rows][20:]


def people_count(store: Store) -> int:
    with store.read() as connection:
        return count_roles(connection, load_organization(connection, "acme")).people


def ids_of(page: str, role: str) -> list[str]:
    """Return the ids of the people of a role from the people page's table."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    found = []
    for row in rows:
        match = re.search(r'name="person" value="(\d+)"', row)
        if match and f'data-label="Role">{role}<' in row:
            found.append(match.group(1))
    return found


def test_the_gear_menu(acme: Browser) -> None:
    assert acme.get("/").headers["Location"] == "/channels/general/"
    assert acme.get("/channels/general/").headers["Location"].startswith("/login/")
    acme.log_in("owner")
    page = acme.get("/channels/general/").text
    menu = re.search(r'<details class="gear">.*?</details>', page, re.DOTALL)
    assert menu is not None
    entries = re.findall(r'<a href="([^"]+)">([^<]+)</a>', menu.group(0))
    assert entries == [
        ("/settings/", "Organization settings"),
        ("/people/", "Manage people"),
        ("/self-hosted-billing/", "Billing"),
        ("/about/", "About"),
    ]
    for path, _ in entries[:2] + entries[3:]:
        assert acme.get(path).status_code == 200
    acme.post("/logout/", form="/about/")
    assert acme.get("/about/").status_code == 302


def test_the_cookie_carries_the_port_and_no_expiry(acme: Browser) -> None:
    cookies = acme.get("/login/").headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    assert cookies[0].startswith(f"parlor_session_{PORT}=")
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    assert "Expires" not in cookies[0]


def test_add_five_people(store: Store, acme: Browser) -> None:
    acme.log_in("admin")
    acme.post("/people/several/", form="/people/", number="5", role="member")
    assert people_count(store) == 23
    assert events(store) == [101] * 5
    page = acme.get("/people/").text
    assert "<h1>23 people, 2 bots</h1>" in page
    assert "5 people added." in page


def test_people_one_by_one(store: Store, acme: Browser) -> None:
    acme.log_in("owner")
    acme.post(
        "/people/one/",
        form="/people/",
        full_name="Zoë Ångström",
        email="Zoe@Acme.test",
        role="guest",
        invite="yes",
    )
    assert (people_count(store), events(store)) == (18, [])
    [zoe] = list(ids_of(acme.get("/people/?q=zoe@acme").text, "guest"))
    for action in (f"reactivate:{zoe}", f"deactivate:{zoe}", f"reactivate:{zoe}"):
        acme.post("/people/change/", form="/people/", action=action)
    acme.post("/people/change/", form="/people/", action="role", person=zoe, role="moderator")
    assert people_count(store) == 19
    assert events(store) == [102, 103, 104, 105]


def test_people_in_bulk(store: Store, acme: Browser) -> None:
    acme.log_in("owner")
    members = ids_of(acme.get("/people/").text, "member")
    assert len(members) == 14
    acme.post("/people/change/", form="/people/", action="deactivate", person=members[:4])
    assert people_count(store) == 14
    acme.post("/people/change/", form="/people/", action="reactivate", person=members[:2])
    acme.post("/people/change/", form="/people/", action="role", role="admin", person=members[5:7])
    assert people_count(store) == 16
    assert events(store) == [103] * 4 + [104] * 2 + [105] * 2
    assert len(ids_of(acme.get("/people/").text, "admin")) == 3


def test_a_member_may_look_and_change_nothing(store: Store, acme: Browser) -> None:
    acme.log_in("member")
    page = acme.get("/people/").text
    assert "Add several people" not in page
    assert acme.get("/settings/").status_code == 200
    for path in ("/people/several/", "/people/one/", "/people/change/"):
        response = acme.post(path, form="/about/", number="5", role="member")
        assert response.status_code == 403
        assert "owners and admins" in response.text
    assert acme.post("/settings/", form="/about/", title="Mine").status_code == 403
    assert events(store) == []


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("several", {"number": "0", "role": "member"}, "from 1 to 500"),
        ("several", {"number": "501", "role": "member"}, "from 1 to 500"),
        ("several", {"number": "９" * 3, "role": "member"}, "from 1 to 500"),
        ("several", {"number": "9" * 5000, "role": "member"}, "from 1 to 500"),
        ("several", {"number": "5", "role": "emperor"}, "role must be one of"),
        ("several", {"role": "member"}, "whole number"),
        ("several", {"number": "5"}, "role must be one of"),
        ("several", {"number": "1", "role": "owner"}, "Only an owner"),
        ("one", {"full_name": " ", "email": "a@b.test", "role": "member"}, "empty"),
        ("one", {"full_name": "x" * 101, "email": "a@b.test", "role": "member"}, "longer"),
        ("one", {"full_name": "A\x00b", "email": "a@b.test", "role": "member"}, "cannot be used"),
        ("one", {"full_name": "Ann", "email": "nobody", "role": "member"}, "not an email"),
        ("one", {"full_name": "Ann", "email": "olive.okafor@acme.test", "role": "400"}, "already"),
        ("one", {}, "role must be one of"),
        ("change", {"action": "deactivate"}, "at least one person"),
        ("change", {"action": "deactivate", "person": "99999"}, "not in this organization"),
        ("change", {"action": "deactivate", "person": "9" * 30}, "whole number"),
        ("change", {"action": "deactivate:abc"}, "whole number"),
        ("change", {"action": "promote", "person": "2"}, "Choose what to do"),
        ("change", {"action": "role", "person": "2", "role": "king"}, "role must be one of"),
        ("change", {"action": "deactivate:1"}, "Only an owner may change"),
        ("change", {"action": "role", "person": "2", "role": "owner"}, "Only an owner may make"),
        ("change", {"action": "role", "person": "19", "role": "member"}, "bots have no role"),
        ("change", {"action": "deactivate", "person": ["2"] * 501}, "At most 500"),
    ],
)
def test_bad_input_is_explained_and_changes_nothing(
    store: Store, acme: Browser, path: str, fields: dict[str, str], words: str
) -> None:
    acme.log_in("admin")
    response = acme.post(f"/people/{path}/", form="/people/", **fields)
    assert response.status_code == 400
    assert words in response.text
    assert events(store) == []


def test_the_last_owner_stays(store: Store, acme: Browser) -> None:
    acme.log_in("owner")
    response = acme.post("/people/change/", form="/people/", action="deactivate:1")
    assert response.status_code == 400
    assert "at least one active owner" in response.text
    assert events(store) == []


def test_other_organizations_people_are_unknown(
    store: Store, server: Browser, acme: Browser, sample_app: Flask
) -> None:
    server.post("/organizations/", form="/organizations/", name="Globex", title="")
    with store.read() as connection:
        [owner], _ = list_people(connection, load_organization(connection, "globex"))
    assert owner.role == OWNER
    acme.log_in("owner")
    for action in ("deactivate", f"deactivate:{owner.id}"):
        response = acme.post(
            "/people/change/", form="/people/", action=action, person=str(owner.id)
        )
        assert response.status_code == 400
    assert acme.post("/login/", person=str(owner.id)).status_code == 400
    globex = Browser(sample_app, "globex.localhost")
    globex.log_in("owner")
    assert "<h1>1 person, 0 bots</h1>" in globex.get("/people/").text


@pytest.mark.parametrize("person", ["", "0", "-1", "x", "19", "9" * 40])
def test_nobody_logs_in_as_a_bot_or_nobody(acme: Browser, person: str) -> None:
    assert acme.post("/login/", person=person).status_code == 400


def test_a_deactivated_person_is_logged_out(store: Store, acme: Browser, sample_app: Flask) -> None:
    acme.log_in("member")
    boss = Browser(sample_app, "acme.localhost")
    boss.log_in("owner")
    [first, *_] = ids_of(boss.get("/people/").text, "member")
    boss.post("/people/change/", form="/people/", action=f"deactivate:{first}")
    assert acme.get("/channels/general/").status_code == 302


def test_many_people_have_pages_and_a_search(store: Store, acme: Browser) -> None:
    with store.write() as connection:
        organization = load_organization(connection, "acme")
        add_sample_people(connection, organization, number=150, role=MEMBER)
    page = acme.get("/login/").text
    assert "the first 50 of 168 people" in page
    assert "Nobody matches" in acme.get("/login/?q=nobody-of-that-name").text
    acme.log_in("owner")
    assert "page=2" in acme.get("/people/").text
    assert "page=1" in acme.get("/people/?page=2").text
    assert acme.get("/people/?page=0").status_code == 400
    assert acme.get("/people/?page=zz").status_code == 400
    assert acme.get("/people/?page=999999").status_code == 200


def test_chat(acme: Browser) -> None:
    acme.log_in("member")
    acme.post("/channels/kitchen/", text="<script>alert(1)</script> Soup!")
    page = acme.get("/channels/kitchen/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Soup!" in page
    assert acme.post("/channels/kitchen/", text=" ").status_code == 400
    assert acme.post("/channels/kitchen/", text="x" * 2001).status_code == 400
    assert acme.get("/channels/attic/").status_code == 400


def test_rename_the_organization(store: Store, acme: Browser) -> None:
    acme.log_in("owner")
    acme.post("/settings/", title="Acme & Sons")
    assert "Acme &amp; Sons" in acme.get("/settings/").text
    assert acme.post("/settings/", title="").status_code == 400


def test_the_server_lists_its_organizations(store: Store, server: Browser) -> None:
    assert server.get("/").headers["Location"] == "/organizations/"
    page = server.get("/organizations/").text
    assert f'href="http://acme.localhost:{PORT}/"' in page
    server.post("/organizations/", name="globex", title="Globex")
    assert f'href="http://globex.localhost:{PORT}/"' in server.get("/organizations/").text
    for name in ("globex", "", "www", "Two Words", "a" * 31, "-x", "x-", "é", "9lives"):
        response = server.post("/organizations/", name=name, title="")
        assert response.status_code == 400, name


def test_deactivate_and_reactivate_an_organization(
    store: Store, server: Browser, acme: Browser
) -> None:
    acme.log_in("owner")
    server.post("/organizations/acme/state/", form="/organizations/", active="no")
    response = acme.get("/self-hosted-billing/")
    assert response.status_code == 403
    assert "is deactivated" in response.text
    server.post("/organizations/acme/state/", form="/organizations/", active="yes")
    server.post("/organizations/acme/state/", form="/organizations/", active="yes")
    assert events(store) == [201, 202]
    assert acme.get("/about/").status_code == 200
    missing = server.post("/organizations/nobody/state/", form="/organizations/", active="no")
    assert missing.status_code == 400


def test_upload_now_shows_what_came_of_it(
    registered: Store, server: Browser, portal: FakePortal
) -> None:
    assert "Nothing has been uploaded yet" in server.get("/uploads/").text
    server.post("/uploads/")
    page = server.get("/uploads/").text
    assert "20 audit rows were accepted" in page
    assert "2 January 2012, 03:04" in page
    assert "can_push" in page
    portal.fail(ANALYTICS, "PAYLOAD_TOO_LARGE", msg="At most 32 MiB.")
    server.post("/uploads/")
    page = server.get("/uploads/").text
    assert "The upload failed" in page
    assert "PAYLOAD_TOO_LARGE" in page
    assert "At most 32 MiB." in page


def test_usage_statistics_switch(
    store: Store, server: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.post("/uploads/statistics/", form="/uploads/", submit="no")
    assert store.settings().submit_usage_statistics is False
    assert "does not" in server.get("/uploads/").text
    server.post("/uploads/statistics/", form="/uploads/", submit="yes")
    assert store.settings().submit_usage_statistics is True
    monkeypatch.setenv("SUBMIT_USAGE_STATISTICS", "true")
    assert "environment variable" in server.get("/uploads/").text
    server.post("/uploads/statistics/", form="/organizations/", submit="no")
    assert store.settings().submit_usage_statistics is True


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("acme.localhost", 302),
        ("ACME.localhost", 302),
        ("localhost", 302),
        ("127.0.0.1", 302),
        ("[::1]", 302),
        ("nobody.localhost", 404),
        ("a.b.localhost", 404),
        ("evil.test", 400),
        ("acme.localhost.evil.test", 400),
    ],
)
def test_hosts(sample_app: Flask, host: str, status: int) -> None:
    assert Browser(sample_app, host).get("/").status_code == status


def test_pages_belong_to_their_host(acme: Browser, server: Browser) -> None:
    assert acme.get("/uploads/").status_code == 404
    assert acme.get("/organizations/").status_code == 404
    assert server.get("/login/").status_code == 404
    assert server.get("/self-hosted-billing/").status_code == 404
    assert server.get("/nothing").status_code == 404
    response = acme.client.delete("/about/", base_url=acme.base_url)
    assert response.status_code in (400, 405)


def test_only_this_machine_is_answered(acme: Browser) -> None:
    response = acme.get("/", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert response.status_code == 403
    assert acme.get("/", environ_base={"REMOTE_ADDR": "::1"}).status_code == 302


def test_forms_need_their_token(store: Store, acme: Browser, server: Browser) -> None:
    acme.log_in("owner")
    for path in ("/people/several/", "/people/change/", "/settings/", "/logout/", "/login/"):
        for token in ({}, {"csrf_token": "x"}):
            data = {"number": "5", "role": "member", **token}
            response = acme.client.post(path, base_url=acme.base_url, data=data)
            assert response.status_code == 400, path
            assert "Traceback" not in response.text
    for path in ("/uploads/", "/organizations/", "/organizations/acme/state/"):
        assert server.client.post(path, base_url=server.base_url).status_code == 400
    assert events(store) == []
    with store.read() as connection:
        found = get_organization(connection, "acme")
    assert found is not None
    assert not found.deactivated


def test_too_large_a_form_is_refused(acme: Browser) -> None:
    response = acme.client.post("/login/", base_url=acme.base_url, data={"person": "x" * 2_000_000})
    assert response.status_code == 413


def test_a_failure_of_the_program_shows_no_trace(
    sample_app: Flask, acme: Browser, store: Store
) -> None:
    acme.log_in("owner")
    with store.write() as connection:
        connection.execute("DROP TABLE messages")
    response = acme.client.get("/channels/general/", base_url=acme.base_url)
    assert response.status_code == 500
    assert "Something went wrong here" in response.text
    assert "Traceback" not in response.text
    assert "sqlite" not in response.text.lower()


def test_headers(acme: Browser) -> None:
    headers = acme.get("/login/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert acme.client.get("/static/parlor.css", base_url=acme.base_url).status_code == 200


def test_times_on_pages_follow_the_clock_file(acme: Browser, clock_file: ClockFile) -> None:
    clock_file.set("2012-02-02T10:20:30Z")
    acme.log_in("owner")
    acme.post("/channels/general/", text="Hello again")
    assert 'datetime="2012-02-02T10:20:30+00:00"' in acme.get("/channels/general/").text
