"""Between Stripe's JSON objects (as dictionaries) and our values; imports nothing of Stripe."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import (
    Card,
    CardSetup,
    ProviderEvent,
    ProviderRejected,
    RemoteInvoice,
    RemoteLine,
)

Json = dict[str, Any]

# The names under which our references stand in the metadata of Stripe's objects.
CUSTOMER_REFERENCE = "tallyport_customer"
INVOICE_REFERENCE = "tallyport_invoice"
LINE_REFERENCE = "tallyport_line"
CREDIT_REFERENCE = "tallyport_credit"
# An object's id is stored in a column of this width; Stripe documents ids of up to 255 characters
# but has never sent one of more than 66.
MAX_ID = 128
MAX_EVENT_ID = 64


def read_reference(found: Json, name: str) -> str | None:
    """Our reference in the object's metadata, or None."""
    reference = (found.get("metadata") or {}).get(name)
    return str(reference) if reference is not None else None


def read_invoice(found: Json, *, lines: Iterable[Json] | None = None) -> RemoteInvoice:
    """An invoice; `lines` when the object itself shows only the first of them."""
    shown = lines if lines is not None else (found.get("lines") or {}).get("data") or ()
    references = {read_reference(line, LINE_REFERENCE) for line in shown}
    failure = _last_failure(found)
    # Stripe charges by card what does not say otherwise.
    collection = found.get("collection_method") or Collection.CHARGE_AUTOMATICALLY
    return RemoteInvoice(
        id=found["id"],
        reference=read_reference(found, INVOICE_REFERENCE),
        customer_id=_id_of(found["customer"]) or "",
        status=InvoiceStatus(found["status"]),
        total=found["total"],
        amount_due=found["amount_due"],
        amount_paid=found["amount_paid"],
        balance_applied=_balance_applied(found),
        currency=found["currency"],
        collection=Collection(collection),
        number=found.get("number"),
        hosted_url=found.get("hosted_invoice_url"),
        pdf_url=found.get("invoice_pdf"),
        paid_at=_instant((found.get("status_transitions") or {}).get("paid_at")),
        due_at=_instant(found.get("due_date")),
        line_references=frozenset(reference for reference in references if reference is not None),
        failure_code=failure.get("decline_code") or failure.get("code"),
        failure_message=failure.get("message"),
    )


def payment_intent_status(found: Json) -> str | None:
    """The state of the payment of an invoice whose payments were expanded."""
    intents = _payment_intents(found)
    return str(intents[-1]["status"]) if intents else None


def paid_intents(found: Json) -> list[str]:
    """The ids of the payments that came through Stripe, of an invoice whose payments were
    expanded."""
    return [str(one["id"]) for one in _payment_intents(found) if one["status"] == "succeeded"]


def paid_through_stripe(found: Json) -> int:
    """How much of an invoice whose payments were expanded came through Stripe, in cents."""
    paid = [one for one in _payment_intents(found) if one["status"] == "succeeded"]
    return sum(int(one["amount_received"]) for one in paid)


def read_card(method: Json) -> Card | None:
    """A card on file; None for a payment method that is not a card."""
    card = method.get("card")
    if method.get("type") != "card" or not isinstance(card, dict):
        return None
    return Card(
        payment_method=method["id"],
        brand=str(card["brand"]),
        last4=str(card["last4"]),
        exp_month=int(card["exp_month"]),
        exp_year=int(card["exp_year"]),
    )


def read_card_setup(session: Json) -> CardSetup:
    """A Checkout Session whose SetupIntent and payment method were expanded."""
    intent = session.get("setup_intent")
    method = intent.get("payment_method") if isinstance(intent, dict) else None
    return CardSetup(
        session_id=session["id"],
        complete=session.get("status") == "complete",
        customer_id=_id_of(session.get("customer")),
        card=read_card(method) if isinstance(method, dict) else None,
    )


def read_provider_event(found: Json) -> ProviderEvent:
    """An event. Raises ProviderRejected `unreadable` when it lacks what an event has."""
    data = found.get("data")
    shown = data.get("object") if isinstance(data, dict) else None
    event_id, event_type = found.get("id"), found.get("type")
    readable = (
        isinstance(event_id, str)
        and 0 < len(event_id) <= MAX_EVENT_ID
        and isinstance(event_type, str)
        and isinstance(shown, dict)
    )
    if not readable or not isinstance(shown, dict):
        raise ProviderRejected("This is not an event.", code="unreadable")
    object_id, version = shown.get("id"), found.get("api_version")
    usable = isinstance(object_id, str) and len(object_id) <= MAX_ID
    return ProviderEvent(
        id=str(event_id),
        type=str(event_type),
        object_id=str(object_id) if usable else "",
        api_version=version if isinstance(version, str) else None,
    )


def write_line(line: RemoteLine, *, currency: str) -> Json:
    """A line for `add_lines`. Raises ValueError when its amount is not quantity x unit.

    Stripe takes no negative price, so a discount or credit is sent as an amount.
    """
    if line.amount != line.quantity * line.unit_amount:
        raise ValueError(f"line {line.reference}: amount is not quantity x unit amount")
    sent: Json = {
        "description": line.description,
        "discountable": False,
        "metadata": {LINE_REFERENCE: line.reference},
    }
    if line.period_start is not None and line.period_end is not None:
        sent["period"] = {
            "start": int(line.period_start.timestamp()),
            "end": int(line.period_end.timestamp()),
        }
    if line.unit_amount < 0:
        sent["amount"] = line.amount
    else:
        sent["quantity"] = line.quantity
        sent["price_data"] = {
            "currency": currency,
            "product_data": {"name": line.description},
            "unit_amount_decimal": Decimal(line.unit_amount),
        }
    return sent


def _balance_applied(found: Json) -> int:
    """How much of the customer's credit pays for an invoice, in cents.

    At Stripe credit is a negative balance and debt a positive one. Only the credit counts: a debt
    that was asked for together with the invoice, or an amount too small to charge that became a
    debt, is not paid from anything.
    """
    ending = found.get("ending_balance")
    if ending is None or found["status"] == "void":
        return 0
    before, after = max(-int(found["starting_balance"]), 0), max(-int(ending), 0)
    return max(before - after, 0)


def _payment_intents(found: Json) -> list[Json]:
    payments = (found.get("payments") or {}).get("data") or []
    intents = [(payment.get("payment") or {}).get("payment_intent") for payment in payments]
    return [intent for intent in intents if isinstance(intent, dict)]


def _last_failure(found: Json) -> Json:
    """What the bank said last, as long as the invoice is not paid."""
    if found["status"] == "paid":
        return {}
    for intent in reversed(_payment_intents(found)):
        if intent.get("last_payment_error"):
            return dict(intent["last_payment_error"])
    return {}


def _id_of(value: Any) -> str | None:
    """The id, whether the object was expanded or not."""
    if isinstance(value, dict):
        return str(value["id"])
    return str(value) if value is not None else None


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
