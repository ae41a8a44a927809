"""The owner changes what others may do, and hands the ownership over."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from app.domain.kinds import BillingRole
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_session
from tests.support.shop import Shop, headline, words
from tests.web.account.test_people import add_person, audited, load_person


def mails_of(shop: Shop) -> list[str]:
    with shop.ctx.sessions() as session:
        found = session.scalars(select(Mail).where(Mail.template == "role_changed"))
        return sorted(mail.recipient for mail in found)


def choose(shop: Shop, person_id: int, role: str) -> str:
    page = shop.get(f"people/{person_id}/role")
    answer = shop.client.submit(page, {"role": role}, action="/role/")
    return words(shop.get("people")) if answer.status_code == 303 else words(answer)


def test_the_owner_changes_a_role_and_hands_over(shop: Shop) -> None:
    shop.open()
    ada = shop.another_browser()
    ada_id = begin_session(
        ada, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid4()
    )
    page = shop.get(f"people/{ada_id}/role")
    assert headline(page) == "What may Iago do for chat1.acme.test?"
    assert "ada@acme.test can look now, and change nothing." in choose(shop, ada_id, "viewer")
    assert mails_of(shop) == ["ada@acme.test"]
    assert ada.get(shop.page(f"people/{ada_id}/role")).status_code == 404, "not the owner"

    assert "This person has that role already." in choose(shop, ada_id, "viewer")
    assert "ada@acme.test is the owner now." in choose(shop, ada_id, "owner")
    assert mails_of(shop) == ["ada@acme.test"] * 2 + ["iago@acme.test"]
    assert "You are the owner" in words(ada.get(shop.page("people")))
    assert "/role/" not in shop.get("people").text, "the former owner manages nobody"
    with shop.ctx.sessions() as session:
        roles = {person.email: person.role for person in session.scalars(select(BillingUser))}
    assert roles == {"ada@acme.test": BillingRole.OWNER, "iago@acme.test": BillingRole.BILLING}
    assert [
        (entry.after or {})["role"] for entry in audited(shop, "billing_user.role_changed")
    ] == [
        "viewer",
        "owner",
        "billing",
    ]
    assert "Made ada@acme.test the owner" in words(shop.get("activity"))


@pytest.mark.sqlite_only
def test_who_cannot_become_the_owner(shop: Shop) -> None:
    shop.open()
    zoe = add_person(shop, "zoe@acme.test")
    assert "has to confirm this address" in choose(shop, zoe, "owner")
    with unit_of_work(shop.ctx) as work:
        you = work.session.scalars(select(BillingUser.id).where(BillingUser.id != zoe)).one()
        work.session.get_one(BillingUser, zoe).deactivated_at = work.now
        work.commit()
    assert "removed already" in words(shop.get(f"people/{zoe}/role"))
    assert "You are the owner." in words(shop.get(f"people/{you}/role"))
    assert shop.get("people/999/role").status_code == 404
    assert load_person(shop, zoe).role is BillingRole.BILLING
    assert not audited(shop, "billing_user.role_changed")
