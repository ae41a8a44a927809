"""What becomes of a draft: final, sent, paid, void or uncollectible."""

from app.stripe_emulator import payments
from app.stripe_emulator.customers import record_balance_change
from app.stripe_emulator.errors import CARD_ERROR, ApiError, invalid, unsupported
from app.stripe_emulator.invoices import DAY, check_card_of
from app.stripe_emulator.params import Boolean, Choice, Hash, Range, Text
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

# Below these amounts (in the currency's smallest unit) a card network takes no payment: the invoice
# counts as paid and the amount is carried over on the customer's balance.
MINIMUM_CHARGE = {"usd": 50, "eur": 50, "gbp": 30, "dkk": 250, "nok": 300, "sek": 300}


@route("POST", "/v1/invoices/{id}/finalize", {"auto_advance": Boolean()})
def finalize_invoice(work: Work) -> Doc:
    """Give the draft its number and settle it with the customer's credit."""
    if work.params.get("auto_advance"):
        raise unsupported("auto_advance=true: it collects nothing by itself", param="auto_advance")
    invoice = work.load("invoice", work.path["id"])
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    return _finalize(work, invoice)


def _finalize(work: Work, invoice: Doc) -> Doc:
    if not work.tx.select("line_item", Filters(parent=invoice["id"]), limit=1):
        raise invalid(
            "Nothing to invoice for customer: the invoice has no line items.",
            code="invoice_no_customer_line_items",
        )
    customer = work.load("customer", invoice["customer"])
    # Taken inside the transaction that makes the invoice final, hence without gaps.
    sequence = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    work.tx.save(customer)
    invoice["number"] = f"{customer['invoice_prefix']}-{sequence:04d}"
    _settle_with_balance(work, invoice, customer)
    invoice["status"] = "open"
    invoice["status_transitions"]["finalized_at"] = work.now
    invoice["effective_at"] = work.now
    if invoice["_days_until_due"] is not None:
        invoice["due_date"] = work.now + invoice["_days_until_due"] * DAY
    work.tx.save(invoice)
    if invoice["amount_due"] == 0:
        work.emit("invoice.finalized", invoice)
        return _mark_paid(work, invoice)
    intent = payments.new_payment_intent(work, invoice)
    work.tx.save(
        {
            "id": new_id("inpay_1"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": work.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
        parent=invoice["id"],
    )
    work.emit("invoice.finalized", invoice)
    return invoice


def _settle_with_balance(work: Work, invoice: Doc, customer: Doc) -> None:
    """Credit (a negative balance) lowers what is due, debt raises it, a negative total is credit."""
    starting = customer["balance"]
    if starting and customer["currency"] != invoice["currency"]:
        raise unsupported("balances in several currencies", param="currency")
    combined = invoice["total"] + starting
    due, ending = max(combined, 0), min(combined, 0)
    if ending != starting:
        record_balance_change(
            work,
            customer,
            ending - starting,
            type="applied_to_invoice",
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
    if 0 < due < MINIMUM_CHARGE.get(invoice["currency"], 50):
        record_balance_change(
            work,
            customer,
            due,
            type="invoice_too_small",
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
        due, ending = 0, due
    invoice.update(
        starting_balance=starting, ending_balance=ending, amount_due=due, amount_remaining=due
    )
    customer["currency"] = customer["currency"] or invoice["currency"]
    work.tx.save(customer)


@route(
    "POST",
    "/v1/invoices/{id}/pay",
    {"off_session": Boolean(), "paid_out_of_band": Boolean(), "payment_method": Text()},
)
def pay(work: Work) -> Doc:
    """Charge the card, or record that the money came another way.

    Raises 402: `card_error` with the bank's codes when it declined, and
    `invoice_payment_intent_requires_action` when it asks for 3-D Secure. The invoice stays open.
    """
    invoice = work.load("invoice", work.path["id"])
    if invoice["status"] == "draft":
        invoice = _finalize(work, invoice)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("A void invoice cannot be paid.", code="status_transition_invalid")
    if work.params.get("paid_out_of_band"):
        return _pay_out_of_band(work, invoice)
    method = _card_for(work, invoice)
    outcome = collect(work, invoice, method)
    if outcome.result == "declined":
        raise ApiError(
            402,
            outcome.message,
            type=CARD_ERROR,
            code=outcome.code,
            decline_code=outcome.decline_code,
            keep_changes=True,
            extra={"charge": payment_intent_of(work, invoice)["latest_charge"]},
        )
    if outcome.result == "requires_action":
        raise ApiError(
            402,
            "This payment requires additional user action before it can be completed successfully. "
            "Payment can be completed using the PaymentIntent associated with the invoice.",
            type=CARD_ERROR,
            code="invoice_payment_intent_requires_action",
            keep_changes=True,
        )
    return invoice


def _card_for(work: Work, invoice: Doc) -> Doc:
    """The card that was named, else the invoice's default, else the customer's."""
    customer = work.load("customer", invoice["customer"])
    named = work.params.get("payment_method")
    default = (
        named
        or invoice["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    if default is None:
        raise invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please use the "
            "`payment_method` parameter or set a default.",
            param="payment_method",
            code="missing",
        )
    return check_card_of(work, customer["id"], default, param="payment_method")


def payment_of(work: Work, invoice: Doc) -> Doc:
    """The invoice's payment; every finalized invoice with something due has one."""
    return work.tx.select("invoice_payment", Filters(parent=invoice["id"]))[0]


def payment_intent_of(work: Work, invoice: Doc) -> Doc:
    """The PaymentIntent that collects the invoice."""
    return work.load("payment_intent", payment_of(work, invoice)["payment"]["payment_intent"])


def collect(
    work: Work, invoice: Doc, method: Doc, *, authenticated: bool = False
) -> payments.Outcome:
    """Try the card on an open (or uncollectible) invoice and write the outcome into it."""
    intent = payment_intent_of(work, invoice)
    outcome = payments.attempt(work, intent, method, authenticated=authenticated)
    # By Stripe's count only automatic retries raise the number after the first attempt.
    invoice.update(attempted=True, attempt_count=max(invoice["attempt_count"], 1))
    if outcome.result == "succeeded":
        payment = payment_of(work, invoice)
        payment.update(
            status="paid",
            amount_paid=invoice["amount_due"],
            status_transitions={"canceled_at": None, "paid_at": work.now},
        )
        work.tx.save(payment)
        invoice.update(amount_paid=invoice["amount_due"], amount_remaining=0)
        _mark_paid(work, invoice)
        work.emit("invoice_payment.paid", payment)
        return outcome
    work.tx.save(invoice)
    if outcome.result == "requires_action":
        work.emit("invoice.payment_action_required", invoice)
    work.emit("invoice.payment_failed", invoice)
    return outcome


def _mark_paid(work: Work, invoice: Doc) -> Doc:
    invoice["status"] = "paid"
    invoice["attempted"] = True
    invoice["status_transitions"]["paid_at"] = work.now
    work.tx.save(invoice)
    work.emit("invoice.paid", invoice)
    work.emit("invoice.payment_succeeded", invoice)
    return invoice


def _pay_out_of_band(work: Work, invoice: Doc) -> Doc:
    _cancel_payment(work, invoice, reason="automatic")
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_paid_off_stripe=invoice["amount_due"],
        amount_remaining=0,
    )
    return _mark_paid(work, invoice)


def _cancel_payment(work: Work, invoice: Doc, *, reason: str) -> None:
    payment = payment_of(work, invoice)
    payment.update(status="canceled", status_transitions={"canceled_at": work.now, "paid_at": None})
    work.tx.save(payment)
    payments.cancel(work, payment_intent_of(work, invoice), reason=reason)


def _require_status(invoice: Doc, allowed: tuple[str, ...]) -> None:
    if invoice["status"] not in allowed:
        raise invalid(
            f"You can only pass in {' or '.join(allowed)} invoices. This invoice is "
            f"{invoice['status']}.",
            code="status_transition_invalid",
        )


@route("POST", "/v1/invoices/{id}/void")
def void(work: Work) -> Doc:
    """Withdraw a finalized, unpaid invoice; its number stays used, its credit comes back."""
    invoice = work.load("invoice", work.path["id"])
    _require_status(invoice, ("open", "uncollectible"))
    _cancel_payment(work, invoice, reason="void_invoice")
    applied = invoice["ending_balance"] - invoice["starting_balance"]
    if applied:
        customer = work.load("customer", invoice["customer"])
        record_balance_change(
            work,
            customer,
            -applied,
            type="unapplied_from_invoice",
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = work.now
    work.tx.save(invoice)
    work.emit("invoice.voided", invoice)
    return invoice


@route("POST", "/v1/invoices/{id}/mark_uncollectible")
def mark_uncollectible(work: Work) -> Doc:
    """Write an open invoice off; it can still be paid or voided later."""
    invoice = work.load("invoice", work.path["id"])
    _require_status(invoice, ("open",))
    invoice["status"] = "uncollectible"
    invoice["status_transitions"]["marked_uncollectible_at"] = work.now
    work.tx.save(invoice)
    work.emit("invoice.marked_uncollectible", invoice)
    return invoice


@route("POST", "/v1/invoices/{id}/send")
def send(work: Work) -> Doc:
    """Finalize if needed and note that it was sent; as in test mode, no mail leaves the house."""
    invoice = work.load("invoice", work.path["id"])
    if invoice["collection_method"] != "send_invoice":
        raise invalid(
            "You can only manually send an invoice if its collection method is `send_invoice`."
        )
    if invoice["status"] == "draft":
        invoice = _finalize(work, invoice)
    _require_status(invoice, ("open", "paid", "uncollectible"))
    work.emit("invoice.sent", invoice)
    return invoice


@route("GET", "/v1/invoice_payments/{id}")
def retrieve_payment(work: Work) -> Doc:
    """One payment of an invoice."""
    return work.load("invoice_payment", work.path["id"])


@route(
    "GET",
    "/v1/invoice_payments",
    {
        "created": Range(),
        "invoice": Text(),
        "payment": Hash(
            {"type": Choice(("payment_intent", "payment_record")), "payment_intent": Text()},
            required=("type",),
        ),
        "status": Choice(("canceled", "open", "paid")),
    },
    paged=True,
)
def list_payments(work: Work) -> Doc:
    """Payments of invoices, newest first; by invoice or by PaymentIntent."""
    wanted = work.params.get("payment", {}).get("payment_intent")
    filters = Filters(
        parent=work.params.get("invoice"),
        status=work.params.get("status"),
        created=work.params.get("created"),
        equal={"payment.payment_intent": wanted},
    )
    return page(
        work.tx,
        "invoice_payment",
        filters,
        work.params,
        url="/v1/invoice_payments",
        base_url=work.base_url,
    )
