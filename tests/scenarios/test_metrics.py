"""A year of seven customers: its recurring revenue is the hand-made table of docs/rules/metrics.md."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import EndReason, InvoiceStatus, PlanStatus, Schedule
from app.domain.metrics import (
    TWELFTHS,
    EndFact,
    EntryFact,
    Month,
    MovementKind,
    PlanFacts,
    PriceFact,
    decide_movement,
    months_between,
    plan_rate,
)
from app.domain.reconciliation import OtherReason, Reason
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.metrics import MrrMonth, PlanEnd
from app.models.plans import LedgerEntry, Plan, PlanPrice
from app.services import change_plan
from app.services.close_months import bridge_of, close_months
from app.services.mrr import load_paid_before, load_rates
from app.services.next_terms import PlanChoice
from app.services.plan_rules import to_entry
from app.services.reconcile_month import reconcile_month
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import upgrade_tier
from tests.domain.test_docs import table
from tests.scenarios.story import BUYER, SampleServer, Story

YEAR = months_between(Month(2012, 1), Month(2012, 12))
NAMES = ("Acme", "Elm", "Birch", "Dogwood", "Cedar", "Fir", "Gum")


class Year:
    """Plays the year; remembers what each month's MRR was when it ended."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.servers: dict[str, SampleServer] = {}
        self.seen: dict[Month, dict[int, int]] = {}

    def join(self, name: str, people: int) -> SampleServer:
        self.servers[name] = self.story.server(seats=(people,))
        return self.servers[name]

    def until(self, day: str) -> None:
        """Uploads and jobs every second week, and a look at each month that ended on the way."""
        while self.story.clock.now().date().isoformat() < day:
            now = self.story.clock.now()
            month = Month.of(now)
            stop = min(day, month.end.date().isoformat())
            self.story.run_jobs_until(stop, *self.servers.values(), step=14)
            if Month.of(self.story.clock.now()) != month:
                self.seen[month] = rates_of(self.story, month)

    def play(self) -> None:
        story = self.story
        acme = self.join("Acme", 18)
        story.upgrade(acme)
        cedar = self.join("Cedar", 12)
        story.give_legacy(cedar, "2012-04-01")
        gum = self.join("Gum", 30)
        story.staff("sponsorship", "approve", story.payer(gum).uuid)
        self.until("2012-01-20")
        elm = self.join("Elm", 10)
        story.upgrade(elm)
        self.until("2012-02-10")
        story.upload_seats(acme, 23)
        self.until("2012-02-15")
        birch = self.join("Birch", 11)
        story.upgrade(birch, tier="business", schedule="annual")
        self.until("2012-02-25")
        change_plan.end_plan_at_cycle_end(story.ctx, story.payer(elm), actor=BUYER)
        story.schedule_upgrade(cedar, licenses=20)
        self.until("2012-03-10")
        dogwood = self.join("Dogwood", 40)
        payer = story.payer(dogwood)
        story.staff("tier", payer.uuid, "--required", "enterprise")
        story.staff("offer", "create", payer.uuid, "--price", "1000")
        story.accept_offer(dogwood)
        self.until("2012-05-05")
        story.upload_seats(birch, 30)
        self.until("2012-05-10")
        fir = self.join("Fir", 8)
        story.upgrade(fir)
        story.give_card(story.payer(fir), "declines")
        for day in ("06-10", "06-13", "06-18", "07-05"):
            self.until(f"2012-{day}")
        story.upload_seats(elm, 12)
        story.upgrade(elm)
        self.until("2012-07-10")
        self.pay_whatever_is_open()
        story.give_card(story.payer(fir))
        self.until("2012-08-10")
        story.upload_seats(acme, 15)
        self.until("2012-09-10")
        payer = story.payer(elm)
        story.staff("tier", payer.uuid, "--required", "basic")
        story.staff("discount", payer.uuid, "--percent", "40", "--ends", "2012-12-01")
        self.until("2012-10-10")
        with story.app.app_context():
            choice = PlanChoice("business", Schedule.MONTHLY)
            upgrade_tier(story.ctx, story.payer(cedar), choice, actor=BUYER)
        self.until("2012-11-20")
        change_plan.end_plan_at_cycle_end(story.ctx, story.payer(acme), actor=BUYER)
        self.until("2013-01-01")

    def pay_whatever_is_open(self) -> None:
        with unit_of_work(self.story.ctx) as work:
            unpaid = select(Invoice.stripe_invoice_id).where(Invoice.status == InvoiceStatus.OPEN)
            (remote,) = work.session.scalars(unpaid)
        self.story.payments.pay_hosted(str(remote))
        self.story.deliver_events()


def rates_of(story: Story, month: Month) -> dict[int, int]:
    with unit_of_work(story.ctx) as work:
        return load_rates(work.session, currency="usd", before=month.end).by_customer()


def names_of(story: Story, servers: dict[str, SampleServer]) -> dict[int, str]:
    """Whose customer is whose."""
    with unit_of_work(story.ctx) as work:
        ids = {c.uuid: c.id for c in work.session.scalars(select(Customer)).unique()}
    return {ids[server.organizations[0].uuid]: name for name, server in servers.items()}


