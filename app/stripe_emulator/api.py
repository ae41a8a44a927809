"""One request of the API from the key to the stored answer.

The order is Stripe's: the key, the route, the parameters, the idempotency key, the work. Parameter
errors are not kept for replay, since nothing ran; everything after that is, failures included.
"""

import base64
import binascii
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Request, Response

from app.stripe_emulator import clock, faults, rendering
from app.stripe_emulator.errors import ApiError, InvalidParameters
from app.stripe_emulator.params import decode_form, parse
from app.stripe_emulator.store import Doc, Store, Tx, new_id
from app.stripe_emulator.work import API_VERSION, Route, Work, match

logger = logging.getLogger(__name__)

KEPT_REQUESTS = 5000

# Set in the WSGI environment to tell the server to drop the connection instead of answering.
DROP = "stripe_emulator.drop"


@dataclass
class Answer:
    """Status and body, and where they come from."""

    status: int
    body: Doc
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False
    fault: str | None = None


class KeysInUse:
    """Idempotency keys whose first request has not been answered yet."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def claim(self, key: str | None) -> Iterator[None]:
        """Hold the key while the block runs; a second holder gets 409."""
        if key is None:
            yield
            return
        with self._lock:
            if key in self._keys:
                raise InvalidParameters(
                    409,
                    "There is currently another in-progress request using this Idempotency Key "
                    "(that probably means you submitted twice, and the other request is still "
                    f"going through): {key}.",
                    type="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


class Api:
    """The API over one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._keys = KeysInUse()

    def handle(self, request: Request) -> Response:
        """Answer a request under /v1; never raises."""
        request_id = new_id("req_", length=14)
        log: Doc = {
            "at": clock.now(),
            "method": request.method,
            "path": request.path,
            "route": None,
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "params": {},
            "stripe_version": request.headers.get("Stripe-Version"),
        }
        try:
            answer = self._answer(request, request_id, log)
        except ApiError as error:
            answer = Answer(error.status, error.body())
        except Exception:
            logger.exception("Request %s failed in the emulator itself", request_id)
            answer = Answer(500, _server_error("The emulator failed; see its log.", request_id))
        log |= {
            "status": answer.status,
            "replayed": answer.replayed,
            "fault": answer.fault,
            "error_code": answer.body.get("error", {}).get("code"),
            "request_id": request_id,
        }
        with self.store.transaction() as tx:
            tx.db.execute("INSERT INTO requests (body) VALUES (?)", (json.dumps(log),))
            tx.db.execute(
                "DELETE FROM requests WHERE id <= (SELECT max(id) FROM requests) - ?",
                (KEPT_REQUESTS,),
            )
        response = Response(
            json.dumps(answer.body, indent=2), status=answer.status, mimetype="application/json"
        )
        response.headers["Request-Id"] = request_id
        response.headers["Stripe-Version"] = request.headers.get("Stripe-Version") or API_VERSION
        if log["idempotency_key"]:
            response.headers["Idempotency-Key"] = log["idempotency_key"]
        response.headers.update(answer.headers)
        return response

    def _answer(self, request: Request, request_id: str, log: Doc) -> Answer:
        _check_key(request)
        found = match(request.method, request.path)
        if found is None:
            raise ApiError(
                404, f"Unrecognized request URL ({request.method}: {request.path}).", code=None
            )
        route, path = found
        name = f"{route.method} {route.template}"
        log["route"] = name
        raw = log["params"] = _read_params(request)
        with self.store.transaction() as tx:
            fault = faults.take(tx, name)
        if fault is not None and fault.kind in faults.BEFORE:
            return _fail_before(request, fault, request_id)
        key = log["idempotency_key"] if route.method == "POST" else None
        if key is not None and len(key) > 255:
            raise InvalidParameters(
                400,
                "Idempotency keys can be at most 255 characters long.",
                type="idempotency_error",
            )
        with self._keys.claim(key):
            if fault is not None and fault.kind == "slow":
                time.sleep(fault.seconds)
            work_parts = {
                "path": path,
                "base_url": request.host_url.rstrip("/"),
                "request_id": request_id,
                "idempotency_key": log["idempotency_key"],
            }
            answer = self._run(route, raw, work_parts, key=key, path=request.path, fault=fault)
        if fault is not None:
            answer.fault = fault.kind
            if fault.kind in ("reset", "timeout"):
                _drop(request, fault)
        return answer

    def _run(
        self,
        route: Route,
        raw: Doc,
        work_parts: dict[str, Any],
        *,
        key: str | None,
        path: str,
        fault: faults.Fault | None,
    ) -> Answer:
        """Replay or work, with the answer stored in the transaction that holds the changes."""
        fingerprint = json.dumps([route.method, path, raw], sort_keys=True)
        with self.store.transaction() as tx:
            stored = _replay(tx, key, fingerprint)
            if stored is not None:
                return stored
            params = parse(route.fields, raw, required=route.required)
            work = Work(tx=tx, now=clock.now(), params=params, **work_parts)
            answer = _work(route, work)
            if fault is not None and fault.kind == "500_after":
                answer = Answer(
                    500,
                    _server_error("An unknown error occurred.", work.request_id or ""),
                    # A stored failure would only be replayed: the SDK is told not to try again.
                    headers={"Stripe-Should-Retry": "false"},
                )
            if key is not None:
                tx.db.execute(
                    "INSERT INTO idempotency (key, request, status, body, request_id)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (key, fingerprint, answer.status, json.dumps(answer.body), work.request_id),
                )
            return answer


