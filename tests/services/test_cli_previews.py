"""Dry runs of staff's commands show the next invoices, without the change and with it, line by line,
and keep nothing."""

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from tests.jobs.test_jobs_cli import billing
from tests.scenarios.story import SampleServer, Story

WHY = ("--reason", "promised by mail")
KEPT = ("customers", "plans", "ledger_entries", "invoices", "one_offs", "plan_prices", "mails")


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


@pytest.fixture
def acme(story: Story) -> SampleServer:
    """18 people, on Basic by the month."""
    server = story.server(seats=(18,))
    story.upgrade(server)
    return server


def everything(ctx: Context) -> dict[str, list[tuple[object, ...]]]:
    """All rows that a command might have kept, but for what a look at a customer always writes."""
    with unit_of_work(ctx) as work:
        return {
            table: [
                tuple(row)
                for row in work.session.execute(text(f"SELECT * FROM {table} ORDER BY id"))
            ]
            for table in KEPT
        }


def dry(app: Flask, ctx: Context, *arguments: str) -> str:
    """What a dry run says; it keeps nothing."""
    before = everything(ctx)
    found = billing(app, *arguments, *WHY, "--dry-run")
    assert found.exit_code == 0, found.output
    assert everything(ctx) == before
    assert "nothing was changed" in found.stdout
    return found.stdout


def test_a_discount(app: Flask, ctx: Context, story: Story, acme: SampleServer) -> None:
    uuid = story.payer(acme).uuid
    assert billing(app, "tier", uuid, "--required", "basic", *WHY).exit_code == 0
    said = dry(app, ctx, "discount", uuid, "--percent", "33.33")
    without, _, with_it = said.partition("with it, up to 2 February 2012:")
    assert without.startswith("without the change, up to 2 February 2012:")
    assert "Basic - renewal: 18 x $3.50 = $63.00" in without
    assert "New customer discount: 1 x −$20.00 = −$20.00" in without
    assert "Basic - renewal: 18 x $2.33 = $41.94" in with_it
    assert "New customer discount" not in with_it


def test_a_single_charge(app: Flask, ctx: Context, story: Story, acme: SampleServer) -> None:
    uuid = story.payer(acme).uuid
    said = dry(app, ctx, "one-off", uuid, "--amount", "250", "--description", "Set-up")
    without, _, with_it = said.partition("with it")
    assert "Set-up" not in without and "Set-up: 1 x $250.00 = $250.00" in with_it


def test_what_follows_legacy(app: Flask, ctx: Context, story: Story) -> None:
    server = story.server(seats=(18,))
    payer = story.payer(server)
    # Nobody is a customer before the first command is for good: there are no invoices to show.
    assert "without the change" not in dry(
        app, ctx, "legacy", "create", payer.uuid, "--until", "2012-03-02"
    )
    billing(app, "legacy", "create", payer.uuid, "--until", "2012-03-02", *WHY)
    story.give_card(payer)
    said = dry(app, ctx, "legacy", "schedule", payer.uuid, "business", "--schedule", "annual")
    without, _, with_it = said.partition("with it")
    assert "no invoice" in without
    assert "Business - renewal: 25 x $80.00 = $2,000.00" in with_it
    assert "$1,760.00" in with_it
