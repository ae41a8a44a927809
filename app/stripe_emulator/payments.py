"""PaymentIntents, charges, and the one function that asks the bank for money."""

from dataclasses import dataclass

from app.stripe_emulator.cards import decline_message
from app.stripe_emulator.errors import CARD_ERROR, DOC_URL
from app.stripe_emulator.params import Range, Text
from app.stripe_emulator.payment_methods import test_card
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route


@dataclass(frozen=True)
class Outcome:
    """What the bank said: `succeeded`, `declined` (with codes) or `requires_action`."""

    result: str
    code: str | None = None
    decline_code: str | None = None

    @property
    def message(self) -> str:
        return decline_message(self.decline_code or "generic_decline")


def new_payment_intent(work: Work, invoice: Doc) -> Doc:
    """The intent to collect an invoice's amount, made when the invoice is finalized."""
    intent_id = new_id("pi_3")
    intent: Doc = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": invoice["amount_due"],
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "created": work.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": "Payment for Invoice",
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    work.tx.save(intent, parent=invoice["id"])
    work.emit("payment_intent.created", intent)
    return intent


def attempt(work: Work, intent: Doc, method: Doc, *, authenticated: bool = False) -> Outcome:
    """Charge the card for the whole amount, once, and record what the bank said.

    `authenticated` means that the person has just passed 3-D Secure for this very payment.
    """
    card = test_card(method)
    asks = card.authenticate == "always" or (
        card.authenticate == "setup" and not method["_authenticated"]
    )
    intent["payment_method"] = method["id"]
    if asks and not authenticated:
        intent.update(
            status="requires_action",
            last_payment_error=None,
            next_action={
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {"type": "three_d_secure_redirect"},
            },
        )
        work.tx.save(intent)
        work.emit("payment_intent.requires_action", intent)
        return Outcome("requires_action")
    if card.charge_decline is not None:
        code, decline = card.charge_decline
        charge = _new_charge(work, intent, method, decline=(code, decline))
        _fail(work, intent, method, code=code, decline_code=decline, charge=charge)
        return Outcome("declined", code=code, decline_code=decline)
    charge = _new_charge(work, intent, method)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    work.tx.save(intent)
    work.emit("charge.succeeded", charge)
    work.emit("payment_intent.succeeded", intent)
    return Outcome("succeeded")


def fail_authentication(work: Work, intent: Doc) -> None:
    """The person did not pass 3-D Secure: the card goes off the payment, nothing was charged."""
    method = work.load("payment_method", intent["payment_method"])
    _fail(work, intent, method, code="payment_intent_authentication_failure")


def cancel(work: Work, intent: Doc, *, reason: str) -> None:
    """Give up on a payment; its amount can no longer be charged by this intent."""
    intent.update(
        status="canceled", canceled_at=work.now, cancellation_reason=reason, next_action=None
    )
    work.tx.save(intent)
    work.emit("payment_intent.canceled", intent)


def _fail(
    work: Work,
    intent: Doc,
    method: Doc,
    *,
    code: str,
    decline_code: str | None = None,
    charge: Doc | None = None,
) -> None:
    error: Doc = {
        "code": code,
        "doc_url": DOC_URL + code.replace("_", "-"),
        "message": (
            decline_message(decline_code)
            if decline_code
            else "The provided PaymentMethod has failed authentication."
        ),
        "payment_method": work.render(method),
        "type": CARD_ERROR if decline_code else "invalid_request_error",
    }
    if decline_code:
        error["decline_code"] = decline_code
    if charge is not None:
        error["charge"] = charge["id"]
        intent["latest_charge"] = charge["id"]
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    work.tx.save(intent)
    if charge is not None:
        work.emit("charge.failed", charge)
    work.emit("payment_intent.payment_failed", intent)


def _new_charge(
    work: Work, intent: Doc, method: Doc, *, decline: tuple[str, str] | None = None
) -> Doc:
    failed = decline is not None
    card = method["card"]
    charge: Doc = {
        "id": new_id("ch_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if failed else intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "TALLYPORT DEMO",
        "captured": not failed,
        "created": work.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline[0] if decline else None,
        "failure_message": decline_message(decline[1]) if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": {
            "advice_code": "try_again_later" if failed else None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": decline[1] if decline else None,
            "risk_level": "normal",
            "seller_message": "The bank declined." if failed else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "amount_authorized": None if failed else intent["amount"],
                "authorization_code": None,
                "brand": card["brand"],
                "checks": card["checks"],
                "country": card["country"],
                "exp_month": card["exp_month"],
                "exp_year": card["exp_year"],
                "fingerprint": card["fingerprint"],
                "funding": card["funding"],
                "installments": None,
                "last4": card["last4"],
                "mandate": None,
                "network": card["brand"],
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if failed else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
    return work.tx.save(charge, parent=intent["id"])


@route("GET", "/v1/payment_intents/{id}")
def retrieve_intent(work: Work) -> Doc:
    """One PaymentIntent."""
    return work.load("payment_intent", work.path["id"])


@route("GET", "/v1/charges/{id}")
def retrieve_charge(work: Work) -> Doc:
    """One charge, also a failed one."""
    return work.load("charge", work.path["id"])


@route(
    "GET",
    "/v1/charges",
    {"customer": Text(), "payment_intent": Text(), "created": Range()},
    paged=True,
)
def list_charges(work: Work) -> Doc:
    """Charges, newest first."""
    filters = Filters(
        customer=work.params.get("customer"),
        parent=work.params.get("payment_intent"),
        created=work.params.get("created"),
    )
    return page(work.tx, "charge", filters, work.params, url="/v1/charges", base_url=work.base_url)
