"""Buying while a plan runs that costs nothing: it ends where the one that was bought begins."""

import pytest

from app.domain.errors import BillingError
from app.services.purchase_state import Outcome
from tests.scenarios.story import SampleServer, Story


def with_legacy(story: Story, *, until: str = "2012-06-01") -> SampleServer:
    acme = story.server(seats=(18,))
    story.give_legacy(acme, until)
    return acme


def plans(story: Story, acme: SampleServer) -> list[tuple[str, str]]:
    found = story.export(story.payer(acme))["plans"]
    return [(plan["tier"], plan["status"]) for plan in found]


def test_what_is_bought_takes_the_place_of_legacy(story: Story) -> None:
    acme = with_legacy(story)
    story.on("2012-02-10").upload(acme)
    assert story.upgrade(acme).outcome is Outcome.PAID
    assert plans(story, acme) == [("legacy", "ended"), ("basic", "active")]
    story.run_jobs_until("2012-06-10", acme, step=30)
    story.assert_statement(story.payer(acme), "bought_during_legacy.txt")
    story.assert_nothing_left_to_do()


def test_a_refused_card_leaves_legacy_as_it_is(story: Story) -> None:
    acme = with_legacy(story)
    assert story.upgrade(acme, card="declines").outcome is Outcome.DECLINED
    assert plans(story, acme) == [("legacy", "active")]
    story.run_jobs_until("2012-02-05", acme, step=30)
    assert plans(story, acme) == [("legacy", "active")]
    story.assert_nothing_left_to_do()


def test_by_invoice_legacy_runs_until_the_payment(story: Story) -> None:
    acme = with_legacy(story)
    order = story.order(acme, licenses=30)
    assert plans(story, acme) == [("legacy", "active")]
    story.on("2012-01-20").upload(acme)
    story.receive(order.purchase_id)
    story.deliver_events()
    assert plans(story, acme) == [("legacy", "ended"), ("basic", "active")]
    story.assert_nothing_left_to_do()


def test_legacy_that_ends_before_the_payment(story: Story) -> None:
    acme = with_legacy(story, until="2012-01-15")
    order = story.order(acme, licenses=30)
    story.run_jobs_until("2012-01-20", acme, step=3)
    assert plans(story, acme) == [("legacy", "ended")]
    story.receive(order.purchase_id)
    story.deliver_events()
    assert plans(story, acme) == [("legacy", "ended"), ("basic", "active")]
    story.assert_nothing_left_to_do()


def test_what_was_scheduled_for_its_end_is_called_off(story: Story) -> None:
    acme = with_legacy(story)
    story.schedule_upgrade(acme, tier="business")
    story.on("2012-02-10").upload(acme)
    assert story.upgrade(acme).outcome is Outcome.PAID
    assert plans(story, acme) == [("legacy", "ended"), ("business", "ended"), ("basic", "active")]
    story.run_jobs_until("2012-06-03", acme, step=30)
    assert plans(story, acme)[1] == ("business", "ended")
    story.assert_nothing_left_to_do()


def test_a_paid_plan_stands_in_the_way(story: Story) -> None:
    acme = with_legacy(story)
    story.upgrade(acme)
    with pytest.raises(BillingError) as caught:
        story.quote_token(story.payer(acme), tier="business")
    assert caught.value.code == "already_subscribed"
