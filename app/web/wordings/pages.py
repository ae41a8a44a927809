"""The sentences that the customer's pages begin with, and the words of single values there."""

from datetime import datetime, timedelta

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import InvoiceStatus
from app.services.pages.billing import BillingPage, BillingState, PlanView
from app.services.pages.growth import Growth
from app.services.pages.parts import CardView
from app.services.pages.plan_now import UnpaidInvoice
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    describe_card,
    format_count,
    format_date,
    format_day_of_year,
    format_money,
    schedule_unit,
)
from app.web.wordings.legacy import complimentary_headline
from app.web.wordings.purchases import due_words

# A day nearer than this is told without its year.
NEAR = timedelta(days=300)
# So many additions are told one by one.
MOST_TOLD = 3

MESSAGES: dict[str, Message] = {
    "card_declined": _l(
        "Your bank says: “%(reason)s” Nothing was charged and nothing has changed. Use another "
        "card, or ask your bank and try again."
    ),
    "payment_failed": _l(
        "The payment did not go through. Nothing was charged and nothing has changed. Try again, "
        "or use another card."
    ),
    "card_not_entered": _l(
        "No card has arrived yet. If you have just entered one, wait a moment and check again."
    ),
}


def near_day(moment: datetime, now: datetime) -> str:
    """ "2 February", with its year when it is far from `now`."""
    near = abs(moment - now) < NEAR
    return format_day_of_year(moment) if near else format_date(moment)


def card_words(card: CardView) -> str:
    """ "Visa ending 4242, expires 4/2030"."""
    return describe_card(card.brand, card.last4, card.exp_month, card.exp_year)


# --- billing ---


def billing_headline(page: BillingPage) -> str:
    """The first line of the billing page: the plan, the people, and what comes next."""
    plan = page.plan
    if page.state is BillingState.COVERED_BY_SERVER:
        return gettext(
            "Your organization is covered by its server's %(tier)s plan.",
            tier=page.server_tier_title,
        )
    if page.state is BillingState.NO_PLAN or plan is None:
        if page.open_purchase is not None:
            tier = page.open_purchase.tier_title
            return gettext("You have no plan yet: %(tier)s starts when it is paid.", tier=tier)
        return gettext("You have no plan, so there is nothing to pay.")
    if page.state is BillingState.ENDED and plan.ends_at is not None:
        if plan.is_trial_only:
            return gettext(
                "Your free trial of %(tier)s ended on %(day)s.",
                tier=plan.tier_title,
                day=near_day(plan.ends_at, page.now),
            )
        return gettext(
            "Your %(tier)s plan ended on %(day)s.",
            tier=plan.tier_title,
            day=near_day(plan.ends_at, page.now),
        )
    if page.complimentary is not None and not _what_is_owed(page):
        return complimentary_headline(page.complimentary)
    if plan.people is None:
        licenses = count_licenses(plan.licenses)
        about = gettext("%(tier)s, %(licenses)s.", tier=plan.tier_title, licenses=licenses)
        waiting = gettext("We are waiting to hear from your server.")
        return f"{about} {_what_is_owed(page) or waiting}"
    about = gettext("%(tier)s, %(people)s.", tier=plan.tier_title, people=count_people(plan.people))
    if plan.trial_ends_at is not None:
        return f"{about} {trial_words(page)}"
    return f"{about} {_what_is_owed(page) or _what_comes(plan, page.now)}"


def _what_is_owed(page: BillingPage) -> str:
    """What waits for its payment goes before what comes next; nothing when all is paid."""
    waiting = [invoice for invoice in page.unpaid if invoice.status is InvoiceStatus.OPEN]
    if not waiting:
        return ""
    if len(waiting) > 1:
        return ngettext(
            "%(num)s invoice waits for its payment.",
            "%(num)s invoices wait for their payment.",
            len(waiting),
        )
    owed = waiting[0]
    values = {
        "total": format_money(owed.total, owed.currency),
        "day": near_day(owed.boundary, page.now),
    }
    if owed.due_at is None:
        return gettext("%(total)s of %(day)s waits for its payment.", **values)
    due = due_words(owed.due_at, page.now)
    return gettext("%(total)s of %(day)s waits for its payment, %(due)s.", **values, due=due)


def what_follows(invoice: UnpaidInvoice, page: BillingPage) -> str:
    """What becomes of the plan while `invoice` is not paid, and when it is tried again."""
    plan = page.plan
    if plan is not None and plan.is_trial_only and page.state is BillingState.ENDED:
        return gettext(
            "Your free trial is over, so nothing is owed. Pay it within 30 days of its end, and "
            "your plan goes on."
        )
    if plan is not None and plan.trial_ends_at is not None:
        return gettext(
            "Paid by then, your plan goes on after the free trial. If not, it ends with it, and "
            "nothing is owed."
        )
    if plan is not None and page.state is BillingState.ENDED:
        until = plan.revivable_until
        if until is None or until < page.now:
            return gettext("Your plan has ended; the invoice is owed all the same.")
        day = near_day(until, page.now)
        return gettext(
            "Your plan has ended over it. Paid by %(day)s, it goes on as before.", day=day
        )
    if invoice.next_retry_at is None:
        return gettext("Your plan goes on meanwhile.")
    day = near_day(invoice.next_retry_at, page.now)
    if invoice.due_at is not None:
        return gettext(
            "Your plan goes on meanwhile. If it is not paid by %(day)s, the plan ends then.",
            day=day,
        )
    if invoice.retries + 1 < page.most_retries:
        return gettext("Your plan goes on meanwhile. We try the card again on %(day)s.", day=day)
    return gettext(
        "Your plan goes on meanwhile. We try the card a last time on %(day)s; if that fails, the "
        "plan ends.",
        day=day,
    )


