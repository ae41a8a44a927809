"""Stripe's webhooks: which are believed, and what is read of them."""

import json
import time
from typing import Any

import pytest

from app.gateways.payments import ProviderRejected
from app.gateways.stripe_gateway import API_VERSION
from app.stripe_emulator.server import Handle
from app.stripe_emulator.webhooks import signature
from tests.gateways.worlds import WEBHOOK_SECRET, stripe_gateway, unique


def an_event(**changes: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{unique()}",
        "object": "event",
        "type": "invoice.paid",
        "api_version": API_VERSION,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    } | changes


def signed(body: str, *, secret: str = WEBHOOK_SECRET, age: int = 0) -> tuple[bytes, str]:
    return body.encode(), signature(body, secret, timestamp=int(time.time()) - age)


def test_a_signed_event(emulator: Handle) -> None:
    event = an_event()
    payload, header = signed(json.dumps(event))
    read = stripe_gateway(emulator).read_event(payload, signature=header)
    assert (read.id, read.type, read.object_id) == (event["id"], "invoice.paid", "in_1")
    assert read.api_version == API_VERSION


def test_an_event_of_another_version_is_taken_and_noted(
    emulator: Handle, caplog: pytest.LogCaptureFixture
) -> None:
    payload, header = signed(json.dumps(an_event(api_version="2020-08-27")))
    assert (
        stripe_gateway(emulator).read_event(payload, signature=header).api_version == "2020-08-27"
    )
    assert "2020-08-27" in caplog.text


def test_an_object_without_an_id(emulator: Handle) -> None:
    payload, header = signed(json.dumps(an_event(data={"object": {"object": "balance"}})))
    assert stripe_gateway(emulator).read_event(payload, signature=header).object_id == ""


@pytest.mark.parametrize("wrong", ["secret", "old", "body", "none", "garbage", "latin"])
def test_a_wrong_signature(emulator: Handle, wrong: str) -> None:
    body = json.dumps(an_event())
    payload, header = signed(body)
    if wrong == "secret":
        payload, header = signed(body, secret="whsec_another")
    elif wrong == "old":
        payload, header = signed(body, age=301)
    elif wrong == "body":
        payload = payload.replace(b"in_1", b"in_2")
    else:
        header = {"none": "", "garbage": "t=,v1=,,=", "latin": "t=1,v1=\xe9"}[wrong]
    with pytest.raises(ProviderRejected) as refused:
        stripe_gateway(emulator).read_event(payload, signature=header)
    assert refused.value.code in {"signature", "unreadable"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        "{}",
        '{"object": "v2.core.event"}',
        json.dumps(an_event(id="e" * 65)),
        json.dumps(an_event(id=None)),
        json.dumps(an_event(type=7)),
        json.dumps(an_event(data=None)),
        json.dumps(an_event(data={"object": []})),
    ],
)
def test_what_is_signed_but_no_event(emulator: Handle, body: str) -> None:
    payload, header = signed(body)
    with pytest.raises(ProviderRejected) as refused:
        stripe_gateway(emulator).read_event(payload, signature=header)
    assert refused.value.code == "unreadable"


def test_bytes_that_are_no_text(emulator: Handle) -> None:
    with pytest.raises(ProviderRejected):
        stripe_gateway(emulator).read_event(b"\xff\xfe", signature="t=1,v1=00")
