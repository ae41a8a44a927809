"""Every route, by every method, for everybody: what happens follows from what the route declares.

The routes come from the URL map and the declarations from `view.__access__`, so a new route is in
here by itself, and one that declares nothing fails.
"""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_DNS, uuid4, uuid5

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.domain.errors import NotFoundError
from app.domain.kinds import KIND_PROFILES, BillingRole, CustomerKind, StaffRole
from app.models.people import BillingUser
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from tests.house.guards.routes import STATIC_ENDPOINTS
from tests.support.login import (
    KEY,
    KnownOrganization,
    KnownServer,
    add_organization,
    add_server,
    begin_server_session,
    begin_session,
)
from tests.support.staff import begin_staff_session

METHODS = ("GET", "POST")
ELSEWHERE = "203.0.113.9"
# What they are about does not exist here: a visit to the payment provider, a customer known to it,
# a password, a second factor that is being set up. Each is looked at where it does.
ABOUT_NOTHING = frozenset(
    {"plan.billing_card_return", "portal.payments_page", "staff.factor_qr", "staff.password"}
)
_PARAMETER = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>")


class Verdict(StrEnum):
    """What becomes of a request. `OPEN` says only that nothing breaks."""

    OPEN = "open"
    IN = "let in"
    LOGIN = "told to log in"
    HIDDEN = "not found"
    REFUSED = "refused"


@dataclass
class Actor:
    """Somebody who sends requests. `sees` is the kind and UUID of the one customer, if any."""

    name: str
    client: FlaskClient
    log_in: Callable[[], object] = lambda: None
    staff: StaffRole | None = None
    sees: tuple[CustomerKind, str] | None = None
    role: BillingRole | None = None
    is_server: bool = False
    address: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str) -> TestResponse:
        """Ask, without following where it leads."""
        environ = {"REMOTE_ADDR": self.address}
        data: dict[str, str] | None = {} if method == "POST" else None
        return self.client.open(
            path,
            method=method,
            data=data,
            content_type="application/x-www-form-urlencoded" if method == "POST" else None,
            environ_overrides=environ,
            headers=self.headers,
            # Files are streamed; what is not read to its end stays open.
            buffered=True,
        )


@dataclass(frozen=True)
class Call:
    """One request: the route, its method, the address, and the customer in the address."""

    rule: Rule
    access: str | None
    method: str
    path: str
    place: tuple[CustomerKind, str] | None


def verdict(call: Call, actor: Actor) -> Verdict | None:
    """What the declaration alone promises; None when it promises nothing that we know."""
    word, _, rest = (call.access or "").partition(":")
    match word:
        case "public":
            return Verdict.OPEN
        case "webhook":
            return Verdict.REFUSED
        case "api_server":
            return Verdict.IN if actor.is_server else Verdict.REFUSED
        case "demo_only":
            return Verdict.HIDDEN if actor.address == ELSEWHERE else Verdict.IN
        case "staff":
            return _of_staff(StaffRole(rest), actor)
        case "billing_user":
            return _of_customer(rest, call, actor)
    return None


def _of_staff(least: StaffRole, actor: Actor) -> Verdict:
    if actor.staff is not None:
        return Verdict.IN if actor.staff.may(least) else Verdict.HIDDEN
    return Verdict.HIDDEN if actor.role is not None else Verdict.LOGIN


def _of_customer(rest: str, call: Call, actor: Actor) -> Verdict:
    kinds, _, acts = rest.partition(":")
    if actor.staff is not None:
        return Verdict.HIDDEN
    if actor.role is None:
        return Verdict.LOGIN
    assert call.place is not None, "its address names a customer"
    is_theirs = actor.sees == call.place and call.place[0].value in kinds.split(",")
    order = [BillingRole.VIEWER, BillingRole.BILLING, BillingRole.OWNER]
    least = BillingRole(acts) if acts and call.method == "POST" else BillingRole.VIEWER
    may = order.index(actor.role) >= order.index(least)
    return Verdict.IN if is_theirs and may else Verdict.HIDDEN


