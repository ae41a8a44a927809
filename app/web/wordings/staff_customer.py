"""The words of staff's pages about one customer: what it has, what comes, what is wrong."""

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import CustomerKind
from app.services.pages.billing import BillingPage, BillingState, PlanView
from app.services.pages.search_rows import SearchRow
from app.services.pages.staff_customer import NextPlanView, StaffCustomerPage
from app.services.pages.staff_customer_actors import ActorKind, ActorView
from app.services.pages.staff_customer_billing import DeliveryView
from app.services.pages.staff_customer_frame import CustomerFrame
from app.services.pages.staff_customer_problems import Problem, ProblemKind
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    format_count,
    format_date,
    format_instant,
    format_money,
    format_percent,
    plan_status_word,
    schedule_unit,
    schedule_word,
)
from app.web.wordings.pages import price_words
from app.web.wordings.uploads import refusal_words

MESSAGES: dict[str, Message] = {}

_ACTORS = {
    ActorKind.STAFF: _l("Somebody of staff"),
    ActorKind.PERSON: _l("A billing user who is gone"),
    ActorKind.LINK: _l("Somebody with a login link"),
    ActorKind.SERVER: _l("The server"),
    ActorKind.CLI: _l("The command line"),
    ActorKind.PROVIDER: _l("Stripe"),
    ActorKind.STRANGER: _l("Somebody who was not logged in"),
    ActorKind.SYSTEM: _l("The billing system"),
}
_ROLES = {
    ActorKind.STAFF: _l("staff"),
    ActorKind.PERSON: _l("billing user"),
    ActorKind.SERVER: _l("server"),
}
_STEPS = {
    "create": _l("make the draft"),
    "items": _l("write the lines"),
    "finalize": _l("finalize"),
    "send": _l("send"),
    "pay": _l("charge"),
    "void": _l("void"),
    "refund": _l("pay back"),
}


def staff_kind_word(frame: CustomerFrame) -> str:
    """What the customer is: "Organization on chat.acme.com", "Server"."""
    if frame.payer.kind is CustomerKind.SERVER:
        return gettext("Server")
    return gettext("Organization on %(hostname)s", hostname=frame.hostname)


def actor_words(actor: ActorView | None) -> str:
    """Who did it: a name, or what sort of actor it was."""
    if actor is None:
        return gettext("Unknown")
    name = actor.name or actor.email
    if name is None:
        word = str(_ACTORS[actor.kind])
        if actor.detail is None or actor.detail.isdigit():
            return word
        return f"{word} ({actor.detail.replace('_', ' ')})"
    role = _ROLES.get(actor.kind)
    return f"{name} ({role})" if role is not None else name


# --- the first screen ---


def staff_customer_headline(page: StaffCustomerPage) -> str:
    """What the customer has and pays, in one line."""
    billing, name = page.billing, page.frame.name
    plan = billing.plan
    if billing.state is BillingState.COVERED_BY_SERVER:
        return gettext(
            "%(name)s is covered by its server's %(tier)s plan.",
            name=name,
            tier=billing.server_tier_title,
        )
    if billing.state is BillingState.NO_PLAN or plan is None:
        return gettext("%(name)s has no plan and pays nothing.", name=name)
    if billing.state is BillingState.ENDED and plan.ends_at is not None:
        return gettext(
            "%(name)s had %(tier)s until %(day)s and pays nothing now.",
            name=name,
            tier=plan.tier_title,
            day=format_date(plan.ends_at),
        )
    if plan.trial_ends_at is not None:
        return gettext(
            "%(name)s tries %(tier)s for free until %(day)s.",
            name=name,
            tier=plan.tier_title,
            day=format_date(plan.trial_ends_at),
        )
    if billing.complimentary is not None:
        return gettext("%(name)s has %(tier)s and pays nothing.", name=name, tier=plan.tier_title)
    return gettext(
        "%(name)s has %(tier)s and pays %(amount)s.",
        name=name,
        tier=plan.tier_title,
        amount=f"{_amount(plan)}{_less(billing)}",
    )


def _amount(plan: PlanView) -> str:
    if plan.fixed_price is not None:
        return gettext("%(price)s a year", price=format_money(plan.fixed_price, plan.currency))
    total = format_money((plan.price or 0) * plan.licenses, plan.currency)
    return gettext("%(total)s %(unit)s", total=total, unit=schedule_unit(plan.schedule))


