"""Servers that stop uploading: what waits, who is told, what is estimated and put right."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.models.charges import Adjustment, BalanceCredit
from app.models.invoices import Invoice
from app.models.mails import Mail
from app.models.people import BillingUser
from app.services.customers import Payer
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story


@pytest.fixture
def estimating(story: Story) -> Story:
    """A world whose catalog estimates renewals of silent servers."""
    story.ctx = replace(story.ctx, catalog=replace(story.ctx.catalog, estimate_when_stale=True))
    return story


def add_person(story: Story, payer: Payer, email: str, *, confirmed: bool = True) -> None:
    """Somebody who manages the billing of an organization."""
    with unit_of_work(story.ctx) as work:
        work.session.add(
            BillingUser(
                organization_id=payer.organization_id,
                email=email,
                user_uuid=email,
                email_confirmed_at=work.now if confirmed else None,
                created_at=work.now,
            )
        )
        work.commit()


def mails(story: Story, *templates: str) -> list[tuple[str, str]]:
    """(template, recipient) of the mails of these templates, in order."""
    with unit_of_work(story.ctx) as work:
        found = work.session.scalars(
            select(Mail).where(Mail.template.in_(templates)).order_by(Mail.id)
        )
        return [(mail.template, mail.recipient) for mail in found]


DEFERRED = ("staff_invoice_deferred", "invoice_deferred")


def entitlement(story: Story, acme: SampleServer) -> dict:
    """What the server is told about its first organization."""
    answer = story.client.get(
        "/api/v1/remotes/server/entitlement",
        headers=acme.headers,
        query_string={"realm_uuid": acme.organizations[0].uuid},
    )
    return answer.get_json()


def test_each_silence_is_told_once_to_staff_and_to_the_customer(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    add_person(story, payer, "iago@acme.test")
    add_person(story, payer, "new@acme.test", confirmed=False)
    story.run_jobs_until("2012-02-08")
    told = [
        ("staff_invoice_deferred", story.ctx.catalog.brand.support_email),
        ("invoice_deferred", "iago@acme.test"),
    ]
    assert mails(story, *DEFERRED) == told
    story.on("2012-02-09").upload(acme)
    story.run_jobs()
    assert story.export(payer)["plans"][0]["invoice_deferred_since"] is None
    story.run_jobs_until("2012-03-08")
    # Silent again at the next boundary: that is told again.
    assert mails(story, *DEFERRED) == told * 2
    story.on("2012-03-09").upload(acme)
    story.run_jobs()
    story.assert_statement(payer, "silence_twice.txt")
    story.assert_nothing_left_to_do()


def test_an_estimate_that_was_too_low_is_put_right(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-01-30 12:00:00", acme)
    # After two days nobody knows any more, after three it is estimated.
    story.run_jobs_until("2012-02-02 04:00:00")
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300]
    story.run_jobs_until("2012-02-03 04:00:00")
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300, 4300]
    with unit_of_work(story.ctx) as work:
        estimated = work.session.scalars(select(Invoice).where(Invoice.is_estimated)).one()
        assert [line.is_estimated for line in estimated.lines] == [True, True]
    story.on("2012-02-10")
    story.set_people(acme, 20, at=datetime(2012, 2, 1, 3, 4, 5, tzinfo=UTC))
    story.set_people(acme, 23, at=datetime(2012, 2, 6, 3, 4, 5, tzinfo=UTC))
    story.upload(acme)
    story.run_jobs_until("2012-03-03", acme)
    story.assert_statement(payer, "estimate_too_low.txt")
    story.assert_nothing_left_to_do()


def test_an_estimate_that_was_too_high_is_given_back(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-06")
    story.on("2012-02-10")
    story.set_people(acme, 11, at=datetime(2012, 2, 1, 3, 4, 5, tzinfo=UTC))
    story.set_people(acme, 13, at=datetime(2012, 2, 17, 3, 4, 5, tzinfo=UTC))
    story.upload(acme)
    story.run_jobs_until("2012-03-03", acme)
    story.assert_statement(payer, "estimate_too_high.txt")
    story.assert_nothing_left_to_do()


def test_what_an_estimate_gives_back_beyond_an_invoice_is_kept_as_credit(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(40,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-06")
    story.on("2012-02-10")
    story.set_people(acme, 11, at=datetime(2012, 2, 1, 3, 4, 5, tzinfo=UTC))
    story.upload(acme)
    story.run_jobs_until("2012-03-03", acme)
    with unit_of_work(story.ctx) as work:
        # 29 x 3.50 back, of which the renewal of 38.50 - 20.00 takes what it can.
        assert work.session.scalars(select(BalanceCredit.amount)).all() == [29 * 350 - 1850]
    story.assert_statement(payer, "estimate_kept_as_credit.txt")
    story.assert_nothing_left_to_do()


def test_months_of_silence_are_all_put_right(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-06-05", step=3)
    assert len(story.export(payer)["invoices"]) == 6
    for when, people in (("2012-02-17", 20), ("2012-03-20", 12), ("2012-05-17", 14)):
        moment = datetime.fromisoformat(f"{when} 03:04:05").replace(tzinfo=UTC)
        story.set_people(acme, people, at=moment)
    story.upload(acme)
    story.run_jobs_until("2012-07-03", acme, step=3)
    story.assert_statement(payer, "estimates_of_months.txt")
    story.assert_nothing_left_to_do()


def test_an_estimate_that_was_right_changes_nothing(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-06")
    story.run_jobs_until("2012-04-03", acme)
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300] * 4
    with unit_of_work(story.ctx) as work:
        assert work.session.scalars(select(Adjustment)).all() == []
    story.assert_nothing_left_to_do()


def test_a_silent_annual_plan_goes_through_its_months(estimating: Story) -> None:
    story = estimating
    acme = story.server(seats=(18,))
    story.upgrade(acme, schedule="annual")
    payer = story.payer(acme)
    story.run_jobs_until("2013-01-08", step=7)
    totals = [i["total"] for i in story.export(payer)["invoices"]]
    assert totals == [51600, 75600]
    # The paid part stays on: it is paid for.
    assert entitlement(story, acme)["can_push"] is True
    story.set_people(acme, 17, at=datetime(2012, 12, 30, 3, 4, 5, tzinfo=UTC))
    story.upload(acme)
    story.run_jobs_until("2013-02-03", acme, step=3)
    story.assert_statement(payer, "estimate_annual.txt")
    story.assert_nothing_left_to_do()


def test_without_the_switch_the_paid_part_is_off_after_fourteen_days(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.run_jobs_until("2012-02-16", step=2)
    assert entitlement(story, acme)["can_push"] is True
    story.run_jobs_until("2012-02-16 03:04:06")
    assert entitlement(story, acme)["can_push"] is False
    story.upload(acme)
    assert entitlement(story, acme)["can_push"] is True
