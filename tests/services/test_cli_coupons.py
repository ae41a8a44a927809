"""`flask billing coupon …`: what it makes, shows and refuses."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story
from tests.services.test_cli_deals import billing, refused

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


def listed(story: Story) -> list[str]:
    """The lines of `coupon list`."""
    return (
        story.app.test_cli_runner().invoke(args=["billing", "coupon", "list"]).output.splitlines()
    )


@pytest.mark.parametrize(
    ("code", "options", "said"),
    [
        ("AB", ("--amount", "5", "--months", "1"), "3 to 32 letters"),
        ("A_B!", ("--amount", "5", "--months", "1"), "3 to 32 letters"),
        ("X" * 33, ("--amount", "5", "--months", "1"), "3 to 32 letters"),
        ("CODE", ("--months", "1"), "give --percent or --amount"),
        ("CODE", ("--amount", "5", "--percent", "5", "--months", "1"), "give --percent or"),
        ("CODE", ("--amount", "5"), "Missing option '--months'"),
        ("CODE", ("--amount", "5", "--months", "0"), "1 to 120 months"),
        ("CODE", ("--amount", "5", "--months", "121"), "1 to 120 months"),
        ("CODE", ("--amount", "0", "--months", "1"), "more than 0.00"),
        ("CODE", ("--amount", "-1", "--months", "1"), "more than 0.00"),
        ("CODE", ("--percent", "100", "--months", "1"), "less than 100 percent"),
        ("CODE", ("--percent", "0", "--months", "1"), "more than 0"),
        ("CODE", ("--percent", "5", "--months", "1", "--max-uses", "0"), "at least once"),
        ("CODE", ("--percent", "5", "--months", "1", "--expires", "2012-01-01"), "begun already"),
        ("CODE", ("--percent", "5", "--months", "1", "--tier", "gold"), "sells: basic, business."),
    ],
)
def test_a_coupon_that_cannot_be(
    story: Story, code: str, options: tuple[str, ...], said: str
) -> None:
    assert said in refused(billing(story, "coupon", "create", code, *options))
    assert listed(story) == ["coupons=0"]


def test_coupons_are_made_shown_and_withdrawn(story: Story) -> None:
    terms = ("--percent", "12.5", "--months", "3", "--max-uses", "5", "--tier", "basic")
    said = story.staff("coupon", "create", "spring", *terms, "--dry-run")
    assert said.endswith("dry run: nothing was changed\n")
    assert listed(story) == ["coupons=0"]
    story.staff("coupon", "create", "spring", *terms)
    story.staff(
        "coupon", "create", "LATE", "--amount", "20", "--months", "1", "--expires", "2012-02-01"
    )
    assert listed(story) == [
        "SPRING  12.5% for 3 months, tier basic, used 0 of 5",
        "LATE  $20.00 for 1 months, tier any, used 0 of any number, "
        "expires 2012-02-01T00:00:00+00:00",
        "coupons=2",
    ]
    assert "There is a coupon SPRING already" in refused(
        billing(story, "coupon", "create", "Spring", *terms)
    )
    story.staff("coupon", "withdraw", "late")
    assert "withdrawn 2012-01-02" in listed(story)[1]
    assert "was withdrawn already" in refused(billing(story, "coupon", "withdraw", "LATE"))
    assert "There is no coupon NONE" in refused(billing(story, "coupon", "withdraw", "NONE"))
    assert "Say why" in refused(billing(story, "coupon", "withdraw", "SPRING", reason=""))