def is_kept(promised: Verdict, call: Call, answer: TestResponse) -> bool:
    """Whether an answer is what was promised."""
    status, location = answer.status_code, answer.headers.get("Location", "")
    to_login = status in {302, 303} and "/support/login/" in location
    match promised:
        case Verdict.HIDDEN:
            return status == 404
        case Verdict.LOGIN:
            return status == 401 or to_login
        case Verdict.REFUSED:
            return status in {400, 401, 403}
        case Verdict.OPEN:
            return status < 500
    # A number in the address names something that is not there.
    names_more = bool(call.rule.arguments - {"prefix", "entity_uuid", "customer_uuid"})
    is_missing = status == 404 and not names_more and call.rule.endpoint not in ABOUT_NOTHING
    return status < 500 and status != 401 and not to_login and not is_missing


def calls_of(app: Flask, places: dict[CustomerKind, str]) -> Iterator[Call]:
    """Every route by every method; those of a customer once for each kind of customer."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in STATIC_ENDPOINTS:
            continue
        access = getattr(app.view_functions[rule.endpoint], "__access__", None)
        is_of_customer = "entity_uuid" in rule.arguments
        for kind, uuid in places.items() if is_of_customer else [(None, "")]:
            if kind is not None and not _fits(rule, kind):
                continue
            place = (kind, uuid) if kind is not None else None
            path = _address(rule, kind, places)
            for method in METHODS:
                if method in (rule.methods or ()):
                    yield Call(rule, access, method, path, place)


def _fits(rule: Rule, kind: CustomerKind) -> bool:
    prefix = KIND_PROFILES[kind].url_prefix
    return "prefix" in rule.arguments or rule.rule.startswith(f"/{prefix}/")


def _address(rule: Rule, kind: CustomerKind | None, places: dict[CustomerKind, str]) -> str:
    return _PARAMETER.sub(lambda found: _value(found, kind, places), rule.rule)


def _value(found: re.Match[str], kind: CustomerKind | None, places: dict[CustomerKind, str]) -> str:
    converter, options, name = found[1], found[2], found[3]
    if name == "prefix" and kind is not None:
        return KIND_PROFILES[kind].url_prefix
    if converter == "uuid":
        return places[kind or CustomerKind.ORGANIZATION]
    if converter == "any":
        return options.partition(",")[0].strip()
    return {"int": "1000000"}.get(converter or "", "x" * 16)


@dataclass
class World:
    """Two customers with their people, a server that calls, and staff."""

    app: Flask
    ctx: Context
    organization: KnownOrganization
    other: KnownOrganization
    server: KnownServer

    @property
    def places(self) -> dict[CustomerKind, str]:
        """Whose pages are asked for."""
        return {
            CustomerKind.ORGANIZATION: self.organization.uuid,
            CustomerKind.SERVER: self.server.uuid,
        }

    def actors(self) -> list[Actor]:
        """Everybody, logged in."""
        ctx, made = self.ctx, self._client
        found = [
            Actor("a stranger", made(), address=ELSEWHERE),
            Actor("this machine", made()),
            self._server(),
        ]
        found += [self._person(role) for role in BillingRole]
        stranger = Actor("the owner of another", made(), role=BillingRole.OWNER)
        stranger.sees = (CustomerKind.ORGANIZATION, self.other.uuid)
        stranger.log_in = lambda: begin_session(stranger.client, ctx, self.other)  # type: ignore[arg-type]  # only its cookies
        runs = Actor("the owner of the server", made(), role=BillingRole.OWNER)
        runs.sees = (CustomerKind.SERVER, self.server.uuid)
        runs.log_in = lambda: begin_server_session(runs.client, ctx, self.server)  # type: ignore[arg-type]  # only its cookies
        found += [stranger, runs, *(self._staff(role) for role in StaffRole)]
        for actor in found:
            actor.log_in()
        return found

    def _person(self, role: BillingRole) -> Actor:
        actor = Actor(f"{role.value} of the customer", self._client(), role=role)
        actor.sees = (CustomerKind.ORGANIZATION, self.organization.uuid)

        def log_in() -> None:
            user_id = begin_session(
                actor.client,  # type: ignore[arg-type]  # only its cookies
                self.ctx,
                self.organization,
                email=f"{role.value}@acme.test",
                user_uuid=uuid5(NAMESPACE_DNS, role.value),
            )
            with unit_of_work(self.ctx) as work:
                statement = update(BillingUser).where(BillingUser.id == user_id)
                work.session.execute(statement.values(role=role))
                work.commit()

        actor.log_in = log_in
        return actor

    def _server(self) -> Actor:
        actor = Actor("a server", self._client(), is_server=True)

        def register() -> None:
            # One of its calls ends the registration.
            registered = add_server(self.ctx, hostname=f"s{uuid4().hex}.test")
            actor.headers["Authorization"] = _basic(registered.uuid, KEY)

        actor.log_in = register
        return actor

    def _staff(self, role: StaffRole) -> Actor:
        actor = Actor(f"staff, {role.value}", self._client(), staff=role)
        actor.log_in = lambda: begin_staff_session(actor.client, self.ctx, role)  # type: ignore[arg-type]  # only its cookies
        return actor

    def _client(self) -> FlaskClient:
        # Pages are looked at elsewhere; this is about who gets which.
        return FlaskClient(self.app, self.app.response_class)


def _basic(name: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()


def violations(world: World) -> list[str]:
    """Every request whose answer is not what the route declares."""
    actors, found = world.actors(), []
    for call in calls_of(world.app, world.places):
        for actor in actors:
            where = f"{call.rule.endpoint}: {call.method} by {actor.name}"
            promised = verdict(call, actor)
            if promised is None:
                found.append(f"{where}: nothing says who may call it")
                continue
            answer = actor.send(call.method, call.path)
            if not is_kept(promised, call, answer):
                found.append(f"{where}: {answer.status_code}, should be {promised}")
            if call.method == "POST" and promised in {Verdict.IN, Verdict.OPEN}:
                # It may have logged the person out.
                actor.log_in()
    return found


def _plant(app: Flask) -> None:
    """Views that do not keep what they declare, and one that declares nothing."""
    blueprint = Blueprint("planted", __name__)

    def unguarded() -> str:
        return "open to everybody"

    def closed() -> tuple[str, int]:
        return "closed", 404

    for name, view, access in (
        ("forgotten", unguarded, None),
        ("unguarded", unguarded, "staff:admin"),
        ("closed", closed, "staff:support"),
        ("misspelled", unguarded, "stuff:admin"),
    ):

        def planted(view: Callable[[], Any] = view) -> Any:
            return view()

        planted.__access__ = access  # type: ignore[attr-defined]  # a mark without a guard
        blueprint.add_url_rule(f"/planted/{name}/", name, planted)
    app.register_blueprint(blueprint)


@pytest.mark.sqlite_only
def test_what_a_route_declares_is_what_happens(app: Flask, ctx: Context) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    _plant(app)
    # Thousands of requests end here; how the page looks is tested elsewhere.
    for error in (404, NotFoundError):
        app.register_error_handler(error, lambda _error: ("", 404))
    server = add_server(ctx)
    organization = add_organization(ctx, host="acme.test", server_id=server.id)
    other = add_organization(ctx, host="other.test")
    found = violations(World(app, ctx, organization, other, server))
    assert [line for line in found if not line.startswith("planted.")] == []
    bitten = {line.partition(":")[0] for line in found}
    assert bitten == {
        f"planted.{name}" for name in ("forgotten", "unguarded", "closed", "misspelled")
    }
    assert "planted.unguarded: GET by a stranger: 200, should be told to log in" in found
    assert "planted.unguarded: GET by staff, support: 200, should be not found" in found
    assert not any("planted.unguarded: GET by staff, admin" in line for line in found)
    assert "planted.closed: GET by staff, admin: 404, should be let in" in found