def plan_words(billing: BillingPage) -> str:
    """The plan of the first screen: "Basic, active, monthly"."""
    plan = billing.plan
    if plan is None:
        return gettext("No plan")
    if billing.complimentary is not None:
        return gettext(
            "%(tier)s, %(status)s",
            tier=plan.tier_title,
            status=plan_status_word(plan.status).lower(),
        )
    return gettext(
        "%(tier)s, %(status)s, billed %(schedule)s",
        tier=plan.tier_title,
        status=plan_status_word(plan.status).lower(),
        schedule=schedule_word(plan.schedule).lower(),
    )


def pays_words(billing: BillingPage) -> str:
    """What is paid now, and how it comes to be."""
    plan = billing.plan
    if plan is None or billing.state is not BillingState.LIVE or billing.complimentary is not None:
        return gettext("Nothing")
    price = price_words(plan)
    if plan.fixed_price is None:
        price = gettext(
            "%(amount)s: %(licenses)s at %(price)s",
            amount=_amount(plan),
            licenses=count_licenses(plan.licenses),
            price=price,
        )
    if plan.trial_ends_at is not None:
        return gettext(
            "Nothing until %(day)s, then %(price)s",
            day=format_date(plan.trial_ends_at),
            price=price,
        )
    return f"{price}{_less(billing)}"


def _less(billing: BillingPage) -> str:
    """What a discount of some months takes off meanwhile: ", less $20.00 a month until …"."""
    plan = billing.plan
    discount = plan.discount if plan is not None else None
    if plan is None or discount is None or discount.ends_at <= billing.now:
        return ""
    less = (
        format_percent(discount.percent)
        if discount.percent
        else gettext("%(amount)s a month", amount=format_money(discount.amount, plan.currency))
    )
    return gettext(", less %(less)s until %(day)s", less=less, day=format_date(discount.ends_at))


def people_words(page: StaffCustomerPage) -> str:
    """People now, and the licenses they are counted against."""
    plan = page.billing.plan
    if page.billing.is_stale:
        people = gettext("Unknown: no uploads")
    else:
        count = plan.people if plan is not None and plan.people is not None else None
        if count is None:
            count = page.row.people if page.row is not None else 0
        people = count_people(count)
    if plan is None or page.billing.state is not BillingState.LIVE or plan.fixed_price is not None:
        return people
    if plan.licenses_at_renewal is None or plan.licenses_at_renewal == plan.licenses:
        return gettext(
            "%(people)s, %(licenses)s", people=people, licenses=count_licenses(plan.licenses)
        )
    return gettext(
        "%(people)s, %(licenses)s, %(next)s at the renewal",
        people=people,
        licenses=count_licenses(plan.licenses),
        next=format_count(plan.licenses_at_renewal),
    )


def next_invoice_words(billing: BillingPage) -> str:
    """When the next invoice is made, and over how much."""
    plan = billing.plan
    if plan is None or billing.state is not BillingState.LIVE:
        return gettext("None")
    charge = plan.next_charge
    if charge is None and billing.is_stale and plan.fixed_price is None:
        return gettext("Not known: it waits for the server's uploads")
    if charge is None:
        return gettext("None")
    total, day = format_money(charge.total, plan.currency), format_date(charge.at)
    if charge.is_due:
        return gettext("%(total)s for %(day)s, with the next run", total=total, day=day)
    return gettext("%(total)s on %(day)s", total=total, day=day)


def next_plan_words(plan: NextPlanView) -> str:
    """The plan that follows: "Business from 2 February 2027, $6.00 a license a month"."""
    if plan.fixed_price is not None:
        price = gettext("%(price)s a year", price=format_money(plan.fixed_price, plan.currency))
    else:
        price = gettext(
            "%(price)s a license %(unit)s",
            price=format_money(plan.price or 0, plan.currency),
            unit=schedule_unit(plan.schedule),
        )
    return gettext(
        "%(tier)s from %(day)s, %(price)s",
        tier=plan.tier_title,
        day=format_date(plan.begins_at),
        price=price,
    )


def end_words(page: StaffCustomerPage) -> str:
    """Whether and when the present plan ends."""
    if page.ends_at is None:
        return gettext("No end is set: it renews")
    day = format_date(page.ends_at)
    if page.has_agreed_end:
        return gettext("%(day)s, as agreed", day=day)
    return day


# --- what is wrong ---


