"""Checkout Sessions in setup mode; what happens on their hosted page is in card_setup."""

from app.stripe_emulator.card_setup import customer_details, new_setup_intent
from app.stripe_emulator.errors import invalid, unsupported
from app.stripe_emulator.params import (
    LOCALES,
    Choice,
    Hash,
    Integer,
    ListOf,
    Metadata,
    Range,
    Text,
    merge_metadata,
)
from app.stripe_emulator.rendering import page
from app.stripe_emulator.store import Doc, Filters, new_id
from app.stripe_emulator.work import Work, route

DAY = 24 * 60 * 60


@route(
    "POST",
    "/v1/checkout/sessions",
    {
        "billing_address_collection": Choice(("auto", "required")),
        "cancel_url": Text(),
        "client_reference_id": Text(max_length=200),
        "currency": Text(max_length=3),
        "customer": Text(),
        "customer_email": Text(),
        "expires_at": Integer(),
        "locale": Choice(LOCALES),
        "metadata": Metadata(),
        "mode": Choice(("payment", "setup", "subscription")),
        "allowed_payment_method_types": ListOf(Choice(("card",))),
        "setup_intent_data": Hash({"description": Text(), "metadata": Metadata()}),
        "success_url": Text(),
        "ui_mode": Choice(("elements", "embedded_page", "form", "hosted_page")),
    },
)
def create(work: Work) -> Doc:
    """A session that collects one card on the hosted page."""
    params = work.params
    if params.get("mode") != "setup":
        raise unsupported("Checkout Sessions other than mode=setup", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise unsupported("ui_mode other than hosted_page", param="ui_mode")
    for name in ("success_url", "cancel_url"):
        if name in params and not params[name].startswith(("http://", "https://")):
            raise invalid(f"Not a valid URL: {name}", param=name, code="url_invalid")
    if "success_url" not in params:
        raise invalid(
            "Missing required param: success_url.", param="success_url", code="parameter_missing"
        )
    if "currency" not in params and "allowed_payment_method_types" not in params:
        raise invalid(
            "You must provide `currency` or `allowed_payment_method_types` in setup mode.",
            param="currency",
            code="parameter_missing",
        )
    expires_at = params.get("expires_at", work.now + DAY)
    if not work.now + 30 * 60 <= expires_at <= work.now + DAY:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    customer = None
    if "customer" in params:
        customer = work.load("customer", params["customer"], param="customer")
    intent = new_setup_intent(work, params.get("setup_intent_data", {}))
    session: Doc = {
        "id": new_id("cs_test_", length=40),
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": work.now,
        "currency": params.get("currency"),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": customer["id"] if customer else None,
        "customer_creation": None,
        "customer_details": customer_details(customer),
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": merge_metadata({}, params.get("metadata", {})),
        "mode": "setup",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_options": {},
        "payment_method_types": params.get("allowed_payment_method_types", ["card"]),
        "payment_status": "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": intent["id"],
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": None,
    }
    return work.tx.save(session)


def load_session(work: Work, id: str) -> Doc:
    """The session, expired if its time has come: the emulator has no clock of its own to tick."""
    session = work.load("checkout.session", id)
    if session["status"] == "open" and work.now >= session["expires_at"]:
        _expire(work, session)
    return session


def _expire(work: Work, session: Doc) -> None:
    session["status"] = "expired"
    work.tx.save(session)
    intent = work.load("setup_intent", session["setup_intent"])
    intent.update(status="canceled", cancellation_reason="abandoned", next_action=None)
    work.tx.save(intent)
    work.emit("setup_intent.canceled", intent)
    work.emit("checkout.session.expired", session)


@route("POST", "/v1/checkout/sessions/{id}/expire")
def expire(work: Work) -> Doc:
    """End an open session; nobody can complete it afterwards."""
    session = load_session(work, work.path["id"])
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}.",
        )
    _expire(work, session)
    return session


@route("GET", "/v1/checkout/sessions/{id}")
def retrieve(work: Work) -> Doc:
    """One session."""
    return load_session(work, work.path["id"])


@route(
    "GET",
    "/v1/checkout/sessions",
    {
        "customer": Text(),
        "created": Range(),
        "status": Choice(("complete", "expired", "open")),
    },
    paged=True,
)
def list_sessions(work: Work) -> Doc:
    """Sessions, newest first."""
    for session in work.tx.select("checkout.session", Filters(status="open")):
        load_session(work, session["id"])
    filters = Filters(
        customer=work.params.get("customer"),
        status=work.params.get("status"),
        created=work.params.get("created"),
    )
    url = "/v1/checkout/sessions"
    return page(work.tx, "checkout.session", filters, work.params, url=url, base_url=work.base_url)
