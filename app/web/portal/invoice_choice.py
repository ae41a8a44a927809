"""Which invoices the address asks for."""

from typing import Any

from flask import request

from app.services.pages.invoice_states import InvoiceChoice, StateChoice

# Years that a date can have, the one after it included.
YEARS = range(1970, 9999)


def asked_invoices() -> InvoiceChoice:
    """The state and the year of the address; a value that means nothing narrows nothing."""
    state = request.args.get("state", "")
    year = request.args.get("year", "")
    is_year = len(year) == 4 and year.isascii() and year.isdigit() and int(year) in YEARS
    return InvoiceChoice(
        state=StateChoice(state) if state in set(StateChoice) else None,
        year=int(year) if is_year else None,
    )


def in_address(choice: InvoiceChoice) -> dict[str, Any]:
    """The same as values of an address, for links that keep it."""
    values = {"state": choice.state, "year": choice.year}
    return {name: value for name, value in values.items() if value is not None}
