"""The words of the plans of a customer over time."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import EndReason
from app.services.pages.staff_customer_plans import PlansOverTime, PlanSpan
from app.web.wording import Message, format_date, format_money, schedule_unit, schedule_word
from app.web.wordings.overview import leaving_words

MESSAGES: dict[str, Message] = {}

_ENDS = {
    EndReason.CYCLE_END: _l("ended with its cycle"),
    EndReason.STAFF: _l("ended by staff"),
    EndReason.REPLACED: _l("replaced by another plan"),
    EndReason.SWITCHED: _l("followed by another plan"),
    EndReason.CANCELED: _l("given up before it began"),
    EndReason.UNPAID: _l("ended unpaid"),
}


def span_words(span: PlanSpan) -> str:
    """A plan in a word or two: "Basic, monthly"."""
    if not span.price and not span.fixed_price:
        return span.tier_title
    if span.fixed_price is not None:
        return gettext("%(tier)s, fixed price", tier=span.tier_title)
    schedule = schedule_word(span.schedule).lower()
    return gettext("%(tier)s, %(schedule)s", tier=span.tier_title, schedule=schedule)


def span_price(span: PlanSpan) -> str:
    """What a plan costs."""
    if span.fixed_price is not None:
        return gettext("%(price)s a year", price=format_money(span.fixed_price, span.currency))
    if not span.price:
        return gettext("nothing")
    return gettext(
        "%(price)s a license %(unit)s",
        price=format_money(span.price, span.currency),
        unit=schedule_unit(span.schedule),
    )


def end_reason_words(span: PlanSpan) -> str:
    """Why a plan ended, and what the customer said about it; nothing while it runs."""
    said = []
    if span.ended_reason is not None:
        said.append(str(_ENDS[span.ended_reason]))
    if span.cancellation is not None:
        said.append(leaving_words(span.cancellation))
    if span.comment:
        said.append(f"“{span.comment}”")
    return ", ".join(said)


def timeline_summary(plans: PlansOverTime) -> str:
    """The drawing in a sentence, for those who do not see it."""
    told = []
    for span in plans.spans:
        start = format_date(span.begins_at)
        if span.ends_at is None:
            told.append(gettext("%(plan)s from %(start)s", plan=span_words(span), start=start))
        else:
            told.append(
                gettext(
                    "%(plan)s from %(start)s to %(end)s",
                    plan=span_words(span),
                    start=start,
                    end=format_date(span.ends_at),
                )
            )
    return gettext("Plans over time: %(plans)s.", plans="; ".join(told))
