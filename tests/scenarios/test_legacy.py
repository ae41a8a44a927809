"""Legacy plans: free until a date, ended quietly, or followed by a paid plan that was scheduled."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.errors import BillingError, MissingDataError
from app.domain.kinds import LicenseManagement, Schedule
from app.jobs.invoice_plans import invoice_plans
from app.services.context import CLI
from app.services.customers import Payer, claim_payer
from app.services.legacy import create_legacy_plan, end_legacy_plan, move_legacy_end
from app.services.quote import PurchaseChoice
from app.services.schedule_upgrade import (
    cancel_scheduled_upgrade,
    confirm_scheduled_upgrade,
    schedule_upgrade,
    sign_scheduled_quote,
)
from app.services.scheduled_quote import make_scheduled_quote
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, SampleServer, Story

AUTOMATIC = PurchaseChoice("business", Schedule.ANNUAL, LicenseManagement.AUTOMATIC)


def plans_of(story: Story, payer: Payer) -> list[dict[str, Any]]:
    return list(story.export(payer)["plans"])


def last_pair(story: Story, payer: Payer) -> tuple[int, int]:
    entry = story.export(payer)["ledger"][-1]
    return entry["licenses"], entry["licenses_at_next_renewal"]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def can_push(story: Story, server: SampleServer) -> bool:
    uuid = server.organizations[0].uuid
    path = f"/api/v1/remotes/server/entitlement?realm_uuid={uuid}"
    answer = story.client.get(path, headers=server.headers)
    return bool(answer.get_json()["can_push"])


def set_terms(story: Story, payer: Payer, **values: Any) -> None:
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        for name, value in values.items():
            setattr(customer, name, value)
        work.commit()


def refused(code: str) -> Any:
    return pytest.raises(BillingError, match=f"^{code}")


def test_it_ends_quietly_and_the_free_limit_decides(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    assert not can_push(story, acme)
    story.give_legacy(acme, "2012-03-01")
    assert can_push(story, acme)
    story.on("2012-02-10").upload_seats(acme, 23)
    story.run_jobs_until("2012-02-29", acme, step=9)
    assert can_push(story, acme)
    # At the very second, before any job has looked.
    story.on("2012-03-01 00:00:00")
    assert not can_push(story, acme)
    story.run_jobs_until("2012-03-05 03:00:00", acme)
    assert story.payments.take_events() == []
    story.assert_statement(payer, "legacy_ends.txt")
    story.assert_nothing_left_to_do()


def test_missing_data_counts_nobody_and_the_end_comes_all_the_same(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.on("2012-01-20")
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-01")
    assert last_pair(story, payer) == (0, 0)
    for when in ("2012-02-29", "2012-03-01 00:00:00"):
        story.on(when).run_jobs()
    story.assert_statement(payer, "legacy_silent.txt")
    story.assert_nothing_left_to_do()


def test_a_years_plan_scheduled_for_the_end_costs_what_the_page_says(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    quote = story.schedule_upgrade(acme, tier="business", schedule="annual")
    assert (quote.total, quote.licenses, quote.starts_at) == (176000, 25, day("2012-03-02"))
    assert quote.renewal_total == 200000
    assert story.export(payer)["invoices"] == []
    assert last_pair(story, payer) == (18, 25)
    # Everyone beyond its minimum counts for the plan that comes.
    story.on("2012-02-10").upload_seats(acme, 30)
    assert last_pair(story, payer) == (30, 30)
    story.on("2012-02-12").upload_seats(acme, 18)
    assert last_pair(story, payer) == (30, 25)
    story.run_jobs_until("2012-03-01", acme, step=9)
    assert story.export(payer)["invoices"] == []
    story.run_jobs_until("2012-03-03", acme)
    (invoice,) = story.export(payer)["invoices"]
    assert (invoice["total"], invoice["status"]) == (176000, "paid")
    story.run_jobs_until("2012-05-01", acme, step=10)
    story.assert_statement(payer, "legacy_followed.txt")
    story.assert_nothing_left_to_do()
    # The discount for new customers is used up, also for whatever he buys later.
    with unit_of_work(story.ctx) as work:
        assert claim_payer(work, payer)[1].new_customer_months_left == 0


def test_switch_and_invoice_happen_in_one_daily_run_without_the_hourly_one(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme)
    story.run_jobs_until("2012-03-01", acme, step=20)
    story.on("2012-03-02 04:00:00").upload(acme)
    with story.app.app_context():
        assert invoice_plans(story.ctx).invoiced == 1
    story.run_jobs()
    old, new = plans_of(story, payer)
    assert (old["status"], new["status"]) == ("ended", "active")
    assert new["billing_cycle_anchor"] == "2012-03-02T00:00:00Z"
    story.assert_statement(payer, "legacy_monthly.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize(("people", "billed"), [(30, 40), (18, 40), (44, 44)])
def test_a_number_that_was_chosen_is_respected_at_the_switch(
    story: Story, people: int, billed: int
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme, tier="business", licenses=40)
    assert last_pair(story, payer) == (18, 40)
    story.on("2012-02-10").upload_seats(acme, people)
    assert last_pair(story, payer) == (18, 40)
    story.run_jobs_until("2012-03-03", acme, step=11)
    (invoice,) = story.export(payer)["invoices"]
    assert invoice["lines"][0]["quantity"] == billed
    story.assert_statement(payer, f"legacy_by_hand_{people}.txt")
    story.assert_nothing_left_to_do()


def test_by_invoice_it_starts_at_the_date_and_waits_for_its_payment(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    with refused("too_few_licenses"):
        story.schedule_upgrade(acme, by_invoice=True, licenses=29)
    with refused("too_many_for_invoice"):
        story.schedule_upgrade(acme, by_invoice=True, licenses=1001)
    quote = story.schedule_upgrade(acme, schedule="annual", by_invoice=True, licenses=30)
    assert (quote.management, quote.total) == (LicenseManagement.MANUAL, 30 * 4200 - 24000)
    story.run_jobs_until("2012-03-03", acme, step=11)
    new = plans_of(story, payer)[-1]
    assert (new["status"], new["collection"]) == ("active", "send_invoice")
    story.on("2012-03-10").receive_whatever_is_open()
    story.deliver_events()
    story.upload(acme)
    story.run_jobs()
    story.assert_statement(payer, "legacy_by_invoice.txt")
    story.assert_nothing_left_to_do()


def test_taken_back_it_ends_quietly_and_can_be_scheduled_anew(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme, tier="business", licenses=40)
    with refused("upgrade_is_scheduled"):
        story.schedule_upgrade(acme)
    assert cancel_scheduled_upgrade(story.ctx, payer, actor=BUYER) == "business"
    with refused("nothing_scheduled"):
        cancel_scheduled_upgrade(story.ctx, payer, actor=BUYER)
    legacy, scheduled = plans_of(story, payer)
    assert (legacy["at_cycle_end"], legacy["license_management"]) == ("end", "automatic")
    assert scheduled["status"] == "ended"
    assert last_pair(story, payer) == (18, 18)
    story.on("2012-02-01").upload_seats(acme, 20)
    story.schedule_upgrade(acme)
    cancel_scheduled_upgrade(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-03-05", acme, step=11)
    assert story.export(payer)["invoices"] == []
    story.assert_statement(payer, "legacy_taken_back.txt")
    story.assert_nothing_left_to_do()


def test_a_moved_end_moves_the_plan_that_waits_for_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme)
    moved = move_legacy_end(story.ctx, payer, until=day("2012-03-20"), reason="asked", actor=CLI)
    assert moved.before["until"] == "2012-03-02T00:00:00+00:00"
    assert plans_of(story, payer)[-1]["billing_cycle_anchor"] == "2012-03-20T00:00:00Z"
    with refused("end_unchanged"):
        move_legacy_end(story.ctx, payer, until=day("2012-03-20"), reason="asked", actor=CLI)
    with refused("end_not_ahead"):
        move_legacy_end(story.ctx, payer, until=day("2012-01-01"), reason="asked", actor=CLI)
    story.run_jobs_until("2012-03-19", acme, step=11)
    assert story.export(payer)["invoices"] == []
    story.run_jobs_until("2012-03-21", acme)
    story.assert_statement(payer, "legacy_moved.txt")
    story.assert_nothing_left_to_do()


def test_with_stale_uploads_the_switch_waits_and_then_counts_as_of_its_date(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme)
    story.run_jobs_until("2012-02-20", acme, step=9)
    story.on("2012-03-02 04:00:00")
    assert story.run_jobs().deferred == 1
    assert plans_of(story, payer)[0]["status"] == "active"
    assert can_push(story, acme)
    story.on("2012-03-20 04:00:00").run_jobs()
    assert not can_push(story, acme)
    story.on("2012-03-21 04:00:00")
    story.set_people(acme, 21, at=day("2012-02-28"))
    story.set_people(acme, 25, at=day("2012-03-05"))
    story.upload(acme)
    assert can_push(story, acme)
    story.run_jobs()
    story.run_jobs_until("2012-04-03", acme, step=4)
    story.assert_statement(payer, "legacy_silence.txt")
    story.assert_nothing_left_to_do()


def test_staff_end_it_now_and_what_was_scheduled_with_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme)
    story.on("2012-01-20").upload(acme)
    ended = end_legacy_plan(story.ctx, payer, reason="left", actor=CLI)
    assert ended.before["scheduled"] == "basic"
    assert [plan["status"] for plan in plans_of(story, payer)] == ["ended", "ended"]
    assert not can_push(story, acme)
    with refused("no_legacy_plan"):
        end_legacy_plan(story.ctx, payer, reason="left", actor=CLI)
    story.run_jobs_until("2012-03-05", acme, step=15)
    assert story.export(payer)["invoices"] == []
    # Whoever buys later still is a new customer.
    story.upgrade(acme)
    story.assert_statement(payer, "legacy_ended_by_staff.txt")
    story.assert_nothing_left_to_do()


def test_who_cannot_have_one_is_told_why(story: Story) -> None:
    acme = story.server(seats=(18, 5))
    payer, whole = story.payer(acme), story.payer(acme, None)
    with refused("end_not_ahead"):
        story.give_legacy(acme, "2012-01-02")
    with refused("end_too_far"):
        story.give_legacy(acme, "2112-01-02")
    story.give_legacy(acme, "2012-03-02", organization=None)
    with refused("covered_by_others"):
        story.give_legacy(acme, "2012-03-02")
    end_legacy_plan(story.ctx, whole, reason="mistake", actor=CLI)
    story.upgrade(acme)
    with refused("customer_has_plan"):
        story.give_legacy(acme, "2012-03-02")
    # One who has an organization that pays for itself can have one for the others.
    story.give_legacy(acme, "2012-03-02", organization=None)
    story.schedule_upgrade(acme, organization=None)
    with refused("customer_has_scheduled_plan"):
        story.give_legacy(acme, "2012-03-02", organization=None)
    assert last_pair(story, whole) == (5, 6)
    with refused("no_legacy_plan"):
        story.schedule_upgrade(acme)
    assert plans_of(story, payer)[0]["tier"] == "basic"


def test_a_dry_run_keeps_nothing(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    until = day("2012-03-02")
    change = create_legacy_plan(
        story.ctx, payer, until=until, reason="old terms", actor=CLI, dry_run=True
    )
    assert change.after["until"] == until.isoformat()
    assert plans_of_nobody(story)
    story.give_legacy(acme, "2012-03-02")
    story.give_card(payer)
    before = story.statement(payer)
    schedule_upgrade(story.ctx, payer, AUTOMATIC, actor=CLI, dry_run=True)
    end_legacy_plan(story.ctx, payer, reason="dry", actor=CLI, dry_run=True)
    assert story.statement(payer) == before


def plans_of_nobody(story: Story) -> bool:
    return story._everything()["plans"] == []


def test_scheduling_needs_a_card_and_counts(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    with refused("no_card"):
        story.schedule_upgrade(acme, card=None)
    with refused("unknown_tier"):
        story.schedule_upgrade(acme, tier="enterprise")
    with refused("too_few_licenses"):
        story.schedule_upgrade(acme, tier="business", licenses=24)
    story.on("2012-01-10")
    with pytest.raises(MissingDataError):
        story.schedule_upgrade(acme)
    story.on("2012-03-02 00:00:00").upload(acme)
    with refused("no_legacy_plan"):
        story.schedule_upgrade(acme)
    assert story.export(payer)["invoices"] == []


def test_terms_that_changed_since_the_page_are_not_agreed_to(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.give_card(payer)

    def token() -> str:
        with unit_of_work(story.ctx) as work:
            quote = make_scheduled_quote(
                work.session, story.ctx.catalog, payer, AUTOMATIC, now=work.now
            )
        return sign_scheduled_quote(story.ctx, payer, quote)

    old = token()
    move_legacy_end(story.ctx, payer, until=day("2012-03-20"), reason="asked", actor=CLI)
    with refused("quote_changed"):
        confirm_scheduled_upgrade(story.ctx, payer, old, actor=BUYER)
    with refused("quote_invalid"):
        confirm_scheduled_upgrade(story.ctx, payer, "nonsense", actor=BUYER)
    story.clock.advance(hours=3)
    with refused("quote_expired"):
        confirm_scheduled_upgrade(story.ctx, payer, old, actor=BUYER)
    assert confirm_scheduled_upgrade(story.ctx, payer, token(), actor=BUYER).total == 176000


def test_a_discount_of_staff_goes_with_the_scheduled_plan(story: Story) -> None:
    acme = story.server(seats=(40,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    set_terms(
        story, payer, required_plan_tier="basic", discount_percent=8725, discount_reason="promised"
    )
    quote = story.schedule_upgrade(acme)
    assert (quote.discounted_price, quote.total) == (44, 40 * 44)
    story.run_jobs_until("2012-03-03", acme, step=11)
    (invoice,) = story.export(payer)["invoices"]
    assert invoice["total"] == 40 * 44
    story.assert_statement(payer, "legacy_discounted.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize(
    ("terms", "automatic", "least"),
    [
        ({}, 25, 25),
        ({"minimum_licenses": 40}, 40, 40),
        ({"exempt_from_license_number_check": True}, 18, 1),
        ({"minimum_licenses": 40, "exempt_from_license_number_check": True}, 18, 1),
    ],
)
def test_minimum_and_exemption_count_the_same_wherever_licenses_are_derived(
    story: Story, terms: dict[str, Any], automatic: int, least: int
) -> None:
    """On the page, in the ledger of the legacy plan, at the switch, and in the plan afterwards."""
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    set_terms(story, payer, **terms)
    story.give_legacy(acme, "2012-03-02")
    own = max(18, terms.get("minimum_licenses", 0)) if automatic != 18 else 18
    assert last_pair(story, payer) == (own, own)
    quote = story.schedule_upgrade(acme, tier="business", schedule="annual")
    assert (quote.licenses, quote.least) == (automatic, least)
    assert last_pair(story, payer) == (own, automatic)
    story.on("2012-01-10").upload_seats(acme, 19, 18)
    assert last_pair(story, payer)[1] == automatic
    story.run_jobs_until("2012-03-03", acme, step=11)
    assert last_pair(story, payer) == (automatic, automatic)
    (invoice,) = story.export(payer)["invoices"]
    assert invoice["lines"][0]["quantity"] == automatic
    story.on("2012-03-04").upload_seats(acme, 19, 18)
    assert last_pair(story, payer) == (max(automatic, 19), automatic)