def _check_key(request: Request) -> None:
    """Basic or Bearer with a test key, or 401. Live keys have no business here."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    key = ""
    if scheme.lower() == "bearer":
        key = value.strip()
    elif scheme.lower() == "basic":
        try:
            key = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if key.startswith("sk_test_") and len(key) > len("sk_test_"):
        return
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth.",
        )
    shown = key[:3] + "*" * 8
    raise ApiError(401, f"Invalid API Key provided: {shown}. The emulator takes sk_test_ keys.")


def _read_params(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return decode_form(request.args.items(multi=True))
    if request.content_length and request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidParameters(
            400,
            f"Invalid request (unsupported content type {request.mimetype!r}). Parameters are "
            "sent as application/x-www-form-urlencoded.",
        )
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    return decode_form(pairs)


def _replay(tx: Tx, key: str | None, fingerprint: str) -> Answer | None:
    if key is None:
        return None
    row = tx.db.execute(
        "SELECT request, status, body, request_id FROM idempotency WHERE key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    if row[0] != fingerprint:
        raise InvalidParameters(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            "different request.",
            type="idempotency_error",
        )
    headers = {"Idempotent-Replayed": "true", "Original-Request": row[3]}
    if row[1] >= 500:
        headers["Stripe-Should-Retry"] = "false"
    return Answer(row[1], json.loads(row[2]), headers=headers, replayed=True)


def _work(route: Route, work: Work) -> Answer:
    """Run the handler; what an error leaves behind depends on the error."""
    try:
        with work.tx.savepoint():
            try:
                doc = route.handler(work)
            except ApiError as error:
                if not error.keep_changes:
                    raise
                return Answer(error.status, error.body())
            shown = doc if doc["object"] == "list" else work.render(doc)
            paths = work.params.get("expand", [])
            rendering.expand(work.tx, shown, paths, base_url=work.base_url)
            return Answer(200, shown)
    except InvalidParameters:
        raise
    except ApiError as error:
        return Answer(error.status, error.body())


def _server_error(message: str, request_id: str) -> Doc:
    words = f"{message} Request: {request_id}"
    return {"error": {"type": "api_error", "message": words}}


def _fail_before(request: Request, fault: faults.Fault, request_id: str) -> Answer:
    if fault.kind == "429":
        error = ApiError(429, "Too many requests made to the API too quickly.", code="rate_limit")
        return Answer(429, error.body(), fault=fault.kind)
    if fault.kind == "500_before":
        return Answer(
            500,
            _server_error("An unknown error occurred.", request_id),
            headers={"Stripe-Should-Retry": "true"},
            fault=fault.kind,
        )
    _drop(request, fault)
    return Answer(500, _server_error("The connection is dropped.", request_id), fault=fault.kind)


def _drop(request: Request, fault: faults.Fault) -> None:
    """Ask the server to send nothing: at once for a reset, after a while for a timeout."""
    request.environ[DROP] = fault.seconds if fault.kind.startswith("timeout") else 0
