"""From Stripe's answers to our five errors; imports nothing of Stripe."""

import logging
import re
from typing import Any

from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
)

# By either of these the bank says that the person has to authenticate (3-D Secure).
_ASKS_FOR_AUTHENTICATION = frozenset(
    {"authentication_required", "invoice_payment_intent_requires_action"}
)
_TOO_MANY = frozenset({"rate_limit", "lock_timeout"})
_SECRET = re.compile(r"\b(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9_*]+")


def translate(
    *, status: int | None, error: dict[str, Any], message: str, replayed: bool
) -> PaymentsError:
    """Our error for an answer of Stripe's.

    `status` is None when there was no answer; `error` is the error object of the body, empty when
    there was none; `replayed` tells that the answer was stored under the idempotency key.
    """
    message = without_secrets(message)
    code = str(error.get("code") or "")
    decline_code = str(error.get("decline_code") or "")
    if status is None:
        return ProviderUnavailable(message, code="no_answer")
    if status == 429 or code in _TOO_MANY:
        return ProviderBusy(message, code=code or "rate_limit")
    if status in {401, 403}:
        # A fault of our configuration, nothing that was wrong with what we asked: once it is
        # mended, the same call with the same key succeeds.
        return ProviderUnavailable(message, code="unauthorized")
    if status == 409:
        return ProviderUnavailable(message, code="in_progress")
    if error.get("type") == "idempotency_error":
        return ProviderRejected(message, code="idempotency_conflict")
    if status >= 500 and replayed:
        return ProviderRejected(message, code="stored_failure")
    if {code, decline_code} & _ASKS_FOR_AUTHENTICATION:
        return AuthenticationRequired(message, code="authentication_required")
    if status == 402:
        return PaymentDeclined(message, code=decline_code or code or "card_declined")
    if 400 <= status < 500:
        return ProviderRejected(message, code=code or "invalid_request")
    return ProviderUnavailable(message, code="provider_error")


def without_secrets(text: str) -> str:
    """`text` with whatever looks like one of Stripe's keys taken out."""
    return _SECRET.sub("[key]", text)


class _NoSecrets(logging.Filter):
    """Takes keys out of what the SDK logs, should it ever log one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), None
        return True


def quiet_the_sdk() -> None:
    """The SDK's log names every address and, at its lowest level, every body: only warnings."""
    logger = logging.getLogger("stripe")
    logger.setLevel(logging.WARNING)
    if not any(isinstance(known, _NoSecrets) for known in logger.filters):
        logger.addFilter(_NoSecrets())
