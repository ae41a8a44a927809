"""The payment provider's failures as errors that pages know how to show."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.errors import BillingError
from app.gateways.payments import PaymentsError, ProviderRejected


@contextmanager
def provider_words() -> Iterator[None]:
    """Around calls of the gateway that a person waits for: raises BillingError
    `payments_unavailable` or `payments_refused` where the gateway raises its own."""
    try:
        yield
    except ProviderRejected as error:
        raise BillingError("payments_refused", reason=error.code) from None
    except PaymentsError:
        raise BillingError("payments_unavailable") from None
