"""Delivery of events: signed, in order unless told otherwise, again until the receiver says 2xx.

Nothing is sent inside a transaction: the receiver may ask the API about the very object that the
event is about. The signature carries real time, since the receiver checks it against its own clock;
the event inside carries the demo's time.
"""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass

import requests

from app.stripe_emulator import clock
from app.stripe_emulator.rendering import render
from app.stripe_emulator.store import Doc, Store, Tx

TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 16
MAX_DELAY_SECONDS = 300


@dataclass(frozen=True)
class Counts:
    """What a round of deliveries came to; `pending` includes those that failed and wait."""

    delivered: int
    failed: int
    held: int
    pending: int


def signature(payload: str, secret: str, *, timestamp: int) -> str:
    """The Stripe-Signature header for a body: HMAC-SHA256 over "timestamp.body"."""
    mac = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def queue(tx: Tx, event: str) -> bool:
    """One more delivery of a stored event; False when there is no such event or no receiver."""
    if tx.find("event", event) is None or not tx.setting("webhook_url"):
        return False
    tx.db.execute(
        "INSERT INTO deliveries (event, state, position, due_at) VALUES (?, 'pending',"
        " (SELECT coalesce(max(position), 0) + 1 FROM deliveries), 0)",
        (event,),
    )
    return True


def hold(tx: Tx, event: str | None) -> None:
    """Keep one event's deliveries, or all deliveries, from being sent."""
    if event is None:
        tx.set("held", "1")
    else:
        tx.db.execute(
            "UPDATE deliveries SET held = 1 WHERE event = ? AND state = 'pending'", (event,)
        )


def release(tx: Tx, event: str | None) -> None:
    """Let one event's deliveries go, or everything; what waited for a retry goes at once."""
    if event is None:
        tx.set("held", None)
        tx.db.execute("UPDATE deliveries SET held = 0, due_at = 0 WHERE state = 'pending'")
    else:
        tx.db.execute("UPDATE deliveries SET held = 0, due_at = 0 WHERE event = ?", (event,))


def reorder(tx: Tx) -> int:
    """Turn the queue of pending deliveries around; returns how many there are."""
    rows = tx.db.execute(
        "SELECT id, position FROM deliveries WHERE state = 'pending' ORDER BY position"
    ).fetchall()
    for (delivery, _), (_, position) in zip(rows, reversed(rows), strict=True):
        tx.db.execute("UPDATE deliveries SET position = ? WHERE id = ?", (position, delivery))
    return len(rows)


class Dispatcher:
    """Sends what is pending, from a background thread or when it is told to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Deliver in the background from now on."""
        self._thread = threading.Thread(target=self._loop, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread; what is pending stays in the store."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_SECONDS + 2)

    def wake(self) -> None:
        """Something was committed that may have to be delivered."""
        self._wake.set()

    def drain(self) -> Counts:
        """Try everything pending once, whatever its retry time, and what it brings about."""
        tried: set[int] = set()
        delivered = failed = 0
        while True:
            delivery = self._next(any_time=True, without=tried)
            if delivery is None:
                break
            tried.add(delivery)
            sent = self._send(delivery)
            delivered += sent is True
            failed += sent is False
        with self.store.transaction() as tx:
            all_held = tx.setting("held") == "1"
            pending, held = tx.db.execute(
                "SELECT count(*), coalesce(sum(held OR ?), 0) FROM deliveries"
                " WHERE state = 'pending'",
                (all_held,),
            ).fetchone()
        return Counts(delivered=delivered, failed=failed, held=held, pending=pending)

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            delivery = self._next(any_time=False, without=set())
            if delivery is None:
                # Retry times are whole seconds, hence looking once a second is exact enough.
                self._wake.wait(timeout=1)
            else:
                self._send(delivery)

    def _next(self, *, any_time: bool, without: set[int]) -> int | None:
        with self.store.transaction() as tx:
            if tx.setting("held") == "1":
                return None
            rows = tx.db.execute(
                "SELECT id FROM deliveries WHERE state = 'pending' AND held = 0"
                " AND (due_at <= ? OR ?) ORDER BY position",
                (clock.real_now(), any_time),
            )
            return next((row[0] for row in rows if row[0] not in without), None)

    def _send(self, delivery: int) -> bool | None:
        """True when the receiver took it, False when not, None when it was no longer to be sent."""
        with self._sending:
            with self.store.transaction() as tx:
                row = tx.db.execute(
                    "SELECT event, attempts FROM deliveries"
                    " WHERE id = ? AND state = 'pending' AND held = 0",
                    (delivery,),
                ).fetchone()
                event = tx.find("event", row[0]) if row else None
                url, secret = tx.setting("webhook_url"), tx.setting("webhook_secret", "")
                if event is None or url is None or tx.setting("held") == "1":
                    return None
                body = render(tx, event, base_url="")
            status, error = _post(url, secret or "", body)
            taken = status is not None and 200 <= status < 300
            attempts = row[1] + 1
            state = "delivered" if taken else "pending" if attempts < MAX_ATTEMPTS else "failed"
            delay = min(2**attempts, MAX_DELAY_SECONDS)
            with self.store.transaction() as tx:
                tx.db.execute(
                    "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, last_status = ?,"
                    " last_error = ? WHERE id = ?",
                    (state, attempts, clock.real_now() + delay, status, error, delivery),
                )
            return taken


def _post(url: str, secret: str, event: Doc) -> tuple[int | None, str | None]:
    """Status of the receiver's answer, or None and why there was none."""
    payload = json.dumps(event)
    timestamp = clock.real_now()
    try:
        response = requests.post(
            url,
            data=payload.encode(),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": signature(payload, secret, timestamp=timestamp),
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            },
            timeout=TIMEOUT_SECONDS,
            # A redirect is not a 2xx: Stripe does not follow it either.
            allow_redirects=False,
        )
    except (requests.RequestException, ValueError) as error:
        return None, type(error).__name__
    return response.status_code, None
