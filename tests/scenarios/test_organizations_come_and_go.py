"""Organizations that are deactivated, vanish and come back, and who pays for them meanwhile."""

from sqlalchemy import select

from app.models.mails import Mail
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import Story


def vanished(story: Story) -> int:
    """How often staff were told that an organization with a plan is gone."""
    with unit_of_work(story.ctx) as work:
        found = select(Mail.id).where(Mail.template == "organization_vanished")
        return len(work.session.scalars(found).all())


def test_a_deactivated_organization_counts_nothing_until_it_is_back(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=None)
    payer = story.payer(acme, None)
    place = acme.organizations[1]
    place.deactivated = True
    story.on("2012-01-20").set_people(acme, 7, organization=1, event_type=201)
    story.run_jobs_until("2012-02-10", acme, step=7)
    place.deactivated = False
    story.set_people(acme, 9, organization=1, event_type=202)
    story.upload(acme)
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(payer, "deactivated_organization.txt")
    assert vanished(story) == 0
    story.assert_nothing_left_to_do()


def test_the_own_plan_of_a_deactivated_organization_goes_on_with_its_minimum(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    acme.organizations[0].deactivated = True
    story.on("2012-01-20").set_people(acme, 18, event_type=201)
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(payer, "deactivated_with_a_plan.txt")
    story.assert_nothing_left_to_do()


def test_staff_are_told_when_an_organization_with_a_plan_vanishes(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=0)
    payer = story.payer(acme, 0)
    gone = acme.organizations.pop(0)
    story.on("2012-01-20").upload(acme)
    assert vanished(story) == 1
    # Once for each time that it vanishes, not once for each upload.
    story.on("2012-01-21").upload(acme)
    assert vanished(story) == 1
    story.run_jobs_until("2012-02-10", acme, step=7)
    acme.organizations.insert(0, gone)
    story.upload(acme)
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(payer, "vanished_with_a_plan.txt")
    story.assert_nothing_left_to_do()


def test_nobody_is_told_of_one_without_a_plan(story: Story) -> None:
    acme = story.server(seats=(18, 7))
    story.upgrade(acme, organization=0)
    acme.organizations.pop(1)
    story.on("2012-01-20").upload(acme)
    assert vanished(story) == 0


def test_a_scheduled_plan_begins_although_the_server_bought_meanwhile(story: Story) -> None:
    """Its own plan comes first all the time: the server never pays for it."""
    acme = story.server(seats=(18, 7))
    story.give_legacy(acme, until="2012-02-20")
    own, server = story.payer(acme, 0), story.payer(acme, None)
    story.give_card(own)
    story.schedule_upgrade(acme, tier="basic", schedule="monthly")
    story.on("2012-01-10").upload(acme)
    story.upgrade(acme, organization=None)
    story.run_jobs_until("2012-03-21", acme, step=1)
    assert [plan["status"] for plan in story.export(own)["plans"]] == ["ended", "active"]
    assert {entry["licenses"] for entry in story.export(server)["ledger"]} == {7}
    story.assert_statement(own, "scheduled_beside_a_server.txt")
    story.assert_statement(server, "server_beside_a_scheduled.txt")
    story.assert_nothing_left_to_do()
