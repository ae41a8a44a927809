"""Buying by card: every way it can go, and that money and plan always agree."""

from datetime import timedelta

import pytest

from app.domain.errors import BillingError, MissingDataError
from app.jobs.deliver import deliver
from app.services import change_plan
from app.services.purchase_state import Outcome
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.settle_purchase import check_purchase
from tests.scenarios.story import BUYER, Story


def confirm(story: Story, payer, token):
    with story.app.app_context():
        return confirm_purchase(story.ctx, ConfirmPurchase(payer, token), actor=BUYER)


def statuses(story: Story, payer) -> list[tuple[str, str]]:
    return [(i["occasion"], i["status"]) for i in story.export(payer)["invoices"]]


def test_without_a_card_nothing_is_bought(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    with pytest.raises(BillingError) as caught:
        confirm(story, payer, story.quote_token(payer, tier="basic"))
    assert caught.value.code == "no_card"
    assert story.export(payer)["invoices"] == []


def test_a_declined_card_changes_nothing_and_the_next_one_pays(story: Story) -> None:
    acme = story.server(seats=(18,))
    declined = story.upgrade(acme, card="declines")
    assert declined.outcome is Outcome.DECLINED
    assert declined.message
    payer = story.payer(acme)
    assert story.export(payer)["plans"] == []
    paid = story.upgrade(acme)
    assert paid.outcome is Outcome.PAID
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", "paid")]
    story.assert_nothing_left_to_do()


def test_an_abandoned_authentication_is_voided_by_the_next_purchase(story: Story) -> None:
    acme = story.server(seats=(18,))
    waiting = story.upgrade(acme, card="requires_authentication")
    assert waiting.outcome is Outcome.AUTHENTICATE
    assert waiting.hosted_url
    payer = story.payer(acme)
    assert story.export(payer)["plans"] == []
    assert story.upgrade(acme).outcome is Outcome.PAID
    assert statuses(story, payer) == [("purchase:1", "void"), ("purchase:2", "paid")]
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]


def test_a_finished_authentication_starts_the_plan_at_the_confirmation(story: Story) -> None:
    acme = story.server(seats=(18,))
    waiting = story.upgrade(acme, card="requires_authentication")
    story.clock.advance(minutes=20)
    payer = story.payer(acme)
    (remote_id,) = [
        row["stripe_invoice_id"] for row in _rows(story, "SELECT stripe_invoice_id FROM invoices")
    ]
    story.payments.pay_hosted(remote_id)
    result = check_purchase(story.ctx, waiting.purchase_id)
    assert result.outcome is Outcome.PAID
    (plan,) = story.export(payer)["plans"]
    assert plan["billing_cycle_anchor"] == "2012-01-02T03:04:05Z"


def test_an_authentication_nobody_finishes_is_voided_after_a_day(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, card="requires_authentication")
    payer = story.payer(acme)
    story.clock.advance(hours=23)
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "open")]
    story.clock.advance(hours=2)
    story.run_jobs()
    assert statuses(story, payer) == [("purchase:1", "void")]
    assert story.export(payer)["plans"] == []


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize(
    "method", ["create_invoice", "add_lines", "finalize_invoice", "pay_invoice"]
)
def test_a_provider_that_fails_leaves_nothing_half_done(story: Story, method, kind) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    story.payments.fail(method, kind)
    first = confirm(story, payer, token)
    again = confirm(story, payer, token)
    assert again.purchase_id == first.purchase_id
    if first.outcome is not Outcome.PAID:
        story.clock.advance(hours=25)
        story.upload(acme)
        story.run_jobs()
        assert story.upgrade(acme).outcome is Outcome.PAID
    data = story.export(payer)
    assert len(data["plans"]) == 1
    assert sum(i["status"] == "paid" for i in data["invoices"]) == 1
    assert sum(i["total"] for i in data["invoices"] if i["status"] == "paid") == 4300


def test_a_form_sent_twice_buys_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    first = confirm(story, payer, token)
    second = confirm(story, payer, token)
    assert first.purchase_id == second.purchase_id
    assert statuses(story, payer) == [("purchase:1", "paid")]


