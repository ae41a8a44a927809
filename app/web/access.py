"""Who may call a route. Every view carries one of these decorators (a house test looks)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    has_request_context,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from werkzeug.exceptions import HTTPException

from app.domain.kinds import KIND_PROFILES, BillingRole, CustomerKind, StaffRole
from app.services.browser_sessions import end_session
from app.services.context import Actor, billing_user_actor, staff_actor
from app.services.identity import CustomerRef, Identity, StoredSession, customer_ref
from app.services.login_links import DEFAULT_PAGE, NEXT_PAGES
from app.services.unit_of_work import unit_of_work
from app.web.context import get_context
from app.web.flashes import flash_problem
from app.web.seeing import seen_on_this_page
from app.web.sessions import (
    current_identity,
    current_staff,
    current_stored_session,
    portal_session,
)

V = TypeVar("V", bound=Callable[..., Any])
SERVER_LOGIN = "/serverlogin/"
STAFF_LOGIN = "/support/login/"
# How the address of every page of a customer begins; pages of one kind only spell their prefix.
CUSTOMER = "/<any(realm, server):prefix>/<uuid:entity_uuid>"
# Requests by these methods look; every other one acts.
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


def public(view: V) -> V:
    """Anyone may call: login steps, health, plans for strangers, error helpers."""
    return _marked(view, "public")


def api_server(view: V) -> V:
    """A server that calls the API with its key; the view itself asks for it."""
    return _marked(view, "api_server")


def webhook(view: V) -> V:
    """The payment provider; its signature is checked by the view."""
    return _marked(view, "webhook")


def demo_only(view: V) -> V:
    """Exists in demo and testing only, and only for this machine."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not get_context().settings.is_demo_like or request.remote_addr not in {
            "127.0.0.1",
            "::1",
        }:
            abort(404)
        return view(*args, **kwargs)

    return _marked(guarded, "demo_only")  # type: ignore[return-value]  # the same signature


