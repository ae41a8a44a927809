"""Invoice items and the lines they become, with the totals of the draft they belong to."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.stripe_emulator.errors import invalid, unsupported
from app.stripe_emulator.params import (
    Boolean,
    DecimalText,
    Hash,
    Integer,
    ListOf,
    Metadata,
    Spec,
    Text,
    merge_metadata,
)
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

MAX_ITEMS = 250
_MAX_CENTS = 99_999_999_999

_LINE: dict[str, Spec] = {
    "amount": Integer(minimum=-_MAX_CENTS, maximum=_MAX_CENTS),
    "description": Text(),
    "discountable": Boolean(),
    "metadata": Metadata(),
    "period": Hash({"start": Integer(), "end": Integer()}, required=("start", "end")),
    "quantity": Integer(minimum=0),
}

# A price made for one line, of a product that is named with it. Prices are never negative.
_PRICE_DATA = Hash(
    {
        "currency": Text(max_length=3),
        "product_data": Hash(
            {"name": Text(), "description": Text(), "metadata": Metadata()}, required=("name",)
        ),
        "unit_amount": Integer(minimum=0, maximum=_MAX_CENTS),
        "unit_amount_decimal": DecimalText(),
    },
    required=("currency", "product_data"),
)


@route(
    "POST",
    "/v1/invoiceitems",
    {
        **_LINE,
        "currency": Text(max_length=3),
        "customer": Text(),
        "invoice": Text(),
        "unit_amount_decimal": DecimalText(),
    },
    required=("customer",),
)
def create(work: Work) -> Doc:
    """One item on a draft. Items that wait for a later invoice are not supported."""
    if "invoice" not in work.params:
        raise unsupported("invoice items without an invoice", param="invoice")
    invoice = _draft(work, work.params["invoice"], param="invoice")
    if work.params["customer"] != invoice["customer"]:
        raise invalid(
            "The customer for the invoice item does not match the invoice's customer.",
            param="customer",
        )
    item = _add(work, invoice, work.params, prefix="")
    recompute(work, invoice)
    return item


@route(
    "POST",
    "/v1/invoices/{id}/add_lines",
    {
        "invoice_metadata": Metadata(),
        "lines": ListOf(Hash({**_LINE, "price_data": _PRICE_DATA}), max_items=MAX_ITEMS),
    },
    required=("lines",),
)
def add_lines(work: Work) -> Doc:
    """Several items on a draft at once: all of them or none."""
    invoice = _draft(work, work.path["id"], param="id")
    if "invoice_metadata" in work.params:
        changes = work.params["invoice_metadata"]
        invoice["metadata"] = merge_metadata(invoice["metadata"], changes)
    for index, line in enumerate(work.params["lines"]):
        _add(work, invoice, line, prefix=f"lines[{index}]")
    return recompute(work, invoice)


def _draft(work: Work, id: str, *, param: str) -> Doc:
    invoice = work.load("invoice", id, param=param)
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is no longer editable: only draft invoices can be changed.",
            param=None if param == "id" else param,
            code="invoice_not_editable",
        )
    return invoice


def _add(work: Work, invoice: Doc, params: dict[str, Any], *, prefix: str) -> Doc:
    def named(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    existing = work.tx.db.execute(
        "SELECT count(*) FROM objects WHERE object = 'line_item' AND parent = ?", (invoice["id"],)
    ).fetchone()[0]
    if existing >= MAX_ITEMS:
        raise invalid(
            f"You can have at most {MAX_ITEMS} items on an invoice.", param=named("invoice")
        )
    price_data = params.get("price_data")
    currency = (price_data or params).get("currency") or invoice["currency"]
    currency = currency.lower()
    if currency != invoice["currency"]:
        raise invalid(
            f"The currency of an item must be the invoice's, {invoice['currency']}.",
            param=named("currency"),
        )
    period = params.get("period", {"start": work.now, "end": work.now})
    if period["end"] < period["start"]:
        raise invalid("The period's end must not be before its start.", param=named("period"))
    amount, quantity, unit = _amounts(params, named)
    discountable = params.get("discountable", amount >= 0)
    metadata = merge_metadata({}, params.get("metadata", {}))
    price_details = {"price": new_id("price_1"), "product": new_id("prod_", length=14)}
    pricing = {
        "price_details": price_details if price_data else None,
        "type": "price_details",
        "unit_amount_decimal": format(unit.normalize(), "f"),
    }
    common: Doc = {
        "amount": amount,
        "currency": currency,
        "description": params.get("description"),
        "discountable": discountable,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": metadata,
        "period": period,
        "pricing": pricing,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
    }
    item: Doc = {
        **common,
        "id": new_id("ii_1"),
        "object": "invoiceitem",
        "customer": invoice["customer"],
        "date": work.now,
        "net_amount": amount,
        "parent": None,
        "proration": False,
        "tax_rates": [],
        "test_clock": None,
    }
    work.tx.save(item, parent=invoice["id"])
    line: Doc = {
        **common,
        "id": new_id("il_1"),
        "object": "line_item",
        "discount_amounts": [],
        "parent": {
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": None,
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "pretax_credit_amounts": [],
        "subtotal": amount,
        "taxes": [],
    }
    work.tx.save(line, parent=invoice["id"])
    work.emit("invoiceitem.created", item)
    return item


def _amounts(params: dict[str, Any], named: Any) -> tuple[int, int, Decimal]:
    """The amount in cents, the quantity, and the price of one in (fractions of) cents.

    Either `amount`, or `quantity` times `unit_amount_decimal` rounded half away from zero. Lines
    have their unit amount in `price_data`, items have it themselves.
    """
    unit = _unit(params, named)
    if "amount" in params:
        if unit is not None or "quantity" in params:
            raise invalid(
                "You may only specify one of these parameters: amount, "
                + ("unit_amount_decimal." if unit is not None else "quantity."),
                param=named("amount"),
                code="parameters_exclusive",
            )
        return params["amount"], 1, Decimal(params["amount"])
    if unit is None:
        raise invalid(
            "You must specify an amount or a unit_amount_decimal.",
            param=named("amount"),
            code="parameter_missing",
        )
    quantity = params.get("quantity", 1)
    amount = int((unit * quantity).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if abs(amount) > _MAX_CENTS:
        raise invalid("The amount is too large.", param=named("quantity"), code="amount_too_large")
    return amount, quantity, unit


def _unit(params: dict[str, Any], named: Any) -> Decimal | None:
    """The price of one, None where none was given."""
    price = params.get("price_data")
    if price is None:
        return params.get("unit_amount_decimal")
    if ("unit_amount" in price) == ("unit_amount_decimal" in price):
        raise invalid(
            "You must specify one of `unit_amount` and `unit_amount_decimal`.",
            param=f"{named('price_data')}[unit_amount_decimal]",
            code="parameter_missing",
        )
    unit = price.get("unit_amount_decimal", Decimal(price.get("unit_amount", 0)))
    if unit < 0:
        raise invalid(
            "This value must be greater than or equal to 0.",
            param=f"{named('price_data')}[unit_amount_decimal]",
        )
    return Decimal(unit)


def recompute(work: Work, invoice: Doc) -> Doc:
    """A draft's totals are the sums of its lines; credit is applied when it is finalized."""
    lines = work.tx.select("line_item", Filters(parent=invoice["id"]))
    total = sum(line["amount"] for line in lines)
    invoice.update(
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
    )
    work.tx.save(invoice)
    work.emit("invoice.updated", invoice, previous={})
    return invoice