def trial_words(page: BillingPage) -> str:
    """How much of a free trial is left, and what it leads to: "Free trial: 12 days left, then
    $43.00 on 1 February."."""
    plan = page.plan
    assert plan is not None and plan.trial_ends_at is not None, "it is in its trial"
    left = ngettext("%(num)s day", "%(num)s days", plan.trial_days_left)
    day = near_day(plan.trial_ends_at, page.now)
    if plan.is_ending:
        return gettext("Free trial: %(left)s left. It ends on %(day)s.", left=left, day=day)
    waiting = [invoice for invoice in page.unpaid if invoice.status is InvoiceStatus.OPEN]
    if waiting:
        return gettext(
            "Free trial: %(left)s left. Pay %(total)s by %(day)s to go on after it.",
            left=left,
            total=format_money(waiting[0].total, waiting[0].currency),
            day=day,
        )
    charge = plan.next_charge
    if charge is None or charge.at != plan.trial_ends_at:
        return gettext("Free trial: %(left)s left, until %(day)s.", left=left, day=day)
    return gettext(
        "Free trial: %(left)s left, then %(total)s on %(day)s.",
        left=left,
        total=format_money(charge.total, plan.currency),
        day=day,
    )


def _what_comes(plan: PlanView, now: datetime) -> str:
    charge = plan.next_charge
    if plan.is_ending and plan.ends_at is not None and charge is None:
        return gettext("It ends on %(day)s.", day=near_day(plan.ends_at, now))
    if charge is None:
        return gettext("Nothing more will be charged.")
    values = {
        "total": format_money(charge.total, plan.currency),
        "day": near_day(charge.at, now),
    }
    if charge.is_due and plan.is_by_invoice:
        return gettext("An invoice over %(total)s for %(day)s is being made.", **values)
    if charge.is_due:
        return gettext("Being charged now: %(total)s for %(day)s.", **values)
    if plan.is_last_charge and plan.is_by_invoice:
        return gettext("It ends on %(day)s, with a last invoice over %(total)s.", **values)
    if plan.is_last_charge:
        return gettext("It ends on %(day)s, with a last charge of %(total)s.", **values)
    if plan.is_by_invoice:
        return gettext("Next invoice: %(total)s on %(day)s.", **values)
    return gettext("Next charge: %(total)s on %(day)s.", **values)


def price_words(plan: PlanView) -> str:
    """What a plan costs: "$3.50 a license a month", "$2.10 instead of $3.50 a license a month",
    "$1,200.00 a year"."""
    if plan.fixed_price is not None:
        return gettext("%(price)s a year", price=format_money(plan.fixed_price, plan.currency))
    values = {
        "price": format_money(plan.price or 0, plan.currency),
        "list_price": format_money(plan.list_price or 0, plan.currency),
        "unit": schedule_unit(plan.schedule),
    }
    if plan.price == plan.list_price:
        return gettext("%(price)s a license %(unit)s", **values)
    return gettext("%(price)s instead of %(list_price)s a license %(unit)s", **values)


def fixed_price_words(plan: PlanView) -> str:
    """ "$1,200.00 a year, until 2 January 2013."."""
    price = price_words(plan)
    if plan.ends_at is None:
        return gettext("%(price)s.", price=price)
    return gettext("%(price)s, until %(day)s.", price=price, day=format_date(plan.ends_at))


def growth_words(plan: PlanView) -> str:
    """How the paid licenses came about: "23 licenses: 18 at the start, 5 added on 4 January."."""
    growth: Growth = plan.growth
    if not growth.added:
        return gettext(
            "%(licenses)s since %(day)s.",
            licenses=count_licenses(plan.licenses),
            day=format_day_of_year(plan.cycle_start),
        )
    start = gettext("%(count)s at the start", count=format_count(growth.at_start))
    if len(growth.added) > MOST_TOLD:
        parts = [
            start,
            ngettext(
                "%(count)s added since, on %(num)s day",
                "%(count)s added since, on %(num)s different days",
                len(growth.added),
                count=format_count(growth.total_added),
            ),
        ]
    else:
        parts = [start] + [
            gettext("%(count)s added on %(day)s", count=format_count(n), day=format_day_of_year(at))
            for at, n in growth.added
        ]
    return gettext(
        "%(licenses)s: %(parts)s.", licenses=count_licenses(plan.licenses), parts=", ".join(parts)
    )
