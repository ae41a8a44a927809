"""The address that the payment provider calls."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.gateways.fake_payments import FakePayments
from app.models.webhooks import WebhookEvent
from app.services.context import Context
from tests.services.test_card_setup import begin, card_on_file
from tests.services.test_webhook_events import an_event
from tests.support.client import CheckedClient
from tests.support.customers import make_customer

URL = "/webhooks/stripe/"


def stored(ctx: Context) -> int:
    with ctx.sessions() as session:
        return session.scalar(select(func.count()).select_from(WebhookEvent)) or 0


def test_a_card_comes_on_file(client: CheckedClient, ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    payments.complete_card_setup(begin(ctx, customer_id))
    payload, signature = payments.sign(payments.take_events()[-1])
    for _ in range(2):
        answer = client.post(URL, data=payload, headers={"Stripe-Signature": signature})
        assert (answer.status_code, answer.text) == (200, "taken")
    assert card_on_file(ctx, customer_id)[2] == "4242"
    assert stored(ctx) == 1


def test_it_is_taken_though_it_cannot_be_handled(
    client: CheckedClient, ctx: Context, payments: FakePayments
) -> None:
    payments.fail("get_invoice")
    payload, signature = payments.sign(an_event("invoice.paid", "in_1"))
    answer = client.post(URL, data=payload, headers={"Stripe-Signature": signature})
    assert answer.status_code == 200
    assert stored(ctx) == 1


@pytest.mark.parametrize("signature", [None, "", "wrong", "t=1,v1=00", "\xe9"])
def test_a_wrong_signature(
    client: CheckedClient, ctx: Context, payments: FakePayments, signature: str | None
) -> None:
    payload, _ = payments.sign(an_event())
    headers = {} if signature is None else {"Stripe-Signature": signature}
    answer = client.post(URL, data=payload, headers=headers)
    assert (answer.status_code, answer.text) == (400, "refused")
    assert stored(ctx) == 0


def test_the_body_is_read_as_it_came(
    client: CheckedClient, ctx: Context, payments: FakePayments
) -> None:
    """A form's content type must not make anything parse (and so swallow) the body."""
    payload, signature = payments.sign(an_event("customer.created"))
    answer = client.post(
        URL,
        data=payload,
        headers={"Stripe-Signature": signature},
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200


@pytest.mark.sqlite_only
@pytest.mark.parametrize("with_length", [True, False])
def test_a_body_that_is_too_large(client: CheckedClient, ctx: Context, with_length: bool) -> None:
    body = b" " * (256 * 1024 + 1)
    environ = {} if with_length else {"wsgi.input_terminated": True}
    answer = client.post(
        URL, data=body, headers={"Stripe-Signature": "x"}, environ_overrides=environ
    )
    assert answer.status_code == 413
    assert stored(ctx) == 0


@pytest.mark.sqlite_only
def test_the_largest_body_is_read(client: CheckedClient) -> None:
    answer = client.post(URL, data=b" " * (256 * 1024), headers={"Stripe-Signature": "x"})
    assert answer.status_code == 400


@pytest.mark.sqlite_only
def test_it_is_not_a_page(client: CheckedClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 405


@pytest.mark.sqlite_only
def test_the_sender_gets_no_cookie(client: CheckedClient, payments: FakePayments) -> None:
    payload, signature = payments.sign(an_event("customer.created"))
    answer = client.post(URL, data=payload, headers={"Stripe-Signature": signature})
    assert "Set-Cookie" not in answer.headers


@pytest.mark.sqlite_only
def test_a_burst_is_not_turned_away(make_app: Callable[..., Flask]) -> None:
    """The provider sends many at once, and refusing what is not signed costs next to nothing."""
    client = make_app(rate_limits_enabled=True, rate_limit_pages="1 per hour").test_client()
    answers = [client.post(URL, data=b"{}").status_code for _ in range(5)]
    assert answers == [400] * 5