@route("GET", "/v1/invoiceitems", {"customer": Text(), "invoice": Text()}, paged=True)
def list_items(work: Work) -> Doc:
    """Items, newest first."""
    filters = Filters(customer=work.params.get("customer"), parent=work.params.get("invoice"))
    return page(
        work.tx, "invoiceitem", filters, work.params, url="/v1/invoiceitems", base_url=work.base_url
    )


@route("GET", "/v1/invoiceitems/{id}")
def retrieve(work: Work) -> Doc:
    """One item."""
    return work.load("invoiceitem", work.path["id"])


@route("DELETE", "/v1/invoiceitems/{id}")
def delete(work: Work) -> Doc:
    """Take an item off a draft."""
    item = work.load("invoiceitem", work.path["id"])
    invoice = _draft(work, item["invoice"], param="id")
    for line in work.tx.select("line_item", Filters(parent=invoice["id"])):
        if line["parent"]["invoice_item_details"]["invoice_item"] == item["id"]:
            work.tx.delete(line["id"])
    work.tx.delete(item["id"])
    work.emit("invoiceitem.deleted", item)
    recompute(work, invoice)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


@route("GET", "/v1/invoices/{id}/lines", paged=True)
def list_lines(work: Work) -> Doc:
    """The lines of an invoice in the order in which they were added."""
    invoice = work.load("invoice", work.path["id"])
    return page(
        work.tx,
        "line_item",
        Filters(parent=invoice["id"]),
        work.params,
        url=f"/v1/invoices/{invoice['id']}/lines",
        base_url=work.base_url,
        oldest_first=True,
    )
