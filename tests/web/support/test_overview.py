"""The overview of staff: figures, plots, tables and files of a month."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.clock import FixedClock
from app.domain.kinds import CancellationReason, InvoiceStatus, Schedule, StaffRole
from app.domain.reconciliation import Reason
from app.gateways.fake_payments import FakePayments
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.registrations import Server
from app.services import change_plan, month_figures
from app.services.close_months import close_months, refresh_running_month
from app.services.context import Context
from app.services.next_terms import PlanChoice
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import upgrade_tier
from tests.scenarios.story import BUYER, SampleServer, Story
from tests.support.client import CheckedClient
from tests.support.shop import counted_queries, headline, words
from tests.support.staff import begin_staff_session

PAGE = "/support/overview/"


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    return Story(app, ctx, clock, payments)


class Reader:
    """The browser of somebody of staff who may only read, and logs in anew when time has passed."""

    def __init__(self, client: CheckedClient, ctx: Context) -> None:
        self.client, self.ctx = client, ctx
        self.since: datetime | None = None

    def get(self, path: str) -> TestResponse:
        if self.since != self.ctx.now():
            begin_staff_session(self.client, self.ctx, StaffRole.READ_ONLY)
            self.since = self.ctx.now()
        return self.client.get(path)


@pytest.fixture
def staff(ctx: Context, client: CheckedClient) -> Reader:
    return Reader(client, ctx)


def rows(staff: Reader, name: str, query: str = "") -> list[dict[str, str]]:
    """A file of the overview."""
    answer = staff.get(f"{PAGE}{name}.csv{query}")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def buy(
    story: Story, people: int, *, tier: str = "basic", schedule: str = "monthly"
) -> SampleServer:
    server = story.server(seats=(people,))
    story.upgrade(server, tier=tier, schedule=schedule)
    return server


def name_it(story: Story, server: SampleServer, name: str) -> None:
    with unit_of_work(story.ctx) as work:
        uuid = server.organizations[0].uuid
        work.session.execute(
            update(Customer).where(Customer.uuid == uuid).values(display_name=name)
        )
        work.commit()


def test_with_nothing_it_says_what_will_be_there(staff: Reader) -> None:
    page = staff.get(PAGE)
    assert headline(page) == "MRR is $0.00 today, the same as when the month began."
    said = words(page)
    assert "Nothing comes in yet" in said
    assert "There is no customer yet." in said and "No server has registered yet." in said
    assert "Nothing is open: every invoice is paid, or void." in said
    assert "Monthly recurring revenue: what the running cycles" in said
    assert rows(staff, "months")[0]["closing"] == "0.00"


def test_two_months_of_some_customers(story: Story, staff: Reader) -> None:
    acme = buy(story, 18)
    name_it(story, acme, "=1+2")
    birch = buy(story, 11, tier="business", schedule="annual")
    gum = story.server(seats=(30,))
    story.staff("sponsorship", "approve", story.payer(gum).uuid)
    story.on("2012-01-20").upload_seats(acme, 23)
    story.on("2012-02-01")
    close_months(story.ctx)
    story.on("2012-02-10").upload(acme)
    story.upload(birch)
    story.upload(gum)
    story.give_card(story.payer(acme), "declines")
    story.run_jobs()
    elm = buy(story, 10)
    story.on("2012-02-11")

    page = staff.get(PAGE)
    assert headline(page) == "MRR is $282.17 today, $35.00 more than when the month began."
    said = words(page)
    assert "New $35.00. That is $3,386.00 a year (ARR) from 3 paying customers." in said
    assert "Community: 1 customer" in said and "Basic: 2 customers" in said
    assert "8.0: 4 of 4 servers upload" in said
    assert said.count("Show as a table") == 5
    with_months = page.text.count("<svg")
    assert with_months == 4, "two plots, each for wide and for narrow windows"

    # A month that is over reads as it was closed.
    january = staff.get(f"{PAGE}?month=2012-01")
    assert headline(january) == (
        "MRR was $247.17 at the end of January 2012, $247.17 more than when the month began."
    )
    assert "This month is over" in words(january)
    # What cannot be asked for is the present.
    for asked in ("2011-12", "2012-03", "2012-13", "nonsense", "٢٠١٢-01", "2012-1"):
        assert headline(staff.get(f"{PAGE}?month={asked}")) == headline(page)

    months = rows(staff, "months")
    assert [(row["month"], row["opening"], row["new"], row["closing"]) for row in months] == [
        ("2012-01", "0.00", "247.17", "247.17"),
        ("2012-02", "247.17", "35.00", "282.17"),
    ]
    (moved,) = rows(staff, "movements")
    assert (moved["movement"], moved["closing"]) == ("new", "35.00")
    assert moved["customer"] == elm.organizations[0].uuid
    names = {row["name"] for row in rows(staff, "movements", "?month=2012-01")}
    assert "'=1+2" in names, "no spreadsheet takes a name for a formula"
    tiers = {row["tier"]: row for row in rows(staff, "tiers")}
    assert (tiers["basic paid"]["licenses"], tiers["basic paid"]["mrr"]) == ("33", "115.50")
    assert (tiers["business paid"]["customers"], tiers["business paid"]["mrr"]) == ("1", "166.67")
    assert (tiers["total"]["customers"], tiers["total"]["mrr"]) == ("4", "282.17")

    owed = {row["age"]: (row["invoices"], row["open"]) for row in rows(staff, "receivables")}
    (total,) = (invoice for invoice in open_totals(story))
    assert owed["up_to_30"] == owed["total"] == ("1", f"{total // 100}.{total % 100:02}")
    assert owed["older"] == owed["written_off"] == ("0", "0.00")
    discounts = rows(staff, "discounts", "?month=2012-01")
    assert [(row["number"], row["taken_off"]) for row in discounts] == [("2", "260.00")]

    walk = {
        row["step"]: int(row["amount"].replace(".", "")) for row in rows(staff, "reconciliation")
    }
    invoiced = walk.pop("invoiced")
    covering = walk.pop("covering")
    first = ["mrr", *Reason]
    assert sum(walk.pop(step) for step in first) == covering
    assert covering + sum(walk.values()) == invoiced == total + 1500


def open_totals(story: Story) -> list[int]:
    with unit_of_work(story.ctx) as work:
        unpaid = select(Invoice.total).where(Invoice.status == InvoiceStatus.OPEN)
        return list(work.session.scalars(unpaid))


@pytest.mark.sqlite_only
def test_servers_by_version_and_what_is_owed_by_age(story: Story, staff: Reader) -> None:
    buy(story, 18)
    with unit_of_work(story.ctx) as work:
        now = work.now
        for n in range(16):
            work.session.add(
                Server(
                    uuid=str(n),
                    hostname=f"chat{n}.birch.test",
                    contact_email="root@birch.test",
                    key_hash="x",
                    created_at=now,
                    product_version=None if n == 0 else f"9.{n}",
                    last_audit_log_update=None if n == 0 else now - timedelta(days=n),
                    deactivated_at=now if n == 15 else None,
                )
            )
        customer = work.session.scalars(select(Customer)).unique().one()
        for days in (-5, 0, 30, 31, 90, 91):
            work.session.add(
                Invoice(
                    customer_id=customer.id,
                    boundary=now,
                    group_key=f"usd|send_invoice|{days}",
                    status="open",
                    currency="usd",
                    collection="send_invoice",
                    total=100,
                    balance_applied=10,
                    created_at=now,
                    due_at=now - timedelta(days=days),
                )
            )
        work.commit()
    found = rows(staff, "uploads")
    assert len(found) == 13 and sum(int(row["servers"]) for row in found) == 16
    by_version = {row["version"]: row for row in found}
    assert by_version["Never told"]["never"] == "1"
    assert (by_version["8.0"]["fresh"], by_version["9.1"]["fresh"]) == ("1", "1")
    assert by_version["9.10"]["silent"] == "1"
    assert int(by_version["All others"]["servers"]) == 4
    owed = [(row["age"], row["open"]) for row in rows(staff, "receivables")]
    assert owed == [
        ("not_due", "1.80"),
        ("up_to_30", "0.90"),
        ("up_to_60", "0.90"),
        ("up_to_90", "0.90"),
        ("older", "0.90"),
        ("written_off", "0.00"),
        ("total", "5.40"),
    ]


@pytest.mark.sqlite_only
def test_why_customers_leave(story: Story, staff: Reader) -> None:
    servers = [buy(story, people) for people in (12, 13, 14, 15, 16)]
    payers = [story.payer(server) for server in servers]
    for payer in payers[:3]:
        change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    with unit_of_work(story.ctx) as work:
        said = (CancellationReason.NOT_USED, CancellationReason.TOO_EXPENSIVE)
        for payer, reason in zip(payers, said, strict=False):
            mine = select(Customer.id).where(Customer.uuid == payer.uuid).scalar_subquery()
            work.session.execute(
                update(Plan)
                .where(Plan.customer_id == mine)
                .values(cancellation_reason=reason, cancellation_comment=f"<b>{reason.value}</b>")
            )
        work.commit()
    waiting = [(row["reason"], row["ended"], row["set_to_end"]) for row in rows(staff, "reasons")]
    assert waiting == [
        ("too_expensive", "0", "1"),
        ("not_used", "0", "1"),
        ("cycle_end", "0", "1"),
    ]
    before = staff.get(PAGE).text
    assert "No plan ended this month." in before
    assert "&lt;b&gt;too_expensive&lt;/b&gt;" in before and "set to end" in before
    story.run_jobs_until("2012-02-03", *servers, step=16)
    story.staff("end", payers[3].uuid, "--now")
    # A higher tier in its place is no leaving.
    with story.app.app_context():
        choice = PlanChoice("business", Schedule.MONTHLY)
        upgrade_tier(story.ctx, payers[4], choice, actor=BUYER)
    ended = [(row["reason"], row["ended"], row["set_to_end"]) for row in rows(staff, "reasons")]
    assert ended == [
        ("too_expensive", "1", "0"),
        ("not_used", "1", "0"),
        ("cycle_end", "1", "0"),
        ("staff", "1", "0"),
    ]
    said_now = words(staff.get(PAGE))
    assert "Too expensive: 1 plan" in said_now and "Ended by staff: 1 plan" in said_now
    assert "<b>not_used</b>" in said_now and "Not used any more, ended" in said_now
    assert rows(staff, "reasons", "?month=2012-01") == []
    assert "What they wrote" not in staff.get(f"{PAGE}?month=2012-01").text


@pytest.mark.sqlite_only
def test_the_number_of_queries_is_constant(story: Story, staff: Reader) -> None:
    staff.get(PAGE)
    counts = []
    for people in (12, 13, 14):
        buy(story, people)
        with counted_queries() as queries:
            assert staff.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1 and counts[0] <= 20, "\n".join(queries)


@pytest.mark.sqlite_only
def test_with_very_many_plans_the_hourly_run_works_the_month_out(
    story: Story, staff: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(story, 18)
    monkeypatch.setattr(month_figures, "MOST_FOR_A_PAGE", 0)
    assert "MRR is $63.00 today" in words(staff.get(PAGE)), "nothing is kept yet"
    refresh_running_month(story.ctx)
    story.on("2012-01-10")
    buy(story, 10)
    assert "MRR is $63.00 today" in words(staff.get(PAGE)), "as it was kept"
    assert "2 January 2012, 03:04:05 UTC" in words(staff.get(PAGE))
    refresh_running_month(story.ctx)
    assert "MRR is $98.00 today" in words(staff.get(PAGE))
    # Nobody has worked out the new month yet: the one before is shown, as it was kept or closed.
    story.on("2012-02-01")
    for _ in range(2):
        page = staff.get(PAGE)
        assert headline(page).startswith("MRR was $98.00 at the end of January 2012")
        assert "The figures of February 2012 are not there yet" in words(page)
        close_months(story.ctx)
    refresh_running_month(story.ctx)
    assert headline(staff.get(PAGE)).startswith("MRR is $98.00 today, the same")
