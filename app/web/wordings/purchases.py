"""What is said about buying: the price before, the payment that waits, and what became of it."""

from datetime import datetime

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import Schedule
from app.services.pages.card import CardReturn, ChargeView
from app.services.pages.parts import OpenPurchase
from app.services.pages.upgrade import QuoteChange, QuoteView, UpgradePage
from app.web.wording import (
    Message,
    count_licenses,
    count_months,
    count_people,
    describe_card,
    format_count,
    format_date,
    format_money,
    format_percent,
    schedule_unit,
    schedule_word,
)

MESSAGES: dict[str, Message] = {
    "tier_required": _l(
        "We agreed on %(tier)s with you, so another plan cannot be bought here. Choose %(tier)s, "
        "or write to support."
    ),
    "too_many_for_invoice": _l(
        "Invoices for more than %(maximum)s licenses are arranged with support. Write to us and "
        "we will help, or pay by card."
    ),
    "invoice_not_made": _l(
        "The invoice could not be made: our payment provider refused it. Nothing is owed. Try "
        "again, or write to support."
    ),
    # Paying an open invoice with the card on file.
    "invoice_void": _l("This invoice is void, so there is nothing to pay. Nothing was charged."),
    "invoice_not_final": _l("This invoice is still being prepared. It will be charged by itself."),
    "invoice_of_purchase": _l(
        "This invoice belongs to a purchase that is not finished. Go on with it on its own page."
    ),
    "invoice_being_paid": _l(
        "This invoice is being paid right now. Wait a moment, then look at it again."
    ),
    "invoice_unanswered": _l(
        "Our payment provider did not answer in time, so we do not know yet whether %(total)s were "
        "paid. You are never charged twice: we find out before anything is tried again."
    ),
    "invoice_declined": _l(
        "Your bank refused %(total)s: “%(reason)s” Nothing was charged. Use another card, or pay "
        "on the invoice's own page."
    ),
    "invoice_not_paid": _l(
        "The payment of %(total)s did not go through. Nothing was charged. Use another card, or "
        "pay on the invoice's own page."
    ),
}

_TERMS = {
    "tier": _l("Plan"),
    "schedule": _l("Billed"),
    "currency": _l("Currency"),
    "price": _l("Price of a license"),
    "discounted_price": _l("Your price of a license"),
    "discount_percent": _l("Your discount"),
    "discount_until": _l("Your discount lasts until"),
    "discount_amount": _l("Discount a month"),
    "discount_months": _l("Months with the discount"),
    "discount_share": _l("Share that the coupon takes off"),
    "coupon": _l("Coupon"),
    "tier_minimum": _l("Least number of licenses"),
    "trial_days": _l("Days for nothing"),
    "total": _l("Total today"),
}
_AMOUNTS = frozenset({"price", "discounted_price", "discount_amount", "total"})
_DAYS = frozenset({"discount_until"})

# --- the price ---


def upgrade_headline(quote: QuoteView) -> str:
    """ "Basic for 23 people: $60.50 today and each month for a year, then $80.50"; by invoice
    "Basic with 30 licenses: $85.00 by invoice each month for a year, then $105.00"."""
    if quote.licenses == quote.people:
        what = gettext(
            "%(tier)s for %(people)s", tier=quote.tier_title, people=count_people(quote.people)
        )
    else:
        what = gettext(
            "%(tier)s with %(licenses)s",
            tier=quote.tier_title,
            licenses=count_licenses(quote.licenses),
        )
    if quote.trial_days:
        return f"{what}: {_price_after_trial(quote)}"
    return f"{what}: {_price_over_time(quote)}"


def _price_after_trial(quote: QuoteView) -> str:
    """ "free for 30 days, then $43.00 each month for a year and $63.00 after it"."""
    values = {
        "days": ngettext("%(num)s day", "%(num)s days", quote.trial_days),
        "total": format_money(quote.total, quote.currency),
        "later": format_money(quote.undiscounted_total, quote.currency),
        "each": _each(quote),
    }
    if quote.total == quote.renewal_total == quote.undiscounted_total:
        return gettext("free for %(days)s, then %(total)s %(each)s", **values)
    if quote.total == quote.renewal_total and quote.schedule is Schedule.MONTHLY:
        return gettext(
            "free for %(days)s, then %(total)s each month for %(span)s and %(later)s after it",
            span=_span(quote),
            **values,
        )
    values["later"] = format_money(quote.renewal_total, quote.currency)
    return gettext("free for %(days)s, then %(total)s, later %(later)s %(each)s", **values)


