"""A running plan: ending, keeping, licenses by hand, silence, late and future rows."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.domain.errors import BillingError
from app.services import change_plan
from app.services.purchase_state import Outcome
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story


def plan_of(story: Story, payer) -> dict:
    return story.export(payer)["plans"][-1]


def pairs(story: Story, payer) -> list[tuple[int, int]]:
    return [(e["licenses"], e["licenses_at_next_renewal"]) for e in story.export(payer)["ledger"]]


def test_a_plan_ends_with_its_cycle_and_its_last_people_are_billed(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    ends = change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    assert ends == datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
    story.on("2012-01-20").upload_seats(acme, 20)
    story.run_jobs_until("2012-03-05", acme)
    plan = plan_of(story, payer)
    assert (plan["status"], plan["next_invoice_date"]) == ("ended", None)
    story.assert_statement(payer, "ended.txt")
    story.assert_nothing_left_to_do()


def test_an_end_can_be_taken_back_until_it_comes(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    with pytest.raises(BillingError) as caught:
        change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    assert caught.value.code == "transition_refused"
    change_plan.keep_plan(story.ctx, payer, actor=BUYER)
    assert plan_of(story, payer)["end_date"] is None
    story.run_jobs_until("2012-02-03", acme)
    assert plan_of(story, payer)["status"] == "active"
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-03-02").upload(acme)
    with pytest.raises(BillingError) as caught:
        change_plan.keep_plan(story.ctx, payer, actor=BUYER)
    assert caught.value.code == "no_plan"


def test_after_an_end_the_same_customer_buys_again_and_keeps_the_discount(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-10", acme)
    assert story.export(payer)["customer"]["new_customer_months_left"] == 11
    story.upgrade(acme)
    data = story.export(payer)
    assert [plan["status"] for plan in data["plans"]] == ["ended", "active"]
    assert data["invoices"][-1]["total"] == 4300


def test_a_stale_plan_ends_on_time_and_a_renewing_one_waits(story: Story) -> None:
    acme = story.server(seats=(18,))
    other = story.server(seats=(11,))
    for server in (acme, other):
        story.upgrade(server)
    change_plan.end_plan_at_cycle_end(story.ctx, story.payer(acme), actor=BUYER)
    story.on("2012-02-05")
    counts = story.run_jobs()
    assert (counts.invoiced, counts.deferred) == (0, 1)
    assert plan_of(story, story.payer(acme))["status"] == "ended"
    waiting = plan_of(story, story.payer(other))
    assert waiting["next_invoice_date"] == "2012-02-02T03:04:05Z"
    assert waiting["invoice_deferred_since"] is not None
    story.on("2012-04-03").upload_seats(other, 14)
    counts = story.run_jobs()
    # Boundary by boundary once the data arrives.
    assert (counts.invoiced, counts.deferred) == (3, 0)
    story.assert_statement(story.payer(other), "silence.txt")


def test_several_boundaries_pass_one_renewal_each(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.on("2012-05-10").upload_seats(acme, 25)
    payer = story.payer(acme)
    renewals = [e["event_time"][:10] for e in story.export(payer)["ledger"] if e["is_renewal"]]
    assert renewals == ["2012-01-02", "2012-02-02", "2012-03-02", "2012-04-02", "2012-05-02"]
    assert story.run_jobs().invoiced == 4
    assert story.run_jobs().invoiced == 0


def test_licenses_by_hand(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, licenses=20)
    payer = story.payer(acme)
    refused = {
        20: "licenses_not_raised",
        17: "too_few_licenses",
        0: "too_few_licenses",
        -1: "too_few_licenses",
        10**9: "too_many_licenses",
    }
    for licenses, code in refused.items():
        with pytest.raises(BillingError) as caught:
            change_plan.change_licenses_now(story.ctx, payer, licenses=licenses, actor=BUYER)
        assert caught.value.code == code
    story.on("2012-01-10").upload(acme)
    change_plan.change_licenses_now(story.ctx, payer, licenses=30, actor=BUYER)
    change_plan.change_licenses_at_renewal(story.ctx, payer, licenses=19, actor=BUYER)
    with pytest.raises(BillingError) as caught:
        change_plan.change_licenses_at_renewal(story.ctx, payer, licenses=19, actor=BUYER)
    assert caught.value.code == "licenses_unchanged"
    assert pairs(story, payer) == [(20, 20), (30, 30), (30, 19)]
    story.on("2012-01-20").upload_seats(acme, 24)
    story.run_jobs_until("2012-02-02", acme)
    # More people than were chosen: the renewal is raised to them.
    assert pairs(story, payer)[-1] == (24, 24)
    story.assert_statement(payer, "manual.txt")


def test_licenses_of_an_automatic_plan_are_not_set_by_hand(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    with pytest.raises(BillingError) as caught:
        change_plan.change_licenses_now(story.ctx, story.payer(acme), licenses=30, actor=BUYER)
    assert caught.value.code == "not_manual"


def test_the_minimum_of_the_discount_falls_when_it_is_used_up(story: Story) -> None:
    acme = story.server(seats=(2,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2013-02-03", acme, step=7)
    totals = [invoice["total"] for invoice in story.export(payer)["invoices"]]
    # Twelve months of six licenses less 20.00; then two people pay for themselves.
    assert totals == [100] * 12 + [700, 700]
    story.assert_statement(payer, "discount_used_up.txt")


def test_organizations_of_one_server_are_never_mixed_up(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=0)
    story.upgrade(acme, organization=1)
    story.on("2012-01-05").upload_seats(acme, 9, organization=1)
    first, second = story.payer(acme, 0), story.payer(acme, 1)
    assert pairs(story, first) == [(18, 18)]
    assert pairs(story, second) == [(7, 7), (9, 9)]
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    assert [i["total"] for i in story.export(first)["invoices"]] == [4300, 4300]


def test_an_organization_that_vanishes_or_is_deactivated_counts_nothing(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=None)
    payer = story.payer(acme, None)
    gone = acme.organizations.pop()
    story.on("2012-01-05").upload(acme)
    assert pairs(story, payer)[-1] == (25, 18)
    acme.organizations.append(gone)
    story.on("2012-01-06").upload(acme)
    assert pairs(story, payer)[-1] == (25, 25)
    gone.deactivated = True
    story.on("2012-01-07").set_people(acme, 7, organization=1, event_type=201)
    story.upload(acme)
    assert pairs(story, payer)[-1] == (25, 18)
    gone.deactivated = False
    story.on("2012-01-08").set_people(acme, 8, organization=1, event_type=202)
    story.upload(acme)
    assert pairs(story, payer)[-1] == (26, 26)


def test_a_late_row_before_the_renewal_is_billed_where_it_belongs(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    late = datetime(2012, 1, 20, 3, 4, 5, tzinfo=UTC)
    story.on("2012-02-02 04:00:00").upload_seats(acme, 19)
    story.set_people(acme, 21, at=late)
    story.upload(acme)
    story.run_jobs()
    story.assert_statement(story.payer(acme), "late_row.txt")
    story.assert_nothing_left_to_do()


def test_a_row_of_the_future_waits_for_its_time(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.set_people(acme, 30, at=story.clock.now() + timedelta(days=2))
    story.upload(acme)
    story.run_jobs()
    assert pairs(story, payer) == [(18, 18)]
    story.clock.advance(days=2, seconds=1)
    story.run_jobs()
    assert pairs(story, payer) == [(18, 18), (30, 30)]
    assert story.export(payer)["ledger"][-1]["log_entry"]["remote_id"] == 2


def test_a_renewal_that_is_declined_stays_open_and_can_be_paid(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    invoice = story.export(payer)["invoices"][-1]
    assert (invoice["status"], invoice["total"]) == ("open", 4300)
    assert plan_of(story, payer)["status"] == "active"
    story.assert_nothing_left_to_do()


def test_a_provider_that_is_down_delays_and_loses_nothing(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-02-02").upload(acme)
    story.payments.fail("create_invoice", "before", times=3)
    for _ in range(3):
        story.run_jobs()
        story.clock.advance(hours=7)
        story.upload(acme)
    story.run_jobs()
    assert [i["status"] for i in story.export(payer)["invoices"]] == ["paid", "paid"]
    story.assert_nothing_left_to_do()


def test_late_rows_of_an_ended_plan_are_on_its_closing_invoice(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-02-02 04:00:00").upload(acme)
    assert plan_of(story, payer)["status"] == "ended"
    story.set_people(acme, 20, at=datetime(2012, 1, 20, 3, 4, 5, tzinfo=UTC))
    story.upload(acme)
    story.run_jobs()
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300, 294]
    story.assert_nothing_left_to_do()


def test_a_payment_learnt_of_months_later_bills_each_month_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, card="requires_authentication")
    payer = story.payer(acme)
    with unit_of_work(story.ctx) as work:
        (remote_id,) = work.session.execute(text("SELECT stripe_invoice_id FROM invoices")).one()
    story.payments.pay_hosted(remote_id)
    story.on("2012-01-20").upload_seats(acme, 20)
    story.on("2012-03-10").upload_seats(acme, 23)
    story.give_card(payer)
    for _ in range(3):
        story.run_jobs()
    story.assert_statement(payer, "learnt_late.txt")


def test_a_plan_that_is_over_can_be_bought_again_before_any_job_has_run(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-02-01").upload(acme)
    story.on("2012-02-02 05:00:00")
    assert story.upgrade(acme).outcome is Outcome.PAID
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended", "active"]
    story.run_jobs()
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300, 4300]
    story.assert_nothing_left_to_do()
