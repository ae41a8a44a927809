"""Changes of a running plan on the command line."""

import json

import pytest
from click.testing import Result
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story

WHY = ("--reason", "asked for by mail")


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    return Story(app, ctx, clock, payments)


def billing(story: Story, *words: str) -> Result:
    return story.app.test_cli_runner().invoke(args=["billing", *words])


def subscribed(story: Story, people: int = 30, **options) -> str:
    acme = story.server(seats=(people,))
    story.upgrade(acme, **options)
    return story.payer(acme).uuid


def plans(story: Story, uuid: str) -> list[tuple[str, str, str, str]]:
    with story.app.app_context():
        found = billing(story, "export", uuid)
    return [
        (plan["tier"], plan["schedule"], plan["status"], plan["at_cycle_end"])
        for plan in json.loads(found.stdout)["plans"]
    ]


def test_a_plan_is_ended_kept_and_ended_now(story: Story) -> None:
    uuid = subscribed(story)
    ended = billing(story, "end", uuid, *WHY)
    assert (ended.exit_code, ended.stdout) == (0, "it ends on 2 February 2012\n")
    again = billing(story, "end", uuid, *WHY)
    assert again.exit_code == 1 and "already set to end" in again.stderr
    assert billing(story, "keep", uuid, *WHY).stdout == "it renews; taken back: end\n"
    shown = billing(story, "end", uuid, "--now", "--dry-run", *WHY)
    assert shown.exit_code == 0 and "dry run: nothing was changed" in shown.stdout
    assert plans(story, uuid) == [("basic", "monthly", "active", "renew")]
    assert billing(story, "end", uuid, "--now", *WHY).stdout == "ended\n"
    assert plans(story, uuid) == [("basic", "monthly", "ended", "renew")]
    gone = billing(story, "end", uuid, "--now", *WHY)
    assert gone.exit_code == 1 and "There is no plan to change." in gone.stderr


def test_a_dry_run_shows_the_invoices_before_and_after(story: Story) -> None:
    uuid = subscribed(story)
    shown = billing(story, "schedule", uuid, "annual", "--dry-run", *WHY)
    assert shown.exit_code == 0
    before, _, after = shown.stdout.partition("with it")
    assert "Basic - renewal: 30 x $3.50 = $105.00" in before
    assert "Basic - renewal: 30 x $42.00 = $1,260.00" in after
    assert plans(story, uuid) == [("basic", "monthly", "active", "renew")]
    done = billing(story, "schedule", uuid, "annual", *WHY)
    assert done.stdout == "basic annual from 2 February 2012\n"
    assert plans(story, uuid)[-1] == ("basic", "annual", "never_started", "renew")


def test_a_tier_changes_when_the_catalog_says_so_or_staff_do(story: Story) -> None:
    uuid = subscribed(story)
    shown = billing(story, "tier", uuid, "business", "--dry-run", *WHY)
    assert "Business: 30 x $8.00 = $240.00" in shown.stdout
    assert len(plans(story, uuid)) == 1
    later = billing(story, "tier", uuid, "business", "--at-cycle-end", *WHY)
    assert later.stdout == "business monthly from 2 February 2012\n"
    assert billing(story, "keep", uuid, *WHY).stdout == "it renews; taken back: switch_tier\n"
    done = billing(story, "tier", uuid, "business", *WHY)
    assert done.stdout == (
        "business from now on: invoice of $220.00, $85.00 of it paid by credit\npaid\n"
    )
    lower = billing(story, "tier", uuid, "basic", "--schedule", "annual", *WHY)
    assert lower.stdout == "basic annual from 2 February 2012\n"
    refused = billing(story, "tier", uuid, "basic", "--now", *WHY)
    assert refused.exit_code == 1 and "is a lower plan than yours" in refused.stderr


def test_management_changes_both_ways(story: Story) -> None:
    uuid = subscribed(story)
    assert "dry run" in billing(story, "management", uuid, "manual", "--dry-run", *WHY).stdout
    done = billing(story, "management", uuid, "manual", *WHY)
    assert done.stdout == "licenses are managed: manual\n"
    again = billing(story, "management", uuid, "manual", *WHY)
    assert again.exit_code == 1 and "yourself already" in again.stderr
    assert billing(story, "management", uuid, "automatic", *WHY).exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("end", "nonsense", *WHY), "not"),
        (("end", "{uuid}", "--void-open-invoices", *WHY), "goes with --now"),
        (("end", "{uuid}"), "Missing option '--reason'"),
        (("end", "{uuid}", "--reason", "  "), "reason"),
        (("tier", "{uuid}", "nonsense", *WHY), "There is no such plan"),
        (("tier", "{uuid}", "enterprise", *WHY), "There is no such plan"),
        (("schedule", "{uuid}", "weekly", *WHY), "weekly"),
        (("schedule", "{uuid}", "monthly", *WHY), "Your plan is that already"),
        (("management", "{uuid}", "by-hand", *WHY), "by-hand"),
        (("keep", "{uuid}", *WHY), "nothing to take back"),
    ],
)
@pytest.mark.sqlite_only
def test_bad_input_is_one_clear_line(story: Story, words: tuple[str, ...], told: str) -> None:
    uuid = subscribed(story)
    result = billing(story, *(word.replace("{uuid}", uuid) for word in words))
    assert result.exit_code != 0 and told in result.stderr
    assert "Traceback" not in result.output
    assert plans(story, uuid) == [("basic", "monthly", "active", "renew")]
