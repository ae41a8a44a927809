"""The emulator's own page: what is in it, and what to do with webhooks that are on their way."""

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request

from app.stripe_emulator import webhooks
from app.stripe_emulator.pages import page_work, store
from app.stripe_emulator.store import Doc, Filters, Tx
from app.stripe_emulator.webhooks import Dispatcher

blueprint = Blueprint("dashboard", __name__, url_prefix="/emulator")

SHOWN = 50


@blueprint.get("/")
def index() -> str:
    """Customers, invoices, events with their deliveries."""
    with store().transaction() as tx:
        work = page_work(tx)
        customers = tx.select("customer", Filters(), limit=SHOWN)
        changes = tx.select("customer_balance_transaction", Filters(), limit=SHOWN)
        invoices = [work.render(doc) for doc in tx.select("invoice", Filters(), limit=SHOWN)]
        events = [_with_deliveries(tx, doc) for doc in tx.select("event", Filters(), limit=SHOWN)]
        return render_template(
            "dashboard.html",
            customers=customers,
            changes=changes,
            invoices=invoices,
            numbers={doc["id"]: doc["number"] for doc in invoices},
            events=events,
            held=tx.setting("held") == "1",
            webhook_url=tx.setting("webhook_url"),
            names={doc["id"]: doc["name"] or doc["email"] or doc["id"] for doc in customers},
        )


def _with_deliveries(tx: Tx, event: Doc) -> Doc:
    rows = tx.db.execute(
        "SELECT state, held, attempts, last_status, last_error FROM deliveries"
        " WHERE event = ? ORDER BY position",
        (event["id"],),
    ).fetchall()
    deliveries = [
        {
            "state": "held" if held and state == "pending" else state,
            "attempts": attempts,
            "last": last_status or last_error,
        }
        for state, held, attempts, last_status, last_error in rows
    ]
    return {
        **event,
        "about": event["data"]["object"].get("number") or event["data"]["object"]["id"],
        "deliveries": deliveries,
        "pending": any(row[0] == "pending" for row in rows),
    }


@blueprint.get("/events/<event_id>")
def show_event(event_id: str) -> str:
    """One event as it is sent."""
    with store().transaction() as tx:
        work = page_work(tx)
        event = tx.find("event", event_id) or abort(404)
        return render_template("event.html", event=work.render(event))


@blueprint.post("/webhooks")
def act() -> Response:
    """The buttons: resend, duplicate, delay, release, reorder, hold all, release all, deliver."""
    action, event = request.form.get("action", ""), request.form.get("event")
    dispatcher: Dispatcher = current_app.extensions["stripe_emulator_dispatcher"]
    with store().transaction() as tx:
        if action in ("resend", "duplicate") and event:
            for _ in range(2 if action == "duplicate" else 1):
                webhooks.queue(tx, event)
        elif action == "delay" and event:
            webhooks.hold(tx, event)
        elif action == "release" and event:
            webhooks.release(tx, event)
        elif action == "hold_all":
            webhooks.hold(tx, None)
        elif action == "release_all":
            webhooks.release(tx, None)
        elif action == "reorder":
            webhooks.reorder(tx)
        elif action != "drain":
            abort(400)
    if action == "drain":
        dispatcher.drain()
    dispatcher.wake()
    response = redirect("/emulator/", code=303)
    assert isinstance(response, Response)
    return response
