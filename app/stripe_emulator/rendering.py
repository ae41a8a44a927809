"""From stored objects to what the API shows: lists, included parts, addresses, `expand`."""

from typing import Any

from app.stripe_emulator.errors import InvalidParameters, missing_object
from app.stripe_emulator.store import Doc, Filters, Tx

# An invoice shows its first ten lines; the rest is read from its list of lines.
INLINE_LINES = 10

# Where an object holds the id of another one that `expand` may put in its place.
EXPANDABLE: dict[tuple[str, str], str] = {
    ("charge", "customer"): "customer",
    ("charge", "payment_intent"): "payment_intent",
    ("checkout.session", "customer"): "customer",
    ("checkout.session", "setup_intent"): "setup_intent",
    ("customer", "invoice_settings.default_payment_method"): "payment_method",
    ("customer_balance_transaction", "customer"): "customer",
    ("customer_balance_transaction", "invoice"): "invoice",
    ("invoice", "customer"): "customer",
    ("invoice", "default_payment_method"): "payment_method",
    ("invoice_payment", "invoice"): "invoice",
    ("invoice_payment", "payment.payment_intent"): "payment_intent",
    ("invoiceitem", "customer"): "customer",
    ("invoiceitem", "invoice"): "invoice",
    ("payment_intent", "customer"): "customer",
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("payment_method", "customer"): "customer",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("setup_intent", "customer"): "customer",
    ("setup_intent", "payment_method"): "payment_method",
}

# Parts that appear only when they are asked for.
INCLUDABLE = {("invoice", "payments")}


def listing(url: str, data: list[Doc], *, has_more: bool = False) -> Doc:
    """A page of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def page(
    tx: Tx,
    kind: str,
    filters: Filters,
    params: dict[str, Any],
    *,
    url: str,
    base_url: str,
    oldest_first: bool = False,
) -> Doc:
    """A page of rendered objects, newest first unless the API orders this list otherwise.

    Raises `resource_missing` for a cursor that names no object, and refuses both cursors at once.
    """
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise InvalidParameters(
            400,
            "You may only specify one of these parameters: ending_before, starting_after.",
            param="ending_before",
            code="parameters_exclusive",
        )
    limit = params.get("limit") or 10
    bounds: dict[str, int | None] = {"before": None, "after": None}
    backwards = bool(before)
    if after or before:
        name = "starting_after" if after else "ending_before"
        position = tx.seq(kind, after or before or "")
        if position is None:
            raise missing_object(kind, after or before or "", param=name)
        # Going on in the list's own direction means older objects, unless the oldest come first.
        bounds["before" if bool(after) != oldest_first else "after"] = position
    found = tx.select(
        kind,
        filters,
        oldest_first=oldest_first != backwards,
        limit=limit + 1,
        before=bounds["before"],
        after=bounds["after"],
    )
    shown = found[:limit]
    if backwards:
        shown.reverse()
    return listing(
        url, [render(tx, doc, base_url=base_url) for doc in shown], has_more=len(found) > limit
    )


def render(tx: Tx, doc: Doc, *, base_url: str) -> Doc:
    """The object without our own notes (names that start with `_`), with its computed parts."""
    shown = {name: value for name, value in doc.items() if not name.startswith("_")}
    if doc.get("deleted"):
        return shown
    kind = doc["object"]
    if kind == "invoice":
        _complete_invoice(tx, doc, shown, base_url)
    elif kind == "event":
        shown["pending_webhooks"] = tx.db.execute(
            "SELECT count(*) FROM deliveries WHERE event = ? AND state = 'pending'", (doc["id"],)
        ).fetchone()[0]
    elif kind == "checkout.session":
        is_open = doc["status"] == "open"
        shown["url"] = f"{base_url}/checkout/{doc['id']}" if is_open else None
    elif kind == "billing_portal.session":
        shown["url"] = f"{base_url}/portal/{doc['id']}"
    return shown


def _complete_invoice(tx: Tx, doc: Doc, shown: Doc, base_url: str) -> None:
    url = f"/v1/invoices/{doc['id']}/lines"
    shown["lines"] = page(
        tx,
        "line_item",
        Filters(parent=doc["id"]),
        {"limit": INLINE_LINES},
        url=url,
        base_url=base_url,
        oldest_first=True,
    )
    if doc["status"] == "draft":
        customer = tx.find("customer", doc["customer"])
        shown["starting_balance"] = customer["balance"] if customer else 0
    else:
        hosted = f"{base_url}/invoices/{doc['id']}/{doc['_page_secret']}"
        shown["hosted_invoice_url"] = hosted
        shown["invoice_pdf"] = f"{hosted}/pdf"


def expand(tx: Tx, shown: Doc, paths: list[str], *, base_url: str) -> Doc:
    """Replace ids by objects (or include parts) along dotted paths of at most four steps.

    Raises InvalidParameters for a path that leads nowhere.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > 4:
            raise InvalidParameters(
                400, f"You cannot expand more than 4 levels of a property: {path}", param="expand"
            )
        _expand_steps(tx, shown, steps, path, base_url, owner=shown, walked="")
    return shown


def _expand_steps(
    tx: Tx,
    here: Doc,
    steps: list[str],
    path: str,
    base_url: str,
    *,
    owner: Doc,
    walked: str,
) -> None:
    if not steps:
        return
    name, rest = steps[0], steps[1:]
    if here.get("object") == "list" and name == "data":
        for item in here["data"]:
            _expand_steps(tx, item, rest, path, base_url, owner=item, walked="")
        return
    kind = str(owner.get("object"))
    dotted = f"{walked}.{name}" if walked else name
    if (kind, dotted) in INCLUDABLE and name not in here:
        here[name] = _included(tx, owner, name, base_url)
    value = here.get(name)
    target = EXPANDABLE.get((kind, dotted))
    if target is not None and isinstance(value, str):
        found = tx.find(target, value)
        if found is not None:
            value = here[name] = render(tx, found, base_url=base_url)
    elif value is None and target is not None:
        return
    if isinstance(value, dict):
        is_object = "object" in value
        _expand_steps(
            tx,
            value,
            rest,
            path,
            base_url,
            owner=value if is_object else owner,
            walked="" if is_object else dotted,
        )
    elif target is None:
        raise InvalidParameters(400, f"This property cannot be expanded ({path}).", param="expand")


def _included(tx: Tx, owner: Doc, name: str, base_url: str) -> Doc:
    payments = tx.select("invoice_payment", Filters(parent=owner["id"]))
    return listing(
        f"/v1/invoice_payments?invoice={owner['id']}",
        [render(tx, doc, base_url=base_url) for doc in payments[:10]],
        has_more=len(payments) > 10,
    )
