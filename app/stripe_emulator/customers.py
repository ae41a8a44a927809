"""Customers and their credit balance."""

from typing import Any

from app.stripe_emulator.errors import invalid, unsupported
from app.stripe_emulator.params import (
    Choice,
    Hash,
    Integer,
    ListOf,
    Metadata,
    Range,
    Spec,
    Text,
    merge_metadata,
)
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

ADDRESS = Hash(
    {
        name: Text(clearable=True)
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    },
    clearable=True,
)

_FIELDS: dict[str, Spec] = {
    "address": ADDRESS,
    "balance": Integer(),
    "description": Text(clearable=True),
    "email": Text(clearable=True, max_length=512),
    "invoice_settings": Hash(
        {
            "default_payment_method": Text(clearable=True),
            "footer": Text(clearable=True),
            "custom_fields": ListOf(
                Hash({"name": Text(max_length=40), "value": Text(max_length=140)}),
                clearable=True,
                max_items=4,
            ),
        }
    ),
    "metadata": Metadata(),
    "name": Text(clearable=True, max_length=256),
    "phone": Text(clearable=True, max_length=20),
    "preferred_locales": ListOf(Text()),
    "tax_exempt": Choice(("none", "exempt", "reverse"), clearable=True),
}


@route("POST", "/v1/customers", _FIELDS | {"payment_method": Text()})
def create(work: Work) -> Doc:
    """A new customer, with a prefix of its own for the numbers of its invoices."""
    customer: Doc = {
        "id": new_id("cus_", length=14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": work.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("", length=8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    if "payment_method" in work.params:
        raise invalid(
            "The Stripe emulator attaches cards by POST /v1/payment_methods/{id}/attach.",
            param="payment_method",
        )
    _apply(work, customer)
    work.tx.save(customer)
    work.emit("customer.created", customer)
    return customer


@route("POST", "/v1/customers/{id}", _FIELDS)
def update(work: Work) -> Doc:
    """Change what is given. A default card must be attached to this customer."""
    customer = work.load("customer", work.path["id"])
    before = {**customer, "invoice_settings": dict(customer["invoice_settings"])}
    _apply(work, customer)
    work.tx.save(customer)
    previous = {name: value for name, value in before.items() if customer[name] != value}
    if previous:
        work.emit("customer.updated", customer, previous=previous)
    return customer


def _apply(work: Work, customer: Doc) -> None:
    """Write the parameters into the customer."""
    changes: dict[str, Any] = dict(work.params)
    changes.pop("expand", None)
    if "metadata" in changes:
        customer["metadata"] = merge_metadata(customer["metadata"], changes.pop("metadata"))
    settings = changes.pop("invoice_settings", {})
    default = settings.get("default_payment_method")
    if default is not None:
        card = work.load(
            "payment_method", default, param="invoice_settings[default_payment_method]"
        )
        if card["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {default}. The payment "
                "method must be attached to the customer.",
                param="invoice_settings[default_payment_method]",
                code="resource_missing",
            )
    customer["invoice_settings"].update(settings)
    balance = changes.pop("balance", None)
    if changes.get("address") is not None:
        empty = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
        changes["address"] = {**empty, **changes["address"]}
    if changes.get("tax_exempt", "none") is None:
        changes["tax_exempt"] = "none"
    customer.update(changes)
    if balance is not None and balance != customer["balance"]:
        work.tx.save(customer)
        record_balance_change(work, customer, balance - customer["balance"], type="adjustment")


@route("GET", "/v1/customers", {"email": Text(), "created": Range()}, paged=True)
def list_customers(work: Work) -> Doc:
    """Customers, newest first; the email is compared exactly, as Stripe compares it."""
    filters = Filters(created=work.params.get("created"), equal={"email": work.params.get("email")})
    return _page(work, "customer", filters, "/v1/customers")


@route("GET", "/v1/customers/{id}")
def retrieve(work: Work) -> Doc:
    """One customer."""
    return work.load("customer", work.path["id"])


def _page(work: Work, kind: str, filters: Filters, url: str) -> Doc:
    return page(work.tx, kind, filters, work.params, url=url, base_url=work.base_url)


def record_balance_change(
    work: Work,
    customer: Doc,
    amount: int,
    *,
    type: str,
    invoice: str | None = None,
    currency: str | None = None,
    description: str | None = None,
) -> Doc:
    """Move the credit balance by `amount` cents (negative: in the customer's favor)."""
    customer["balance"] += amount
    customer["currency"] = customer["currency"] or currency or "usd"
    work.tx.save(customer)
    transaction = {
        "id": new_id("cbtxn_"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": work.now,
        "credit_note": None,
        "currency": currency or customer["currency"],
        "customer": customer["id"],
        "description": description,
        "ending_balance": customer["balance"],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "type": type,
    }
    return work.tx.save(transaction, parent=customer["id"])


@route(
    "POST",
    "/v1/customers/{id}/balance_transactions",
    {
        "amount": Integer(),
        "currency": Text(max_length=3),
        "description": Text(clearable=True),
        "metadata": Metadata(),
    },
    required=("amount", "currency"),
)
def create_balance_transaction(work: Work) -> Doc:
    """Give credit (a negative amount) or take it back."""
    customer = work.load("customer", work.path["id"])
    currency = work.params["currency"].lower()
    if customer["currency"] not in (None, currency):
        raise unsupported("balances in several currencies", param="currency")
    transaction = record_balance_change(
        work,
        customer,
        work.params["amount"],
        type="adjustment",
        currency=currency,
        description=work.params.get("description"),
    )
    transaction["metadata"] = merge_metadata({}, work.params.get("metadata"))
    work.tx.save(transaction)
    work.emit("customer.updated", customer)
    return transaction


@route("GET", "/v1/customers/{id}/balance_transactions", paged=True)
def list_balance_transactions(work: Work) -> Doc:
    """The history of the credit balance, newest first."""
    customer = work.load("customer", work.path["id"])
    return _page(
        work,
        "customer_balance_transaction",
        Filters(parent=customer["id"]),
        f"/v1/customers/{customer['id']}/balance_transactions",
    )