def _each(quote: QuoteView) -> str:
    return gettext("each month") if quote.schedule is Schedule.MONTHLY else gettext("each year")


def _span(quote: QuoteView) -> str:
    """How long the discount lasts."""
    return gettext("a year") if quote.discount_months == 12 else count_months(quote.discount_months)


def _price_over_time(quote: QuoteView) -> str:
    each = _each(quote)
    today = format_money(quote.total, quote.currency)
    later = format_money(quote.undiscounted_total, quote.currency)
    if quote.is_by_invoice:
        first = gettext("%(total)s by invoice now", total=today)
    else:
        first = gettext("%(total)s today", total=today)
    if quote.total == quote.renewal_total == quote.undiscounted_total:
        return gettext("%(first)s and %(each)s", first=first, each=each)
    if quote.total == quote.renewal_total and quote.schedule is Schedule.MONTHLY:
        return gettext(
            "%(first)s and each month for %(span)s, then %(later)s",
            first=first,
            span=_span(quote),
            later=later,
        )
    return gettext(
        "%(first)s, then %(later)s %(each)s",
        first=first,
        later=format_money(quote.renewal_total, quote.currency),
        each=each,
    )


def renewal_words(quote: QuoteView) -> str:
    """What happens on the day of the first renewal, and what changes after the discount. By
    invoice no day is known before the payment, unless a free trial comes first."""
    if quote.is_by_invoice and not quote.trial_days:
        return _renewal_by_invoice(quote)
    said = gettext(
        "%(total)s on %(day)s, then %(each)s.",
        total=format_money(quote.renewal_total, quote.currency),
        day=format_date(quote.renews_at),
        each=_each(quote),
    )
    if quote.discount_ends_at is None or quote.renewal_total == quote.undiscounted_total:
        return said
    values = {
        "day": format_date(quote.discount_ends_at),
        "total": format_money(quote.undiscounted_total, quote.currency),
        "unit": schedule_unit(quote.schedule),
    }
    if quote.coupon is not None:
        ends = gettext(
            "The coupon is good until %(day)s; from then on it is %(total)s %(unit)s.", **values
        )
    elif quote.discounted_price is not None:
        ends = gettext(
            "Your discount lasts until then: from %(day)s on it is %(total)s %(unit)s.", **values
        )
    else:
        ends = gettext(
            "The discount for new customers ends on %(day)s; from then on it is %(total)s "
            "%(unit)s.",
            **values,
        )
    return f"{said} {ends}"


def discount_words(quote: QuoteView) -> str:
    """What staff took off: "Your discount: 40% off. A license costs $2.10 instead of $3.50 a
    month"; empty without."""
    if quote.discounted_price is None:
        return ""
    values = {
        "price": format_money(quote.discounted_price, quote.currency),
        "list_price": format_money(quote.price, quote.currency),
        "unit": schedule_unit(quote.schedule),
    }
    if quote.discount_percent is None:
        return gettext(
            "Your price: a license costs %(price)s instead of %(list_price)s %(unit)s.", **values
        )
    return gettext(
        "Your discount of %(percent)s: a license costs %(price)s instead of %(list_price)s "
        "%(unit)s.",
        percent=format_percent(quote.discount_percent),
        **values,
    )


def required_tier_words(page: UpgradePage) -> str:
    """That staff agreed on one tier with this customer; empty when any can be bought."""
    if page.required_tier is None:
        return ""
    if not page.tiers:
        return gettext(
            "We agreed on %(tier)s with you. It begins when you accept our offer; if you do not "
            "have one, write to support.",
            tier=page.required_tier,
        )
    return gettext(
        "We agreed on %(tier)s with you, so this is the plan that you can buy here. For another "
        "one, write to support.",
        tier=page.required_tier,
    )


