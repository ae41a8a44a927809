"""What a person confirmed on a page, as the form carries it: signed, for one payer, for a while."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.domain.errors import BillingError
from app.services.context import Context
from app.services.customers import Payer


def read_confirmed(
    ctx: Context, payer: Payer, purpose: str, token: str, *, max_age: timedelta
) -> Mapping[str, Any]:
    """The signed value of a confirmation of `payer`. Raises BillingError `quote_expired` for one
    that is too old, and `quote_invalid` for anything that is none."""
    try:
        value, _ = ctx.tokens.read(purpose, token, max_age=max_age)
    except BillingError as error:
        if error.code == "token_expired":
            raise BillingError("quote_expired") from None
        raise BillingError("quote_invalid") from None
    if value["payer"] != payer.uuid:
        raise BillingError("quote_invalid")
    return dict(value)
