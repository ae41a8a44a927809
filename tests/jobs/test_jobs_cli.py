"""`flask billing ...`: what each command says, keeps and returns.

test_jobs_processes.py runs some of them as an operator does.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.models.plans import LedgerEntry
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story

DUE = "2012-02-02"


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


def billing(app: Flask, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return app.test_cli_runner().invoke(args=["billing", *arguments])


def counts(result: Result) -> dict[str, str]:
    """The summary line: the last one, of name=value."""
    found = dict(part.split("=") for part in result.stdout.splitlines()[-1].split())
    assert re.fullmatch(r"\d+\.\d", found.pop("seconds"))
    return found


def assert_counts(result: Result, line: str, *, code: int = 0) -> None:
    """The summary is `line`, and the command returned `code`."""
    assert counts(result) == dict(part.split("=") for part in line.split()), result.output
    assert result.exit_code == code, result.output


def subscribed(story: Story, *seats: int) -> list[SampleServer]:
    """Servers with a monthly plan each, that have uploaded when its renewal is due."""
    servers = [story.server(seats=(people,)) for people in seats]
    for server in servers:
        story.upgrade(server)
    story.on(DUE)
    for server in servers:
        story.upload(server)
    return servers


def count_rows(ctx: Context, table: str) -> int:
    """How many rows a table has."""
    with unit_of_work(ctx) as work:
        return int(work.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def parked_reasons(story: Story, servers: list[SampleServer]) -> list[str | None]:
    """Why each is parked; None for those that are not."""
    exports = [story.export(story.payer(server)) for server in servers]
    return [data["customer"]["parked_reason"] for data in exports]


# --- the runs ---


def test_the_three_runs_say_what_they_did(app: Flask, story: Story) -> None:
    (acme,) = subscribed(story, 18)
    story.upload_seats(acme, 19)
    assert_counts(billing(app, "sync-ledgers"), "processed=1 rows=0 entries=0 failed=0")
    result = billing(app, "invoice-plans")
    assert_counts(result, "processed=1 invoiced=1 deferred=0 parked=0")
    assert len(result.stdout.splitlines()) == 1
    delivered = "failed=0 deferred=0 parked=0 purchases=0 events=0 mails=0"
    assert_counts(billing(app, "deliver"), f"invoices=1 {delivered}")
    # Once more, with nothing to do.
    assert_counts(billing(app, "invoice-plans"), "processed=0 invoiced=0 deferred=0 parked=0")
    assert_counts(billing(app, "deliver"), f"invoices=0 {delivered}")
    story.assert_nothing_left_to_do()


def test_silent_servers_are_deferred_and_that_is_no_failure(app: Flask, story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.on(DUE)
    assert_counts(billing(app, "invoice-plans"), "processed=1 invoiced=0 deferred=1 parked=0")
    story.upload(acme)
    assert_counts(billing(app, "invoice-plans"), "processed=1 invoiced=1 deferred=0 parked=0")


def test_a_refused_card_is_counted_and_no_failure_of_the_run(app: Flask, story: Story) -> None:
    (acme,) = subscribed(story, 18)
    story.give_card(story.payer(acme), "declines")
    billing(app, "invoice-plans")
    result = billing(app, "deliver")
    assert (counts(result)["failed"], result.exit_code) == ("1", 0)


def test_a_provider_that_does_not_answer_defers(app: Flask, story: Story) -> None:
    subscribed(story, 18)
    billing(app, "invoice-plans")
    story.payments.fail("create_invoice", "before")
    result = billing(app, "deliver")
    assert (counts(result)["deferred"], result.exit_code) == ("1", 0)
    assert counts(billing(app, "deliver"))["deferred"] == "0", "it waits for its time"
    story.clock.advance(hours=7)
    assert counts(billing(app, "deliver"))["invoices"] == "1"


# --- one customer's trouble is its own ---


def test_a_ledger_that_fails_does_not_stop_the_others(
    app: Flask, ctx: Context, story: Story
) -> None:
    servers = subscribed(story, 18, 12)
    # Rows of a server whose clock is fast wait for their time.
    for server in servers:
        story.set_people(server, 20, at=story.clock.now() + timedelta(hours=1))
        story.upload(server)
    story.clock.advance(hours=2)
    (first_plan,) = _column(ctx, "SELECT min(id) FROM plans")

    def refuse(session: Session, *_: object) -> None:
        if any(isinstance(row, LedgerEntry) and row.plan_id == first_plan for row in session.new):
            raise RuntimeError("this ledger cannot be written")

    event.listen(ctx.sessions, "before_flush", refuse)
    result = billing(app, "sync-ledgers")
    found = counts(result)
    assert (found["entries"], found["failed"], result.exit_code) == ("1", "1", 1), result.output
    event.remove(ctx.sessions, "before_flush", refuse)
    result = billing(app, "sync-ledgers")
    found = counts(result)
    assert (found["entries"], found["failed"], result.exit_code) == ("1", "0", 0), result.output


def test_a_customer_that_fails_is_parked_and_the_others_are_invoiced(
    app: Flask, ctx: Context, story: Story
) -> None:
    servers = subscribed(story, 12, 18)
    _execute(
        ctx,
        "UPDATE plans SET price_per_license = 2000000000 WHERE id = (SELECT min(id) FROM plans)",
    )
    assert_counts(
        billing(app, "invoice-plans"), "processed=2 invoiced=1 deferred=0 parked=1", code=1
    )
    first, second = parked_reasons(story, servers)
    assert first is not None and first.startswith("invoice-plans: ") and second is None
    # Who is parked is left alone, and no run fails for it again.
    assert_counts(billing(app, "invoice-plans"), "processed=0 invoiced=0 deferred=0 parked=0")
    _execute(ctx, "UPDATE plans SET price_per_license = 350")
    uuid = story.payer(servers[0]).uuid
    unparked = billing(app, "unpark", uuid.upper())
    assert (unparked.stdout, unparked.exit_code) == ("unparked\n", 0)
    assert_counts(billing(app, "invoice-plans"), "processed=1 invoiced=1 deferred=0 parked=0")


def test_an_invoice_that_the_provider_refuses_parks_its_customer(
    app: Flask, ctx: Context, story: Story
) -> None:
    servers = subscribed(story, 12, 18)
    _execute(
        ctx,
        "UPDATE customers SET stripe_customer_id = 'cus_gone'"
        " WHERE id = (SELECT min(id) FROM customers)",
    )
    billing(app, "invoice-plans")
    result = billing(app, "deliver")
    found = counts(result)
    assert (found["invoices"], found["parked"], result.exit_code) == ("1", "1", 1), result.output
    first, second = parked_reasons(story, servers)
    assert first is not None and "resource_missing" in first and second is None


# --- guards ---


def test_more_invoices_than_a_run_may_make_park_the_customer(
    make_app: Callable[..., Flask], clock: FixedClock, payments: FakePayments
) -> None:
    app = make_app(invoice_run_max_per_customer=3)
    story = Story(app, app.extensions["tallyport"], clock, payments)
    (acme,) = subscribed(story, 18)
    story.on("2012-06-02").upload(acme)
    expected = "processed=1 invoiced=3 deferred=0 parked=1"
    assert_counts(billing(app, "invoice-plans", "--dry-run"), expected, code=1)
    assert_counts(billing(app, "invoice-plans"), expected, code=1)
    assert parked_reasons(story, [acme]) == ["invoice-plans: too_many_invoices"]
    assert len(story.export(story.payer(acme))["invoices"]) == 1 + 3
    # A person has looked: the rest is made.
    billing(app, "unpark", story.payer(acme).uuid)
    assert_counts(billing(app, "invoice-plans"), "processed=1 invoiced=2 deferred=0 parked=0")


def test_by_default_fifteen_invoices_are_the_most(ctx: Context) -> None:
    assert ctx.settings.invoice_run_max_per_customer == 15


def test_an_invoice_beyond_the_largest_total_parks_the_customer(
    make_app: Callable[..., Flask], clock: FixedClock, payments: FakePayments
) -> None:
    app = make_app(max_invoice_amount=6300)
    story = Story(app, app.extensions["tallyport"], clock, payments)
    servers = subscribed(story, 18, 18)
    # What is bought stays below the limit; 30 licenses renew for 85.00.
    story.set_people(servers[0], 30, at=datetime(2012, 2, 1, tzinfo=UTC))
    story.upload(servers[0])
    expected = "processed=2 invoiced=1 deferred=0 parked=1"
    assert_counts(billing(app, "invoice-plans", "--dry-run"), expected, code=1)
    assert_counts(billing(app, "invoice-plans"), expected, code=1)
    assert parked_reasons(story, servers) == ["invoice-plans: invoice_too_large", None]


# --- looking ahead ---


def test_a_dry_run_shows_the_lines_and_the_difference_and_keeps_nothing(
    app: Flask, ctx: Context, story: Story
) -> None:
    (acme,) = subscribed(story, 18)
    story.on("2012-01-04").upload_seats(acme, 19, 20, 21, 22, 23)
    story.on(DUE).upload(acme)
    before = story._everything()
    result = billing(app, "invoice-plans", "--dry-run")
    assert_counts(result, "processed=1 invoiced=1 deferred=0 parked=0")
    head, *lines = result.stdout.splitlines()[:-1]
    assert head.startswith("Acme  ") and head.endswith("  $76.85")
    amounts = [line.rpartition(" = ")[2] for line in lines[:-1]]
    assert amounts == ["$16.35", "$80.50", "\N{MINUS SIGN}$20.00"]
    assert lines[0].endswith("5 x $3.27 = $16.35")
    assert lines[-1].strip() == "difference to the invoice before: $33.85"
    assert story._everything() == before
    # The real run makes the very same.
    assert_counts(billing(app, "invoice-plans"), "processed=1 invoiced=1 deferred=0 parked=0")
    invoice = story.export(story.payer(acme))["invoices"][-1]
    assert [line["amount"] for line in invoice["lines"]] == [1635, 8050, -2000]


@pytest.mark.parametrize("moment", ["2012-04-02T03:04:05+00:00", "2012-04-02T03:04:05Z"])
def test_looking_ahead_makes_the_invoices_of_a_later_time(
    app: Flask, ctx: Context, story: Story, moment: str
) -> None:
    subscribed(story, 18)
    ahead = billing(app, "invoice-plans", "--dry-run", "--as-of", moment)
    assert_counts(ahead, "processed=1 invoiced=3 deferred=0 parked=0")
    assert count_rows(ctx, "invoices") == 1
    # Outside of production it may be done, too.
    made = billing(app, "invoice-plans", "--as-of", moment)
    assert_counts(made, "processed=1 invoiced=3 deferred=0 parked=0")
    assert count_rows(ctx, "invoices") == 4


@pytest.mark.sqlite_only
def test_in_production_only_a_dry_run_looks_ahead(
    make_app: Callable[..., Flask], clock: FixedClock, payments: FakePayments
) -> None:
    app = make_app(
        env="production",
        stripe_secret_key="sk_test_production",
        stripe_webhook_secret="whsec_production",
        mail_url="smtp://127.0.0.1:25",
    )
    refused = billing(app, "invoice-plans", "--as-of", "2012-04-02")
    assert refused.exit_code == 2
    assert "--as-of goes with --dry-run in production" in refused.output
    allowed = billing(app, "invoice-plans", "--as-of", "2012-04-02", "--dry-run")
    assert_counts(allowed, "processed=0 invoiced=0 deferred=0 parked=0")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["invoice-plans", "--as-of", "2011-12-31"], "--as-of must not lie in the past"),
        (["invoice-plans", "--as-of", "soon"], "is no date"),
        (["invoice-plans", "--as-of", ""], "is no date"),
        (["preview", "x", "--until", "2011-12-31"], "--until must not lie in the past"),
        (["preview"], "Missing argument"),
        (["invoice-plan"], "No such command"),
    ],
)
def test_wrong_arguments_are_refused_with_a_reason(
    app: Flask, arguments: list[str], said: str
) -> None:
    result = billing(app, *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_preview_shows_what_one_customer_will_get(app: Flask, ctx: Context, story: Story) -> None:
    servers = [story.server(seats=(people,)) for people in (18, 12)]
    for server in servers:
        story.upgrade(server)
    uuid = story.payer(servers[0]).uuid
    now = billing(app, "preview", uuid)
    assert_counts(now, "invoices=0 deferred=0")
    later = billing(app, "preview", uuid, "--until", "2012-02-03")
    assert_counts(later, "invoices=1 deferred=0")
    assert later.stdout.splitlines()[0].endswith("  $43.00")
    assert later.stdout.splitlines()[-2].strip() == "difference to the invoice before: $0.00"
    assert count_rows(ctx, "invoices") == 2


def test_export_prints_everything_as_json(app: Flask, story: Story) -> None:
    (acme,) = subscribed(story, 18)
    billing(app, "invoice-plans")
    payer = story.payer(acme)
    for uuid in (payer.uuid, payer.uuid.upper()):
        data = json.loads(billing(app, "export", uuid).stdout)
        assert data == json.loads(json.dumps(story.export(payer)))
        assert set(data) == {"customer", "plans", "ledger", "invoices", "audit"}
    # A server that never bought has an export as well.
    assert json.loads(billing(app, "export", acme.uuid).stdout)["plans"] == []


@pytest.mark.parametrize("command", ["preview", "export", "unpark"])
def test_a_customer_that_is_not_there_is_a_clear_error(
    app: Flask, story: Story, command: str
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for uuid in (unknown, "nonsense", "x" * 4000):
        result = billing(app, command, uuid)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ") and len(result.output.splitlines()) == 1


@pytest.mark.parametrize("command", ["preview", "unpark"])
def test_somebody_who_never_bought_is_told_apart(app: Flask, story: Story, command: str) -> None:
    result = billing(app, command, story.server(seats=(3,)).uuid)
    assert result.exit_code == 1
    assert result.output == "Error: This organization or server is not a customer yet.\n"


def _execute(ctx: Context, statement: str) -> None:
    with unit_of_work(ctx) as work:
        work.session.execute(text(statement))
        work.commit()


def _column(ctx: Context, statement: str) -> list[Any]:
    with unit_of_work(ctx) as work:
        return list(work.session.scalars(text(statement)))