def _renewal_by_invoice(quote: QuoteView) -> str:
    said = gettext(
        "The next invoice, over %(total)s, comes %(months)s after your payment, then %(each)s.",
        total=format_money(quote.renewal_total, quote.currency),
        months=count_months(quote.schedule.months),
        each=_each(quote),
    )
    if not quote.discount_months or quote.renewal_total == quote.undiscounted_total:
        return said
    if quote.discounted_price is not None:
        # It ends on a day, whenever the payment comes.
        assert quote.discount_until is not None, "the price changes, so it ends"
        ends = gettext(
            "Your discount ends on %(day)s; what renews after it costs %(total)s %(unit)s.",
            day=format_date(quote.discount_until),
            total=format_money(quote.undiscounted_total, quote.currency),
            unit=schedule_unit(quote.schedule),
        )
        return f"{said} {ends}"
    if quote.coupon is not None:
        ends = gettext(
            "The coupon is good for %(months)s; from then on it is %(total)s %(unit)s.",
            months=count_months(quote.discount_months),
            total=format_money(quote.undiscounted_total, quote.currency),
            unit=schedule_unit(quote.schedule),
        )
        return f"{said} {ends}"
    ends = gettext(
        "The discount for new customers lasts %(months)s; from then on it is %(total)s %(unit)s.",
        months=count_months(quote.discount_months),
        total=format_money(quote.undiscounted_total, quote.currency),
        unit=schedule_unit(quote.schedule),
    )
    return f"{said} {ends}"


def change_name(change: QuoteChange) -> str:
    """What changed between the page and its confirmation."""
    return str(_TERMS.get(change.name, change.name))


def change_value(value: object, change: QuoteChange, currency: str) -> str:
    """One of its two values."""
    if value is None:
        return gettext("none")
    if change.name in _AMOUNTS and isinstance(value, int):
        return format_money(value, currency)
    if change.name in _DAYS:
        return format_date(datetime.fromisoformat(str(value)))
    if change.name in {"discount_percent", "discount_share"} and isinstance(value, int):
        return format_percent(value)
    if change.name == "schedule":
        return schedule_word(Schedule(str(value)))
    return format_count(value) if isinstance(value, int) else str(value)


# --- by invoice ---


def open_purchase_title(purchase: OpenPurchase) -> str:
    """What a payment that was begun waits for."""
    values = {
        "total": format_money(purchase.total, purchase.currency),
        "tier": purchase.tier_title,
    }
    if not purchase.is_by_invoice:
        return gettext("You have an unfinished payment of %(total)s for %(tier)s.", **values)
    if purchase.due_at is None:
        return gettext("Your invoice over %(total)s for %(tier)s is being made.", **values)
    return gettext(
        "Your invoice over %(total)s for %(tier)s waits for its payment; due on %(day)s.",
        day=format_date(purchase.due_at),
        **values,
    )


def open_purchase_note(purchase: OpenPurchase) -> str:
    """What comes of it."""
    if purchase.is_by_invoice:
        return gettext("%(tier)s starts when it is paid.", tier=purchase.tier_title)
    return gettext("Nothing is charged before it is finished.")


def due_words(due_at: datetime, now: datetime) -> str:
    """When an invoice is due, and that it is too late."""
    if due_at < now:
        return gettext("was due on %(day)s", day=format_date(due_at))
    return gettext("due on %(day)s", day=format_date(due_at))


# --- what a new card has paid ---


def card_return_words(found: CardReturn) -> str:
    """That a new card is on file, and what it has paid."""
    assert found.card is not None, "it is stored"
    card = found.card
    words = describe_card(card.brand, card.last4, card.exp_month, card.exp_year)
    said = gettext("Your card is on file: %(card)s.", card=words)
    if found.paid:
        told = ngettext(
            "%(amounts)s was paid.",
            "%(amounts)s were paid.",
            len(found.paid),
            amounts=_list_amounts(found.paid),
        )
        said = f"{said} {told}"
    if found.pending:
        told = gettext("%(amounts)s: being charged.", amounts=_list_amounts(found.pending))
        said = f"{said} {told}"
    return said


def refused_words(charge: ChargeView) -> str:
    """That the new card was refused for something that is owed."""
    total = format_money(charge.total, charge.currency)
    if charge.message:
        return gettext(
            "Your bank refused %(total)s with this card: “%(reason)s” The invoice stays open.",
            total=total,
            reason=charge.message,
        )
    return gettext("%(total)s could not be charged. The invoice stays open.", total=total)


def _list_amounts(charges: tuple[ChargeView, ...]) -> str:
    return ", ".join(format_money(charge.total, charge.currency) for charge in charges)


# --- paid in vain ---

WITHOUT_PLAN = {
    "already_subscribed": _l("You were already subscribed when your payment came."),
    "covered_by_server": _l(
        "Your organization was already covered by its server's plan when your payment came."
    ),
    "server_deactivated": _l("Your server's registration had ended when your payment came."),
}


def without_plan_words(reason: str) -> str:
    """Why a payment started no plan."""
    return str(WITHOUT_PLAN[reason])
