"""A customer with its story, and a browser of staff beside it."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import StaffRole
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.shop import Shop
from tests.support.staff import begin_staff_session


@pytest.fixture
def shop(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, client: CheckedClient
) -> Shop:
    """Nothing in it yet: `shop.open(people=18)`. Its browser is the customer's."""
    return Shop(app, ctx, clock, payments, client)


@pytest.fixture
def desk(shop: Shop) -> CheckedClient:
    """The browser of somebody of the role support."""
    browser = shop.another_browser()
    begin_staff_session(browser, shop.ctx, StaffRole.SUPPORT)
    return browser
