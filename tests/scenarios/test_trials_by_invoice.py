"""Free trials by invoice: sent at once, due at the trial's end, for the time from then on."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.models.invoices import Invoice
from app.services.change_plan import change_licenses_now, end_plan_at_cycle_end
from app.services.purchase_state import Outcome
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story

TRIAL = {"catalog": Path(__file__).parent.parent / "catalogs" / "trial.toml"}

pytestmark = pytest.mark.parametrize("settings_overrides", [TRIAL])


def pay(story: Story, *, tell: bool = True) -> None:
    """The money for the first invoice reaches the provider, which tells us, or does not."""
    with unit_of_work(story.ctx) as work:
        remote = work.session.scalars(
            select(Invoice.stripe_invoice_id).order_by(Invoice.id)
        ).first()
    story.payments.pay_hosted(str(remote))
    if tell:
        story.deliver_events()
    else:
        story.payments.take_events()


def statuses(story: Story, payer) -> list[str]:
    return [plan["status"] for plan in story.export(payer)["plans"]]


def invoices(story: Story, payer) -> list[tuple[str, int]]:
    return [(one["status"], one["total"]) for one in story.export(payer)["invoices"]]


def test_paid_in_time_it_goes_on(story: Story) -> None:
    acme = story.server(seats=(18,))
    assert story.order(acme).outcome is Outcome.TRIAL
    payer = story.payer(acme)
    assert (statuses(story, payer), invoices(story, payer)) == (["trial"], [("open", 102000)])
    with unit_of_work(story.ctx) as work:
        (due_at,) = work.session.scalars(select(Invoice.due_at))
    assert due_at is not None and due_at.isoformat() == "2012-02-01T03:04:05+00:00"
    story.on("2012-01-20").upload(acme)
    pay(story)
    assert statuses(story, payer) == ["trial"]
    story.run_jobs_until("2012-03-02", acme, step=5)
    assert statuses(story, payer) == ["active"]
    story.run_jobs_until("2013-02-02", acme, step=31)
    story.assert_statement(payer, "trial_invoice_paid.txt")
    story.assert_nothing_left_to_do()


def test_not_paid_it_ends(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-01", acme, step=15)
    assert (statuses(story, payer), invoices(story, payer)) == (["ended"], [("open", 102000)])
    story.run_jobs_until("2012-03-04", acme, step=8)
    # Nothing was used, so nothing is owed once it cannot come back.
    story.assert_statement(payer, "trial_invoice_unpaid.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("told", [True, False])
def test_paid_late_it_comes_back(story: Story, told: bool) -> None:
    acme = story.server(seats=(18,))
    story.order(acme, schedule="monthly")
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-20", acme, step=7)
    assert statuses(story, payer) == ["ended"]
    pay(story, tell=told)
    story.clock.advance(hours=2)
    story.run_jobs()
    assert statuses(story, payer) == ["active"]
    story.run_jobs_until("2012-03-03", acme, step=2)
    story.assert_statement(payer, "trial_invoice_revived.txt")
    story.assert_nothing_left_to_do()


def test_silence_does_not_hold_an_unpaid_trial(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-02", step=31)
    assert statuses(story, payer) == ["ended"]
    story.assert_nothing_left_to_do()


def test_silence_holds_a_paid_trial(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    payer = story.payer(acme)
    pay(story)
    story.run_jobs_until("2012-02-02", step=31)
    (plan,) = story.export(payer)["plans"]
    assert (plan["status"], plan["next_invoice_date"]) == ("active", "2012-02-01T03:04:05Z")
    story.on("2012-02-04").upload(acme)
    story.run_jobs()
    (plan,) = story.export(payer)["plans"]
    assert plan["next_invoice_date"] == "2012-03-01T03:04:05Z"
    story.assert_nothing_left_to_do()


def test_licenses_that_are_added_in_the_trial_are_billed_at_its_end(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    payer = story.payer(acme)
    pay(story)
    story.on("2012-01-20").upload(acme)
    change_licenses_now(story.ctx, payer, licenses=35, actor=BUYER)
    story.run_jobs_until("2012-02-02", acme, step=13)
    story.receive_whatever_is_open()
    story.deliver_events()
    story.assert_statement(payer, "trial_invoice_added.txt")
    story.assert_nothing_left_to_do()


def test_a_trial_that_is_ended_leaves_nothing_to_pay(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme)
    payer = story.payer(acme)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-02", acme, step=31)
    story.clock.advance(hours=2)
    story.upload(acme)
    story.run_jobs()
    assert (statuses(story, payer), invoices(story, payer)) == (["ended"], [("void", 102000)])
    story.assert_nothing_left_to_do()


def test_what_was_paid_for_is_not_cut_off(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme, schedule="monthly")
    payer = story.payer(acme)
    pay(story)
    ends_at = end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    assert ends_at.isoformat() == "2012-03-01T03:04:05+00:00"
    story.run_jobs_until("2012-02-03", acme, step=16)
    assert statuses(story, payer) == ["active"]
    story.run_jobs_until("2012-03-02", acme, step=14)
    assert (statuses(story, payer), invoices(story, payer)) == (["ended"], [("paid", 8500)])
    story.assert_nothing_left_to_do()


def test_another_plan_makes_its_invoice_void(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.order(acme, schedule="monthly")
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-02", acme, step=31)
    story.upgrade(acme)
    story.clock.advance(hours=2)
    story.run_jobs()
    assert statuses(story, payer) == ["ended", "active"]
    assert [status for status, _ in invoices(story, payer)] == ["void", "paid"]
    story.assert_nothing_left_to_do()
