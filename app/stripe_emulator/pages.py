"""The pages a customer of Stripe sees: Checkout, the hosted invoice, the billing portal.

They hold no rules: a form is handed to card_setup or settlement, and the page shows what came of
it. They set no cookies; whoever has the address may act, as at Stripe.
"""

import hmac
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request

from app.stripe_emulator import clock, payments, settlement, wording
from app.stripe_emulator.card_setup import CardRefused, authenticate, enter_card, read_card
from app.stripe_emulator.cards import CARDS
from app.stripe_emulator.checkout import load_session
from app.stripe_emulator.errors import ApiError
from app.stripe_emulator.pdf import text_pdf
from app.stripe_emulator.store import Doc, Filters, Store, Tx
from app.stripe_emulator.work import Work

blueprint = Blueprint("pages", __name__)

CARD_FIELDS = ("number", "expiry", "cvc", "name")


def store() -> Store:
    """The store of this emulator."""
    found: Store = current_app.extensions["stripe_emulator_store"]
    return found


def page_work(tx: Tx) -> Work:
    """What a person does on a page: the same work as a request's, without a request id."""
    return Work(tx=tx, now=clock.now(), base_url=request.host_url.rstrip("/"))


def _load(work: Work, kind: str, id: str) -> Doc:
    try:
        return work.load(kind, id)
    except ApiError:
        abort(404)


