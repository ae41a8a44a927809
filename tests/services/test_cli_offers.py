"""`flask billing offer …`: what staff may not do is one clear line, and nothing is kept of it."""

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import InvoiceStatus
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story
from tests.services.test_cli_deals import billing, refused

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


@pytest.fixture
def uuid(story: Story) -> str:
    """An organization that is to take Enterprise and is known to the provider."""
    payer = story.payer(story.server(seats=(40,)))
    story.give_card(payer)
    story.staff("tier", payer.uuid, "--required", "enterprise")
    return payer.uuid


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--price", "0"), "more than 0"),
        (("--price", "-5"), "more than 0"),
        (("--price", "99999999999"), "at most"),
        (("--price", "12.50"), "is not a valid integer"),
        ((), "Missing option '--price'"),
        (("--price", "1200", "--expires", "2012-01-01"), "has begun already"),
        (("--price", "1200", "--expires", "soon"), "is no date"),
        (("--price", "1200", "--stripe-invoice", "in_none"), "Stripe knows no invoice in_none"),
        (
            ("--price", "1200", "--stripe-invoice", "in_1", "--expires", "2012-02-01"),
            "as long as that can be paid",
        ),
    ],
)
def test_an_offer_that_cannot_be(
    story: Story, uuid: str, options: tuple[str, ...], said: str
) -> None:
    before = story.export_of(uuid)
    assert said in refused(billing(story, "offer", "create", uuid, *options))
    assert story.export_of(uuid) == before


def test_the_invoice_of_an_offer_is_what_staff_say_it_is(story: Story, uuid: str) -> None:
    customer = story.export_of(uuid)["customer"]["stripe_customer_id"]
    other = story.give_card(story.payer(story.server(seats=(5,))))
    made = story.payments.make_invoice
    wrong = {
        made(other, amount=120_000).id: "is not one of this customer",
        made(customer, amount=120_001).id: "is over $1,200.01, and the offer over $1,200.00",
        made(customer, amount=120_000, currency="eur").id: "and the offer over",
        made(customer, amount=120_000, days_until_due=None).id: "charges a card by itself",
    }
    paid = made(customer, amount=120_000).id
    story.payments.pay_hosted(paid)
    wrong[paid] = "is not open"
    for remote_id, said in wrong.items():
        options = ("--price", "1200", "--stripe-invoice", remote_id)
        assert said in refused(billing(story, "offer", "create", uuid, *options))
    right = made(customer, amount=120_000).id
    options = ("--price", "1200", "--stripe-invoice", right)
    story.staff("offer", "create", uuid, *options, "--dry-run")
    story.staff("offer", "create", uuid, *options)
    assert "There is an open offer already" in refused(
        billing(story, "offer", "create", uuid, *options)
    )
    story.payments.pay_hosted(right)
    story.deliver_events()
    assert story.export_of(uuid)["plans"][0]["status"] == "active"


def test_an_offer_needs_a_tier_and_nobody_who_pays(story: Story, uuid: str) -> None:
    acme = story.server(seats=(18,))
    other = story.payer(acme).uuid
    assert "which tier" in refused(billing(story, "offer", "create", other, "--price", "1200"))
    story.upgrade(acme)
    story.staff("tier", other, "--required", "business")
    said = refused(billing(story, "offer", "create", other, "--price", "1200"))
    assert "A paid plan runs or is scheduled" in said
    said = refused(billing(story, "offer", "follow-up", other, "--price", "1200"))
    assert "has no end date" in said
    story.staff("offer", "create", uuid, "--price", "1200")
    for change in (("--clear",), ("--required", "basic")):
        assert "Withdraw the offer first" in refused(billing(story, "tier", uuid, *change))


def test_what_is_not_there_is_not_withdrawn_or_followed(story: Story, uuid: str) -> None:
    assert "There is no offer to withdraw" in refused(billing(story, "offer", "withdraw", uuid))
    follow = ("offer", "follow-up", uuid, "--price", "1200")
    assert "no plan" in refused(billing(story, *follow)).lower()
    assert "not one of 'monthly', 'annual'" in refused(
        billing(story, *follow, "--schedule", "weekly")
    )
    for verb in (("create", "--price", "5"), ("withdraw",), ("follow-up", "--price", "5")):
        name, *options = verb
        assert "Say why" in refused(billing(story, "offer", name, uuid, *options, reason=" "))


def test_dry_runs_tell_and_keep_nothing(story: Story, uuid: str) -> None:
    before = story.export_of(uuid)
    said = story.staff("offer", "create", uuid, "--price", "1200", "--dry-run").splitlines()
    assert said == [
        "tier: none -> enterprise",
        "yearly_price: none -> 120000",
        "currency: none -> usd",
        "status: none -> open",
        "dry run: nothing was changed",
    ]
    assert story.export_of(uuid) == before
    customer = before["customer"]["stripe_customer_id"]
    remote = story.payments.make_invoice(customer, amount=120_000)
    story.staff("offer", "create", uuid, "--price", "1200", "--stripe-invoice", remote.id)
    before = story.export_of(uuid)
    assert "open -> withdrawn" in story.staff("offer", "withdraw", uuid, "--dry-run")
    assert story.export_of(uuid) == before
    assert story.payments.get_invoice(remote.id).status is InvoiceStatus.OPEN
