"""Everything about one customer as JSON: `flask billing export UUID`. Reads only.

Times are ISO 8601 in UTC, amounts integer cents. The names of the keys are a contract.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased, selectinload

from app.domain.calendar import cycle_at
from app.domain.kinds import CustomerKind
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.deals import OrganizationMove, PlanMove
from app.models.invoices import Invoice
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.services.customers import Payer, get_customer, load_payer
from app.services.plan_rules import plan_terms
from app.services.staff_terms import percent_text


def export_customer(session: Session, *, uuid: str, now: datetime) -> dict[str, Any]:
    """The export of the organization or server of that UUID, with the prices in force at `now`.
    Raises NotFoundError.

    One that never needed a customer row has an export too: with no plans and no invoices. Whoever
    gave away what it had bought leads to whoever has it now, until it buys again itself; the
    customer's `moves` say which way everything went.
    """
    payer = load_payer(session, uuid=uuid)
    customer = get_customer(session, payer)
    if customer is None or not _has_bought(session, customer):
        holder = _get_holder(session, payer)
        if holder is not None:
            payer, customer = load_payer(session, uuid=holder.uuid), holder
    if customer is None:
        return {
            "customer": {**_payer(payer), "moves": _moves(session, payer)},
            "plans": [],
            "ledger": [],
            "invoices": [],
            "audit": _audit(session, payer, None),
        }
    plans = session.scalars(
        select(Plan).where(Plan.customer_id == customer.id).order_by(Plan.id)
    ).all()
    return {
        "customer": {**_payer(payer), "moves": _moves(session, payer), **_customer(customer)},
        "plans": [_plan(plan, now) for plan in plans],
        "ledger": _ledger(session, plans),
        "invoices": _invoices(session, customer),
        "audit": _audit(session, payer, customer.id),
    }


def _has_bought(session: Session, customer: Customer) -> bool:
    plans = select(Plan.id).where(Plan.customer_id == customer.id).limit(1)
    invoices = select(Invoice.id).where(Invoice.customer_id == customer.id).limit(1)
    return any(session.scalars(each).first() is not None for each in (plans, invoices))


def _plan_moves_of(payer: Payer) -> ColumnElement[bool]:
    if payer.organization_id is not None:
        return PlanMove.organization_id == payer.organization_id
    return PlanMove.server_id == payer.server_id


def _get_holder(session: Session, payer: Payer) -> Customer | None:
    """The customer that what `payer` had bought went to last."""
    given = select(PlanMove.to_customer_id).where(
        _plan_moves_of(payer), PlanMove.to_kind != payer.kind
    )
    found = session.scalars(given.order_by(PlanMove.id.desc()).limit(1)).first()
    return None if found is None else session.get_one(Customer, found)


def _moves(session: Session, payer: Payer) -> list[dict[str, Any]]:
    """Where plans went, and an organization from server to server, oldest first."""
    found: list[tuple[datetime, dict[str, Any]]] = []
    plans = select(PlanMove, Server.uuid, Organization.uuid)
    plans = plans.join(Server, Server.id == PlanMove.server_id)
    plans = plans.join(Organization, Organization.id == PlanMove.organization_id)
    for move, server_uuid, organization_uuid in session.execute(
        plans.where(_plan_moves_of(payer)).order_by(PlanMove.id)
    ):
        ends = [server_uuid, organization_uuid]
        if move.to_kind is CustomerKind.SERVER:
            ends.reverse()
        found.append((move.moved_at, {"what": "plan", "from": ends[0], "to": ends[1]}))
    old, new = aliased(Server), aliased(Server)
    organizations = select(OrganizationMove.moved_at, old.uuid, new.uuid)
    organizations = organizations.join(old, old.id == OrganizationMove.from_server_id)
    organizations = organizations.join(new, new.id == OrganizationMove.to_server_id)
    for at, source, target in session.execute(
        organizations.where(OrganizationMove.organization_id == payer.organization_id).order_by(
            OrganizationMove.id
        )
    ):
        found.append((at, {"what": "organization", "from": source, "to": target}))
    return [{"at": _time(at)} | move for at, move in sorted(found, key=lambda each: each[0])]


def _payer(payer: Payer) -> dict[str, Any]:
    return {"uuid": payer.uuid, "kind": payer.kind.value, "display_name": payer.display_name}


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "stripe_customer_id": customer.stripe_customer_id,
        "card": _card(customer),
        "new_customer_months_left": customer.new_customer_months_left,
        "required_plan_tier": customer.required_plan_tier,
        "discount": percent_text(customer.discount_percent),
        "discount_monthly_price": customer.discount_monthly_price,
        "discount_annual_price": customer.discount_annual_price,
        "discount_ends_at": _time(customer.discount_ends_at),
        "minimum_licenses": customer.minimum_licenses,
        "exempt_from_license_number_check": customer.exempt_from_license_number_check,
        "parked_at": _time(customer.parked_at),
        "parked_reason": customer.parked_reason,
        "created_at": _time(customer.created_at),
    }


def _card(customer: Customer) -> dict[str, Any] | None:
    if customer.card_payment_method is None:
        return None
    return {
        "brand": customer.card_brand,
        "last4": customer.card_last4,
        "exp_month": customer.card_exp_month,
        "exp_year": customer.card_exp_year,
    }


def _price(plan: Plan, now: datetime) -> int | None:
    """What a license costs in the cycle of `now`; of a plan that is over, in its last one, and of
    one that has not begun, in its first."""
    if plan.price_per_license is None:
        return None
    at = max(now if plan.ended_at is None else min(now, plan.ended_at), plan.billing_cycle_anchor)
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, at)
    return plan_terms(plan).price_in(cycle)


def _plan(plan: Plan, now: datetime) -> dict[str, Any]:
    return {
        "id": plan.id,
        "tier": plan.tier,
        "status": plan.status.value,
        "at_cycle_end": plan.at_cycle_end.value,
        "schedule": plan.schedule.value,
        "price_per_license": _price(plan, now),
        "undiscounted_price_per_license": plan.price_per_license,
        "fixed_price": plan.fixed_price,
        "billing_cycle_anchor": _time(plan.billing_cycle_anchor),
        "next_invoice_date": _time(plan.next_invoice_date),
        "end_date": _time(plan.end_date),
        "ended_at": _time(plan.ended_at),
        "license_management": plan.license_management.value,
        "collection": plan.collection.value,
        "discount": percent_text(plan.discount),
        "discount_ends_at": _time(plan.discount_ends_at),
        "invoiced_through": plan.invoiced_through,
        "invoiced_until": _time(plan.invoiced_until),
        "invoice_deferred_since": _time(plan.invoice_deferred_since),
    }


def _ledger(session: Session, plans: Sequence[Plan]) -> list[dict[str, Any]]:
    ids = [plan.id for plan in plans]
    rows = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.plan_id.in_(ids))
        .order_by(
            LedgerEntry.event_time,
            LedgerEntry.is_renewal.desc(),
            LedgerEntry.order_id,
            LedgerEntry.id,
        )
    )
    return [
        {
            "id": row.id,
            "plan": row.plan_id,
            "order_id": row.order_id,
            "event_time": _time(row.event_time),
            "is_renewal": row.is_renewal,
            "licenses": row.licenses,
            "licenses_at_next_renewal": row.licenses_at_next_renewal,
            "people": row.people,
            "log_entry": None
            if row.remote_id is None
            else {"server": row.server_uuid, "remote_id": row.remote_id},
            "actor": row.actor,
        }
        for row in rows
    ]


def _invoices(session: Session, customer: Customer) -> list[dict[str, Any]]:
    invoices = session.scalars(
        select(Invoice)
        .where(Invoice.customer_id == customer.id)
        .options(selectinload(Invoice.lines))
        .order_by(Invoice.boundary, Invoice.id)
    )
    return [
        {
            "id": invoice.id,
            "number": invoice.number,
            "status": invoice.status.value,
            "total": invoice.total,
            "currency": invoice.currency,
            "boundary": _time(invoice.boundary),
            "occasion": invoice.group_key.rpartition("|")[2],
            "paid_at": _time(invoice.paid_at),
            "lines": [
                {
                    "kind": line.kind.value,
                    "plan": line.plan_id,
                    "description": line.description,
                    "quantity": line.quantity,
                    "unit_amount": line.unit_amount,
                    "amount": line.amount,
                    "period_start": _time(line.period_start),
                    "period_end": _time(line.period_end),
                }
                for line in invoice.lines
            ],
        }
        for invoice in invoices
    ]


def _audit(session: Session, payer: Payer, customer_id: int | None) -> list[dict[str, Any]]:
    if payer.organization_id is not None:
        mine = AuditEntry.organization_id == payer.organization_id
    else:
        mine = AuditEntry.server_id == payer.server_id
    if customer_id is not None:
        mine = mine | (AuditEntry.customer_id == customer_id)
    rows = session.scalars(select(AuditEntry).where(mine).order_by(AuditEntry.id))
    return [
        {
            "at": _time(row.at),
            "action": row.action,
            "actor": row.actor,
            "before": row.before,
            "after": row.after,
        }
        for row in rows
    ]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
