"""Telling the people of one customer what is ahead: once, and only what is still true.

What is due is decided by app/domain/notices.py; the amounts come from the same code that makes the
invoices. Rules: docs/rules/mails.md.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, Collection, LineKind
from app.domain.notices import (
    Notice,
    PlanFacts,
    Topic,
    decide_notices,
    has_risen,
    is_worth_telling,
)
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.context import Context
from app.services.customer_mails import (
    CustomerMail,
    common_params,
    get_recipients,
    get_untold,
    record_customer_mail,
)
from app.services.dunning import tier_title
from app.services.ledger import get_server_id
from app.services.notice_facts import get_plan_to_notify_of, load_facts
from app.services.plan_ledger import get_next_plan
from app.services.plan_life import is_unpaid_trial
from app.services.preview_invoices import preview_due_invoices
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

_WITH_AMOUNT = frozenset(
    {Topic.TRIAL_ENDS, Topic.RENEWAL_AHEAD, Topic.LEGACY_ENDS, Topic.LICENSES_RAISE}
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A plan, and what nobody has been told of it yet."""

    plan_id: int
    facts: PlanFacts
    notices: tuple[Notice, ...]


def notify_customer(ctx: Context, customer_id: int) -> int:
    """Send what is due to the people of a customer; returns the number of mails."""
    found = _find(ctx, customer_id)
    if found is None:
        return 0
    # Looked up outside of any transaction of ours: a preview has one of its own.
    totals = {
        notice.at: _preview_total(ctx, customer_id, notice.at)
        for notice in found.notices
        if notice.topic in _WITH_AMOUNT
    }
    sent = 0
    with unit_of_work(ctx) as work:
        customer = work.session.get_one(Customer, customer_id)
        plan = work.session.get_one(Plan, found.plan_id)
        for notice in found.notices:
            total = totals.get(notice.at) if notice.topic in _WITH_AMOUNT else None
            params = _params(work, customer, plan, found.facts, notice, total)
            if params is not None:
                mail = CustomerMail(notice.topic.value, notice.key, params, notice.kind)
                sent += record_customer_mail(work, customer, mail)
        work.commit()
    return sent


def _find(ctx: Context, customer_id: int) -> _Found | None:
    with unit_of_work(ctx) as work:
        session = work.session
        plan = get_plan_to_notify_of(session, customer_id)
        if plan is None:
            return None
        customer = session.get_one(Customer, customer_id)
        server = session.get_one(Server, get_server_id(customer))
        facts = load_facts(session, ctx.catalog, plan, customer, server, work.now)
        due = []
        for notice in decide_notices(facts, now=work.now):
            recipients = get_recipients(session, customer, notice.kind)
            if get_untold(session, recipients, notice.key):
                due.append(notice)
        return _Found(plan.id, facts, tuple(due)) if due else None


def _preview_total(ctx: Context, customer_id: int, at: datetime) -> int | None:
    """What the invoice of `at` will come to in cents; None when nobody can tell yet."""
    try:
        preview = preview_due_invoices(ctx, customer_id, as_of=at)
    except BillingError as error:
        log.warning("customer %s: no amount for a mail: %s", customer_id, error.code)
        return None
    totals = [invoice.total for invoice in preview.invoices if invoice.boundary == at]
    return sum(totals) if totals else None


def _params(
    work: UnitOfWork,
    customer: Customer,
    plan: Plan,
    facts: PlanFacts,
    notice: Notice,
    total: int | None,
) -> dict[str, Any] | None:
    """What the mail says; None when it is not worth one after all."""
    home = common_params(work, customer)["pages_url"]
    params: dict[str, Any] = {
        "tier": tier_title(work, plan),
        "total": total,
        "currency": plan.currency,
        "plans_url": f"{home}/plans/",
        "licenses_url": f"{home}/billing/licenses/",
        "ends_at": notice.at,
        "renews_at": facts.renews_at,
    }
    match notice.topic:
        case Topic.TRIAL_ENDS:
            params["outcome"] = _outcome_of_trial(work, plan)
            if params["outcome"] == "unpaid":
                params["total"] = _sent_for(work, plan)
        case Topic.RENEWAL_AHEAD:
            return _of_renewal(work, plan, facts, params, total)
        case Topic.CARD_EXPIRES:
            params |= {"card": _card(customer), "charged_at": plan.next_invoice_date or notice.at}
        case Topic.PLAN_ENDS:
            params["is_agreed"] = plan.fixed_price is not None
        case Topic.PLAN_ENDED:
            params["ended_at"] = notice.at
        case Topic.LEGACY_ENDS:
            following = get_next_plan(work.session, plan)
            params["next_tier"] = tier_title(work, following) if following else None
        case Topic.UPLOADS_STOPPED:
            server = work.session.get_one(Server, get_server_id(customer))
            params |= {
                "server_host": server.hostname,
                "last_heard": notice.at,
                "fix_url": f"{home}/missing-data/",
            }
        case Topic.SEATS_FILLING:
            people, licenses = facts.people or 0, facts.licenses or 0
            params |= {
                "people": people,
                "licenses": licenses,
                "over": max(0, people - licenses),
                "is_full": people == licenses,
                "percent": people * 100 // licenses,
            }
        case Topic.LICENSES_RAISE:
            params |= {"people": facts.people, "licenses": facts.licenses_at_renewal}
    return params


def _of_renewal(
    work: UnitOfWork, plan: Plan, facts: PlanFacts, params: dict[str, Any], total: int | None
) -> dict[str, Any] | None:
    last_total = _last_renewal_total(work, plan, facts)
    if total is None or not is_worth_telling(plan.schedule, total=total, last_total=last_total):
        return None
    # The plan that follows is the one that is paid for then.
    following = get_next_plan(work.session, plan) or plan
    return params | {
        "tier": tier_title(work, following),
        "last_total": last_total,
        "has_risen": has_risen(total, last_total),
        "is_sent": following.collection is Collection.SEND_INVOICE,
    }


def _last_renewal_total(work: UnitOfWork, plan: Plan, facts: PlanFacts) -> int | None:
    """What the invoice came to that began the present cycle."""
    start = cycle_at(plan.billing_cycle_anchor, plan.schedule, facts.cycle_start).start
    statement = (
        select(Invoice.total)
        .join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .where(
            InvoiceLine.plan_id == plan.id,
            InvoiceLine.kind.in_((LineKind.FIRST, LineKind.RENEWAL)),
            InvoiceLine.period_start == start,
        )
        .order_by(Invoice.id)
        .limit(1)
    )
    return work.session.scalars(statement).first()


def _outcome_of_trial(work: UnitOfWork, plan: Plan) -> str:
    if plan.at_cycle_end is AtCycleEnd.END:
        return "ends"
    if plan.collection is Collection.CHARGE_AUTOMATICALLY:
        return "charged"
    return "unpaid" if is_unpaid_trial(work, plan) else "paid"


def _sent_for(work: UnitOfWork, plan: Plan) -> int:
    """The total of the invoice that was sent for the time after a trial."""
    statement = (
        select(Invoice.total)
        .join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .where(
            InvoiceLine.plan_id == plan.id,
            InvoiceLine.period_start == plan.billing_cycle_anchor,
        )
        .limit(1)
    )
    return work.session.scalars(statement).first() or 0


def _card(customer: Customer) -> dict[str, Any]:
    """The card on file, for the words of mails."""
    return {
        "brand": customer.card_brand or "",
        "last4": customer.card_last4 or "",
        "exp_month": customer.card_exp_month,
        "exp_year": customer.card_exp_year,
    }
