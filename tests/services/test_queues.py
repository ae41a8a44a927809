"""What stands in each queue of staff, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.domain.kinds import (
    Collection,
    CustomerKind,
    HelpStatus,
    InvoiceStatus,
    OfferStatus,
    SponsorshipStatus,
    StaffActionStatus,
)
from app.extensions import db
from app.models.audit import AuditEntry
from app.models.base import Base
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.deals import Offer, OrganizationMove, PlanMove, SponsorshipRequest
from app.models.invoices import Invoice
from app.models.registrations import Organization, Server
from app.models.staff import HelpRequest, StaffAction
from app.services.context import Context
from app.services.pages.queue_columns import What
from app.services.pages.queue_sources import Queue
from app.services.pages.queues import QueueItem, load_queue_counts, load_queue_page
from app.services.unit_of_work import unit_of_work
from tests.support.customers import load_customer, make_customer
from tests.support.plans import add_plan
from tests.support.shop import counted_queries
from tests.support.staff import add_staff


class Hall:
    """Customers with things that wait."""

    def __init__(self, app: Flask, ctx: Context) -> None:
        self.app, self.ctx = app, ctx

    def add(self, row: Base) -> None:
        with unit_of_work(self.ctx) as work:
            work.session.add(row)
            work.commit()

    def change(self, model: type[Any], key: int | None, **values: object) -> None:
        with unit_of_work(self.ctx) as work:
            row = work.session.get_one(model, key)
            for name, value in values.items():
                setattr(row, name, value)
            work.commit()

    def items(self, queue: Queue, *, number: int = 1) -> tuple[QueueItem, ...]:
        with self.app.app_context(), Session(db.engine) as session:
            return load_queue_page(
                session,
                queue,
                number=number,
                catalog=self.ctx.catalog,
                now=self.ctx.now(),
            ).items

    def counts(self) -> dict[Queue, int]:
        with self.app.app_context(), Session(db.engine) as session:
            return load_queue_counts(session, catalog=self.ctx.catalog, now=self.ctx.now())


@pytest.fixture
def hall(app: Flask, ctx: Context) -> Hall:
    return Hall(app, ctx)


def test_everything_that_waits_stands_in_its_queue(hall: Hall) -> None:
    ctx, now = hall.ctx, hall.ctx.now()
    assert set(hall.counts().values()) == {0}
    ids = [make_customer(ctx) for _ in range(6)]
    uuids = [load_customer(ctx, key).uuid for key in ids]
    by_server = make_customer(ctx, CustomerKind.SERVER)
    server = load_customer(ctx, by_server).server
    organization = load_customer(ctx, ids[0]).organization
    assert server is not None and organization is not None
    plan = add_plan(ctx, ids[0], tier="business")
    hall.add(
        SponsorshipRequest(
            customer_id=ids[1],
            status=SponsorshipStatus.PENDING,
            organization_type="open_source",
            website="",
            description="",
            expected_users="9",
            paid_staff="no",
            plan_wished="community",
            requested_at=now - timedelta(days=3),
        )
    )
    hall.add(
        HelpRequest(
            server_id=server.id,
            message="What is this?",
            status=HelpStatus.OPEN,
            created_at=now,
        )
    )
    sam = add_staff(ctx)
    for status, age in (
        (StaffActionStatus.WAITING, 1),
        (StaffActionStatus.RUNNING, 14),
        (StaffActionStatus.RUNNING, 16),
    ):
        hall.add(
            StaffAction(
                nonce=uuid4().hex,
                action="park",
                payer_kind=CustomerKind.ORGANIZATION,
                payer_uuid=uuids[0],
                customer_id=ids[0],
                command={},
                facts={},
                effect=[],
                reason="why not",
                status=status,
                asked_by=sam,
                created_at=now - timedelta(minutes=age),
            )
        )
    hall.add(
        LateFall(
            customer_id=ids[0],
            plan_id=plan,
            cycle_start=now,
            cycle_end=now,
            billed_licenses=14,
            licenses=11,
            audit_row_id=1,
            found_at=now,
        )
    )
    hall.change(Customer, ids[2], parked_at=now, parked_reason="no card")
    unpaid: tuple[dict[str, Any], ...] = (
        {"failure_message": "Your card was declined.", "next_retry_at": now},
        {"due_at": now - timedelta(days=1)},
        {"due_at": now + timedelta(days=1)},
    )
    for n, values in enumerate(unpaid):
        hall.add(
            Invoice(
                customer_id=ids[3],
                boundary=now,
                group_key=f"k{n}",
                status=InvoiceStatus.OPEN,
                currency="usd",
                collection=Collection.SEND_INVOICE,
                total=4300,
                number=f"N-{n}",
                created_at=now,
                **values,
            )
        )
    hall.change(
        Customer,
        ids[4],
        discount_ends_at=now + timedelta(days=9),
        discount_percent=2500,
        discount_owner="Pat",
    )
    days = now + timedelta(days=20)
    add_plan(ctx, ids[4], tier="legacy", price_per_license=0, end_date=days)
    fixed: dict[str, Any] = {"price_per_license": None, "fixed_price": 90_000}
    add_plan(ctx, ids[5], tier="business", **fixed, end_date=days + timedelta(days=1))
    add_plan(ctx, ids[1], tier="community", price_per_license=0, end_date=now + timedelta(days=70))
    for key, ahead in ((ids[0], 5), (ids[1], -1)):
        hall.add(
            Offer(
                customer_id=key,
                tier="business",
                yearly_price=600_000,
                currency="usd",
                status=OfferStatus.OPEN,
                expires_at=now + timedelta(days=ahead),
                reason="asked",
                owner="Pat",
                actor="cli",
                created_at=now,
            )
        )
    hall.change(Organization, organization.id, locally_deleted_at=now)
    hall.change(Server, server.id, last_audit_log_update=now - timedelta(days=3))
    hall.add(
        OrganizationMove(
            organization_id=organization.id,
            from_server_id=server.id,
            to_server_id=organization.server_id,
            old_remote_realm_id=3,
            moved_at=now,
            actor="cli",
        )
    )
    hall.add(
        PlanMove(
            server_id=server.id,
            organization_id=organization.id,
            to_kind=CustomerKind.ORGANIZATION,
            from_customer_id=by_server,
            to_customer_id=ids[0],
            moved_at=now - timedelta(days=29),
            actor="cli",
        )
    )
    for age in (28, 31):
        hall.add(
            AuditEntry(
                at=now - timedelta(days=age),
                action="server.transferred",
                actor="server:1",
                server_id=server.id,
            )
        )
    assert {queue.value: count for queue, count in hall.counts().items()} == {
        "sponsorships": 1,
        "help": 1,
        "approvals": 1,
        "late-falls": 1,
        "parked": 1,
        "failed-payments": 2,
        "vanished": 1,
        "unfinished-acts": 1,
        "deals": 3,
        "offers": 1,
        "stale-servers": 1,
        "transfers": 3,
    }
    for queue in Queue:
        assert len(hall.items(queue)) == hall.counts()[queue], queue
    deals = [(item.what, item.owner, item.tier_title) for item in hall.items(Queue.DEALS)]
    assert deals == [
        (What.DISCOUNT, "Pat", None),
        (What.LEGACY, None, "Legacy"),
        (What.FIXED_PRICE, None, "Business"),
    ]
    fall = hall.items(Queue.LATE_FALLS)[0]
    assert (fall.uuid, fall.number, fall.other, fall.tier_title) == (uuids[0], 14, 11, "Business")
    assert [item.what for item in hall.items(Queue.TRANSFERS)] == [
        What.ORGANIZATION,
        What.REGISTRATION,
        What.PLAN,
    ]
    help_ = hall.items(Queue.HELP)[0]
    assert (help_.uuid, help_.name, help_.text) == (server.uuid, server.hostname, "What is this?")


def test_a_long_queue_has_pages_at_the_same_number_of_queries(hall: Hall) -> None:
    def queries() -> int:
        with counted_queries() as found:
            hall.items(Queue.STALE)
        return len(found)

    def add_silent(number: int) -> None:
        with unit_of_work(hall.ctx) as work:
            for n in range(number):
                name = uuid4().hex
                work.session.add(
                    Server(
                        uuid=str(uuid4()),
                        hostname=f"{name}.test",
                        contact_email="it@x.test",
                        key_hash="0" * 64,
                        created_at=work.now - timedelta(days=n),
                    )
                )
            work.commit()

    add_silent(1)
    few = queries()
    add_silent(27)
    assert queries() == few == 2
    assert len(hall.items(Queue.STALE)) == 25 and len(hall.items(Queue.STALE, number=2)) == 3
    since = [item.since for item in hall.items(Queue.STALE)]
    assert since == sorted(since)
