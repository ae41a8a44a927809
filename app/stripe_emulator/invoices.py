"""Invoices: making, reading, changing and deleting them. Collecting them is in settlement."""

from typing import Any

from app.stripe_emulator.errors import invalid, unsupported
from app.stripe_emulator.params import (
    Boolean,
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

DAY = 24 * 60 * 60

_EDITABLE: dict[str, Spec] = {
    "auto_advance": Boolean(),
    "automatic_tax": Hash({"enabled": Boolean()}, required=("enabled",)),
    "collection_method": Choice(("charge_automatically", "send_invoice")),
    "custom_fields": ListOf(
        Hash(
            {"name": Text(max_length=40), "value": Text(max_length=140)},
            required=("name", "value"),
        ),
        clearable=True,
        max_items=4,
    ),
    "days_until_due": Integer(minimum=0, maximum=3650),
    "default_payment_method": Text(clearable=True),
    "description": Text(clearable=True, max_length=1500),
    "due_date": Integer(),
    "footer": Text(clearable=True),
    "metadata": Metadata(),
    "payment_settings": Hash(
        {
            "payment_method_types": ListOf(Choice(("card",)), clearable=True),
            "payment_method_options": Hash(
                {"card": Hash({"request_three_d_secure": Choice(("automatic",))})}
            ),
        }
    ),
    "statement_descriptor": Text(clearable=True, max_length=22),
}

# What may still be changed once the invoice is no longer a draft.
_EDITABLE_WHEN_FINAL = {"metadata", "auto_advance", "default_payment_method", "payment_settings"}


@route(
    "POST",
    "/v1/invoices",
    {
        **_EDITABLE,
        "currency": Text(max_length=3),
        "customer": Text(),
        "pending_invoice_items_behavior": Choice(("exclude", "include")),
    },
    required=("customer",),
)
def create(work: Work) -> Doc:
    """An empty draft; its items are added one by one or with add_lines."""
    customer = work.load("customer", work.params["customer"], param="customer")
    currency = (work.params.get("currency") or customer["currency"] or "usd").lower()
    invoice: Doc = {
        "id": new_id("in_1"),
        "object": "invoice",
        "account_country": "US",
        "account_name": "Stripe emulator",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": work.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": work.now,
        "period_start": work.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": None,
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
        "_days_until_due": None,
        "_page_secret": new_id("test_"),
    }
    _apply(work, invoice)
    if invoice["collection_method"] == "send_invoice" and not _has_due_date(invoice):
        raise invalid(
            "If invoices are sent, you must specify `days_until_due` or `due_date`.",
            param="days_until_due",
            code="parameter_missing",
        )
    work.tx.save(invoice)
    work.emit("invoice.created", invoice)
    return invoice


def _has_due_date(invoice: Doc) -> bool:
    return invoice["due_date"] is not None or invoice["_days_until_due"] is not None


def _apply(work: Work, invoice: Doc) -> None:
    """Write the editable parameters into the invoice, or refuse them."""
    params: dict[str, Any] = {
        name: value for name, value in work.params.items() if name in _EDITABLE
    }
    if params.pop("automatic_tax", {}).get("enabled"):
        raise unsupported("automatic_tax", param="automatic_tax")
    if params.get("auto_advance"):
        raise unsupported("auto_advance=true: it collects nothing by itself", param="auto_advance")
    default = params.get("default_payment_method")
    if default is not None:
        check_card_of(work, invoice["customer"], default, param="default_payment_method")
    if "metadata" in params:
        invoice["metadata"] = merge_metadata(invoice["metadata"], params.pop("metadata"))
    invoice["payment_settings"].update(params.pop("payment_settings", {}))
    days, due_date = params.pop("days_until_due", None), params.get("due_date")
    method = params.get("collection_method", invoice["collection_method"])
    if method == "charge_automatically" and (days is not None or due_date is not None):
        raise invalid(
            "You can only specify `days_until_due` or `due_date` if `collection_method` is "
            "`send_invoice`.",
            param="days_until_due" if days is not None else "due_date",
        )
    if days is not None and due_date is not None:
        raise invalid(
            "You may only specify one of these parameters: days_until_due, due_date.",
            param="days_until_due",
            code="parameters_exclusive",
        )
    if due_date is not None and due_date < work.now:
        raise invalid("Invalid timestamp: must be in the future.", param="due_date")
    if days is not None:
        invoice["_days_until_due"] = days
        # The due date is counted from the day of creation until the invoice is finalized.
        params["due_date"] = work.now + days * DAY
    elif due_date is not None:
        invoice["_days_until_due"] = None
    invoice.update(params)


def check_card_of(work: Work, customer: str, method_id: str, *, param: str) -> Doc:
    """The card, which must be attached to this customer; otherwise 400."""
    method = work.load("payment_method", method_id, param=param)
    if method["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {method_id}. The payment "
            "method must be attached to the customer.",
            param=param,
            code="resource_missing",
        )
    return method


@route("POST", "/v1/invoices/{id}", _EDITABLE)
def update(work: Work) -> Doc:
    """Change a draft freely, a finalized invoice hardly: `invoice_not_editable`."""
    invoice = work.load("invoice", work.path["id"])
    if invoice["status"] != "draft":
        for name in sorted(set(work.params) - _EDITABLE_WHEN_FINAL - {"expand"}):
            raise invalid(
                f"Finalized invoices can't be updated in this way: {name}.",
                param=name,
                code="invoice_not_editable",
            )
    before = {**invoice, "payment_settings": dict(invoice["payment_settings"])}
    _apply(work, invoice)
    work.tx.save(invoice)
    previous = {
        name: value
        for name, value in before.items()
        if invoice[name] != value and not name.startswith("_")
    }
    if previous:
        work.emit("invoice.updated", invoice, previous=previous)
    return invoice


@route("DELETE", "/v1/invoices/{id}")
def delete(work: Work) -> Doc:
    """Remove a draft with its items; a finalized invoice can only be voided."""
    invoice = work.load("invoice", work.path["id"])
    if invoice["status"] != "draft":
        raise invalid(
            "You can only delete draft invoices. A finalized invoice can be voided.",
            code="invoice_not_editable",
        )
    for kind in ("line_item", "invoiceitem"):
        for item in work.tx.select(kind, Filters(parent=invoice["id"])):
            work.tx.delete(item["id"])
    work.emit("invoice.deleted", invoice)
    work.tx.delete(invoice["id"])
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@route("GET", "/v1/invoices/{id}")
def retrieve(work: Work) -> Doc:
    """One invoice with its first ten lines."""
    return work.load("invoice", work.path["id"])


@route(
    "GET",
    "/v1/invoices",
    {
        "collection_method": Choice(("charge_automatically", "send_invoice")),
        "created": Range(),
        "customer": Text(),
        "status": Choice(("draft", "open", "paid", "uncollectible", "void")),
    },
    paged=True,
)
def list_invoices(work: Work) -> Doc:
    """Invoices, newest first."""
    filters = Filters(
        customer=work.params.get("customer"),
        status=work.params.get("status"),
        created=work.params.get("created"),
        equal={"collection_method": work.params.get("collection_method")},
    )
    return page(
        work.tx, "invoice", filters, work.params, url="/v1/invoices", base_url=work.base_url
    )
