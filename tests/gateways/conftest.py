"""Fixtures of the gateways' tests."""

import os
from collections.abc import Iterator

import pytest

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.stripe_emulator.server import Handle
from tests.gateways.worlds import EmulatorWorld, FakeWorld, StripeWorld, World, running_emulator

TEST_KEY = "STRIPE_TEST_KEY"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Handle]:
    """One emulator for the tests of a module: each makes customers of its own."""
    with running_emulator() as handle:
        yield handle


@pytest.fixture
def emulated(emulator: Handle) -> EmulatorWorld:
    """The emulator, spoken to by the real gateway."""
    return EmulatorWorld(emulator)


@pytest.fixture(params=["fake", "emulator", *(["stripe"] if os.environ.get(TEST_KEY) else [])])
def world(request: pytest.FixtureRequest, clock: FixedClock) -> World:
    """Every provider that there is."""
    if request.param == "fake":
        return FakeWorld(FakePayments(clock, in_transaction=lambda: False))
    if request.param == "emulator":
        return EmulatorWorld(request.getfixturevalue("emulator"))
    return stripe_itself()


def stripe_itself() -> StripeWorld:
    """Stripe's test mode; skips the test when no key for it was given."""
    key = os.environ.get(TEST_KEY, "")
    if not key:
        pytest.skip("STRIPE_TEST_KEY is not set: nothing here was tried against Stripe itself")
    assert key.startswith(("sk_test_", "rk_test_")), f"{TEST_KEY} has to be a key of test mode"
    return StripeWorld(key, api_base=None)
