"""The table of Stripe's answers and our five errors."""

from typing import Any

import pytest

from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
)
from app.gateways.stripe_errors import translate, without_secrets

CARD: dict[str, Any] = {"type": "card_error", "code": "card_declined"}


@pytest.mark.parametrize(
    ("status", "error", "replayed", "kind", "code"),
    [
        (None, {}, False, ProviderUnavailable, "no_answer"),
        (400, {"code": "parameter_unknown"}, False, ProviderRejected, "parameter_unknown"),
        (400, {}, False, ProviderRejected, "invalid_request"),
        (400, {"code": "rate_limit"}, False, ProviderBusy, "rate_limit"),
        (400, {"type": "idempotency_error"}, False, ProviderRejected, "idempotency_conflict"),
        (401, {}, False, ProviderUnavailable, "unauthorized"),
        (402, CARD, False, PaymentDeclined, "card_declined"),
        (
            402,
            CARD | {"decline_code": "insufficient_funds"},
            True,
            PaymentDeclined,
            "insufficient_funds",
        ),
        (
            402,
            CARD | {"decline_code": "authentication_required"},
            False,
            AuthenticationRequired,
            "authentication_required",
        ),
        (
            402,
            {"code": "invoice_payment_intent_requires_action"},
            False,
            AuthenticationRequired,
            "authentication_required",
        ),
        (403, {}, False, ProviderUnavailable, "unauthorized"),
        (404, {"code": "resource_missing"}, False, ProviderRejected, "resource_missing"),
        (409, {"type": "idempotency_error"}, False, ProviderUnavailable, "in_progress"),
        (429, {}, False, ProviderBusy, "rate_limit"),
        (429, {"code": "lock_timeout"}, False, ProviderBusy, "lock_timeout"),
        (500, {"type": "api_error"}, False, ProviderUnavailable, "provider_error"),
        (500, {"type": "api_error"}, True, ProviderRejected, "stored_failure"),
        (503, {}, False, ProviderUnavailable, "provider_error"),
        # The SDK could not read the body of a success: what was asked has happened.
        (200, {}, False, ProviderUnavailable, "provider_error"),
    ],
)
def test_each_answer(
    status: int | None, error: dict[str, Any], replayed: bool, kind: type[PaymentsError], code: str
) -> None:
    found = translate(status=status, error=error, message="The words.", replayed=replayed)
    assert (type(found), found.code, found.message) == (kind, code, "The words.")


@pytest.mark.parametrize(
    "key", ["sk_test_abc123", "sk_live_abc123", "rk_live_abc123", "whsec_abc123", "sk_test_****abc"]
)
def test_keys_are_taken_out(key: str) -> None:
    assert (
        without_secrets(f"Invalid API Key provided: {key}.") == "Invalid API Key provided: [key]."
    )
    found = translate(status=401, error={}, message=f"Invalid: {key}", replayed=False)
    assert key not in str(found)
