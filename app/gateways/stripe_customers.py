"""The calls about a customer's balance and address, as a part of the Stripe gateway.

It is handed the SDK's services and imports nothing of the SDK itself.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from app.gateways.payments import ADDRESS_PARTS, BillingDetails
from app.gateways.stripe_values import CREDIT_REFERENCE, read_reference

_PAGE = 100


class StripeCustomers:
    """See `PaymentsGateway` for what each call promises."""

    # The SDK's services of balance transactions and of customers, and what every call is made
    # inside of.
    _balances: Any
    _customers: Any
    _calling: Callable[[str], AbstractContextManager[None]]

    def credit_balance(
        self,
        customer_id: str,
        *,
        amount: int,
        currency: str,
        description: str,
        reference: str,
        key: str,
    ) -> str:
        """See the protocol. At Stripe a negative amount is credit."""
        if amount <= 0:
            raise ValueError("credit is more than nothing")
        with self._calling("credit_balance"):
            made = self._balances.create(
                customer_id,
                {
                    "amount": -amount,
                    "currency": currency,
                    "description": description,
                    "metadata": {CREDIT_REFERENCE: reference},
                },
                {"idempotency_key": key},
            )
            return str(made.id)

    def find_balance_credit(self, customer_id: str, *, reference: str) -> str | None:
        """See the protocol."""
        with self._calling("find_balance_credit"):
            newest_first = self._balances.list(customer_id, {"limit": _PAGE})
            for change in newest_first.auto_paging_iter():
                if read_reference(change.to_dict(), CREDIT_REFERENCE) == reference:
                    return str(change.id)
        return None

    def update_customer(self, customer_id: str, details: BillingDetails, *, key: str) -> None:
        """See the protocol. An empty text takes a value away at Stripe."""
        address = {name: getattr(details, name) or "" for name in ADDRESS_PARTS}
        params: dict[str, Any] = {"name": details.name, "address": address}
        if details.email:
            params["email"] = details.email
        with self._calling("update_customer"):
            self._customers.update(customer_id, params, {"idempotency_key": key})
