"""PaymentMethods: cards on file."""

import hashlib

from app.stripe_emulator.cards import BY_NUMBER, BY_TOKEN, TestCard, decline_message
from app.stripe_emulator.errors import CARD_ERROR, ApiError, invalid, missing_object
from app.stripe_emulator.params import Choice, Text
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

_TYPES = Choice(("card",))


def new_card(
    work: Work,
    card: TestCard,
    *,
    exp_month: int = 12,
    exp_year: int = 2034,
    name: str | None = None,
    email: str | None = None,
) -> Doc:
    """Store a card that nobody owns yet. The full number is kept only as our own note."""
    method: Doc = {
        "id": new_id("pm_1"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": email,
            "name": name,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            # The same number has the same fingerprint, as it has at Stripe.
            "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": work.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_number": card.number,
        # Set when 3-D Secure was passed as the card was entered.
        "_authenticated": False,
    }
    return work.tx.save(method)


def test_card(method: Doc) -> TestCard:
    """The bank's behavior for a stored card."""
    return BY_NUMBER[method["_number"]]


def attach_to(work: Work, method: Doc, customer: str) -> Doc:
    """Give the card to the customer and say so."""
    method["customer"] = customer
    work.tx.save(method)
    work.emit("payment_method.attached", method)
    return method


def _page(work: Work, customer: str | None, url: str) -> Doc:
    filters = Filters(customer=customer, equal={"type": work.params.get("type")})
    return page(work.tx, "payment_method", filters, work.params, url=url, base_url=work.base_url)


@route("GET", "/v1/payment_methods", {"customer": Text(), "type": _TYPES}, paged=True)
def list_methods(work: Work) -> Doc:
    """The cards of a customer, newest first. Without a customer the list is empty at Stripe."""
    customer = work.params.get("customer")
    if customer is None:
        raise invalid(
            "Missing required param: customer.", param="customer", code="parameter_missing"
        )
    work.load("customer", customer, param="customer")
    return _page(work, customer, "/v1/payment_methods")


@route("GET", "/v1/customers/{id}/payment_methods", {"type": _TYPES}, paged=True)
def list_of_customer(work: Work) -> Doc:
    """The same list under the customer's address."""
    customer = work.load("customer", work.path["id"])["id"]
    return _page(work, customer, f"/v1/customers/{customer}/payment_methods")


@route("GET", "/v1/payment_methods/{id}")
def retrieve(work: Work) -> Doc:
    """One card, also when it is no longer attached."""
    return work.load("payment_method", work.path["id"])


@route("GET", "/v1/customers/{customer}/payment_methods/{id}")
def retrieve_of_customer(work: Work) -> Doc:
    """One card, which must be this customer's."""
    method = work.load("payment_method", work.path["id"])
    if method["customer"] != work.load("customer", work.path["customer"])["id"]:
        raise missing_object("payment_method", work.path["id"])
    return method


@route("POST", "/v1/payment_methods/{id}/attach", {"customer": Text()}, required=("customer",))
def attach(work: Work) -> Doc:
    """Attach a card; a `pm_card_*` name makes a new card of that kind, as in Stripe's test mode.

    Raises 402 when the bank refuses the card.
    """
    customer = work.load("customer", work.params["customer"], param="customer")
    token = BY_TOKEN.get(work.path["id"])
    if token is None:
        method = work.load("payment_method", work.path["id"])
        if method["customer"] not in (None, customer["id"]):
            raise invalid(
                "The payment method you provided has already been attached to a customer.",
                param="payment_method",
            )
        if method.get("_detached"):
            raise invalid(
                "This PaymentMethod was previously used without being attached to a Customer or "
                "was detached from a Customer, and may not be used again.",
                param="payment_method",
            )
        if method["customer"] == customer["id"]:
            return method
        card = test_card(method)
    else:
        card = token
    if card.setup_decline is not None:
        code, decline = card.setup_decline
        raise ApiError(
            402, decline_message(decline), type=CARD_ERROR, code=code, decline_code=decline
        )
    if token is not None:
        method = new_card(work, token)
    return attach_to(work, method, customer["id"])


@route("POST", "/v1/payment_methods/{id}/detach")
def detach(work: Work) -> Doc:
    """Take a card off file; it can never be used again. A default that named it becomes none."""
    method = work.load("payment_method", work.path["id"])
    owner = method["customer"]
    if owner is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
        )
    customer = work.load("customer", owner)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        work.tx.save(customer)
        work.emit("customer.updated", customer)
    method["customer"] = None
    method["_detached"] = True
    work.tx.save(method)
    work.emit("payment_method.detached", method, previous={"customer": owner})
    return method
