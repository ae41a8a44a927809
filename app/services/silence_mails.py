"""Mails about invoices while a server is silent: to staff, and to the customer's billing users."""

from datetime import datetime

from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.customer_mails import CustomerMail, common_params, record_customer_mail
from app.services.outbox import record_mail
from app.services.plan_ledger import get_next_plan
from app.services.plan_rules import is_complimentary
from app.services.unit_of_work import UnitOfWork


def tell_of_deferral(
    work: UnitOfWork, customer: Customer, server: Server, plan: Plan, boundary: datetime
) -> None:
    """An invoice waits for uploads: one mail for each silence to staff and to each of the
    customer's people."""
    event = f"plan.invoice_deferred:{plan.id}:{boundary.isoformat()}"
    params = _params(work, customer, server, plan) | {
        "boundary": boundary,
        "is_estimated_next": work.ctx.catalog.estimate_when_stale,
    }
    record_mail(
        work,
        template="staff_invoice_deferred",
        recipient=work.ctx.catalog.brand.support_email,
        params=params,
        event_key=f"{event}:staff",
        customer_id=customer.id,
        about_money=True,
    )
    mail = CustomerMail(template="invoice_deferred", event_key=event, params=params)
    record_customer_mail(work, customer, mail)


def tell_of_fixed_price(work: UnitOfWork, customer: Customer, server: Server, plan: Plan) -> None:
    """A plan of a fixed price is invoiced although its server is silent: staff are told, once for
    each silence."""
    if plan.fixed_price is None:
        return
    heard = server.last_audit_log_update
    record_mail(
        work,
        template="staff_fixed_price_silent",
        recipient=work.ctx.catalog.brand.support_email,
        params=_params(work, customer, server, plan),
        event_key=f"plan.fixed_price_silent:{plan.id}:{heard.isoformat() if heard else 'never'}",
        customer_id=customer.id,
    )


def _params(work: UnitOfWork, customer: Customer, server: Server, plan: Plan) -> dict[str, object]:
    # Of a plan that costs nothing, it is the one that follows which waits.
    key = (get_next_plan(work.session, plan) or plan).tier if is_complimentary(plan) else plan.tier
    tier = work.ctx.catalog.tiers.get(key)
    return {
        **common_params(work, customer),
        "customer_uuid": customer.uuid,
        "server_host": server.hostname,
        "tier": key if tier is None else tier.title,
        "heard": server.last_audit_log_update,
        "entitlement": work.ctx.catalog.brand.entitlement,
    }
