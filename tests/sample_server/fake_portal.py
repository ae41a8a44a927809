"""A tiny portal that keeps to the documented protocol and can give every error answer."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from tests.sample_server.protocol import (
    Violation,
    check_register,
    check_transfer,
    check_verification,
    read_billing,
    read_upload,
)

REGISTER, STATUS = "server/register", "server/analytics/status"
ANALYTICS, BILLING = "server/analytics", "server/billing"
DEACTIVATE = "server/deactivate"
TRANSFER, VERIFY = "server/register/transfer", "server/register/verify_challenge"
TABLES = {
    "realm_counts": "last_realm_count_id",
    "installation_counts": "last_installation_count_id",
    "realmauditlog_rows": "last_realmauditlog_id",
}


@dataclass
class Server:
    """One registration."""

    key: str
    hostname: str
    contact_email: str
    last_ids: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES.values(), 0))
    uuid: str = ""
    deactivated: bool = False


@dataclass
class FakePortal:
    """The portal's state, what it was asked, and the answers it was told to give instead."""

    servers: dict[str, Server] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    realms: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Which server each organization is registered to, by UUIDs.
    owners: dict[str, str] = field(default_factory=dict)
    # The secrets of transfers under way, and whose certificates are trusted when it looks for one.
    challenges: dict[str, str] = field(default_factory=dict)
    authority: Path | None = None
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    instead: dict[str, list[Callable[[], ResponseReturnValue]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    # Called after a call was carried out and before it is answered.
    afterwards: dict[str, list[Callable[[], ResponseReturnValue]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    url: str = ""

    def fail(self, path: str, code: str, *, times: int = 1, **more: Any) -> None:
        """Answer the next calls of a path with an error code."""
        self.instead[path] += [lambda: error(code, **more)] * times

    def answer(self, path: str, body: str, *, status: int = 200, times: int = 1) -> None:
        """Answer the next calls of a path with a body that need not be the protocol's."""
        self.instead[path] += [lambda: Response(body, status)] * times

    def be_slow(self, path: str, seconds: float) -> None:
        """Let the next call of a path wait."""

        def wait() -> ResponseReturnValue:
            time.sleep(seconds)
            return error("BAD_REQUEST")

        self.instead[path].append(wait)

    def lose_answer(self, path: str) -> None:
        """Carry out the next call of a path, but give it an answer nobody can read."""
        self.afterwards[path].append(lambda: Response("", 502))

    def paths(self) -> list[str]:
        """Return which calls came, in order."""
        return [path for path, _ in self.calls]


STATUS_OF = {
    "BAD_REQUEST": 400,
    "INVALID_ZULIP_SERVER": 401,
    "REMOTE_SERVER_DEACTIVATED": 401,
    "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR": 400,
    "MISSING_REMOTE_REALM": 403,
    "REMOTE_REALM_SERVER_MISMATCH_ERROR": 403,
    "RATE_LIMIT_HIT": 429,
    "PAYLOAD_TOO_LARGE": 413,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
}


def error(code: str, *, msg: str = "As documented.", **more: Any) -> ResponseReturnValue:
    """Return an error answer of the protocol."""
    status = more.pop("status", STATUS_OF.get(code, 400))
    headers = more.pop("headers", {})
    return jsonify(result="error", msg=msg, code=code, **more), status, headers


def success(**fields: Any) -> ResponseReturnValue:
    """Return a success answer of the protocol."""
    return jsonify(result="success", msg="", **fields)


def make_portal_app(portal: FakePortal) -> Flask:
    """Return the app of a fake portal."""
    app = Flask("fake_portal")

    def handle(path: str, action: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
        portal.calls.append((path, request.form.to_dict()))
        if portal.instead[path]:
            return portal.instead[path].pop(0)()
        try:
            answer = action()
        except Violation as violation:
            portal.violations.append(f"{path}: {violation}")
            return error("BAD_REQUEST", msg=str(violation))
        return portal.afterwards[path].pop(0)() if portal.afterwards[path] else answer

    def authenticated(
        action: Callable[[Server], ResponseReturnValue],
    ) -> Callable[[], ResponseReturnValue]:
        def run() -> ResponseReturnValue:
            given = request.authorization
            server = portal.servers.get(given.username or "") if given else None
            if server is None or given is None or given.password != server.key:
                return error("INVALID_ZULIP_SERVER", headers={"WWW-Authenticate": "Basic"})
            if server.deactivated:
                return error("REMOTE_SERVER_DEACTIVATED")
            return action(server)

        return run

    @app.post(f"/api/v1/remotes/{REGISTER}")
    def register() -> ResponseReturnValue:
        return handle(REGISTER, lambda: _register(portal))

    @app.get(f"/api/v1/remotes/{STATUS}")
    def status() -> ResponseReturnValue:
        return handle(STATUS, authenticated(lambda server: success(**server.last_ids)))

    @app.post(f"/api/v1/remotes/{ANALYTICS}")
    def analytics() -> ResponseReturnValue:
        return handle(ANALYTICS, authenticated(lambda server: _analytics(portal, server)))

    @app.post(f"/api/v1/remotes/{BILLING}")
    def billing() -> ResponseReturnValue:
        return handle(BILLING, authenticated(lambda server: _billing(portal, server)))

    @app.post(f"/api/v1/remotes/{DEACTIVATE}")
    def deactivate() -> ResponseReturnValue:
        return handle(DEACTIVATE, authenticated(_deactivate))

    @app.post(f"/api/v1/remotes/{TRANSFER}")
    def transfer() -> ResponseReturnValue:
        return handle(TRANSFER, lambda: _transfer(portal))

    @app.post(f"/api/v1/remotes/{VERIFY}")
    def verify() -> ResponseReturnValue:
        return handle(VERIFY, lambda: _verify(portal))

    @app.get("/remote-billing-login/<string:token>")
    def landing(token: str) -> ResponseReturnValue:
        return f"<!doctype html><title>Portal</title><h1>Logged in with {token}</h1>"

    return app


def _register(portal: FakePortal) -> ResponseReturnValue:
    fields = request.form.to_dict()
    check_register(fields)
    server_id, key = fields["zulip_org_id"], fields["zulip_org_key"]
    server = portal.servers.get(server_id)
    others = [s for i, s in portal.servers.items() if i != server_id]
    if server is not None and server.key != key:
        return error("INVALID_ZULIP_SERVER", status=400, role=server_id)
    if server is not None and server.deactivated:
        return error("REMOTE_SERVER_DEACTIVATED")
    if any(other.hostname == fields["hostname"] for other in others):
        return error("HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR")
    created = server is None
    if server is None:
        server = portal.servers[server_id] = Server(key, "", "", uuid=server_id)
    server.hostname, server.contact_email = fields["hostname"], fields["contact_email"]
    server.key = fields.get("new_org_key", key)
    return success(created=created)


def _analytics(portal: FakePortal, server: Server) -> ResponseReturnValue:
    tables = read_upload(request.form.to_dict())
    for table, name in TABLES.items():
        last = server.last_ids[name]
        for row in tables.get(table, []):
            if row["id"] <= last:
                raise Violation("Data is out of order.")
            last = row["id"]
    for realm in tables.get("realms", []):
        if portal.owners.get(realm["uuid"], server.uuid) != server.uuid:
            return error("BAD_REQUEST", msg="Duplicate registration detected.")
    for table, name in TABLES.items():
        rows = tables.get(table, [])
        portal.rows[table] += rows
        if rows:
            server.last_ids[name] = rows[-1]["id"]
    for realm in tables.get("realms", []):
        portal.realms[realm["uuid"]] = realm
        portal.owners[realm["uuid"]] = server.uuid
    answer = {"can_push": True, "expected_end_timestamp": None}
    return success(realms={realm["uuid"]: answer for realm in tables.get("realms", [])})


def _deactivate(server: Server) -> ResponseReturnValue:
    if request.form:
        raise Violation("server/deactivate has no fields")
    server.deactivated = True
    return success()


def _by_hostname(portal: FakePortal, hostname: str) -> Server | None:
    return next((s for s in portal.servers.values() if s.hostname == hostname), None)


def _transfer(portal: FakePortal) -> ResponseReturnValue:
    hostname = check_transfer(request.form.to_dict())
    if _by_hostname(portal, hostname) is None:
        return error("BAD_REQUEST", msg=f"{hostname} is not registered.")
    secret = f"secret-{len(portal.challenges)}:{hostname}"
    portal.challenges[secret] = hostname
    return success(verification_secret=secret)


def _verify(portal: FakePortal) -> ResponseReturnValue:
    hostname, token = check_verification(request.form.to_dict())
    url = f"https://{hostname}/api/v1/zulip-services/verify/{token}/"
    try:
        answer = requests.get(url, verify=str(portal.authority), timeout=5)
        secret = answer.json()["verification_secret"] if answer.status_code == 200 else ""
    except (requests.RequestException, ValueError):
        return error("BAD_REQUEST", msg=f"{hostname} could not be asked.")
    server = _by_hostname(portal, hostname)
    if server is None or portal.challenges.pop(secret, None) != hostname:
        return error("BAD_REQUEST", msg=f"{hostname} served no secret of ours.")
    server.key = secrets.token_hex(32)
    return success(zulip_org_id=server.uuid, zulip_org_key=server.key)


def _billing(portal: FakePortal, server: Server) -> ResponseReturnValue:
    user, realm = read_billing(request.form.to_dict())
    if realm["uuid"] not in portal.realms:
        return error("MISSING_REMOTE_REALM", msg="Organization not registered")
    if portal.owners[realm["uuid"]] != server.uuid:
        return error(
            "REMOTE_REALM_SERVER_MISMATCH_ERROR",
            msg="Registered to another server. Write to help@vendor.test.",
        )
    portal.users.append(user)
    return success(billing_access_url=f"{portal.url}/remote-billing-login/token{len(portal.users)}")


class RunningPortal:
    """A fake portal on a free port."""

    def __init__(self) -> None:
        """Start it."""
        self.portal = FakePortal()
        self._server = make_server("127.0.0.1", 0, make_portal_app(self.portal), threaded=True)
        self.portal.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()
