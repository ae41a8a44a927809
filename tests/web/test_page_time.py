"""A page stops asking the payment provider before the web server gives up on it."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.payments import ProviderBusy
from app.gateways.stripe_gateway import StripeGateway
from app.web.page_time import has_page_time

pytestmark = pytest.mark.sqlite_only


def test_time_runs_out_in_a_page_only(app: Flask, clock: FixedClock) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        clock.advance(seconds=14)
        assert has_page_time()
        clock.advance(seconds=1)
        assert not has_page_time()
    assert has_page_time()


def test_the_next_page_has_its_own_time(app: Flask, clock: FixedClock) -> None:
    for _ in range(2):
        with app.test_request_context("/"):
            app.preprocess_request()
            clock.advance(seconds=10)
            assert has_page_time()


def test_no_call_is_begun_without_time() -> None:
    late = StripeGateway(
        secret_key="sk_test_1",
        webhook_secret="whsec_1",
        api_base=None,
        in_transaction=lambda: False,
        has_time=lambda: False,
    )
    with pytest.raises(ProviderBusy) as caught:
        late.get_invoice("in_1")
    assert caught.value.code == "page_out_of_time"
    # Jobs take their time.
    assert late.for_jobs()._has_time()
