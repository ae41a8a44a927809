"""Words that the acts of staff share: what the next charge becomes, choices, and refusals."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.services.preview_change import ChangePreview
from app.services.preview_invoices import PreviewedInvoice
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {}

DAY_HINT = _l("The start of this day, 00:00 UTC.")
OWNER_HINT = _l("Kept with the customer, not in the audit log.")


def next_charge(preview: ChangePreview[Any] | None) -> str | None:
    """What the next invoice is without an act and with it; None where neither makes one, or the
    act was tried out for somebody who has none."""
    if preview is None or not (preview.before or preview.after):
        return None
    before = preview.before[0] if preview.before else None
    after = preview.after[0] if preview.after else None
    if before is not None and after is not None:
        if (before.total, before.boundary) == (after.total, after.boundary):
            return gettext("The next charge stays %(amount)s.", amount=_charge(before))
        if before.boundary == after.boundary:
            return gettext(
                "Next charge on %(day)s: %(before)s → %(after)s.",
                day=format_date(before.boundary),
                before=format_money(before.total, before.currency),
                after=format_money(after.total, after.currency),
            )
        return gettext(
            "Next charge: %(before)s → %(after)s.", before=_charge(before), after=_charge(after)
        )
    if after is not None:
        return gettext("Next charge: none → %(after)s.", after=_charge(after))
    assert before is not None, "one of them is there"
    return gettext("Next charge: %(before)s → none.", before=_charge(before))


def _charge(invoice: PreviewedInvoice) -> str:
    return gettext(
        "%(amount)s on %(day)s",
        amount=format_money(invoice.total, invoice.currency),
        day=format_date(invoice.boundary),
    )