def billing_user(
    *kinds: CustomerKind,
    acts: BillingRole = BillingRole.BILLING,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A person who is logged in to billing for the customer in the address.

    For routes that begin with `CUSTOMER` (any kind of customer), or with the prefix of the one
    kind that is named here. The view gets a `CustomerRef` as its first argument instead of
    `prefix` and `entity_uuid`. A session that is over leads back to the product; no session to a
    page that explains how to come in; somebody else's customer is not found, so that nobody learns
    which UUIDs exist.

    Everybody may look; a POST needs at least the role `acts`, and is not found for a lesser one.
    The mark ends with that role: "billing_user:organization,server:billing".
    """
    allowed = kinds or tuple(CustomerKind)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, entity_uuid: UUID, prefix: str = "", **kwargs: Any) -> Any:
            stored = current_stored_session()
            if stored is not None and stored.staff is not None and not stored.is_expired:
                # Staff see it as the customer does, after a button of theirs and only to look.
                seen = seen_on_this_page()
                if seen is None or seen.kind not in allowed:
                    abort(404)
                return view(seen, *args, **kwargs)
            if stored is None or stored.identity is None:
                return _come_in()
            if stored.is_deactivated:
                return _turned_away(stored)
            if stored.is_expired:
                return _back_to_the_product(stored)
            identity = stored.identity
            is_asked = request.path.startswith(f"/{KIND_PROFILES[identity.kind].url_prefix}/")
            is_allowed = identity.kind in allowed and is_asked
            if not is_allowed or identity.entity_uuid != str(entity_uuid):
                abort(404)
            if request.method not in _LOOKS and not identity.role.may(acts):
                abort(404)
            return view(customer_ref(identity), *args, **kwargs)

        return _marked(guarded, f"billing_user:{','.join(allowed)}:{acts}")

    return decorate


def staff(least: StaffRole = StaffRole.READ_ONLY) -> Callable[[V], V]:
    """Somebody of the vendor whose role is at least `least`.

    Without a session the login comes first. Billing users, and staff of a lesser role, are told
    that there is no such page.
    """

    def decorate(view: V) -> V:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            person = current_staff()
            if person is None:
                if current_identity() is not None:
                    abort(404)
                return _to_staff_login()
            if not person.role.may(least):
                abort(404)
            response = make_response(view(*args, **kwargs))
            # What staff see of customers is in no shared computer's cache.
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return _marked(guarded, f"staff:{least}")  # type: ignore[return-value]  # the same signature

    return decorate


def _to_staff_login() -> Response:
    """To the login of staff, which leads back here; a form has to be sent again."""
    if request.method != "GET":
        flash_problem(
            gettext("Your login was over before the form was sent, so nothing was changed.")
        )
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    response = redirect(f"{STAFF_LOGIN}?{urlencode({'next': here})}" if here else STAFF_LOGIN)
    response.headers["Cache-Control"] = "no-store"
    return make_response(response)


def init_app(app: Flask) -> None:
    """Let addresses of a customer's pages be made from its UUID alone: the prefix is that of
    who is logged in, or of the page we are on. Let templates ask who may act."""
    app.jinja_env.globals["may_act"] = may_act

    @app.url_defaults
    def add_prefix(endpoint: str, values: dict[str, Any]) -> None:
        expects = app.url_map.is_endpoint_expecting(endpoint, "prefix")
        if "prefix" in values or not expects or not has_request_context():
            return
        # Who is logged in decides: a page that is not theirs still shows their own tabs.
        identity = current_identity()
        seen = seen_on_this_page() if identity is None else None
        whose = identity or seen
        if whose is not None:
            values["prefix"] = KIND_PROFILES[whose.kind].url_prefix
        else:
            here = (request.view_args or {}).get("prefix")
            values["prefix"] = here or KIND_PROFILES[CustomerKind.ORGANIZATION].url_prefix


def may_act() -> bool:
    """Whether the forms of this page may offer their buttons. A viewer's pages of the customer do
    not, nor what staff see of them; pages that are for anybody (a login to another customer) are
    not about the role."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "__access__", "").startswith("billing_user:"):
        return True
    identity = current_identity()
    if identity is None:
        return seen_on_this_page() is None
    return identity.role.may(BillingRole.BILLING)


def current_actor() -> Actor:
    """The logged-in person, or a stranger, as ledger and audit log name who did something."""
    identity = current_identity()
    if identity is None:
        return Actor("stranger", ip=request.remote_addr)
    return billing_user_actor(
        identity.billing_user_id,
        email=identity.email,
        full_name=identity.full_name,
        ip=request.remote_addr,
    )


def current_staff_actor() -> Actor:
    """The person of the vendor who is logged in, as the audit log names who did something.

    Only for views with the decorator `staff`.
    """
    person = current_staff()
    assert person is not None, "the view is for staff only"
    return staff_actor(
        person.staff_user_id,
        email=person.email,
        full_name=person.full_name,
        ip=request.remote_addr,
    )


def page_address(identity: Identity | CustomerRef, page: str) -> str:
    """The address of a page of a customer by its `next_page` name; billing when the page is not
    there. Never made of anything but our own routes."""
    entity_uuid = identity.entity_uuid if isinstance(identity, Identity) else identity.uuid
    prefix = f"/{KIND_PROFILES[identity.kind].url_prefix}/{entity_uuid}"
    if page in NEXT_PAGES and _is_built(f"{prefix}/{page}/"):
        return f"{prefix}/{page}/"
    return f"{prefix}/{DEFAULT_PAGE}/"


def _is_built(path: str) -> bool:
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None, "a request has an adapter"
    try:
        adapter.match(path, method="GET")
    except HTTPException:
        return False
    return True


def _marked(view: V, access: str) -> V:
    view.__access__ = access  # type: ignore[attr-defined]  # a mark for the house test
    return view


def _come_in() -> Response:
    """Explain to a stranger how to get here, first by the door of that kind of customer. No link
    to a product: hosts register themselves, so a link made from the address would lead wherever
    its writer wants."""
    prefix = KIND_PROFILES[CustomerKind.SERVER].url_prefix
    page = render_template(
        "login/come_in.html",
        is_server=request.path.startswith(f"/{prefix}/"),
        next_page=_page_asked_for(),
    )
    return make_response(page, 401)


def _turned_away(stored: StoredSession) -> Response:
    with unit_of_work(get_context()) as work:
        end_session(work, stored.id_hash)
        work.commit()
    portal_session().replace_by(None)
    return make_response(render_template("login/deactivated.html"), 401)


def _back_to_the_product(stored: StoredSession) -> Response:
    """To the product's own billing page, which knows whether the person is still logged in there.

    The address was stored with the session at login; only the page's name comes from the request.
    """
    way_back = stored.way_back or url_for("login.come_in")
    if stored.identity is not None and stored.identity.kind is CustomerKind.SERVER:
        way_back = stored.way_back or SERVER_LOGIN
    if request.method == "POST":
        # Shown at the login that follows: whoever pressed "Pay" must know what became of it.
        flash_problem(
            gettext(
                "Your login was over before the form was sent, so nothing was paid or changed. "
                "Log in and send it again."
            )
        )
    query = urlencode({"next_page": _page_asked_for() or DEFAULT_PAGE})
    response = redirect(f"{way_back}?{query}", code=302)
    response.headers["Cache-Control"] = "no-store"
    return make_response(response)


def _page_asked_for() -> str | None:
    """The page of a customer that this request is about, when its name is in the list."""
    here = request.path.strip("/").split("/")
    return here[2] if len(here) > 2 and here[2] in NEXT_PAGES else None


__all__ = [
    "CUSTOMER",
    "api_server",
    "billing_user",
    "current_actor",
    "current_identity",
    "current_staff_actor",
    "demo_only",
    "may_act",
    "page_address",
    "public",
    "staff",
    "webhook",
]