def _origin(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    # The origin goes into a header: anything but a plain host and port stays out.
    if parts.scheme in ("http", "https") and re.fullmatch(r"[\w.:\[\]-]+", parts.netloc, re.ASCII):
        return f"{parts.scheme}://{parts.netloc}"
    return None


def _card_form(form: dict[str, str]) -> dict[str, str]:
    """What the card form shows: what was typed, a test number that was picked, or a good start."""
    year = datetime.fromtimestamp(clock.now(), UTC).year + 4
    start = {
        "number": CARDS[0].number,
        "expiry": f"12 / {year % 100:02d}",
        "cvc": "123",
        "name": "",
    }
    shown = {name: form.get(name, start[name])[:200] for name in CARD_FIELDS}
    if form.get("fill"):
        shown["number"] = form["fill"][:30]
    return shown


# --- Checkout ---------------------------------------------------------------------------------


@blueprint.route("/checkout/<session_id>", methods=["GET", "POST"])
def checkout(session_id: str) -> Response | tuple[str, int] | str:
    """The hosted Checkout page of a session in setup mode."""
    form = dict(request.form.items())
    error = None
    with store().transaction() as tx:
        work = page_work(tx)
        session = load_session(work, session_id) if _exists(tx, session_id) else abort(404)
        g.form_targets = [_origin(session["success_url"])]
        if session["status"] == "open" and request.method == "POST":
            try:
                _act_on_checkout(work, session, form)
            except CardRefused as refusal:
                error = str(refusal)
        intent = work.load("setup_intent", session["setup_intent"])
    if session["status"] == "complete" and request.method == "POST":
        return _to_success(session)
    page = render_template(
        "checkout.html",
        session=session,
        authenticating=intent["status"] == "requires_action" and "restart" not in form,
        success_url=_success_url(session),
        card=_card_form(form),
        test_cards=CARDS,
        error=error,
    )
    return page, (402 if error else 410 if session["status"] == "expired" else 200)


def _exists(tx: Tx, session_id: str) -> bool:
    return tx.find("checkout.session", session_id) is not None


def _act_on_checkout(work: Work, session: Doc, form: dict[str, str]) -> None:
    action = form.get("action")
    if action == "save" and not form.get("fill"):
        enter_card(work, session, form)
    elif action in ("authenticate", "fail_authentication"):
        authenticate(work, session, passed=action == "authenticate")


def _success_url(session: Doc) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _to_success(session: Doc) -> Response:
    response = redirect(_success_url(session), code=303)
    assert isinstance(response, Response)
    return response


# --- The hosted invoice -----------------------------------------------------------------------


def _load_invoice(work: Work, invoice_id: str, secret: str) -> Doc:
    invoice = _load(work, "invoice", invoice_id)
    known = hmac.compare_digest(secret.encode(), invoice["_page_secret"].encode())
    if not known or invoice["status"] == "draft":
        abort(404)
    return invoice


@blueprint.route("/invoices/<invoice_id>/<secret>", methods=["GET", "POST"])
def hosted_invoice(invoice_id: str, secret: str) -> Response | tuple[str, int] | str:
    """The invoice with its lines and, while it can be paid, a way to pay it."""
    form = dict(request.form.items())
    error = None
    with store().transaction() as tx:
        work = page_work(tx)
        invoice = _load_invoice(work, invoice_id, secret)
        payable = invoice["status"] in ("open", "uncollectible")
        if request.method == "POST" and payable:
            error = _act_on_invoice(work, invoice, form)
        payable = invoice["status"] in ("open", "uncollectible")
        intent = settlement.payment_intent_of(work, invoice) if payable else None
        customer = work.load("customer", invoice["customer"])
        lines = tx.select("line_item", Filters(parent=invoice["id"]), oldest_first=True)
        cards = tx.select("payment_method", Filters(customer=customer["id"]))
    default = invoice["default_payment_method"]
    default = default or customer["invoice_settings"]["default_payment_method"]
    if request.method == "POST" and error is None and not form.get("fill"):
        response = redirect(request.path, code=303)
        assert isinstance(response, Response)
        return response
    page = render_template(
        "invoice.html",
        invoice=invoice,
        lines=lines,
        payable=payable,
        authenticating=intent is not None and intent["status"] == "requires_action",
        cards=cards,
        chosen="new"
        if form.get("fill")
        else form.get("card") or default or (cards[0]["id"] if cards else "new"),
        card=_card_form(form),
        test_cards=CARDS,
        return_url=_safe_return(invoice),
        error=error,
    )
    return page, (402 if error else 200)


def _safe_return(invoice: Doc) -> str | None:
    """The link back that the invoice's metadata asks for, if it is a web address."""
    url: str | None = invoice["metadata"].get("return_url")
    return url if _origin(url) else None


def _act_on_invoice(work: Work, invoice: Doc, form: dict[str, str]) -> str | None:
    """Pay or authenticate; returns the words of a failure, which is written down all the same."""
    action = form.get("action")
    if form.get("fill"):
        return None
    if action == "pay":
        try:
            method = _chosen_card(work, invoice, form)
        except CardRefused as refusal:
            return str(refusal)
        outcome = settlement.collect(work, invoice, method)
        return outcome.message if outcome.result == "declined" else None
    intent = settlement.payment_intent_of(work, invoice)
    if intent["status"] != "requires_action":
        return None
    if action == "authenticate":
        method = work.load("payment_method", intent["payment_method"])
        outcome = settlement.collect(work, invoice, method, authenticated=True)
        return outcome.message if outcome.result == "declined" else None
    if action == "fail_authentication":
        payments.fail_authentication(work, intent)
        work.emit("invoice.payment_failed", invoice)
        return (
            "We are unable to authenticate your payment method. Please choose a different payment "
            "method and try again."
        )
    return None


def _chosen_card(work: Work, invoice: Doc, form: dict[str, str]) -> Doc:
    chosen = form.get("card", "new")
    if chosen == "new":
        return read_card(work, form)
    method = work.tx.find("payment_method", chosen)
    if method is None or method["customer"] != invoice["customer"]:
        raise CardRefused("Choose one of the cards on file, or enter a new one.")
    return method


@blueprint.get("/invoices/<invoice_id>/<secret>/pdf")
def invoice_pdf(invoice_id: str, secret: str) -> Response:
    """The invoice as a PDF."""
    with store().transaction() as tx:
        invoice = _load_invoice(page_work(tx), invoice_id, secret)
        lines = tx.select("line_item", Filters(parent=invoice["id"]), oldest_first=True)
    currency = invoice["currency"]
    text = [
        ("Stripe emulator - no real money", ""),
        ("", ""),
        (f"Invoice {invoice['number']}", invoice["status"]),
        (f"Issued {wording.date(invoice['status_transitions']['finalized_at'])}", ""),
        (f"Billed to {invoice['customer_name'] or invoice['customer_email'] or '-'}", ""),
        ("", ""),
    ]
    for line in lines:
        text.append((str(line["description"] or "")[:70], wording.money(line["amount"], currency)))
        if period := wording.period(line["period"]):
            text.append((f"    {period}", ""))
    text += [
        ("", ""),
        ("Total", wording.money(invoice["total"], currency)),
        ("Amount due", wording.money(invoice["amount_due"], currency)),
        ("Amount paid", wording.money(invoice["amount_paid"], currency)),
    ]
    response = Response(text_pdf(text), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{invoice["number"]}.pdf"'
    return response


# --- The billing portal -----------------------------------------------------------------------


@blueprint.get("/portal/<session_id>")
def portal(session_id: str) -> str:
    """The cards and receipts of one customer, and the way back."""
    with store().transaction() as tx:
        work = page_work(tx)
        session = _load(work, "billing_portal.session", session_id)
        customer = _load(work, "customer", session["customer"])
        cards = tx.select("payment_method", Filters(customer=customer["id"]))
        changes = tx.select("customer_balance_transaction", Filters(parent=customer["id"]))
        found = tx.select("invoice", Filters(customer=customer["id"]))
        invoices = [work.render(doc) for doc in found if doc["status"] != "draft"]
    return render_template(
        "portal.html",
        session=session,
        customer=customer,
        cards=cards,
        changes=changes,
        invoices=invoices,
        names={},
        numbers={doc["id"]: doc["number"] for doc in invoices},
    )
