"""Coupons made and withdrawn on their page, and what nobody should be able to make."""

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.kinds import StaffRole
from app.models import AuditEntry, Coupon
from tests.support.client import CheckedClient
from tests.support.shop import Shop, counted_queries, headline, words
from tests.support.staff import begin_staff_session

pytestmark = pytest.mark.sqlite_only
RIGHT = {"code": "spring-27", "percent": "25", "months": "6", "reason": "agreed by sales"}


def fill(desk: CheckedClient, **values: str) -> TestResponse:
    return desk.submit(desk.get("/support/coupons/new/"), RIGHT | values, action="/new/")


def test_made_after_a_second_look_and_withdrawn(shop: Shop, desk: CheckedClient) -> None:
    assert "No coupons yet" in words(desk.get("/support/coupons/"))
    page = fill(desk, expires="2027-03-01", max_uses="10", tier="basic")
    assert "The code will be SPRING-27" in words(page)
    made = desk.submit(page, {"is_sure": "y"}, action="/new/", follow_redirects=True)
    assert headline(made) == "1 coupon can be used."
    assert "25% for 6 months" in words(made)
    with shop.ctx.sessions() as session:
        coupon = session.scalars(select(Coupon)).one()
        assert (coupon.percent, coupon.months, coupon.max_uses) == (2500, 6, 10)
        assert coupon.actor.startswith("staff:")
    where = f"/support/coupons/{coupon.id}/withdraw/"
    gone = desk.submit(
        desk.get(where), {"reason": "leaked"}, action="/withdraw/", follow_redirects=True
    )
    assert headline(gone) == "0 coupons can be used."
    again = desk.submit(desk.get(where), {"reason": "leaked"}, action="/withdraw/")
    assert again.status_code == 400
    with shop.ctx.sessions() as session:
        acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert acts[-2:] == ["coupon.created", "coupon.withdrawn"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"code": ""}, "missing"),
        ({"code": "a b"}, "Code"),
        ({"percent": ""}, "one of the two"),
        ({"amount": "5"}, "one of the two"),
        ({"percent": "0"}, "There is a problem"),
        ({"percent": "101"}, "administrator"),
        ({"percent": "many"}, "at most two decimals"),
        ({"percent": "50"}, "administrator"),
        ({"months": "0"}, "1 to 120"),
        ({"months": "999999999999"}, "1 to 120"),
        ({"max_uses": "0"}, "at least once"),
        ({"expires": "2001-01-01"}, "There is a problem"),
        ({"expires": "soon"}, "There is a problem"),
        ({"reason": ""}, "Say why"),
    ],
)
def test_what_cannot_be_made(
    shop: Shop, desk: CheckedClient, values: dict[str, str], message: str
) -> None:
    page = fill(desk, **values)
    assert page.status_code == 400
    assert message in words(page)
    with shop.ctx.sessions() as session:
        assert session.scalars(select(Coupon)).all() == []


def test_who_may_and_how_much_is_asked(shop: Shop, desk: CheckedClient) -> None:
    admin = shop.another_browser()
    begin_staff_session(admin, shop.ctx, StaffRole.ADMIN)
    assert "will be BIG" in words(fill(admin, code="big", percent="50"))
    reader = shop.another_browser()
    begin_staff_session(reader, shop.ctx, StaffRole.READ_ONLY)
    assert reader.get("/support/coupons/new/").status_code == 404
    admin.submit(fill(admin), {"is_sure": "y"}, action="/new/")
    with counted_queries() as one:
        assert reader.get("/support/coupons/").status_code == 200
    for number in range(3):
        admin.submit(fill(admin, code=f"more-{number}"), {"is_sure": "y"}, action="/new/")
    with counted_queries() as several:
        assert "Withdraw" not in words(reader.get("/support/coupons/"))
    assert len(one) == len(several)
    assert reader.get("/support/coupons/1/withdraw/").status_code == 404
    assert desk.get("/support/coupons/99/withdraw/").status_code == 404
