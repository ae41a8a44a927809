"""The words of invoices: their states, the choice of some, and the first lines of their pages."""

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.services.pages.invoice import InvoicePage
from app.services.pages.invoice_states import InvoiceState, StateChoice
from app.services.pages.invoices import InvoicesPage, OpenAmount
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {}

_STATES = {
    InvoiceState.DRAFT: (_l("Being prepared"), "neutral"),
    InvoiceState.TO_PAY: (_l("To be paid"), "notice"),
    InvoiceState.OVERDUE: (_l("Overdue"), "bad"),
    InvoiceState.FAILED: (_l("Payment failed"), "bad"),
    InvoiceState.PAID: (_l("Paid"), "good"),
    InvoiceState.REFUNDED: (_l("Refunded"), "neutral"),
    InvoiceState.VOID: (_l("Void"), "neutral"),
    InvoiceState.WRITTEN_OFF: (_l("Written off"), "bad"),
}
_CHOICES = {
    StateChoice.TO_PAY: _l("To be paid"),
    StateChoice.PAID: _l("Paid"),
    StateChoice.REFUNDED: _l("Refunded"),
    StateChoice.VOID: _l("Void or written off"),
    StateChoice.DRAFT: _l("Being prepared"),
}


def invoice_state_word(state: InvoiceState) -> str:
    """ "Paid", "Overdue"."""
    return str(_STATES[state][0])


def invoice_state_tone(state: InvoiceState) -> str:
    """How its tag is colored."""
    return _STATES[state][1]


def state_choice_word(choice: StateChoice) -> str:
    """What a list can be narrowed to."""
    return str(_CHOICES[choice])


def invoices_headline(page: InvoicesPage) -> str:
    """The first line of the list: what is owed, else that nothing is."""
    if not page.all_count:
        return gettext("You have no invoices.")
    if page.open_count:
        return ngettext(
            "%(num)s invoice waits for its payment: %(total)s.",
            "%(num)s invoices wait for their payment: %(total)s.",
            page.open_count,
            total=_total(page.open_amounts),
        )
    return ngettext(
        "You have %(num)s invoice, and nothing to pay.",
        "You have %(num)s invoices, and nothing to pay.",
        page.all_count,
    )


def _total(amounts: tuple[OpenAmount, ...]) -> str:
    """ "$43.00", or "$43.00 and €10.00" for somebody whose currency was changed."""
    parts = [format_money(amount.total, amount.currency) for amount in amounts]
    return gettext(" and ").join(parts)


def invoice_headline(page: InvoicePage) -> str:
    """The first line of one invoice: the amount, and what became or becomes of it."""
    total = format_money(page.total, page.currency)
    if page.is_open:
        return _what_is_open(page, total)
    if page.state is InvoiceState.PAID:
        day = format_date(page.paid_at or page.dated)
        return gettext("%(total)s, paid on %(day)s.", total=total, day=day)
    if page.state is InvoiceState.REFUNDED:
        day = format_date(page.refunded_at or page.dated)
        return gettext("%(total)s, paid and paid back on %(day)s.", total=total, day=day)
    if page.state is InvoiceState.DRAFT:
        if page.is_due:
            return gettext("%(total)s, being charged.", total=total)
        day = format_date(page.boundary)
        return gettext("%(total)s, will be charged on %(day)s.", total=total, day=day)
    if page.state is InvoiceState.VOID:
        return gettext("%(total)s, void: nothing was charged.", total=total)
    return gettext("%(total)s, written off.", total=total)


def _what_is_open(page: InvoicePage, total: str) -> str:
    if page.due_at is None:
        return gettext("%(total)s, to be paid.", total=total)
    day = format_date(page.due_at)
    if page.state is InvoiceState.OVERDUE:
        return gettext("%(total)s, due since %(day)s and not paid.", total=total, day=day)
    return gettext("%(total)s, to be paid by %(day)s.", total=total, day=day)