def problem_words(problem: Problem) -> str:
    """One line: what is wrong, since when, and what is known about why."""
    day = format_instant(problem.at) if problem.at is not None else ""
    count = format_count(problem.count)
    kind = problem.kind
    if kind is ProblemKind.REFUSED and problem.refusal is not None:
        return gettext(
            "The upload of %(day)s was refused: %(why)s",
            day=day,
            why=refusal_words(problem.refusal),
        )
    if kind is ProblemKind.STALE:
        if problem.at is None:
            return gettext("The server has never uploaded anything.")
        return gettext("No uploads since %(day)s: the number of people is not known.", day=day)
    if kind is ProblemKind.PAST_DUE:
        return _past_due(problem, day)
    if kind is ProblemKind.PARKED:
        why = problem.said or gettext("no reason was kept")
        return gettext("Parked since %(day)s, so no run touches it: %(why)s", day=day, why=why)
    if kind in _COUNTED:
        one, many = _COUNTED[kind]
        return str(one if problem.count == 1 else many) % {"count": count}
    if kind in {ProblemKind.OVER_PLAN, ProblemKind.OVER_FREE}:
        return _over(problem)
    return str(_PLAIN[kind]) % {"day": day}


_PLAIN = {
    ProblemKind.SERVER_DEACTIVATED: _l("The server was deactivated on %(day)s."),
    ProblemKind.GONE: _l("Its server has not listed this organization since %(day)s."),
    ProblemKind.ORGANIZATION_DEACTIVATED: _l("The organization is deactivated on its server."),
    ProblemKind.SUSPENDED: _l(
        "The invoice due since %(day)s has waited so long for uploads that the paid part is off."
    ),
    ProblemKind.DEFERRED: _l("The invoice due since %(day)s waits for the server's uploads."),
    ProblemKind.SPONSORSHIP: _l("A request for a sponsorship waits for an answer."),
}
_COUNTED = {
    ProblemKind.LATE_FALLS: (
        _l("One report that came late says fewer people than were billed: decide about it."),
        _l(
            "%(count)s reports that came late say fewer people than were billed: decide about them."
        ),
    ),
    ProblemKind.FAILED_MAILS: (
        _l("One mail could not be delivered."),
        _l("%(count)s mails could not be delivered."),
    ),
    ProblemKind.APPROVALS: (
        _l("One act of staff waits for a second person."),
        _l("%(count)s acts of staff wait for a second person."),
    ),
    ProblemKind.HELP: (
        _l("One request for help is open."),
        _l("%(count)s requests for help are open."),
    ),
}


def _past_due(problem: Problem, day: str) -> str:
    total = format_money(problem.total, problem.currency)
    if problem.said is None:
        return gettext("%(total)s was due on %(day)s and is not paid.", total=total, day=day)
    tries = ngettext("one more try", "%(num)s more tries", problem.count)
    if not problem.count:
        return gettext(
            "%(total)s of %(day)s could not be charged: %(why)s",
            total=total,
            day=day,
            why=problem.said,
        )
    return gettext(
        "%(total)s of %(day)s could not be charged, %(tries)s failed as well: %(why)s",
        total=total,
        day=day,
        tries=tries,
        why=problem.said,
    )


def _over(problem: Problem) -> str:
    people = count_people(problem.count)
    if problem.kind is ProblemKind.OVER_FREE:
        return gettext(
            "%(people)s without a plan: %(limit)s are free.",
            people=people,
            limit=format_count(problem.limit),
        )
    return gettext(
        "%(people)s, but the plan has %(licenses)s only.",
        people=people,
        licenses=count_licenses(problem.limit),
    )


# --- invoices ---


def delivery_step_word(step: str) -> str:
    """What is done with an invoice at the provider."""
    return str(_STEPS.get(step, step.replace("_", " ")))


def delivery_outcome_word(outcome: str | None) -> str:
    """What came of an attempt."""
    if outcome is None:
        return gettext("no answer yet")
    return gettext("done") if outcome == "ok" else outcome.replace("_", " ")


def delivery_words(delivery: DeliveryView) -> list[str]:
    """What was tried with an invoice, and what comes next; nothing for one that just went through."""
    said = []
    if delivery.failure:
        said.append(delivery.failure)
    if delivery.retries:
        said.append(
            ngettext(
                "The card was tried once more.",
                "The card was tried %(num)s times more.",
                delivery.retries,
            )
        )
    if delivery.next_retry_at is not None:
        said.append(gettext("Next step on %(time)s.", time=format_instant(delivery.next_retry_at)))
    if delivery.waits_until is not None:
        said.append(
            gettext("Delivery goes on from %(time)s.", time=format_instant(delivery.waits_until))
        )
    return said


def row_amount(row: SearchRow) -> str:
    """What a customer of a list pays a month; a dash for nothing."""
    if not row.monthly:
        return "–"
    return gettext("%(total)s a month", total=format_money(row.monthly, row.currency))