def by_the_rule(session: Session, month: Month) -> dict[int, int]:
    """The rates of the customers as the pure rule makes them of every row there is."""
    found: dict[int, int] = {}
    for plan in session.scalars(select(Plan)).unique():
        prices = session.scalars(
            select(PlanPrice).where(PlanPrice.plan_id == plan.id).order_by(PlanPrice.id)
        )
        entries = session.scalars(select(LedgerEntry).where(LedgerEntry.plan_id == plan.id))
        ends = session.scalars(select(PlanEnd).where(PlanEnd.plan_id == plan.id))
        facts = PlanFacts(
            plan.billing_cycle_anchor,
            plan.schedule,
            plan.fixed_price,
            [PriceFact(p.price, p.list_price, p.ends_at, p.recorded_at) for p in prices],
            [EntryFact(to_entry(entry), entry.recorded_at) for entry in entries],
            [EndFact(end.counts_from, end.revived_at) for end in ends],
        )
        rate = plan_rate(facts, before=month.end).rate
        if rate:
            found[plan.customer_id] = found.get(plan.customer_id, 0) + rate
    return found


def movements(story: Story, year: Year) -> list[tuple[str, str, str, Fraction]]:
    names, found = names_of(story, year.servers), []
    opening: dict[int, int] = {}
    for month in YEAR:
        closing = year.seen[month]
        with unit_of_work(story.ctx) as work:
            paid = load_paid_before(work.session, currency="usd", before=month.start)
        for customer in sorted(opening.keys() | closing.keys()):
            moved = decide_movement(
                opening.get(customer, 0),
                closing.get(customer, 0),
                has_paid_before=customer in paid,
            )
            if moved is not None:
                share = Fraction(moved.amount, TWELFTHS)
                found.append((str(month), names[customer], moved.kind.value, share))
        opening = closing
    return sorted(found)


def test_a_year_is_what_was_worked_out_by_hand(story: Story) -> None:
    year = Year(story)
    year.play()
    told = [
        (row["month"], row["customer"], row["movement"], Fraction(row["amount"]))
        for row in table("movements of a year")
    ]
    assert movements(story, year) == sorted(told)
    closed = close_months(story.ctx)
    assert [one.month for one in closed] == YEAR
    assert close_months(story.ctx) == [], "a month is closed once"
    with unit_of_work(story.ctx) as work:
        rows = list(work.session.scalars(select(MrrMonth).order_by(MrrMonth.month_start)))
        assert [shown(row) for row in rows] == table("months of a year")
        for month in YEAR:
            # What was seen when the month ended is what is worked out at the end of the year, and
            # what the pure rule makes of the rows.
            rates = load_rates(work.session, currency="usd", before=month.end).by_customer()
            assert year.seen[month] == rates
            rule = by_the_rule(work.session, month)
            assert {key: rate for key, rate in year.seen[month].items() if rate} == rule
    check_reconciliation(story)
    story.assert_nothing_left_to_do()


def shown(row: MrrMonth) -> dict[str, str]:
    made = bridge_of(row)
    cents = made.in_cents()
    values: dict[str, Any] = {"month": Month.of(row.month_start), "opening": cents.opening}
    values |= {kind.value: cents.movements[kind] for kind in MovementKind}
    values |= {"closing": cents.closing, "a year": cents.yearly, "customers": made.paying}
    return {name: str(value) for name, value in values.items()}


def check_reconciliation(story: Story) -> None:
    steps = table("reconciled")
    months = [name for name in steps[0] if name != "step"]
    told = {month: {row["step"]: int(row[month]) for row in steps} for month in months}
    for month in YEAR:
        with unit_of_work(story.ctx) as work:
            closing = load_rates(work.session, currency="usd", before=month.end)
            exact = reconcile_month(
                work.session, month, closing, currency="usd", now=story.clock.now()
            )
            made = Invoice.created_at >= month.start, Invoice.created_at < month.end
            totals = work.session.scalars(select(Invoice.total).where(*made)).all()
        walk = exact.in_cents()
        assert walk.invoiced == sum(totals), "none of them is void"
        if str(month) in told:
            found = {
                "mrr": walk.mrr,
                **{reason.value: walk.reasons[reason] for reason in Reason},
                "covering": walk.covering,
                **{reason.value: walk.others[reason] for reason in OtherReason},
                "invoiced": walk.invoiced,
            }
            assert found == told[str(month)], month


@pytest.mark.sqlite_only
def test_a_month_that_is_closed_refuses_to_change(story: Story) -> None:
    story.upgrade(story.server(seats=(18,)))
    assert close_months(story.ctx) == [], "January is not over"
    story.on("2012-02-01")
    assert [str(one.month) for one in close_months(story.ctx)] == ["2012-01"]
    with unit_of_work(story.ctx) as work:
        row = work.session.scalars(select(MrrMonth)).one()
        assert (row.new, row.new_customers, row.licenses) == (6300 * TWELFTHS, 1, 18)
        row.new = 0
        with pytest.raises(Exception, match="append-only"):
            work.flush()


@pytest.mark.sqlite_only
def test_an_end_that_was_brought_in_counts_from_then_on(story: Story) -> None:
    story.upgrade(story.server(seats=(18,)))
    story.on("2012-02-01")
    with unit_of_work(story.ctx) as work:
        plan = work.session.scalars(select(Plan)).one()
        ended_at = work.now - timedelta(days=3)
        plan.status, plan.ended_at = PlanStatus.ENDED, ended_at
        plan.ended_reason, plan.next_invoice_date = EndReason.STAFF, None
        work.commit()
    for _ in range(2):
        close_months(story.ctx)
        with unit_of_work(story.ctx) as work:
            assert [end.counts_from for end in work.session.scalars(select(PlanEnd))] == [ended_at]
            row = work.session.scalars(select(MrrMonth)).one()
            assert (row.new, row.paying) == (0, 0)
