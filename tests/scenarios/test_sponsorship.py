"""Sponsorships: asked for, approved or not, asked about again, and ended."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import BillingError
from app.domain.sponsorship import OrganizationType
from app.models.deals import SponsorshipRequest
from app.models.people import BillingUser
from app.services.context import CLI, Actor
from app.services.decide_sponsorship import (
    approve_sponsorship,
    list_waiting_requests,
    mark_sponsorship_pending,
    reject_sponsorship,
)
from app.services.identity import CustomerRef
from app.services.sponsorship import (
    AskForSponsorship,
    request_sponsorship,
    withdraw_sponsorship,
)
from app.services.unit_of_work import unit_of_work
from tests.scenarios.people import add_person
from tests.scenarios.story import SampleServer, Story
from tests.scenarios.test_legacy import can_push, day, plans_of, refused
from tests.support.mail import RecordingMailer

ASKED = AskForSponsorship(
    organization_type=OrganizationType.OPEN_SOURCE,
    website="https://acme.test",
    description="We write free software.",
    expected_users="about 200",
    paid_staff="none",
    plan_wished="community",
)


def get_zoe(story: Story) -> int | None:
    with unit_of_work(story.ctx) as work:
        return work.session.scalar(
            select(BillingUser.id).where(BillingUser.email == "zoe@acme.test")
        )


def ask(story: Story, server: SampleServer) -> None:
    payer = story.payer(server)
    person = get_zoe(story) or add_person(story, server, "zoe@acme.test")
    ref = CustomerRef(payer, "chat.acme.test", None, person)
    actor = Actor(f"billing_user:{person}", email="zoe@acme.test")
    request_sponsorship(story.ctx, ref, ASKED, actor=actor)


def approve(story: Story, server: SampleServer, until: str | None = None) -> Any:
    payer = story.payer(server)
    ends = None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    return approve_sponsorship(story.ctx, payer, until=ends, reason="does good", actor=CLI)


def reject(story: Story, server: SampleServer, reason: str = "It is a business.") -> Any:
    return reject_sponsorship(story.ctx, story.payer(server), reason=reason, actor=CLI)


def sent(mailer: RecordingMailer, template: str) -> list[str]:
    return [mail.recipient for mail in mailer.outbox if mail.template == template]


def test_a_year_of_sponsorship(story: Story, mailer: RecordingMailer) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    ask(story, acme)
    (mail,) = [mail for mail in mailer.outbox if mail.template == "staff_sponsorship_requested"]
    assert mail.reply_to == "zoe@acme.test"
    assert mail.recipient == story.ctx.catalog.brand.support_email
    assert "We write free software." in mail.text and "Open source project" in mail.text
    assert not can_push(story, acme)
    add_person(story, acme, "kim@acme.test")
    change = approve(story, acme)
    assert change.after == {
        "plan": "community",
        "until": "2013-01-02T03:04:05+00:00",
        "sponsorship_pending": False,
    }
    assert sent(mailer, "sponsorship_approved") == ["zoe@acme.test", "kim@acme.test"]
    assert can_push(story, acme)
    story.on("2012-06-01").upload_seats(acme, 300)
    story.run_jobs_until("2012-12-02", acme, step=30)
    assert sent(mailer, "sponsorship_ends") == []
    story.run_jobs_until("2012-12-05", acme)
    assert sent(mailer, "sponsorship_ends") == ["zoe@acme.test", "kim@acme.test"]
    story.run_jobs_until("2013-01-01", acme, step=9)
    assert len(sent(mailer, "sponsorship_ends")) == 2
    assert can_push(story, acme)
    story.on("2013-01-02 03:04:05").upload(acme)
    assert not can_push(story, acme)
    story.run_jobs()
    story.assert_statement(payer, "sponsored.txt")
    story.assert_nothing_left_to_do()
    # What has ended can be asked for again.
    ask(story, acme)
    approve(story, acme, "2013-06-01")
    assert can_push(story, acme)
    story.assert_statement(payer, "sponsored_again.txt")


def test_asked_about_again_it_goes_on_without_a_gap(story: Story, mailer: RecordingMailer) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    ask(story, acme)
    approve(story, acme, "2012-03-01")
    with refused("is_sponsored"):
        mark_sponsorship_pending(story.ctx, payer, reason="mail", actor=CLI)
    story.on("2012-02-10").upload(acme)
    ask(story, acme)
    story.run_jobs()
    # Who has answered already is not asked.
    assert sent(mailer, "sponsorship_ends") == []
    change = approve(story, acme)
    assert change.after["until"] == "2013-03-01T00:00:00+00:00"
    story.run_jobs_until("2012-03-05", acme, step=8)
    (plan,) = plans_of(story, payer)
    assert (plan["status"], plan["end_date"]) == ("active", "2013-03-01T00:00:00Z")
    story.assert_statement(payer, "sponsored_on.txt")
    story.assert_nothing_left_to_do()


def test_what_is_not_approved_changes_nothing_and_can_be_asked_again(
    story: Story, mailer: RecordingMailer
) -> None:
    acme = story.server(seats=(18,))
    ask(story, acme)
    with refused("sponsorship_is_pending"):
        ask(story, acme)
    with refused("reason_missing"):
        reject(story, acme, " ")
    reject(story, acme)
    (mail,) = [mail for mail in mailer.outbox if mail.template == "sponsorship_rejected"]
    assert mail.recipient == "zoe@acme.test" and "It is a business." in mail.text
    with refused("no_sponsorship_request"):
        reject(story, acme)
    assert story._everything()["plans"] == []
    ask(story, acme)
    withdraw_sponsorship(story.ctx, story.payer(acme), actor=CLI)
    with refused("no_sponsorship_request"):
        withdraw_sponsorship(story.ctx, story.payer(acme), actor=CLI)
    with unit_of_work(story.ctx) as work:
        statuses = [row.status for row in work.session.query(SponsorshipRequest)]
    assert statuses == ["rejected", "withdrawn"]


def test_a_paid_or_scheduled_plan_stands_in_the_way_and_is_named(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.schedule_upgrade(acme)
    ask(story, acme)
    with pytest.raises(BillingError, match=r"customer_has_scheduled_plan.*'Basic'"):
        approve(story, acme)
    story.run_jobs_until("2012-03-03", acme, step=20)
    with pytest.raises(BillingError, match=r"customer_has_plan.*'Basic'"):
        approve(story, acme)
    assert [waiting.customer for waiting in waiting_now(story)] == ["Acme"]
    assert plans_of(story, payer)[-1]["tier"] == "basic"


def waiting_now(story: Story) -> list[Any]:
    with unit_of_work(story.ctx) as work:
        return list(list_waiting_requests(work.session))


def test_a_legacy_plan_makes_room(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_legacy(acme, "2012-03-02")
    story.on("2012-01-20").upload(acme)
    approve(story, acme, "2012-06-01")
    story.run_jobs_until("2012-03-05", acme, step=10)
    legacy, sponsored = plans_of(story, payer)
    assert (legacy["status"], sponsored["status"]) == ("ended", "active")
    story.assert_statement(payer, "sponsored_after_legacy.txt")
    story.assert_nothing_left_to_do()


def test_dates_and_dry_runs(story: Story, mailer: RecordingMailer) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    with refused("end_not_ahead"):
        approve(story, acme, "2012-01-01")
    with refused("end_too_far"):
        approve(story, acme, "2112-01-01")
    change = approve_sponsorship(
        story.ctx, payer, until=day("2012-06-01"), reason="good", actor=CLI, dry_run=True
    )
    assert change.after["plan"] == "community"
    assert (story._everything()["plans"], mailer.outbox) == ([], [])
    mark_sponsorship_pending(story.ctx, payer, reason="asked by mail", actor=CLI)
    assert len(waiting_now(story)) == 1
    reject_sponsorship(story.ctx, payer, reason="no", actor=CLI, dry_run=True)
    assert len(waiting_now(story)) == 1
