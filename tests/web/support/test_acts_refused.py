"""What nobody should be able to do by the acts about money and plans, and what two people do."""

import pytest
from sqlalchemy import select

from app.domain.kinds import StaffRole
from app.models import Customer, Plan, StaffAction
from app.services.customers import Payer
from app.web.support.actions.framework import ActionGroup
from app.web.support.actions.registry import all_actions
from tests.support.client import CheckedClient
from tests.support.shop import Shop, words
from tests.support.staff import begin_staff_session
from tests.web.support.test_access_actions import address, look
from tests.web.support.test_acts import (
    BASIC,
    BY_HAND,
    FORTY_OFF,
    LEGACY,
    Prepare,
    bought,
    bought_by_hand,
)

HUGE = "9" * 30
Bad = tuple[str, dict[str, str], str]

# What is there, and what is typed then: act, values, what the page says about it.
REFUSED: dict[str, tuple[tuple[Prepare, ...], tuple[Bad, ...]]] = {
    "agreed": (
        (BASIC, FORTY_OFF),
        (
            ("discount", {"percent": "", "monthly_price": ""}, "Enter a percentage, or prices."),
            ("discount", {"percent": "40", "monthly_price": "3"}, "Enter a percentage, or prices."),
            ("discount", {"percent": "0"}, "more than 0 and less than 100"),
            ("discount", {"percent": "100"}, "more than 0 and less than 100"),
            ("discount", {"percent": "101"}, "more than 0 and less than 100"),
            ("discount", {"percent": "-5"}, "at most two decimals"),
            ("discount", {"percent": HUGE}, "at most two decimals"),
            ("discount", {"percent": "99.99"}, "less than a cent"),
            ("discount", {"percent": "", "monthly_price": "0"}, "more than 0.00"),
            ("discount", {"percent": "", "monthly_price": "999999999"}, "not below the list"),
            ("discount", {"ends": "2012-01-02"}, "Give a day that lies ahead"),
            ("discount", {"ends": "soon"}, "There is a problem"),
            ("discount", {"owner": "x" * 121}, "There is a problem"),
            ("minimum", {"licenses": "0"}, "There is a problem"),
            ("minimum", {"licenses": HUGE}, "There is a problem"),
            ("minimum", {"licenses": "many"}, "There is a problem"),
            ("offer", {"price": "0"}, "There is a problem"),
            ("offer", {"price": "999999999"}, "There is a problem"),
            ("offer", {"price": ""}, "There is a problem"),
            ("offer", {"price": "9", "expires": "2011-01-01"}, "lies ahead"),
            ("offer", {"price": "9", "stripe_invoice": "in_nothing"}, "There is a problem"),
            ("legacy-create", {"until": "2012-01-01"}, "There is a problem"),
            ("legacy-create", {"until": "2099-01-01"}, "There is a problem"),
            ("legacy-create", {"until": ""}, "There is a problem"),
            ("sponsorship-approve", {"until": "2011-01-01"}, "There is a problem"),
            ("one-off-cancel", {"row": "7"}, "There is a problem"),
            ("one-off", {"amount": "5", "description": "x"}, "There is a problem"),
        ),
    ),
    "legacy": (
        (LEGACY,),
        (
            ("legacy-extend", {"until": "2012-06-01"}, "There is a problem"),
            ("legacy-extend", {"until": "2011-06-01"}, "There is a problem"),
            (
                "legacy-schedule",
                BY_HAND | {"collection": "send_invoice", "licenses": "3"},
                "There is a problem",
            ),
            ("legacy-schedule", BY_HAND | {"licenses": ""}, "Enter the number of licenses."),
            ("legacy-schedule", BY_HAND | {"licenses": HUGE}, "There is a problem"),
            ("legacy-schedule", BY_HAND | {"management": "automatic"}, "Leave this empty"),
            ("legacy-schedule", BY_HAND | {"tier": "gold"}, "There is a problem"),
            ("end-date", {"until": "2012-06-01"}, "There is a problem"),
            ("required-tier", {"tier": ""}, "It is so already"),
            ("required-tier", {"tier": "legacy"}, "There is a problem"),
        ),
    ),
    "by people": (
        (bought,),
        (
            ("collection", {"collection": "send_invoice"}, "let them be managed by hand first"),
            ("collection", {"collection": "charge_automatically"}, "It is paid so already"),
            ("management", {"management": "automatic"}, "There is a problem"),
            ("schedule", {"schedule": "monthly"}, "There is a problem"),
            ("schedule", {"schedule": "daily"}, "There is a problem"),
            ("tier-now", {"tier": "basic"}, "There is a problem"),
            ("tier-later", {"tier": "enterprise"}, "There is a problem"),
            ("one-off", {"amount": "0", "description": "x"}, "There is a problem"),
            ("one-off", {"amount": "999999999", "description": "x"}, "There is a problem"),
            ("one-off", {"amount": "5", "description": ""}, "There is a problem"),
        ),
    ),
    "by hand": (
        (bought_by_hand,),
        (
            ("licenses-now", {"licenses": "40"}, "There is a problem"),
            ("licenses-now", {"licenses": HUGE}, "There is a problem"),
            ("licenses-now", {"licenses": ""}, "There is a problem"),
            ("licenses-at-renewal", {"licenses": "17"}, "There is a problem"),
            ("licenses-at-renewal", {"licenses": "-1"}, "There is a problem"),
        ),
    ),
}


