"""No page of a customer or of staff asks the database more often when there are more rows.

The pages come from the URL map, so a new one is in here by itself. What is stored is stored several
times, each row below the same customer as the one it is a copy of, and every page is opened once
with a few copies and once with many.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from flask import Blueprint, Flask
from sqlalchemy import Table, UniqueConstraint, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from app.clock import FixedClock
from app.domain.kinds import (
    CustomerKind,
    HelpStatus,
    OfferStatus,
    SponsorshipStatus,
    StaffActionStatus,
    StaffRole,
)
from app.gateways.fake_payments import FakePayments
from app.models import Customer, Plan
from app.models.base import Base
from app.models.charges import BalanceCredit, LateFall, OneOff
from app.models.deals import (
    Announcement,
    Coupon,
    CouponUse,
    Offer,
    OrganizationMove,
    PlanMove,
    SponsorshipRequest,
)
from app.models.people import BillingUser, Invitation
from app.models.staff import HelpRequest, SavedView, StaffAction, StaffNote
from app.services.context import Context
from app.services.outbox import record_mail
from app.services.pages.queue_sources import Queue
from app.services.unit_of_work import unit_of_work
from app.web.support.actions.registry import all_actions
from tests.support.client import CheckedClient
from tests.support.login import KnownServer, begin_server_session
from tests.support.shop import Shop, counted_queries
from tests.support.staff import begin_staff_session

FEW, MANY = 2, 5
# What no copy can be made of here, since no rows are there or the rules allow one alone.
NOT_COPIED = {
    "customers": "one for each who pays",
    "coupon_uses": "one for each customer of a coupon",
    "mrr_months": "one for each month",
    "running_months": "one for each currency",
    "plans": "one that runs; those that ended are told apart by nothing else",
    "invoice_line_entries": "one for each line and entry",
    "mail_logins": "on no page",
    "login_links": "on no page",
    "email_confirmations": "on no page",
    "staff_setup_links": "on no page",
    "staff_recovery_codes": "counted only",
    "transfer_challenges": "on no page",
    "webhook_events": "on no page",
    "pending_audit_rows": "counted only",
    "organization_counts": "summed up only",
    "server_counts": "summed up only",
    "adjustments": "stand on invoices as lines",
    "plan_ends": "counted only",
}
# Pages that have nothing to show of this customer and this person, and are counted by their own
# tests or hold no rows.
SHOWN_ELSEWHERE = frozenset(
    {
        "plan.billing_card_cancelled",
        "plan.billing_card_return",
        "plan.billing_change",
        "plan.billing_licenses",
        "plan.billing_licenses_renewal",
        "portal.missing_data",
        "staff.factor_confirm",
        "staff.factor_qr",
        "staff.password",
        "staff.person_unbind",
        "upgrade.plan_confirm",
        "upgrade.plan_schedule",
        "upgrade.plan_schedule_confirm",
    }
)
_PARAMETER = re.compile(r"<(?:\w+(?:\(([^)]*)\))?:)?(\w+)>")


def rules_of(table: Table) -> Iterator[list[str]]:
    """The columns of each rule that no two rows may break."""
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield [column.name for column in index.columns]


def another(value: Any) -> Any:
    """A value that no other row has; None stays."""
    if isinstance(value, str):
        return str(uuid4()) if len(value) == 36 else f"{value[:-9]}{uuid4().hex[:9]}"
    if isinstance(value, int):
        return value + uuid4().int % 1_000_000_000
    return None if value is None else value + timedelta(microseconds=uuid4().int % 1_000_000_000)


def copy_rows(session: Session, table: Table, *, times: int) -> int:
    """Copy what is in a table, as far as its rules let it; how many rows were added."""
    added = 0
    kept = {key.parent.name for key in table.foreign_keys}
    rules = list(rules_of(table))
    for row, _ in product(session.execute(select(table)).mappings().all(), range(times)):
        values = {name: value for name, value in row.items() if name != "id"}
        for rule in rules:
            free = [
                name for name in rule if name not in kept and not isinstance(values[name], Enum)
            ]
            if free:
                values[free[-1]] = another(values[free[-1]])
        try:
            with session.begin_nested():
                session.execute(insert(table).values(values))
        except IntegrityError:
            continue
        added += 1
    return added


def add_rows(shop: Shop, staff_user_id: int) -> None:
    """What staff and customers leave behind, one of each."""
    with unit_of_work(shop.ctx) as work:
        now, session = work.now, work.session
        customer = session.scalars(select(Customer)).one()
        plan_id = session.scalars(select(Plan.id)).one()
        owner = session.scalars(select(BillingUser)).one()
        organization, server_id = shop.organization.id, shop.organization.server_id
        whose: dict[str, Any] = {"customer_id": customer.id}
        made: dict[str, Any] = {"reason": "asked", "actor": "cli", "created_at": now}
        for status in (StaffActionStatus.WAITING, StaffActionStatus.RUNNING):
            session.add(
                StaffAction(
                    nonce=uuid4().hex,
                    action="park",
                    payer_kind=CustomerKind.ORGANIZATION,
                    payer_uuid=customer.uuid,
                    command={},
                    facts={},
                    effect=["It is parked."],
                    reason="asked",
                    status=status,
                    asked_by=staff_user_id,
                    created_at=now - timedelta(hours=1),
                    **whose,
                )
            )
        session.add(
            LateFall(
                plan_id=plan_id,
                cycle_start=now,
                cycle_end=now + timedelta(days=30),
                billed_licenses=14,
                licenses=11,
                audit_row_id=1,
                found_at=now,
                **whose,
            )
        )
        for offer in (OfferStatus.OPEN, OfferStatus.WITHDRAWN):
            price = {"tier": "business", "yearly_price": 600_000, "currency": "usd"}
            session.add(Offer(status=offer, **price, **whose, **made))
        for request in (SponsorshipStatus.PENDING, SponsorshipStatus.REJECTED):
            said = dict.fromkeys(("website", "description", "expected_users", "paid_staff"), "x")
            wish: dict[str, Any] = {"plan_wished": "community", "requested_at": now}
            wish |= said | {"organization_type": "open_source", "status": request}
            session.add(SponsorshipRequest(**wish, **whose))
        coupon = Coupon(code="TEN", percent=1000, months=3, **made)
        session.add(coupon)
        session.flush()
        in_cents: dict[str, Any] = {"amount": 100, "currency": "usd", "description": "Help"}
        moved: dict[str, Any] = {"moved_at": now, "actor": "cli", "organization_id": organization}
        session.add_all(
            [
                CouponUse(coupon_id=coupon.id, plan_id=plan_id, used_at=now, **whose),
                OneOff(at_once=False, **in_cents, **whose, **made),
                BalanceCredit(created_at=now, **in_cents, **whose),
                OrganizationMove(
                    from_server_id=server_id, to_server_id=server_id, old_remote_realm_id=3, **moved
                ),
                PlanMove(
                    server_id=server_id,
                    to_kind=CustomerKind.ORGANIZATION,
                    from_customer_id=customer.id,
                    to_customer_id=customer.id,
                    **moved,
                ),
                StaffNote(staff_user_id=staff_user_id, text="Call.", created_at=now, **whose),
                SavedView(staff_user_id=staff_user_id, name="Mine", query={}, created_at=now),
                HelpRequest(
                    server_id=server_id,
                    organization_id=organization,
                    message="What is this?",
                    status=HelpStatus.OPEN,
                    created_at=now,
                ),
                Announcement(subject="News", body="Well.", chosen={}, nonce="n" * 20, **made),
                Invitation(
                    organization_id=organization,
                    email="zoe@acme.test",
                    role=owner.role,
                    key_hash="k" * 64,
                    invited_by=owner.id,
                    created_at=now,
                    expires_at=now + timedelta(days=7),
                ),
            ]
        )
        record_mail(
            work,
            template="role_changed",
            recipient=owner.email,
            params={"host": "acme.test", "email": owner.email, "role": "owner"},
            event_key="one:1",
            customer_id=customer.id,
        )
        work.commit()


def multiply(ctx: Context, times: int) -> set[str]:
    """Copy everything; the tables of which no copy was made."""
    with unit_of_work(ctx) as work:
        tables = [table for table in Base.metadata.sorted_tables if table.name not in NOT_COPIED]
        alone = {table.name for table in tables if not copy_rows(work.session, table, times=times)}
        work.commit()
    return alone


class Visitor:
    """Opens every page of customers and staff as those who may, and counts."""

    def __init__(self, app: Flask, shop: Shop, staff: CheckedClient, staff_user_id: int) -> None:
        self.app, self.shop, self.staff = app, shop, staff
        self.owner = shop.client
        self.server = shop.another_browser()
        payer = shop.story.payer(shop.server, None)
        known = KnownServer(payer.server_id, payer.uuid, payer.display_name)
        begin_server_session(self.server, shop.ctx, known)
        self.server_uuid = known.uuid
        self.staff_user_id = staff_user_id

    def visit(self) -> dict[str, tuple[int, int]]:
        """Status and number of queries, by endpoint and address."""
        found = {}
        for rule in self.app.url_map.iter_rules():
            view = self.app.view_functions[rule.endpoint]
            access = getattr(view, "__access__", "").partition(":")[0]
            if "GET" not in (rule.methods or ()) or access not in {"staff", "billing_user"}:
                continue
            for path in self._paths(rule):
                browser = self.staff if access == "staff" else self.owner
                if path.startswith("/server/"):
                    browser = self.server
                with counted_queries() as queries:
                    answer = browser.open(path, method="GET", buffered=True)
                found[f"{rule.endpoint} {path}"] = (answer.status_code, len(queries))
        return found

    def _paths(self, rule: Rule) -> Iterator[str]:
        places = [("realm", self.shop.organization.uuid), ("server", self.server_uuid)]
        only = {"/server/": places[1:], "/realm/": places[:1]}
        names = [(name, options) for options, name in _PARAMETER.findall(rule.rule)]
        for prefix, uuid in only.get(rule.rule[: rule.rule.find("/", 1) + 1], places):
            fixed = {"prefix": prefix, "entity_uuid": uuid, "customer_uuid": uuid}
            choices = [
                [fixed[name]] if name in fixed else self._values(rule.endpoint, name, options)
                for name, options in names
            ]
            for values in product(*choices):
                path = rule.rule
                for value in values:
                    path = _PARAMETER.sub(str(value), path, count=1)
                yield path
            if not fixed.keys() & {name for name, _ in names}:
                return

    def _values(self, endpoint: str, name: str, options: str) -> list[Any]:
        if name == "queue_name":
            return [queue.value for queue in Queue]
        if name == "action_key":
            return list(all_actions())
        if options and "=" not in options:
            return [option.strip() for option in options.split(",")]
        if endpoint.startswith("staff.person"):
            return [self.staff_user_id]
        kept = {"fall_id": "late_falls", "request_id": "help_requests", "view_id": "saved_views"}
        kept |= {"invoice_id": "invoices", "purchase_id": "purchases", "coupon_id": "coupons"}
        kept |= {"announcement_id": "announcements"}
        with unit_of_work(self.shop.ctx) as work:
            if name == "action_id":
                status = StaffActionStatus.WAITING
                if endpoint == "support.unfinished_act":
                    status = StaffActionStatus.RUNNING
                acts = select(func.min(StaffAction.id)).where(StaffAction.status == status)
                return [work.session.scalar(acts)]
            if name == "person_id":
                # Not the owner, who came first: a copy.
                here = BillingUser.organization_id == self.shop.organization.id
                others = select(BillingUser.id).where(here).order_by(BillingUser.id).offset(1)
                return [work.session.scalar(others.limit(1))]
            table = Base.metadata.tables[kept[name]]
            return [work.session.scalar(select(func.min(table.c.id)))]


def plant(app: Flask, ctx: Context) -> None:
    """A page that asks once more for each note."""
    blueprint = Blueprint("planted", __name__)

    def loop() -> tuple[str, int, dict[str, str]]:
        with ctx.sessions() as session:
            for key in session.scalars(select(StaffNote.id)).all():
                session.scalar(select(StaffNote.text).where(StaffNote.id == key))
        return "many", 200, {"Content-Type": "text/plain"}

    loop.__access__ = "staff:read_only"  # type: ignore[attr-defined]  # a mark without a guard
    blueprint.add_url_rule("/planted/", "loop", loop)
    app.register_blueprint(blueprint)


@pytest.mark.sqlite_only
def test_no_page_asks_more_often_for_more_rows(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, client: CheckedClient
) -> None:
    plant(app, ctx)
    shop = Shop(app, ctx, clock, payments, client)
    shop.open(people=18).has_card().buy()
    shop.story.upload_seats(shop.server, 23)
    shop.run_until("2012-02-03", step=8)
    staff = shop.another_browser()
    staff_user_id = begin_staff_session(staff, ctx, StaffRole.ADMIN)
    add_rows(shop, staff_user_id)
    visitor = Visitor(app, shop, staff, staff_user_id)
    assert multiply(ctx, FEW) == set()
    few = visitor.visit()
    empty = {page.partition(" ")[0] for page, (status, _) in few.items() if status != 200}
    shown = {page.partition(" ")[0] for page, (status, _) in few.items() if status == 200}
    multiply(ctx, MANY)
    many = visitor.visit()
    grown = {page: many[page][1] - few[page][1] for page in few if many[page][1] > few[page][1]}
    # Of each note there are five more copies of each of three.
    assert grown == {"planted.loop /planted/": 15}
    assert {page for page in few if few[page][0] != many[page][0]} == set()
    assert empty - shown == SHOWN_ELSEWHERE
