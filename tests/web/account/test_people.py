"""Who manages billing: the list, one's own details, and removing somebody."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.kinds import BillingRole
from app.models.audit import AuditEntry
from app.models.people import BillingUser
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.login import (
    IAGO,
    add_organization,
    begin_server_session,
    begin_session,
    load_known_server,
    login_as,
    make_link,
)
from tests.support.shop import Shop, counted_queries, headline, words


def add_person(shop: Shop, email: str, **values: object) -> int:
    """Somebody who has confirmed an address and was never seen again."""
    with unit_of_work(shop.ctx) as work:
        place: dict[str, object] = {
            "organization_id": shop.organization.id,
            "user_uuid": str(uuid4()),
        }
        person = BillingUser(**(place | {"email": email, "created_at": work.now} | values))
        work.session.add(person)
        work.flush()
        person_id = person.id
        work.commit()
    return person_id


def load_person(shop: Shop, person_id: int) -> BillingUser:
    with shop.ctx.sessions() as session:
        return session.get_one(BillingUser, person_id)


def audited(shop: Shop, action: str) -> list[AuditEntry]:
    with shop.ctx.sessions() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


# --- the list ---


@pytest.mark.sqlite_only
def test_somebody_alone(shop: Shop) -> None:
    page = shop.open().get("people")
    said = words(page)
    assert headline(page) == "One person can manage billing for chat1.acme.test."
    assert "Iago you iago@acme.test Owner 2 January 2012" in said
    assert "gets here through the gear menu of chat1.acme.test" in said
    assert "You are the owner" in said and "stays" in said
    assert "Removed" not in said


def test_two_people_as_the_owner_sees_them(shop: Shop) -> None:
    shop.open()
    add_person(shop, "zoe@acme.test", full_name="Zoe", wants_maintenance_mails=True)
    page = shop.get("people")
    assert headline(page) == "Two people can manage billing for chat1.acme.test."
    assert (
        "Zoe zoe@acme.test Billing never 2 January 2012 Renewals, licenses, news, maintenance Change the role of zoe@acme.test Remove"
        in words(page)
    )
    assert page.text.count("/remove/") == 1, "there is no button for the owner"


@pytest.mark.sqlite_only
def test_the_others_see_no_buttons(shop: Shop) -> None:
    shop.open()
    add_person(shop, "zoe@acme.test", deactivated_at=shop.clock.now())
    browser = shop.another_browser()
    begin_session(browser, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid4())
    said = words(page := browser.get(shop.page("people")))
    assert "Iago iago@acme.test Owner" in said and "Iago you ada@acme.test Billing" in said
    assert "/remove/" not in page.text and "Removed" not in said
    assert "Only the owner can invite and remove others" in said


@pytest.mark.sqlite_only
def test_a_person_without_a_name_is_an_address(shop: Shop) -> None:
    shop.open()
    add_person(shop, "zoe@acme.test")
    assert "zoe@acme.test Billing never" in words(shop.get("people"))


def test_people_of_a_server(shop: Shop) -> None:
    shop.open()
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    page = shop.client.get(server.page("people"))
    assert headline(page) == f"One person can manage billing for {server.hostname}."
    assert "iago@acme.test" not in words(page), "people of its organizations are not its own"
    assert "holds the id and the key" in words(page)
    assert "still knows the key can come back" in words(page) and "#post_register" in page.text
    assert shop.client.get(shop.page("people")).status_code == 404


def test_a_long_list_has_pages_and_a_number(shop: Shop) -> None:
    shop.open()
    for number in range(26):
        add_person(shop, f"p{number:02}@acme.test")
    page = shop.get("people")
    assert headline(page).startswith("27 people can manage billing")
    assert "1–25 of 27" in words(page) and words(page).index("Owner") < words(page).index("p00@")
    second = shop.get("people", "?page=2")
    assert "26–27 of 27" in words(second) and "p25@acme.test" in words(second)
    assert 'value="Iago"' in second.text, "the own details are on every page"


@pytest.mark.parametrize("others", [1, 30])
@pytest.mark.sqlite_only
def test_the_number_of_queries_does_not_grow(shop: Shop, others: int) -> None:
    shop.open()
    for number in range(others):
        add_person(shop, f"p{number}@acme.test")
        add_person(shop, f"q{number}@acme.test", deactivated_at=shop.clock.now())
    shop.get("people")
    with counted_queries() as queries:
        assert shop.get("people").status_code == 200
    assert len(queries) <= 6, "\n".join(queries)


# --- one's own details ---


def test_own_details(shop: Shop) -> None:
    shop.open()
    answer = shop.client.submit(
        shop.get("people"),
        {"full_name": "  Iago  of Acme ", "wants_maintenance_mails": "y"},
        action="/people/me/",
    )
    assert (answer.status_code, answer.location) == (303, shop.page("people"))
    page = shop.get("people")
    assert "Your details are saved." in words(page) and "Iago of Acme you" in words(page)
    entry = audited(shop, "billing_user.details_changed")[0]
    assert entry.before == {
        "major_release_mails": False,
        "maintenance_mails": False,
        "renewals_mails": True,
        "usage_mails": True,
        "announcements_mails": True,
    }
    assert entry.after is not None and entry.after["maintenance_mails"] is True
    assert "Iago" not in str(entry.after), "names stand where they can be erased"
    assert "Changed the own name and mail preferences" in words(shop.get("activity"))

    # Unticked again, then sent once more without a change.
    shop.client.submit(
        page, {"full_name": "Iago of Acme", "wants_maintenance_mails": []}, action="/people/me/"
    )
    shop.client.submit(shop.get("people"), action="/people/me/")
    assert "Nothing was changed." in words(shop.get("people"))
    assert len(audited(shop, "billing_user.details_changed")) == 2


def test_mails_that_can_be_stopped_are_chosen_here(shop: Shop) -> None:
    page = shop.open().get("people")
    assert "Tell me ahead of renewals, trials and plans that end" in words(page)
    shop.client.submit(
        page, {"wants_renewal_mails": [], "wants_announcement_mails": []}, action="/people/me/"
    )
    with shop.ctx.sessions() as session:
        iago = session.scalars(select(BillingUser)).one()
        wishes = (iago.wants_renewal_mails, iago.wants_usage_mails, iago.wants_announcement_mails)
    assert wishes == (False, True, False)
    assert "Licenses Remove" not in words(shop.get("people"))
    assert "2 January 2012 Licenses" in words(shop.get("people"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Enter your full name."),
        (" \t\x00 ", "Enter your full name."),
        ("x" * 201, "A name has at most 200 characters here."),
    ],
)
@pytest.mark.sqlite_only
def test_a_wrong_name_is_told_beside_its_field(shop: Shop, name: str, told: str) -> None:
    shop.open()
    answer = shop.client.submit(shop.get("people"), {"full_name": name}, action="/people/me/")
    assert answer.status_code == 400 and words(answer).count(told) == 2
    assert 'id="full_name-error"' in answer.text
    assert words(shop.get("people")).count("Iago you") == 1


def test_the_address_of_the_form_can_be_opened_again(shop: Shop) -> None:
    page = shop.open().get("people/me")
    assert page.status_code == 200 and 'value="Iago"' in page.text


# --- removing ---


def removal_page(shop: Shop, person_id: int) -> str:
    return f"people/{person_id}/remove"


def test_removing_says_what_it_means_and_does_it(shop: Shop) -> None:
    shop.open()
    zoe, uuid = shop.another_browser(), uuid4()
    person_id = begin_session(
        zoe, shop.ctx, shop.organization, email="zoe@acme.test", user_uuid=uuid
    )
    page = shop.get(removal_page(shop, person_id))
    said = words(page)
    assert headline(page) == "Remove Iago from billing for chat1.acme.test?"
    assert "zoe@acme.test is logged out of billing at once" in said
    assert "every login is refused" in said and "write to support@tallyport.test" in said
    assert "ask another billing admin" in said
    assert zoe.get(shop.page("billing")).status_code == 200, "looking removes nobody"

    answer = shop.client.submit(page, action="/remove/")
    assert (answer.status_code, answer.location) == (303, shop.page("people"))
    said = words(shop.get("people"))
    assert "zoe@acme.test cannot manage billing any more." in said
    assert "Removed 1 person" in said
    assert "zoe@acme.test 2 January 2012, 03:04:05 UTC iago@acme.test" in said
    assert "One person can manage billing" in said

    # Logged out at once, and refused with a new link.
    assert zoe.get(shop.page("billing")).status_code == 401
    refused = login_as_far_as_it_goes(zoe, shop, uuid)
    assert "switched off" in refused
    entry = audited(shop, "billing_user.removed")[0]
    assert entry.after == {"billing_user": person_id} and entry.actor.startswith("billing_user:")
    said = words(shop.get("activity"))
    assert "Removed zoe@acme.test from billing you" in said
    assert "A login was refused: this person was removed" in said


def login_as_far_as_it_goes(client: CheckedClient, shop: Shop, uuid: UUID) -> str:
    link = make_link(shop.ctx, shop.organization, email="zoe@acme.test", user_uuid=uuid)
    page = client.get(link, follow_redirects=True)
    assert page.status_code == 403
    return words(page)


def test_somebody_in_the_middle_of_a_login_stays_outside(shop: Shop) -> None:
    shop.open()
    zoe, uuid = shop.another_browser(), uuid4()
    person_id = add_person(
        shop, "zoe@acme.test", user_uuid=str(uuid), email_confirmed_at=shop.clock.now()
    )
    link = make_link(shop.ctx, shop.organization, email="zoe@acme.test", user_uuid=uuid)
    last_step = zoe.get(link, follow_redirects=True)
    assert "You are logging in" in headline(last_step)
    shop.client.submit(shop.get(removal_page(shop, person_id)), action="/remove/")
    answer = zoe.submit(last_step, {"full_name": "Zoe", "accepts_tos": "y"})
    assert answer.status_code == 403 and "switched off" in words(answer)


def test_removing_twice_is_told(shop: Shop) -> None:
    shop.open()
    person_id = add_person(shop, "zoe@acme.test")
    page = shop.get(removal_page(shop, person_id))
    shop.client.submit(page, action="/remove/")
    for answer in (
        shop.client.submit(page, action="/remove/"),
        shop.get(removal_page(shop, person_id)),
    ):
        assert answer.status_code == 400
        assert "zoe@acme.test was removed already" in words(answer)
    assert len(audited(shop, "billing_user.removed")) == 1


def test_the_owner_stays(shop: Shop) -> None:
    shop.open()
    zoe = add_person(shop, "zoe@acme.test")
    with shop.ctx.sessions() as session:
        me = session.scalars(select(BillingUser.id).where(BillingUser.id != zoe)).one()
    page = shop.get(removal_page(shop, zoe))
    for answer in (
        shop.get(removal_page(shop, me)),
        shop.client.post(shop.page(removal_page(shop, me)), data={"csrf_token": token_of(page)}),
    ):
        assert answer.status_code == 400
        assert "You are the owner, so you cannot remove yourself" in words(answer)
    assert load_person(shop, me).deactivated_at is None


def token_of(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return str(found[1])


def test_only_the_owner_removes(shop: Shop) -> None:
    shop.open()
    zoe = add_person(shop, "zoe@acme.test")
    ada = shop.another_browser()
    begin_session(ada, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid4())
    token = token_of(ada.get(shop.page("people")))
    address = shop.page(removal_page(shop, zoe))
    assert ada.get(address).status_code == 404
    assert ada.post(address, data={"csrf_token": token}).status_code == 404
    assert ada.post(address, data={}).status_code == 400
    assert load_person(shop, zoe).deactivated_at is None


def test_people_of_other_places_are_not_there(shop: Shop) -> None:
    shop.open()
    other = add_organization(shop.ctx, host="other.test")
    stranger = add_person(shop, "eve@other.test", organization_id=other.id)
    of_server = add_person(
        shop,
        "root@acme.test",
        organization_id=None,
        user_uuid=None,
        server_id=shop.organization.server_id,
    )
    token = token_of(shop.get("people"))
    for person_id in (stranger, of_server, 10**12, 10**30):
        address = shop.page(removal_page(shop, person_id))
        assert shop.client.get(address).status_code == 404
        assert shop.client.post(address, data={"csrf_token": token}).status_code == 404
    assert load_person(shop, stranger).deactivated_at is None
    assert load_person(shop, of_server).deactivated_at is None


def test_whom_support_removed_is_listed_as_theirs(shop: Shop) -> None:
    shop.open()
    add_person(shop, "zoe@acme.test", deactivated_at=shop.clock.now() - timedelta(days=1))
    said = words(shop.get("people"))
    assert "zoe@acme.test 1 January 2012, 03:04:05 UTC our support" in said


def test_many_removed_people_are_counted(shop: Shop) -> None:
    shop.open()
    for number in range(12):
        at = shop.clock.now() - timedelta(days=number)
        add_person(shop, f"p{number:02}@acme.test", deactivated_at=at)
    said = words(shop.get("people"))
    assert "Removed 12 people" in said and "Those removed earlier are in the activity log" in said
    assert "p09@acme.test" in said and "p10@acme.test" not in said


def test_a_removed_person_of_a_server_is_refused_in_other_letters(shop: Shop) -> None:
    shop.open()
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    zoe = shop.another_browser()
    person_id = begin_server_session(zoe, shop.ctx, server, email="zoe@acme.test")
    page = shop.client.get(server.page(f"people/{person_id}/remove"))
    assert "The server's key still works" in words(page)
    shop.client.submit(page, action="/remove/")
    assert zoe.get(server.page("billing")).status_code == 401


def test_two_owners_can_remove_each_other_but_one_stays(shop: Shop) -> None:
    """Support may make a second owner; whoever is quicker stays."""
    shop.open()
    ada, uuid = shop.another_browser(), uuid4()
    ada_id = begin_session(ada, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid)
    with unit_of_work(shop.ctx) as work:
        work.session.get_one(BillingUser, ada_id).role = BillingRole.OWNER
        iago_id = work.session.scalars(
            select(BillingUser.id).where(BillingUser.user_uuid == str(IAGO))
        ).one()
        work.commit()
    page = shop.get(removal_page(shop, ada_id))
    ada.submit(ada.get(shop.page(removal_page(shop, iago_id))), action="/remove/")
    assert shop.client.submit(page, action="/remove/").status_code in {401, 400}
    assert load_person(shop, ada_id).deactivated_at is None


def test_a_new_person_appears_after_the_login(shop: Shop) -> None:
    shop.open()
    login_as(
        shop.another_browser(),
        shop.ctx,
        shop.organization,
        email="new@acme.test",
        user_uuid=uuid4(),
    )
    assert "new@acme.test Billing" in words(shop.get("people"))
