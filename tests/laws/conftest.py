"""A world for drawn histories."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)
