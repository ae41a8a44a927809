"""A customer who is logged in, on both databases."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.shop import Shop
from tests.web.portal.test_in_a_browser import address, open_page

__all__ = ["address", "open_page", "shop"]


@pytest.fixture
def shop(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, client: CheckedClient
) -> Shop:
    """Nothing in it yet: `shop.open(people=18)`."""
    return Shop(app, ctx, clock, payments, client)
