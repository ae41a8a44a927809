"""The crowd is what the engine would have made: its laws hold, and the jobs find nothing wrong."""

from collections import defaultdict
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import FixedClock
from app.demo.recorded.reports import hear_from_recorded
from app.demo.recorded.seed import Wish, count_recorded, seed_recorded
from app.domain.kinds import InvoiceStatus, PlanStatus
from app.jobs.invoice_plans import invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.context import Context
from app.services.ledger import sync_server_ledgers
from app.services.unit_of_work import unit_of_work

# Each hundred holds every kind once.
MANY = 100


@pytest.fixture
def crowd(app: Flask, ctx: Context) -> Context:
    with app.app_context():
        assert seed_recorded(ctx, Wish(MANY)) == MANY
    return ctx


def test_the_crowd_keeps_the_rules(app: Flask, crowd: Context) -> None:
    with app.app_context():
        assert count_recorded(crowd) == MANY
        assert seed_recorded(crowd, Wish(MANY)) == 0
        _check_sums(crowd)
        _check_nothing_is_due(crowd)


@pytest.mark.sqlite_only
def test_months_go_by(app: Flask, crowd: Context, clock: FixedClock) -> None:
    with app.app_context():
        _check_months_go_by(crowd, clock)


def _check_sums(ctx: Context) -> None:
    """Every kind is there, and every total is the sum of its lines."""
    with unit_of_work(ctx) as work:
        session = work.session
        statuses = set(session.scalars(select(Plan.status)))
        assert statuses == {PlanStatus.ACTIVE, PlanStatus.ENDED, PlanStatus.TRIAL}
        tiers = set(session.scalars(select(Plan.tier)))
        assert tiers == {"basic", "business", "enterprise", "legacy", "community"}
        invoices = set(session.scalars(select(Invoice.status)))
        assert invoices >= {InvoiceStatus.PAID, InvoiceStatus.OPEN}
        sums: dict[int, int] = defaultdict(int)
        for invoice_id, quantity, unit, amount in session.execute(
            select(
                InvoiceLine.invoice_id,
                InvoiceLine.quantity,
                InvoiceLine.unit_amount,
                InvoiceLine.amount,
            )
        ):
            assert amount == quantity * unit
            sums[invoice_id] += amount
        totals = {row.id: row.total for row in session.execute(select(Invoice.id, Invoice.total))}
        assert sums == totals and min(totals.values()) >= 0


def _check_nothing_is_due(ctx: Context) -> None:
    """The engine agrees with every ledger: it has nothing to add, nor to invoice."""
    with unit_of_work(ctx) as work:
        before = work.session.scalar(select(func.count()).select_from(LedgerEntry))
        for server in work.session.scalars(select(Server).order_by(Server.id)).all():
            server.ledger_cursor = 0
            sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        after = work.session.scalar(select(func.count()).select_from(LedgerEntry))
        assert after == before
    assert sync_ledgers(ctx).entries == 0
    run = invoice_plans(ctx)
    assert (run.invoiced, run.parked) == (0, 0)


def _check_months_go_by(ctx: Context, clock: FixedClock) -> None:
    """The jobs go on with it for months: nobody is parked, and only silent ones wait."""
    parked = _count_parked(ctx)
    for _ in range(2):
        clock.advance(days=25)
        hear_from_recorded(ctx)
        assert sync_ledgers(ctx).failed == 0
        assert invoice_plans(ctx).parked == 0
    assert _count_parked(ctx) == parked
    with unit_of_work(ctx) as work:
        heard = work.session.scalars(
            select(Server.last_audit_log_update)
            .join(Customer, Customer.server_id == Server.id)
            .join(Plan, Plan.customer_id == Customer.id)
            .where(Plan.invoice_deferred_since.is_not(None))
        )
        assert all(at is not None and at < work.now - timedelta(days=2) for at in heard)


def _count_parked(ctx: Context) -> int:
    with unit_of_work(ctx) as work:
        parked = select(func.count()).where(Customer.parked_at.is_not(None))
        return work.session.scalar(parked) or 0
