"""The runs by themselves: the daily one without the hourly one before it, and the commands."""

import json

from flask.testing import FlaskCliRunner

from app.jobs.deliver import deliver
from app.jobs.invoice_plans import invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.services import change_plan
from app.services.invoice_plan import park_customer, unpark_customer
from tests.scenarios.story import BUYER, Story


def run(story: Story, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `flask billing ...`."""
    runner: FlaskCliRunner = story.app.test_cli_runner()
    result = runner.invoke(args=["billing", *arguments])
    return result.exit_code, result.output


def test_the_daily_run_ends_a_plan_by_itself(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-02-02")
    counts = invoice_plans(story.ctx)
    assert (counts.processed, counts.invoiced, counts.deferred) == (1, 0, 0)
    plan = story.export(payer)["plans"][0]
    assert plan["status"] == "ended"
    assert plan["ended_at"] == "2012-02-02T03:04:05Z"
    assert plan["next_invoice_date"] is None
    assert invoice_plans(story.ctx).processed == 0
    story.assert_nothing_left_to_do()


def test_the_hourly_run_leaves_servers_without_work_alone(story: Story) -> None:
    payers = [story.server(seats=(11,)) for _ in range(3)]
    story.upgrade(payers[0])
    story.upgrade(payers[1], organization=None)
    assert sync_ledgers(story.ctx).processed == 2
    story.on("2012-02-02").upload(payers[0])
    assert sync_ledgers(story.ctx).processed == 2


def test_the_preview_of_one_customer(story: Story) -> None:
    acme = story.server(seats=(18,))
    uuid = acme.organizations[0].uuid
    status, output = run(story, "preview", uuid)
    assert (status, "not a customer yet" in output) == (1, True)
    story.upgrade(acme)
    status, output = run(story, "preview", uuid)
    assert (status, "invoices=0" in output) == (0, True)
    story.on("2012-02-01").upload(acme)
    status, output = run(story, "preview", uuid.upper(), "--until", "2012-02-02T03:04:05Z")
    assert status == 0
    assert "$43.00" in output and "invoices=1 deferred=0" in output
    assert len(story.export(story.payer(acme))["invoices"]) == 1


def test_a_parked_customer_is_let_go_by_command(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    park_customer(story.ctx, story.export(payer)["customer"]["id"], reason="a test")
    story.on("2012-02-02").upload(acme)
    assert run(story, "invoice-plans")[1].startswith("processed=0")
    assert run(story, "unpark", payer.uuid) == (0, "unparked\n")
    status, output = run(story, "invoice-plans")
    assert (status, "processed=1 invoiced=1 deferred=0 parked=0" in output) == (0, True)


def test_the_export_is_json(story: Story) -> None:
    acme = story.server(seats=(18,))
    status, output = run(story, "export", acme.organizations[0].uuid)
    assert status == 0
    assert set(json.loads(output)) == {"customer", "plans", "ledger", "invoices", "audit"}
    status, output = run(story, "export", "6cde5f7a-0000-4000-8000-000000000000")
    assert (status, output.startswith("Error: ")) == (1, True)


def test_a_run_makes_so_many_invoices_of_a_customer_and_no_more(story: Story) -> None:
    acme, other = story.server(seats=(18,)), story.server(seats=(11,))
    for server in (acme, other):
        story.upgrade(server, schedule="annual" if server is other else "monthly")
    payer = story.payer(acme)
    story.on("2013-05-02")
    for server in (acme, other):
        story.upload(server)
    # Sixteen months are due, and fifteen is the most.
    expected = "processed=2 invoiced=16 deferred=0 parked=1"
    status, output = run(story, "invoice-plans", "--dry-run")
    assert (status, expected in output) == (1, True)
    assert len(story.export(payer)["invoices"]) == 1
    status, output = run(story, "invoice-plans")
    assert (status, expected in output) == (1, True)
    data = story.export(payer)
    assert len(data["invoices"]) == 1 + 15
    assert data["customer"]["parked_reason"] == "invoice-plans: too_many_invoices"
    run(story, "unpark", payer.uuid)
    assert "invoiced=1 deferred=0 parked=0" in run(story, "invoice-plans")[1]
    assert len(story.export(payer)["invoices"]) == 1 + 16


def test_nothing_of_a_parked_customer_is_charged_until_somebody_has_looked(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-02-02").upload(acme)
    with story.app.app_context():
        invoice_plans(story.ctx)
        park_customer(story.ctx, 1, reason="a test")
        assert deliver(story.ctx).invoices == 0
        assert [i["status"] for i in story.export(payer)["invoices"]] == ["paid", "draft"]
        unpark_customer(story.ctx, 1)
        assert deliver(story.ctx).invoices == 1
    assert [i["status"] for i in story.export(payer)["invoices"]] == ["paid", "paid"]
