"""The test cards: which numbers exist and what their bank does.

The numbers and the `pm_card_*` names are the ones of Stripe's documentation of testing, so that
what is tried here can be repeated in Stripe's own test mode.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestCard:
    """One test number. Codes are None where the bank agrees.

    `setup_decline` answers when the card is entered, `charge_decline` when it is charged;
    `authenticate` is when 3-D Secure is asked for: never, setup (once, then charges pass) or
    always. A decline is a pair of error code and decline code.
    """

    number: str
    brand: str
    label: str
    token: str
    setup_decline: tuple[str, str] | None = None
    charge_decline: tuple[str, str] | None = None
    authenticate: str = "never"

    __test__ = False  # pytest would take the name for a test class

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declined(code: str) -> tuple[str, str]:
    return ("card_declined", code)


CARDS: tuple[TestCard, ...] = (
    TestCard("4242424242424242", "visa", "Visa, succeeds", "pm_card_visa"),
    TestCard("5555555555554444", "mastercard", "Mastercard, succeeds", "pm_card_mastercard"),
    TestCard("378282246310005", "amex", "American Express, succeeds", "pm_card_amex"),
    TestCard(
        "4000002500003155",
        "visa",
        "3-D Secure when it is entered, then charges succeed",
        "pm_card_authenticationRequiredOnSetup",
        authenticate="setup",
    ),
    TestCard(
        "4000002760003184",
        "visa",
        "3-D Secure on every charge",
        "pm_card_authenticationRequired",
        authenticate="always",
    ),
    TestCard(
        "4000000000003220",
        "visa",
        "3-D Secure 2 on every charge",
        "pm_card_threeDSecure2Required",
        authenticate="always",
    ),
    TestCard(
        "4000008400001629",
        "visa",
        "3-D Secure on every charge, then declined",
        "pm_card_threeDSecureRequiredChargeDeclined",
        charge_decline=_declined("generic_decline"),
        authenticate="always",
    ),
    TestCard(
        "4000000000000341",
        "visa",
        "Can be entered, is declined when charged",
        "pm_card_chargeCustomerFail",
        charge_decline=_declined("generic_decline"),
    ),
    TestCard(
        "4000000000000002",
        "visa",
        "Declined",
        "pm_card_visa_chargeDeclined",
        setup_decline=_declined("generic_decline"),
        charge_decline=_declined("generic_decline"),
    ),
    TestCard(
        "4000000000009995",
        "visa",
        "Declined: insufficient funds",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        setup_decline=_declined("insufficient_funds"),
        charge_decline=_declined("insufficient_funds"),
    ),
    TestCard(
        "4000000000000069",
        "visa",
        "Declined: expired card",
        "pm_card_chargeDeclinedExpiredCard",
        setup_decline=("expired_card", "expired_card"),
        charge_decline=("expired_card", "expired_card"),
    ),
    TestCard(
        "4000000000000127",
        "visa",
        "Declined: wrong security code",
        "pm_card_chargeDeclinedIncorrectCvc",
        setup_decline=("incorrect_cvc", "incorrect_cvc"),
        charge_decline=("incorrect_cvc", "incorrect_cvc"),
    ),
    TestCard(
        "4000000000000119",
        "visa",
        "Declined: processing error",
        "pm_card_chargeDeclinedProcessingError",
        setup_decline=("processing_error", "processing_error"),
        charge_decline=("processing_error", "processing_error"),
    ),
)

BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS}
# Other names for the same cards in Stripe's documentation.
BY_TOKEN["pm_card_chargeDeclined"] = BY_NUMBER["4000000000000002"]
BY_TOKEN["pm_card_chargeDeclinedInsufficientFunds"] = BY_NUMBER["4000000000009995"]

MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "generic_decline": "Your card was declined.",
}


def decline_message(decline_code: str) -> str:
    """What the bank's refusal reads like, in the API and on the hosted pages."""
    return MESSAGES.get(decline_code, "Your card was declined.")
