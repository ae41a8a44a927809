"""Billing portal sessions: a page with the cards and receipts of one customer."""

from app.stripe_emulator.errors import invalid
from app.stripe_emulator.params import LOCALES, Choice, Text
from app.stripe_emulator.store import Doc, new_id
from app.stripe_emulator.work import Work, route

# Stripe's default configuration of an account; the emulator has no configurations to choose from.
CONFIGURATION = "bpc_emulator"


@route(
    "POST",
    "/v1/billing_portal/sessions",
    {"customer": Text(), "locale": Choice(LOCALES), "return_url": Text()},
    required=("customer",),
)
def create(work: Work) -> Doc:
    """A link to the customer's page; it cannot be read back through the API, as at Stripe."""
    customer = work.load("customer", work.params["customer"], param="customer")
    return_url = work.params.get("return_url")
    if return_url is not None and not return_url.startswith(("http://", "https://")):
        raise invalid("Not a valid URL", param="return_url", code="url_invalid")
    session: Doc = {
        "id": new_id("bps_1"),
        "object": "billing_portal.session",
        "configuration": CONFIGURATION,
        "created": work.now,
        "customer": customer["id"],
        "flow": None,
        "livemode": False,
        "locale": work.params.get("locale"),
        "on_behalf_of": None,
        "return_url": return_url,
        "url": "",
    }
    return work.tx.save(session)