def test_two_tabs_end_with_one_plan_and_a_clear_loser(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    basic = story.quote_token(payer, tier="basic")
    business = story.quote_token(payer, tier="business")
    assert confirm(story, payer, basic).outcome is Outcome.PAID
    with pytest.raises(BillingError) as caught:
        confirm(story, payer, business)
    assert caught.value.code == "already_subscribed"
    assert [plan["tier"] for plan in story.export(payer)["plans"]] == ["basic"]


def test_people_who_came_in_between_are_billed_at_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    story.clock.advance(minutes=10)
    story.upload_seats(acme, 20)
    assert confirm(story, payer, token).outcome is Outcome.PAID
    assert statuses(story, payer) == [("purchase:1", "paid"), ("growth:1", "paid")]
    growth = story.export(payer)["invoices"][1]
    assert [(line["quantity"], line["unit_amount"]) for line in growth["lines"]] == [(2, 350)]
    ledger = story.export(payer)["ledger"]
    assert (ledger[0]["licenses"], ledger[-1]["licenses"]) == (18, 20)
    story.assert_nothing_left_to_do()


def test_people_who_left_in_between_are_charged_as_confirmed(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    story.upload_seats(acme, 12)
    assert confirm(story, payer, token).outcome is Outcome.PAID
    data = story.export(payer)
    assert [i["total"] for i in data["invoices"]] == [4300]
    assert (data["ledger"][-1]["licenses"], data["ledger"][-1]["licenses_at_next_renewal"]) == (
        18,
        12,
    )
    assert any(entry["action"] == "purchase.people_fell" for entry in data["audit"])


def test_a_quote_of_another_price_is_refused(story: Story, make_app) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    with story.app.app_context():
        from app.services.unit_of_work import unit_of_work

        with unit_of_work(story.ctx) as work:
            customer = work.claim_customer(1)
            customer.new_customer_months_left = 3
            work.commit()
    with pytest.raises(BillingError) as caught:
        confirm(story, payer, token)
    assert caught.value.code == "quote_changed"
    assert caught.value.params["changes"] == ("discount_months",)
    assert story.export(payer)["invoices"] == []


def test_an_old_an_altered_and_a_foreign_quote_are_refused(story: Story) -> None:
    acme = story.server(seats=(18,))
    other = story.server(seats=(5,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    for payer_, token_, code in (
        (payer, token[:-2], "quote_invalid"),
        (story.payer(other), token, "quote_invalid"),
    ):
        with pytest.raises(BillingError) as caught:
            confirm(story, payer_, token_)
        assert caught.value.code == code
    story.clock.advance(hours=3)
    with pytest.raises(BillingError) as caught:
        confirm(story, payer, token)
    assert caught.value.code == "quote_expired"


def test_stale_uploads_refuse_a_quote(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.clock.advance(days=3)
    with pytest.raises(MissingDataError):
        story.quote_token(story.payer(acme), tier="basic")


def test_manual_licenses_must_cover_the_people(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    with pytest.raises(BillingError) as caught:
        story.quote_token(payer, tier="basic", licenses=17)
    assert caught.value.code == "too_few_licenses"
    assert story.upgrade(acme, licenses=20).outcome is Outcome.PAID
    (plan,) = story.export(payer)["plans"]
    assert plan["license_management"] == "manual"
    story.upload_seats(acme, 30)
    assert len(story.export(payer)["ledger"]) == 1


def test_what_no_card_is_charged_unseen_is_arranged_with_support(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    with pytest.raises(BillingError) as caught:
        story.quote_token(payer, tier="basic", licenses=30_000)
    assert caught.value.code == "contact_support_for_more"
    story.upgrade(acme, licenses=20)
    with pytest.raises(BillingError) as caught:
        change_plan.change_licenses_now(story.ctx, payer, licenses=30_000, actor=BUYER)
    assert caught.value.code == "contact_support_for_more"


def test_an_organization_is_not_sold_what_its_server_pays_for(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=None)
    data = story.export(story.payer(acme, None))
    assert data["ledger"][0]["licenses"] == 25
    with pytest.raises(BillingError) as caught:
        story.quote_token(story.payer(acme), tier="basic")
    assert caught.value.code == "covered_by_server"


def test_the_organization_that_pays_for_itself_leaves_the_servers_count(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=1)
    story.upgrade(acme, organization=None)
    assert story.export(story.payer(acme, None))["ledger"][0]["people"] == 18


def test_a_paid_hosted_invoice_of_a_voided_purchase_never_happens(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, card="requires_authentication")
    (row,) = _rows(story, "SELECT stripe_invoice_id FROM invoices")
    story.payments.pay_hosted(row["stripe_invoice_id"])
    # He paid in the other window; buying again finds that out instead of charging twice.
    payer = story.payer(acme)
    with pytest.raises(BillingError) as caught:
        story.upgrade(acme)
    assert caught.value.code == "already_subscribed"
    assert statuses(story, payer) == [("purchase:1", "paid")]


def test_delivery_finds_a_payment_whose_webhook_was_lost(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, card="requires_authentication")
    (row,) = _rows(story, "SELECT stripe_invoice_id FROM invoices")
    story.payments.pay_hosted(row["stripe_invoice_id"])
    story.clock.advance(**{"seconds": timedelta(hours=1).total_seconds()})
    with story.app.app_context():
        deliver(story.ctx)
    assert [p["status"] for p in story.export(story.payer(acme))["plans"]] == ["active"]


def _rows(story: Story, sql: str) -> list[dict]:
    from sqlalchemy import text

    from app.services.unit_of_work import unit_of_work

    with unit_of_work(story.ctx) as work:
        return [dict(row._mapping) for row in work.session.execute(text(sql))]
