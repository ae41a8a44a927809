"""The words about single charges, and about what late rows left for staff."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "one_off_not_positive": _l(
        "A charge is more than 0.00. Money is given back by a refund at the payment provider."
    ),
    "one_off_too_large": _l(
        "%(total)s is more than one invoice may ask for, which is %(most_amount)s."
    ),
    "description_missing": _l("Say what the charge is for: the customer reads it on the invoice."),
    "description_too_long": _l("The description is too long: at most %(maximum)s characters."),
    "one_off_needs_invoice": _l(
        "There is no next invoice: no plan that is charged for is running. Charge it at once."
    ),
    "one_off_needs_card": _l(
        "There is no card on file. Send an invoice instead: --at-once --send."
    ),
    "one_off_invoiced": _l(
        "It stands on an invoice already. Void or refund that invoice at the payment provider."
    ),
    "one_off_canceled": _l("It was canceled before. Nothing was changed."),
    "late_fall_resolved": _l("Case %(fall)s was resolved before. Nothing was changed."),
}
