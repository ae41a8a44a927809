"""What customers are told ahead of time, day by day: once, with the amount, and only what is true."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.domain.kinds import LicenseManagement, Schedule
from app.models.customers import Customer
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services.change_plan import (
    change_licenses_at_renewal,
    end_plan_at_cycle_end,
    keep_plan,
)
from app.services.context import CLI
from app.services.legacy import create_legacy_plan
from app.services.quote import PurchaseChoice
from app.services.schedule_upgrade import schedule_upgrade
from app.services.unit_of_work import unit_of_work
from tests.scenarios.people import add_person, run_days_until, tell, told
from tests.scenarios.story import BUYER, SampleServer, Story
from tests.support.mail import RecordingMailer

IAGO = "iago@acme.test"
TRIAL = {"catalog": Path(__file__).parent.parent / "catalogs" / "trial.toml"}


def customer_of(story: Story, *, seats: int = 18, **choice: object) -> SampleServer:
    """A customer since 2 January 2012, with one person who manages billing."""
    acme = story.server(seats=(seats,))
    add_person(story, acme, IAGO)
    story.upgrade(acme, **choice)  # type: ignore[arg-type]  # the choices of a purchase by name
    return acme


def subjects(mailer: RecordingMailer, template: str) -> list[str]:
    return [mail.subject for mail in mailer.outbox if mail.template == template]


def days_told(story: Story, template: str) -> list[str]:
    with unit_of_work(story.ctx) as work:
        found = select(Mail.created_at).where(Mail.template == template).order_by(Mail.id)
        return [moment.date().isoformat() for moment in work.session.scalars(found)]


def test_an_annual_renewal_is_announced_thirty_days_ahead(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = customer_of(story, schedule="annual")
    add_person(story, acme, "bella@acme.test")
    run_days_until(story, "2012-11-30", acme, step=30)
    assert told(story, "renewal_ahead") == []
    run_days_until(story, "2013-01-05", acme)
    assert days_told(story, "renewal_ahead") == ["2012-12-03", "2012-12-03"]
    assert told(story, "renewal_ahead") == [IAGO, "bella@acme.test"]
    # The discount for new customers was used up: 18 x 4200.
    subject = "Your Basic plan for chat1.acme.test renews on 2 January 2013 for $756.00"
    assert subjects(mailer, "renewal_ahead") == [subject, subject]
    (mail, _) = [mail for mail in mailer.outbox if mail.template == "renewal_ahead"]
    assert "The last renewal was $516.00." in mail.text
    assert story.export(story.payer(acme))["invoices"][-1]["total"] == 75600


def test_a_monthly_renewal_is_announced_when_it_rose_by_more_than_a_fifth(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = customer_of(story)
    run_days_until(story, "2012-02-03", acme)
    assert told(story, "renewal_ahead") == [], "$43.00 as before"
    story.upload_seats(acme, 21)
    run_days_until(story, "2012-03-03", acme)
    # 18 x 350 - 2000 = 4300 became 21 x 350 - 2000 = 5350 and three for most of the month.
    assert days_told(story, "renewal_ahead") == ["2012-02-28"]
    total = story.export(story.payer(acme))["invoices"][-1]["total"]
    assert subjects(mailer, "renewal_ahead") == [
        f"Your Basic plan for chat1.acme.test renews on 2 March 2012 for ${total // 100}"
        f".{total % 100:02}"
    ]


def test_a_run_that_was_missed_is_made_up_for_and_the_past_is_not_told(story: Story) -> None:
    acme = customer_of(story, schedule="annual")
    story.run_jobs_until("2012-12-20", acme, step=30)
    assert tell(story) == 1, "17 days late, and still true"
    assert tell(story) == 0
    acme = customer_of(story, schedule="annual")
    story.run_jobs_until("2014-01-03", acme, step=30)
    told_before = len(told(story, "renewal_ahead"))
    tell(story)
    assert len(told(story, "renewal_ahead")) == told_before, "the renewal is past"


def test_an_end_is_announced_and_told(story: Story, mailer: RecordingMailer) -> None:
    acme = customer_of(story)
    payer = story.payer(acme)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    run_days_until(story, "2012-01-25", acme)
    assert told(story, "plan_ends") == []
    run_days_until(story, "2012-02-01", acme)
    assert days_told(story, "plan_ends") == ["2012-01-26"]
    # Changing one's mind and again is no second event.
    keep_plan(story.ctx, payer, actor=BUYER)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    run_days_until(story, "2012-03-10", acme)
    assert len(told(story, "plan_ends")) == 1
    assert days_told(story, "plan_ended") == ["2012-02-02"]
    assert subjects(mailer, "plan_ended") == [
        "Your Basic plan for chat1.acme.test ended on 2 February 2012"
    ]
    story.assert_nothing_left_to_do()


def test_an_end_long_ago_is_no_news(story: Story) -> None:
    acme = customer_of(story)
    end_plan_at_cycle_end(story.ctx, story.payer(acme), actor=BUYER)
    story.run_jobs_until("2012-02-10", acme, step=4)
    assert tell(story) == 0


def test_a_legacy_plan_says_so_sixty_fourteen_and_one_day_before(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = story.server(seats=(18,))
    add_person(story, acme, IAGO)
    payer = story.payer(acme)
    until = datetime(2012, 4, 1, tzinfo=UTC)
    create_legacy_plan(story.ctx, payer, until=until, reason="terms of old", actor=CLI)
    run_days_until(story, "2012-03-20", acme)
    assert days_told(story, "legacy_ends") == ["2012-02-01", "2012-03-18"]
    story.give_card(payer)
    choice = PurchaseChoice("business", Schedule.ANNUAL, LicenseManagement.AUTOMATIC)
    schedule_upgrade(story.ctx, payer, choice, actor=BUYER)
    run_days_until(story, "2012-04-03", acme)
    assert days_told(story, "legacy_ends") == ["2012-02-01", "2012-03-18", "2012-03-31"]
    assert subjects(mailer, "legacy_ends")[1:] == [
        "Your Legacy plan for chat1.acme.test ends on 1 April 2012",
        "Your Legacy plan for chat1.acme.test ends on 1 April 2012; then Business begins with a "
        "charge of $1,760.00",
    ]
    assert told(story, "plan_ended") == [], "it ends quietly"
    assert told(story, "renewal_ahead") == []


def test_silence_is_told_once_and_again_the_next_time(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = customer_of(story)
    story.on("2012-01-04")
    assert tell(story) == 0, "two days are no silence yet"
    run_days_until(story, "2012-01-08")
    assert days_told(story, "uploads_stopped") == ["2012-01-05"]
    assert subjects(mailer, "uploads_stopped") == [
        "We have not heard from chat1.acme.test since 2 January 2012"
    ]
    story.upload(acme)
    run_days_until(story, "2012-01-14")
    assert days_told(story, "uploads_stopped") == ["2012-01-05", "2012-01-11"]


def test_licenses_by_hand_that_fill_up(story: Story, mailer: RecordingMailer) -> None:
    acme = customer_of(story, licenses=20)
    run_days_until(story, "2012-01-05", acme)
    assert subjects(mailer, "seats_filling") == [
        "18 people use 90 % of the 20 licenses for chat1.acme.test"
    ]
    story.upload_seats(acme, 20)
    run_days_until(story, "2012-01-08", acme)
    story.upload_seats(acme, 22)
    run_days_until(story, "2012-01-12", acme)
    assert subjects(mailer, "seats_filling")[1:] == [
        "All of your 20 licenses for chat1.acme.test are in use"
    ]


def test_a_number_that_will_be_raised_is_announced(story: Story, mailer: RecordingMailer) -> None:
    acme = customer_of(story, licenses=20)
    change_licenses_at_renewal(story.ctx, story.payer(acme), licenses=18, actor=BUYER)
    story.on("2012-01-05").upload_seats(acme, 23)
    run_days_until(story, "2012-02-02", acme)
    assert days_told(story, "licenses_raise") == ["2012-01-19"]
    assert subjects(mailer, "licenses_raise") == [
        "On 2 February 2012 the licenses for chat1.acme.test are raised to 23: $60.50 will be due"
    ]
    # 23 x 350 - 2000, as announced.
    assert story.export(story.payer(acme))["invoices"][-1]["total"] == 6050


def test_a_card_that_expires_is_told_the_month_before(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = customer_of(story)
    with unit_of_work(story.ctx) as work:
        work.session.execute(update(Customer).values(card_exp_month=5, card_exp_year=2012))
        work.commit()
    run_days_until(story, "2012-03-31", acme, step=5)
    assert told(story, "card_expires") == []
    run_days_until(story, "2012-05-20", acme, step=5)
    assert days_told(story, "card_expires") == ["2012-04-05"]
    (subject,) = subjects(mailer, "card_expires")
    assert subject == (
        "The card for chat1.acme.test (Visa ending 4242, expires 5/2012) expires soon, and your "
        "next payment is on 2 May 2012"
    )


def test_a_card_that_nothing_will_be_charged_to_is_let_be(story: Story) -> None:
    acme = customer_of(story)
    with unit_of_work(story.ctx) as work:
        work.session.execute(update(Customer).values(card_exp_month=2, card_exp_year=2012))
        work.commit()
    end_plan_at_cycle_end(story.ctx, story.payer(acme), actor=BUYER)
    run_days_until(story, "2012-02-05", acme, step=2)
    assert told(story, "card_expires") == []


@pytest.mark.parametrize("settings_overrides", [TRIAL])
@pytest.mark.parametrize("outcome", ["ends", "charged"])
def test_a_trial_that_ends_is_told_three_days_before(
    story: Story, mailer: RecordingMailer, outcome: str
) -> None:
    acme = customer_of(story)
    payer = story.payer(acme)
    if outcome == "ends":
        end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    run_days_until(story, "2012-02-03", acme)
    assert days_told(story, "trial_ends") == ["2012-01-29"]
    assert subjects(mailer, "trial_ends") == [
        "Your free trial of Basic for chat1.acme.test ends on 1 February 2012; "
        + ("nothing is charged" if outcome == "ends" else "then $43.00 is charged")
    ]
    totals = [invoice["total"] for invoice in story.export(payer)["invoices"]]
    assert totals == ([] if outcome == "ends" else [4300])
    assert len(told(story, "plan_ended")) == (outcome == "ends")


@pytest.mark.parametrize("settings_overrides", [TRIAL])
@pytest.mark.parametrize("outcome", ["unpaid", "paid"])
def test_a_trial_by_invoice_says_what_its_payment_decides(
    story: Story, mailer: RecordingMailer, outcome: str
) -> None:
    acme = story.server(seats=(18,))
    add_person(story, acme, IAGO)
    story.order(acme, schedule="monthly", licenses=40)
    if outcome == "paid":
        story.receive_whatever_is_open()
        story.deliver_events()
    run_days_until(story, "2012-02-03", acme)
    assert subjects(mailer, "trial_ends") == [
        "Your free trial of Basic for chat1.acme.test ends on 1 February 2012"
        + ("; the time after it is paid" if outcome == "paid" else ", unless $120.00 is paid")
    ]
    assert len(told(story, "plan_ended")) == (outcome == "unpaid")
    # A trial that nobody paid to go on with owes nothing, so nobody is asked for anything.
    run_days_until(story, "2012-03-20", acme, step=10)
    assert told(story, "plan_ended_unpaid") == []


def test_whoever_does_not_want_it_is_not_told(story: Story) -> None:
    acme = customer_of(story, schedule="annual")
    for column in ("wants_renewal_mails", "wants_usage_mails"):
        with unit_of_work(story.ctx) as work:
            work.session.execute(update(BillingUser).values({column: False}))
            work.commit()
    run_days_until(story, "2013-01-05", acme, step=10)
    run_days_until(story, "2013-01-09")
    with unit_of_work(story.ctx) as work:
        assert work.session.scalars(select(Mail.template)).all() == []


def test_a_notice_says_how_to_stop_it(story: Story, mailer: RecordingMailer) -> None:
    acme = customer_of(story)
    run_days_until(story, "2012-01-02", acme)
    story.on("2012-01-06")
    tell(story)
    (mail,) = mailer.outbox
    assert mail.unsubscribe_url is not None
    assert mail.unsubscribe_url in mail.text and mail.unsubscribe_url in mail.html
    assert "Stop mails about people, licenses and reports of your server" in mail.text
