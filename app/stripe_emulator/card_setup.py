"""SetupIntents, and what a person does on the hosted Checkout page to save a card.

`enter_card` and `authenticate` hold the rules, so that the page itself only shows and forwards.
"""

from datetime import UTC, datetime

from app.stripe_emulator.cards import BY_NUMBER, decline_message
from app.stripe_emulator.errors import CARD_ERROR, DOC_URL
from app.stripe_emulator.params import merge_metadata
from app.stripe_emulator.payment_methods import attach_to, new_card
from app.stripe_emulator.store import Doc, new_id
from app.stripe_emulator.work import Work, route


def customer_details(customer: Doc | None) -> Doc | None:
    """What a session shows about its customer."""
    if customer is None:
        return None
    return {
        "address": None,
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def new_setup_intent(work: Work, data: Doc) -> Doc:
    """The intent that a new session tries to bring to `succeeded`."""
    intent_id = new_id("seti_1")
    customer = work.params.get("customer")
    intent: Doc = {
        "id": intent_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{new_id('')}",
        "created": work.now,
        "customer": customer,
        "description": data.get("description"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merge_metadata({}, data.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": None}
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    work.tx.save(intent)
    work.emit("setup_intent.created", intent)
    return intent


@route("GET", "/v1/setup_intents/{id}")
def retrieve_setup_intent(work: Work) -> Doc:
    """One SetupIntent."""
    return work.load("setup_intent", work.path["id"])


class CardRefused(Exception):
    """The card was not accepted; the words are for the person at the hosted page."""


def read_card(work: Work, form: dict[str, str]) -> Doc:
    """A new card from what was typed: number, expiry (MM / YY), security code, name.

    Raises CardRefused with words for the page; only Stripe's test numbers exist here.
    """
    number = "".join(char for char in form.get("number", "") if char not in " -")
    card = BY_NUMBER.get(number)
    if card is None:
        raise CardRefused(
            "Your card number is invalid: this is a test bank, use one of the numbers listed below."
        )
    month, _, year = form.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isascii() and month.isdigit() and year.isascii() and year.isdigit()):
        raise CardRefused("Your card's expiration date is incomplete. Write it as MM / YY.")
    if len(month) > 2 or len(year) not in (2, 4) or not 1 <= int(month) <= 12:
        raise CardRefused("Your card's expiration date is invalid. Write it as MM / YY.")
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    today = datetime.fromtimestamp(work.now, UTC)
    if (full_year, int(month)) < (today.year, today.month):
        raise CardRefused("Your card's expiration date is in the past.")
    cvc = form.get("cvc", "").strip()
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise CardRefused("Your card's security code is incomplete.")
    name = form.get("name", "").strip()[:200]
    return new_card(work, card, exp_month=int(month), exp_year=full_year, name=name or None)


def enter_card(work: Work, session: Doc, form: dict[str, str]) -> str:
    """Try the card that was typed. Returns `done` or `authenticate`; raises CardRefused."""
    method = read_card(work, form)
    card = BY_NUMBER[method["_number"]]
    intent = work.load("setup_intent", session["setup_intent"])
    if card.setup_decline is not None:
        code, decline = card.setup_decline
        _fail(work, intent, method, code=code, decline_code=decline)
        raise CardRefused(decline_message(decline))
    if card.authenticate != "never":
        intent.update(
            status="requires_action",
            payment_method=method["id"],
            last_setup_error=None,
            next_action={
                "type": "use_stripe_sdk",
                "use_stripe_sdk": {"type": "three_d_secure_redirect"},
            },
        )
        work.tx.save(intent)
        work.emit("setup_intent.requires_action", intent)
        return "authenticate"
    _succeed(work, session, intent, method)
    return "done"


def authenticate(work: Work, session: Doc, *, passed: bool) -> None:
    """What the bank's own page said. Raises CardRefused when it was failed."""
    intent = work.load("setup_intent", session["setup_intent"])
    if intent["status"] != "requires_action":
        raise CardRefused("Enter a card first.")
    method = work.load("payment_method", intent["payment_method"])
    if not passed:
        _fail(work, intent, method, code="setup_intent_authentication_failure")
        raise CardRefused(
            "We are unable to authenticate your payment method. Please choose a different payment "
            "method and try again."
        )
    method["_authenticated"] = True
    _succeed(work, session, intent, method)


def _fail(
    work: Work, intent: Doc, method: Doc, *, code: str, decline_code: str | None = None
) -> None:
    error: Doc = {
        "code": code,
        "doc_url": DOC_URL + code.replace("_", "-"),
        "message": (
            decline_message(decline_code)
            if decline_code
            else "The provided PaymentMethod has failed authentication."
        ),
        "payment_method": work.render(method),
        "type": CARD_ERROR if decline_code else "invalid_request_error",
    }
    if decline_code:
        error["decline_code"] = decline_code
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    work.tx.save(intent)
    work.emit("setup_intent.setup_failed", intent)


def _succeed(work: Work, session: Doc, intent: Doc, method: Doc) -> None:
    customer = session["customer"]
    if customer is not None:
        attach_to(work, method, customer)
    else:
        work.tx.save(method)
    intent.update(
        status="succeeded",
        payment_method=method["id"],
        next_action=None,
        last_setup_error=None,
    )
    work.tx.save(intent)
    work.emit("setup_intent.succeeded", intent)
    session["status"] = "complete"
    details = session["customer_details"] or customer_details({"email": session["customer_email"]})
    session["customer_details"] = {**(details or {}), "name": method["billing_details"]["name"]}
    work.tx.save(session)
    work.emit("checkout.session.completed", session)
