"""Refunds: never more than was taken."""

from app.stripe_emulator.errors import invalid
from app.stripe_emulator.params import Choice, Integer, Metadata, Range, Text, merge_metadata
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

_REASONS = Choice(("duplicate", "fraudulent", "requested_by_customer"))


@route(
    "POST",
    "/v1/refunds",
    {
        "amount": Integer(minimum=1),
        "charge": Text(),
        "metadata": Metadata(),
        "payment_intent": Text(),
        "reason": _REASONS,
    },
)
def create(work: Work) -> Doc:
    """Give back all or part of a charge. The invoice it paid stays paid, as at Stripe."""
    charge = _charge_to_refund(work)
    if not charge["paid"]:
        raise invalid(
            f"Charge {charge['id']} has no successful payment to refund.",
            param="charge",
            code="charge_not_refundable",
        )
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.",
            param="charge",
            code="charge_already_refunded",
        )
    amount = work.params.get("amount", left)
    if amount > left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
        )
    refund: Doc = {
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.now,
        "currency": charge["currency"],
        "destination_details": {"type": "card"},
        "metadata": merge_metadata({}, work.params.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "reason": work.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    work.tx.save(refund, parent=charge["id"])
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.tx.save(charge)
    work.emit("refund.created", refund)
    work.emit("charge.refunded", charge)
    return refund


def _charge_to_refund(work: Work) -> Doc:
    if "charge" in work.params:
        return work.load("charge", work.params["charge"], param="charge")
    if "payment_intent" not in work.params:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            param="charge",
            code="parameter_missing",
        )
    intent = work.load("payment_intent", work.params["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None:
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return work.load("charge", intent["latest_charge"])


@route("GET", "/v1/refunds/{id}")
def retrieve(work: Work) -> Doc:
    """One refund."""
    return work.load("refund", work.path["id"])


@route(
    "GET",
    "/v1/refunds",
    {"charge": Text(), "payment_intent": Text(), "created": Range()},
    paged=True,
)
def list_refunds(work: Work) -> Doc:
    """Refunds, newest first."""
    filters = Filters(
        parent=work.params.get("charge"),
        created=work.params.get("created"),
        equal={"payment_intent": work.params.get("payment_intent")},
    )
    return page(work.tx, "refund", filters, work.params, url="/v1/refunds", base_url=work.base_url)
