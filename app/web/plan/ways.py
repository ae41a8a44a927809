"""Where the way to the card page and back begins and ends."""

import re
from collections.abc import Mapping
from typing import Any

from flask import url_for

from app.services.identity import CustomerRef
from app.web.context import get_context

# What the upgrade page's address may hold; that page checks the values itself.
CHOICE_NAMES = ("tier", "schedule", "management", "licenses", "coupon")
LONGEST_VALUE = 40
# The pages on which a plan is chosen: one that begins now, or when a legacy plan ends.
CHOICE_PAGES = {"upgrade": "upgrade.plan_choice", "schedule": "upgrade.plan_schedule"}
# The number of an invoice of ours; the page behind it checks whose it is.
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
# The provider puts the id of the visit here; it is no address of ours that may be escaped.
SESSION_MARK = "{SESSION_ID}"


def way_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Where to go on after the card, out of a form or an address: names that we know, nothing
    else, and never an address."""
    invoice = given.get("invoice", "")
    if given.get("next") == "invoice" and _NUMBER.fullmatch(invoice):
        return {"next": "invoice", "invoice": invoice}
    if given.get("next") not in CHOICE_PAGES:
        return {"next": "billing"}
    kept = {name: given.get(name, "") for name in CHOICE_NAMES}
    return {"next": given["next"]} | {
        name: value for name, value in kept.items() if 0 < len(value) <= LONGEST_VALUE
    }


def address_after(ref: CustomerRef, way: Mapping[str, Any]) -> str:
    """The page that the way leads to."""
    if way.get("next") == "invoice":
        return url_for("portal.invoice", entity_uuid=ref.uuid, invoice_id=int(way["invoice"]))
    if way.get("next") not in CHOICE_PAGES:
        return url_for("portal.billing", entity_uuid=ref.uuid)
    choice: dict[str, Any] = {name: value for name, value in way.items() if name in CHOICE_NAMES}
    return url_for(CHOICE_PAGES[way["next"]], entity_uuid=ref.uuid, **choice)


def return_address(ref: CustomerRef, way: Mapping[str, Any]) -> str:
    """The whole address that the provider sends the browser back to, with the mark for its id."""
    path = url_for("plan.billing_card_return", entity_uuid=ref.uuid, **way)
    return f"{get_context().settings.base_url}{path}&session_id={SESSION_MARK}"


def cancel_address(ref: CustomerRef, way: Mapping[str, Any]) -> str:
    """The whole address for somebody who enters no card."""
    path = url_for("plan.billing_card_cancelled", entity_uuid=ref.uuid, **way)
    return f"{get_context().settings.base_url}{path}"