@pytest.fixture
def payer(shop: Shop) -> Payer:
    shop.open(people=18)
    return shop.story.payer(shop.server)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("state", REFUSED)
def test_nonsense_is_told_beside_its_field(
    shop: Shop, desk: CheckedClient, payer: Payer, state: str
) -> None:
    prepare, bad = REFUSED[state]
    for step in prepare:
        step(shop, payer)
    for key, values, message in bad:
        page = look(desk, payer, key, **values)
        assert page.status_code == 400, (key, values, words(page))
        assert message in words(page), (key, values, words(page))
    with shop.ctx.sessions() as session:
        assert session.scalars(select(StaffAction)).all() == []


@pytest.mark.sqlite_only
def test_sent_invoices_are_for_so_many_licenses(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    shop.has_card().buy(licenses=20)
    page = look(desk, payer, "collection", collection="send_invoice")
    assert "renews with 20 licenses; invoices are sent for 30 at least" in words(page)
    shop.story.staff("licenses", payer.uuid, "--exempt")
    page = look(desk, payer, "collection", collection="send_invoice")
    assert page.status_code == 200
    desk.submit(page, action="/confirm/")
    with shop.ctx.sessions() as session:
        session.scalars(select(Customer)).one().card_payment_method = None
        session.commit()
    page = look(desk, payer, "collection", collection="charge_automatically")
    assert "There is no card on file" in words(page)


@pytest.mark.sqlite_only
def test_every_act_is_for_who_may_act_and_says_why_it_cannot_be_done(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    reader = shop.another_browser()
    begin_staff_session(reader, shop.ctx, StaffRole.READ_ONLY)
    told = 0
    for action in all_actions().values():
        if action.group is ActionGroup.ACCESS:
            continue
        assert reader.get(address(payer, action.key)).status_code == 404, action.key
        page = desk.get(address(payer, action.key))
        assert page.status_code == 200, action.key
        told += "That cannot be done now" in words(page)
    # Nothing was bought and nothing agreed.
    assert told > 15


def test_half_off_is_for_two_people(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    shop.has_card().buy()
    shop.story.staff("tier", payer.uuid, "--required", "basic")
    below = look(desk, payer, "discount", percent="49.99")
    assert "A second person has to approve this" not in words(below)
    by_price = look(desk, payer, "discount", annual_price="21.00")
    assert "A second person has to approve this" in words(by_price)
    page = look(desk, payer, "discount", percent="50")
    assert "Next charge on 2 February 2012: $43.00 → $31.50." in words(page)
    where = desk.submit(page, action="/confirm/").headers["Location"]
    second = shop.another_browser()
    begin_staff_session(second, shop.ctx, StaffRole.SUPPORT, email="second@tallyport.test")
    again = second.submit(second.get(where), action="/look/")
    assert "50% off Basic" in words(again)
    assert second.submit(again, {"reason": "agreed"}, action="/approve/").status_code == 303
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Customer.discount_percent)).one() == 5000
        assert session.scalars(select(Plan.discounted_price)).one() == 175
