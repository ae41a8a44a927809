"""The control API: what tests and the demo tell the emulator and ask it.

JSON in, JSON out, under /_control/. It is open to whoever can reach the loopback address, which is
where the emulator lives, and it never exists outside demo and tests.
"""

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.stripe_emulator import faults, webhooks
from app.stripe_emulator.store import Doc, Filters, Store, Tx
from app.stripe_emulator.webhooks import Dispatcher
from app.stripe_emulator.work import API_VERSION, ROUTES, normalize

blueprint = Blueprint("control", __name__, url_prefix="/_control")


class BadControl(Exception):
    """The control request makes no sense; the words go into a 400."""


@blueprint.errorhandler(BadControl)
def refuse(error: BadControl) -> tuple[Response, int]:
    """400 with the reason."""
    return jsonify(error=str(error)), 400


def _store() -> Store:
    store: Store = current_app.extensions["stripe_emulator_store"]
    return store


def _dispatcher() -> Dispatcher:
    dispatcher: Dispatcher = current_app.extensions["stripe_emulator_dispatcher"]
    return dispatcher


def _body() -> dict[str, Any]:
    if not request.get_data(cache=True):
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadControl("The body must be a JSON object.")
    return body


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str | None:
    value = body.get(name, default)
    if value is not None and not isinstance(value, str):
        raise BadControl(f"{name} must be a string.")
    return value


def _number(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100_000:
        raise BadControl(f"{name} must be a whole number from 0 to 100000.")
    return value


def configure_webhooks(
    tx: Tx, url: str | None, secret: str | None, *, api_version: str | None = None
) -> None:
    """Where events go from now on; no address means that none are queued."""
    tx.set("webhook_url", url)
    tx.set("webhook_secret", secret)
    tx.set("webhook_api_version", api_version)


@blueprint.post("/webhooks")
def set_webhooks() -> Response:
    """{url, secret, api_version?}: an api_version other than the pinned one is for tests."""
    body = _body()
    url = _text(body, "url")
    if url is not None and not url.startswith(("http://", "https://")):
        raise BadControl("url must start with http:// or https://.")
    with _store().transaction() as tx:
        configure_webhooks(
            tx,
            url,
            _text(body, "secret", ""),
            api_version=_text(body, "api_version", API_VERSION),
        )
    return jsonify(ok=True)


@blueprint.post("/hold")
def hold() -> Response:
    """Hold one event ({event}) or everything."""
    with _store().transaction() as tx:
        webhooks.hold(tx, _text(_body(), "event"))
    return jsonify(ok=True)


@blueprint.post("/release")
def release() -> Response:
    """Release one event ({event}) or everything."""
    with _store().transaction() as tx:
        webhooks.release(tx, _text(_body(), "event"))
    _dispatcher().wake()
    return jsonify(ok=True)


@blueprint.post("/drain")
def drain() -> Response:
    """Deliver everything pending that is not held, now, and wait: {delivered, failed, held, …}."""
    return jsonify(asdict(_dispatcher().drain()))


@blueprint.post("/resend")
def resend() -> Response:
    """Queue {times} (1) more deliveries of a stored event ({event})."""
    body = _body()
    event = _text(body, "event")
    if event is None:
        raise BadControl("event is missing.")
    with _store().transaction() as tx:
        for _ in range(_number(body, "times", 1)):
            if not webhooks.queue(tx, event):
                raise BadControl("No such event, or no webhook address is set.")
    _dispatcher().wake()
    return jsonify(ok=True)


@blueprint.post("/reorder")
def reorder() -> Response:
    """Turn the queue of pending deliveries around."""
    with _store().transaction() as tx:
        count = webhooks.reorder(tx)
    return jsonify(pending=count)


@blueprint.post("/faults")
def plan_fault() -> Response:
    """{route: "POST /v1/invoices/{id}/pay", kind, times (1), seconds (15)}."""
    body = _body()
    method, _, template = (_text(body, "route") or "").partition(" ")
    template = normalize(template)
    if not any(route.method == method and route.template == template for route in ROUTES):
        raise BadControl(f"No such route: {method} {template}")
    kind = _text(body, "kind") or ""
    if kind not in faults.KINDS:
        raise BadControl(f"kind must be one of {', '.join(faults.KINDS)}.")
    with _store().transaction() as tx:
        faults.plan(
            tx,
            route=f"{method} {template}",
            kind=kind,
            times=_number(body, "times", 1),
            seconds=_number(body, "seconds", faults.DEFAULT_SECONDS),
        )
    return jsonify(ok=True)


@blueprint.delete("/faults")
def forget_faults() -> Response:
    """Plan no failures any more."""
    with _store().transaction() as tx:
        tx.db.execute("DELETE FROM faults")
    return jsonify(ok=True)


@blueprint.get("/requests")
def list_requests() -> Response:
    """The calls so far, oldest first, with their parameters as they came over the wire."""
    with _store().transaction() as tx:
        rows = tx.db.execute("SELECT body FROM requests ORDER BY id").fetchall()
    return jsonify(requests=[json.loads(row[0]) for row in rows])


@blueprint.get("/state")
def state() -> Response:
    """Customers, their cards, invoices with their lines, refunds, and counts of deliveries."""
    with _store().transaction() as tx:
        deliveries = dict(
            tx.db.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()
        )
        return jsonify(
            customers=_all(tx, "customer"),
            payment_methods=[
                {name: value for name, value in doc.items() if not name.startswith("_")}
                for doc in _all(tx, "payment_method")
            ],
            invoices=[_invoice(tx, doc) for doc in _all(tx, "invoice")],
            refunds=_all(tx, "refund"),
            events=[
                {"id": doc["id"], "type": doc["type"], "created": doc["created"]}
                for doc in _all(tx, "event")
            ],
            deliveries=deliveries,
            held=tx.setting("held") == "1",
        )


def _all(tx: Tx, kind: str) -> list[Doc]:
    return tx.select(kind, Filters(), oldest_first=True)


def _invoice(tx: Tx, doc: Doc) -> Doc:
    names = (
        "id", "number", "customer", "status", "currency", "total", "amount_due", "amount_paid",
        "amount_remaining", "collection_method", "created", "due_date", "description", "metadata",
        "status_transitions", "attempt_count",
    )  # fmt: skip
    line_names = ("id", "description", "amount", "quantity", "period", "metadata", "discountable")
    lines = tx.select("line_item", Filters(parent=doc["id"]), oldest_first=True)
    return {name: doc[name] for name in names} | {
        "lines": [{name: line[name] for name in line_names} for line in lines]
    }


@blueprint.post("/reset")
def reset() -> Response:
    """Forget all objects, keys, calls and faults; where webhooks go stays as it is."""
    with _store().transaction() as tx:
        kept = [tx.setting(name) for name in ("webhook_url", "webhook_secret")]
        for table in ("objects", "idempotency", "deliveries", "requests", "faults", "settings"):
            tx.db.execute(f"DELETE FROM {table}")
        configure_webhooks(tx, kept[0], kept[1])
    return jsonify(ok=True)
