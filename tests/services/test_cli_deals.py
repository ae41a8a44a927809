"""`flask billing discount | tier | licenses`: what staff may not do is one clear line."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story

pytestmark = pytest.mark.sqlite_only

UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
HALF = ("--percent", "50")


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


@pytest.fixture
def uuid(story: Story) -> str:
    """An organization that has a tier it is to take."""
    found = story.payer(story.server(seats=(18,))).uuid
    story.staff("tier", found, "--required", "basic")
    return found


def billing(story: Story, *arguments: str, reason: str = "by mail") -> Result:
    """Run one command as the command line does."""
    line = ["billing", *arguments, "--reason", reason]
    return story.app.test_cli_runner().invoke(args=line)


def refused(result: Result) -> str:
    """What a command that refuses says in its last line; no trace."""
    assert result.exit_code != 0, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output.splitlines()[-1]


def customer_of(story: Story, uuid: str) -> dict[str, Any]:
    """What the export says of the customer."""
    return story.export_of(uuid)["customer"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--percent", "100"), "less than 100 percent"),
        (("--percent", "0"), "more than 0"),
        (("--percent", "-5"), "more than 0"),
        (("--percent", "12.345"), "'12.345' is no percent like 87.25"),
        (("--percent", "half"), "'half' is no percent"),
        (("--percent", "99.99"), "less than a cent"),
        (("--monthly-price", "3.50"), "not below the list price of $3.50 (Monthly)"),
        (("--monthly-price", "3", "--annual-price", "99"), "$99.00 is not below"),
        (("--monthly-price", "0"), "A price is more than 0.00"),
        (("--monthly-price", "-1"), "A price is more than 0.00"),
        (("--monthly-price", "1e3"), "is no amount like 5.00"),
        ((), "give --percent, or prices, or --remove"),
        ((*HALF, "--monthly-price", "3"), "give --percent, or prices, or --remove"),
        ((*HALF, "--remove"), "give --percent, or prices, or --remove"),
        (("--remove", "--ends", "2012-03-01"), "does not go with --remove"),
        (("--remove",), "There is no discount to remove"),
        ((*HALF, "--ends", "2012-01-02"), "2 January 2012 has begun already"),
        ((*HALF, "--ends", "soon"), "'soon' is no date"),
    ],
)
def test_a_discount_that_cannot_be(
    story: Story, uuid: str, arguments: tuple[str, ...], said: str
) -> None:
    before = story.export_of(uuid)
    assert said in refused(billing(story, "discount", uuid, *arguments))
    assert story.export_of(uuid) == before


def test_the_tier_comes_first_and_stays_while_there_is_a_discount(story: Story, uuid: str) -> None:
    other = story.payer(story.server(seats=(5,))).uuid
    assert "which tier" in refused(billing(story, "discount", other, *HALF))
    story.staff("tier", uuid, "--clear")
    assert "It is so already" in refused(billing(story, "tier", uuid, "--clear"))
    story.staff("tier", uuid, "--required", "basic")
    story.staff("discount", uuid, *HALF)
    for change in (("--clear",), ("--required", "business")):
        assert "Remove the discount first" in refused(billing(story, "tier", uuid, *change))
    story.staff("discount", uuid, "--remove")
    story.staff("tier", uuid, "--required", "enterprise")
    assert "Make an offer instead" in refused(billing(story, "discount", uuid, *HALF))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--required", "gold"), "The catalog sells: basic, business, enterprise."),
        (("--required", "legacy"), "costs nothing"),
        (("--required", "free"), "costs nothing"),
        ((), "give a tier to move to, or --required TIER, or --clear"),
        (("--required", "basic", "--clear"), "give a tier to move to"),
        (("basic", "--clear"), "does not go with --required"),
        (("--now", "--clear"), "does not go with --required"),
    ],
)
def test_a_tier_that_cannot_be_required(
    story: Story, uuid: str, arguments: tuple[str, ...], said: str
) -> None:
    assert said in refused(billing(story, "tier", uuid, *arguments))


def test_a_minimum_needs_a_discount_and_no_plan(story: Story) -> None:
    acme = story.server(seats=(18,))
    uuid = story.payer(acme).uuid
    assert "Set the discount first" in refused(billing(story, "licenses", uuid, "--minimum", "5"))
    story.staff("tier", uuid, "--required", "basic")
    story.staff("discount", uuid, *HALF)
    for number in ("0", "-1", "99999999"):
        said = refused(billing(story, "licenses", uuid, "--minimum", number))
        assert "from 1 to 1,000,000" in said
    story.staff("licenses", uuid, "--minimum", "20")
    assert customer_of(story, uuid)["minimum_licenses"] == 20
    story.staff("licenses", uuid, "--no-minimum")
    story.upgrade(acme)
    for change in (("--minimum", "25"), ("--no-minimum",)):
        said = refused(billing(story, "licenses", uuid, *change))
        assert "A paid plan runs or is scheduled" in said


@pytest.mark.parametrize(
    "arguments", [(), ("--minimum", "5", "--exempt"), ("--minimum", "x"), ("--sometimes",)]
)
def test_license_rules_that_cannot_be(story: Story, uuid: str, arguments: tuple[str, ...]) -> None:
    assert "Error" in refused(billing(story, "licenses", uuid, *arguments))


@pytest.mark.parametrize(
    "command", [("discount", *HALF), ("tier", "--clear"), ("licenses", "--exempt")]
)
def test_every_act_has_a_reason_and_somebody_it_is_about(
    story: Story, uuid: str, command: tuple[str, ...]
) -> None:
    verb, *options = command
    assert "Say why" in refused(billing(story, verb, uuid, *options, reason=" "))
    assert "too long" in refused(billing(story, verb, uuid, *options, reason="x" * 301))
    for nobody in (UNKNOWN, "acme"):
        refused(billing(story, verb, nobody, *options))


def test_a_dry_run_tells_the_change_and_keeps_nothing(story: Story) -> None:
    acme = story.server(seats=(18,))
    uuid = story.payer(acme).uuid
    story.upgrade(acme)
    story.staff("tier", uuid, "--required", "basic")
    before = story.export_of(uuid)
    said = story.staff("discount", uuid, "--percent", "87.25", "--dry-run").splitlines()
    # After the lines of the invoices without the change and with it (test_cli_previews.py).
    assert said[-3:] == [
        "discount_percent: none -> 87.25",
        "price_of_plan_1: 350 -> 44",
        "dry run: nothing was changed",
    ]
    story.staff("licenses", uuid, "--exempt", "--dry-run")
    story.staff("tier", uuid, "--clear", "--dry-run")
    assert story.export_of(uuid) == before


def test_what_was_before_and_what_is_now_is_written_down(story: Story, uuid: str) -> None:
    story.staff("discount", uuid, "--percent", "40", "--owner", "Ada Lovelace")
    entry = story.export_of(uuid)["audit"][-1]
    assert (entry["action"], entry["actor"]) == ("customer.discount_set", "cli")
    assert entry["before"]["discount_percent"] is None
    assert entry["after"]["discount_percent"] == "40"
    assert entry["after"]["reason"] == "asked for by mail"
    assert "Ada" not in str(entry)
