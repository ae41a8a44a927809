"""The customer's own log: what is in it, what is not, and that every act has its words."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.kinds import LoginDoor
from app.models.customers import Customer
from app.models.people import PersonalDetail
from app.models.registrations import Organization
from app.services.audit import record_audit
from app.services.context import CLI, SYSTEM, Actor, server_actor
from app.services.pages.activity import ActivityRow, WhoKind
from app.services.pages.activity_actions import (
    LEFT_OUT,
    OF_ORGANIZATIONS_FOR_SERVER,
    OF_SERVER_FOR_ORGANIZATIONS,
    SHOWN,
    ActivityKind,
)
from app.services.unit_of_work import unit_of_work
from app.web.wordings.activity import ACTION_WORDS, activity_words
from tests.support.login import (
    KnownServer,
    add_organization,
    add_server,
    begin_server_session,
    begin_session,
    load_known_server,
    login_as,
    make_link,
)
from tests.support.shop import Shop, counted_queries, headline, words
from tests.web.account.recorded_actions import recorded_actions

ROOT = Path(__file__).parents[3]


def record(shop: Shop, action: str, *, actor: Actor = SYSTEM, **values: Any) -> None:
    with unit_of_work(shop.ctx) as work:
        record_audit(work, action, actor=actor, **values)
        work.commit()


def server_of(shop: Shop) -> KnownServer:
    return load_known_server(shop.ctx, shop.organization.server_id)


def rows_of(said: str) -> str:
    """What stands below the headings of the table."""
    return said.partition("What Who When ")[2]


# --- every act is decided about, and has words ---


def test_every_action_of_the_code_is_shown_or_left_out() -> None:
    found, unknown = recorded_actions(ROOT)
    assert unknown == []
    assert found - SHOWN.keys() - LEFT_OUT == set(), "decide in activity_actions.py"
    assert (SHOWN.keys() | LEFT_OUT) - found == set(), "nobody records these any more"
    assert not SHOWN.keys() & LEFT_OUT


def test_the_reader_of_actions_bites(tmp_path: Path) -> None:
    planted = tmp_path / "app" / "planted.py"
    planted.parent.mkdir()
    planted.write_text(
        "def a(work):\n    record_audit(work, 'plan.painted', actor=1)\n"
        "def b(work, action):\n    record_audit(work, action, actor=1)\n"
        "def c(work):\n    b(work, 'plan.sung')\n"
        "def d(work, x):\n    record_audit(work, x.y(), actor=1)\n"
    )
    found, unknown = recorded_actions(tmp_path)
    assert found == {"plan.painted", "plan.sung"}
    assert [line.partition(":")[0] for line in unknown] == ["app/planted.py"]


def test_every_shown_action_has_words_and_no_other() -> None:
    assert ACTION_WORDS.keys() == SHOWN.keys()
    assert OF_SERVER_FOR_ORGANIZATIONS <= SHOWN.keys() >= OF_ORGANIZATIONS_FOR_SERVER


AFTER: dict[str, dict[str, Any]] = {
    "sponsorship.approved": {"until": "2013-01-02T00:00:00+00:00"},
    "adjustment.recorded": {"licenses": -2, "reason": "estimate"},
    "one_off.added": {"amount": 25000, "currency": "usd", "description": "Set-up"},
    "one_off.canceled": {"amount": 25000, "currency": "usd", "description": "Set-up"},
    "plan.given": {"until": "2012-03-02T00:00:00+00:00"},
    "plan.end_moved": {
        "until": "2012-04-02T00:00:00+00:00",
        "instead_of": "2012-03-02T00:00:00+00:00",
    },
    "plan.ended": {"ended_at": "2012-02-02T00:00:00+00:00"},
    "plan.invoice_deferred": {"boundary": "2012-02-02T00:00:00+00:00"},
    "plan.invoiced": {"boundary": "2012-02-02T00:00:00+00:00", "total": 4300},
    "plan.licenses_at_renewal_set": {"licenses": 19},
    "plan.licenses_raised": {"licenses": 25},
    "plan.switch_scheduled": {"at": "2012-02-02T00:00:00+00:00", "schedule": "annual"},
    "plan.set_to_end": {"end": "2012-02-02T00:00:00+00:00"},
    "plan.trial_started": {"end": "2012-02-01T00:00:00+00:00"},
    "purchase.people_fell": {"people": 17, "licenses": 18},
}


@pytest.mark.parametrize("action", sorted(SHOWN))
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.sqlite_only
def test_words_hold_with_and_without_what_they_point_to(
    app: Flask, action: str, is_known: bool
) -> None:
    known: dict[str, Any] = {
        "tier": "Basic",
        "number": "INV-3",
        "total": 4300,
        "currency": "usd",
        "person": "zoe@acme.test",
        "organization": "acme.test",
    }
    row = ActivityRow(
        at=app.extensions["tallyport"].now(),
        action=action,
        kind=SHOWN[action],
        who=WhoKind.AUTOMATIC,
        name=None,
        email=None,
        ip=None,
        before={},
        after=AFTER.get(action, {}),
        **(known if is_known else {}),
    )
    with app.test_request_context():
        said = activity_words(row)
    assert said[0].isupper() or said.startswith(("acme.test: ", "zoe@acme.test "))
    assert "None" not in said and "%(" not in said and "_" not in said


# --- the page ---


def test_nothing_has_happened_yet(shop: Shop) -> None:
    shop.open()
    other = add_organization(shop.ctx, host="other.test")
    shop.organization = other
    shop.log_in()
    page = shop.get("activity")
    assert headline(page) == "Nothing has happened to billing for other.test."
    assert "Logins, changes of the plan and payments are going to stand here." in words(page)
    said = words(shop.get("activity", "?kind=money"))
    assert "Money: 0 entries for other.test." in said and "Nothing of that kind" in said


def test_a_purchase_and_its_end_in_words(shop: Shop) -> None:
    shop.open(18).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    said = rows_of(words(page := shop.get("activity")))
    assert headline(page) == ("5 entries say what happened to billing for chat1.acme.test.")
    told = [
        "Set Basic to end on 2 February 2012 you",
        "CUSFAKE1-0001 paid: $43.00 automatic",
        "Basic started with 18 licenses automatic",
        "Confirmed the purchase of Basic with 18 licenses",
        "Organization reported by its server your server",
    ]
    assert [said.find(text) for text in told] == sorted(said.find(text) for text in told)
    assert all(text in said for text in told), said
    assert f'href="{shop.page("invoices/1")}"' in page.text


def test_logins_carry_the_address_they_came_from(shop: Shop) -> None:
    shop.open()
    login_as(shop.client, shop.ctx, shop.organization)
    said = rows_of(words(shop.get("activity", "?kind=logins")))
    assert "Logged in you from 127.0.0.1" in said
    assert "Asked for" not in said, "this address was known"


def test_a_login_that_failed_says_why(shop: Shop) -> None:
    shop.open()
    link = make_link(shop.ctx, shop.organization)
    shop.client.submit(shop.client.get(link, follow_redirects=True), {"full_name": "Iago"})
    assert shop.client.get(link, follow_redirects=True).status_code == 400
    record(
        shop,
        "login.failed",
        actor=Actor("stranger", ip="192.0.2.9"),
        organization_id=shop.organization.id,
        after={"reason": "a_reason_of_later_days"},
    )
    shop.log_in()
    said = rows_of(words(shop.get("activity")))
    assert "A login was refused somebody who was not logged in from 192.0.2.9" in said
    assert (
        "A login was refused: the link was used before Iago iago@acme.test from 127.0.0.1" in said
    )


def test_each_kind_narrows_the_list(shop: Shop) -> None:
    shop.open(18).buy()
    login_as(shop.client, shop.ctx, shop.organization)
    everything = words(shop.get("activity"))
    seen = 0
    for kind in ActivityKind:
        page = shop.get("activity", f"?kind={kind.value}")
        found = re.search(r": (\d+) entr", headline(page))
        assert found is not None
        seen += int(found[1])
    assert everything.startswith(f"Activity {seen} entries")
    for nonsense in ("x", "LOGINS", "' or 1", "%00"):
        assert words(shop.get("activity", f"?kind={nonsense}")) == everything


def test_a_long_log_has_pages_that_keep_the_choice(shop: Shop) -> None:
    shop.open()
    for _ in range(30):
        record(shop, "login.ended", organization_id=shop.organization.id)
    first = shop.get("activity", "?kind=logins")
    assert "1–25 of 30" in words(first) and "kind=logins&amp;page=2" in first.text
    assert "26–30 of 30" in words(shop.get("activity", "?kind=logins&page=2"))
    assert "26–30 of 30" in words(shop.get("activity", "?kind=logins&page=99"))


# --- whose it is ---


def test_other_organizations_of_the_server_stay_apart(shop: Shop) -> None:
    shop.server = shop.story.server(seats=(18, 5))
    shop.organization, other = shop.known(shop.server), shop.known(shop.server, 1)
    shop.buy()
    server_id = other.server_id
    login_as(shop.client, shop.ctx, other, email="eve@other.test")
    record(shop, "billing_user.removed", server_id=server_id, organization_id=other.id)
    said = words(shop.client.get(other.page("activity")))
    assert "Logged in" in said and "Basic" not in said and "Removed somebody" in said
    shop.log_in()
    said = words(shop.get("activity"))
    assert "eve@other.test" not in said and "Removed somebody" not in said
    assert "Basic started" in said and said.count("Organization reported") == 1


def test_a_server_does_not_learn_what_became_of_an_organization_that_moved(shop: Shop) -> None:
    shop.open()
    server_id, elsewhere = shop.organization.server_id, add_server(shop.ctx, hostname="new.test")
    record(shop, "organization.restored", server_id=server_id, organization_id=shop.organization.id)
    with unit_of_work(shop.ctx) as work:
        organization = work.session.get_one(Organization, shop.organization.id)
        organization.server_id, organization.host = elsewhere.id, "renamed.test"
        work.commit()
    server = load_known_server(shop.ctx, server_id)
    begin_server_session(shop.client, shop.ctx, server)
    said = words(shop.client.get(server.page("activity")))
    assert "Organization listed by its server again" in said
    assert "renamed.test" not in said


def test_an_organization_learns_of_its_server_what_concerns_it(shop: Shop) -> None:
    shop.open()
    server_id = shop.organization.server_id
    root = Actor("billing_user:99", email="root@acme.test", full_name="Root", ip="192.0.2.7")
    record(
        shop,
        "server.hostname_changed",
        actor=root,
        server_id=server_id,
        before={"hostname": "a.test"},
        after={"hostname": "b.test"},
    )
    for action in ("server.key_rotated", "server.contact_changed", "login.succeeded"):
        record(shop, action, actor=root, server_id=server_id)
    said = words(shop.get("activity"))
    assert "Hostname of the server changed from a.test to b.test somebody" in said
    for text in ("key was changed", "Contact address", "Logged in", "Root", "192.0.2.7", "root@"):
        assert text not in said


def test_a_server_sees_its_own_people_and_which_organizations_it_has(shop: Shop) -> None:
    shop.open(18).buy()
    login_as(shop.client, shop.ctx, shop.organization)
    server = server_of(shop)
    root = Actor("billing_user:99", email="root@acme.test", full_name="Root", ip="192.0.2.7")
    record(shop, "login.succeeded", actor=root, server_id=server.id)
    record(shop, "server.key_rotated", actor=server_actor(server.id), server_id=server.id)
    begin_server_session(shop.client, shop.ctx, server)
    said = words(shop.client.get(server.page("activity")))
    assert "Logged in Root root@acme.test from 192.0.2.7" in said
    assert "The server's key was changed your server" in said
    assert "chat1.acme.test: Organization reported by its server" in said
    for text in ("iago@acme.test", "127.0.0.1", "Basic", "$43.00"):
        assert text not in said, "the organization's people and money are its own"
    assert shop.client.get(shop.page("activity")).status_code == 404


def test_what_is_internal_is_left_out(shop: Shop) -> None:
    shop.open(18).buy()
    with shop.ctx.sessions() as session:
        customer_id = session.scalars(select(Customer.id)).one()
    before = headline(shop.get("activity"))
    for action in sorted(LEFT_OUT):
        record(shop, action, customer_id=customer_id, after={"reason": "somebody looked strange"})
    record(shop, "something.unheard_of", customer_id=customer_id, after={"reason": "strange"})
    page = shop.get("activity")
    assert headline(page) == before and "strange" not in page.text


def test_staff_are_support_and_their_reasons_stay_with_them(shop: Shop) -> None:
    shop.open()
    server = server_of(shop)
    record(
        shop,
        "server.ids_rewound",
        actor=CLI,
        server_id=server.id,
        after={"reason": "a call from Otto"},
    )
    for door in LoginDoor:
        after = {"door": door.value, "reason": "ticket 7"}
        record(shop, "login_link.created", actor=CLI, server_id=server.id, after=after)
    begin_server_session(shop.client, shop.ctx, server)
    page = shop.client.get(server.page("activity"))
    said = words(page)
    assert "The server may send again what it had sent before our support" in said
    assert said.count("A login link was made for the server's contact address our support") == 1
    assert "Otto" not in page.text and "ticket 7" not in page.text


def test_who_did_it_is_told_as_it_was_then(shop: Shop) -> None:
    shop.open()
    record(
        shop,
        "login.ended",
        actor=Actor("billing_user:77", email="old@acme.test", full_name="Old Name"),
        organization_id=shop.organization.id,
    )
    said = words(shop.get("activity"))
    assert "Logged out Old Name old@acme.test" in said


def test_erased_details_leave_somebody(shop: Shop) -> None:
    shop.open()
    record(
        shop,
        "login.ended",
        actor=Actor("billing_user:77", email="old@acme.test", ip="192.0.2.7"),
        organization_id=shop.organization.id,
    )
    with unit_of_work(shop.ctx) as work:
        for detail in work.session.scalars(select(PersonalDetail)):
            detail.email = detail.full_name = detail.ip = None
        work.commit()
    said = words(shop.get("activity"))
    assert "Logged out somebody 2 January 2012" in said


def test_a_logout_names_whoever_logged_out(shop: Shop) -> None:
    shop.open()
    shop.client.submit(shop.get("billing"), action="/logout/")
    ada = shop.another_browser()
    begin_session(ada, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid4())
    said = words(ada.get(shop.page("activity")))
    assert "Logged out Iago iago@acme.test from 127.0.0.1" in said


@pytest.mark.parametrize("entries", [1, 24])
@pytest.mark.sqlite_only
def test_the_number_of_queries_does_not_grow(shop: Shop, entries: int) -> None:
    shop.open(18).buy()
    for number in range(entries):
        record(
            shop,
            "billing_user.removed",
            actor=Actor(f"billing_user:{number + 50}"),
            organization_id=shop.organization.id,
            after={"billing_user": number + 1},
        )
    shop.get("activity")
    with counted_queries() as queries:
        assert shop.get("activity").status_code == 200
    assert len(queries) <= 9, "\n".join(queries)
