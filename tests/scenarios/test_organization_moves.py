"""An organization goes to another server: past counts stay, its plan goes on."""

import pytest
from sqlalchemy import select

from app.domain.errors import BillingError
from app.models.audit import AuditEntry
from app.models.mails import Mail
from app.models.registrations import Organization
from app.services.context import CLI
from app.services.move_organization import load_organization_id, move_organization
from app.services.servers import load_server_id
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story
from tests.scenarios.test_moves_by_staff import REASON, billing, refused

pytestmark = pytest.mark.sqlite_only


def move(story: Story, source: SampleServer, target: SampleServer, *, organization: int = 0):
    """Support moves it, and the product's admins have exported and imported it before."""
    place = source.organizations[organization]
    with unit_of_work(story.ctx) as work:
        move_organization(
            work,
            load_organization_id(work, uuid=place.uuid),
            load_server_id(work.session, uuid=target.uuid),
            actor=CLI,
            reason="they asked",
        )
        work.commit()
    number = max((o.realm_id for o in target.organizations), default=1) + 1
    moved = type(place)(number, place.uuid, place.host, place.people)
    target.organizations.append(moved)


def test_its_own_plan_goes_on_with_rows_of_both(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(2,))
    story.upgrade(old)
    story.on("2012-01-10")
    story.upload_seats(old, 20)
    story.upload(new)
    move(story, old, new)
    story.on("2012-01-20")
    story.upload_seats(new, 23, organization=1)
    # The old server has not noticed, and sends a late row and one of a copy that is not it.
    story.set_people(old, 21, at=story.clock.now().replace(day=8))
    story.set_people(old, 99)
    story.upload(old)
    story.run_jobs_until("2012-02-03", old, new)
    payer = story.payer(old)
    story.assert_statement(payer, "moves_organization_own_plan.txt")
    moves = story.export(payer)["customer"]["moves"]
    assert [(m["what"], m["from"], m["to"]) for m in moves] == [
        ("organization", old.uuid, new.uuid)
    ]
    story.assert_nothing_left_to_do()


def test_the_old_servers_plan_counts_it_until_then(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(2,))
    story.upgrade(old, organization=None)
    story.on("2012-01-10")
    story.upload(old)
    story.upload(new)
    move(story, old, new)
    story.on("2012-01-20")
    # Late for the old one; what the new one knows of that time changes nothing there.
    story.set_people(old, 25, at=story.clock.now().replace(day=8))
    story.upload(old)
    story.set_people(new, 40, organization=1, at=story.clock.now().replace(day=9))
    story.upload(new)
    story.set_people(old, 4, organization=1, at=story.clock.now().replace(day=7))
    story.upload(old)
    story.run_jobs_until("2012-02-03", old, new)
    story.assert_statement(story.payer(old, None), "moves_organization_old_server.txt")
    story.assert_nothing_left_to_do()


def test_the_new_servers_plan_counts_it_from_then_on(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(12,))
    story.upgrade(new, organization=None)
    story.on("2012-01-10")
    story.upload(old)
    story.upload(new)
    move(story, old, new)
    story.on("2012-01-20")
    story.upload_seats(new, 19, organization=1)
    story.set_people(new, 13, at=story.clock.now().replace(day=8))
    story.upload(new)
    story.run_jobs_until("2012-02-03", old, new)
    story.assert_statement(story.payer(new, None), "moves_organization_new_server.txt")
    story.assert_nothing_left_to_do()


def test_one_that_was_switched_off_for_the_export_is_active_again(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(2,))
    story.upgrade(old)
    story.on("2012-01-10")
    story.set_people(old, 18, event_type=201)
    old.organizations[0].deactivated = True
    story.upload(old)
    story.on("2012-01-12")
    story.upload(old)
    story.upload(new)
    move(story, old, new)
    story.upload(new)
    story.run_jobs_until("2012-02-03", old, new)
    story.assert_statement(story.payer(old), "moves_organization_switched_off.txt")
    story.assert_nothing_left_to_do()


def test_support_takes_it_back(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(12,))
    story.upgrade(old, organization=None)
    story.on("2012-01-10")
    story.upload(old)
    story.upload(new)
    uuid = old.organizations[0].uuid
    tried = billing(story, "move-organization", uuid, "--to", new.uuid, *REASON, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "people who count there: 18" in tried.output and "nothing was changed" in tried.output
    for target in (new, old):
        done = billing(story, "move-organization", uuid, "--to", target.uuid, *REASON)
        assert done.exit_code == 0, done.output
        story.on("2012-01-14")
    story.upload(old)
    story.run_jobs_until("2012-02-03", old, new)
    story.assert_statement(story.payer(old, None), "moves_organization_back.txt")
    story.assert_nothing_left_to_do()
    again = billing(story, "move-organization", uuid, "--to", old.uuid, *REASON)
    assert "on that server already" in refused(again)
    refused(billing(story, "move-organization", "nonsense", "--to", old.uuid, *REASON))


def test_it_is_told_and_written_down(story: Story) -> None:
    old, new = story.server(seats=(18, 3)), story.server(seats=(2,))
    assert story.log_in(old) == "plans"
    half = story.begin_login(old)
    move(story, old, new)
    with pytest.raises(BillingError) as caught:
        story.finish_login(half)
    assert caught.value.code == "login_link_moved"
    with unit_of_work(story.ctx) as work:
        mails = select(Mail.recipient).where(Mail.template == "organization_moved")
        assert set(work.session.scalars(mails)) == {"a@acme.test", "root@acme.test"}
        actions = select(AuditEntry.action).where(AuditEntry.actor == "cli")
        assert set(work.session.scalars(actions)) == {"organization.moved", "organization.left"}
    # The new server names its number with its next list, and asks for links from then on.
    story.upload(new)
    assert story.log_in(new, organization=1) == "plans"
    with unit_of_work(story.ctx) as work:
        numbers = select(Organization.remote_realm_id)
        numbers = numbers.where(Organization.uuid == old.organizations[0].uuid)
        assert work.session.scalars(numbers).one() == new.organizations[1].realm_id


def test_what_cannot_be(story: Story) -> None:
    old, new = story.server(seats=(18,)), story.server(seats=(2,))
    with unit_of_work(story.ctx) as work:
        key = load_organization_id(work, uuid=old.organizations[0].uuid)
        home = load_server_id(work.session, uuid=old.uuid)
        target = load_server_id(work.session, uuid=new.uuid)
    for server_id, expected, code in (
        (home, None, "organization_move_same"),
        (target, target, "organization_moved"),
    ):
        with unit_of_work(story.ctx) as work, pytest.raises(BillingError) as caught:
            move_organization(work, key, server_id, actor=CLI, from_server_id=expected)
        assert caught.value.code == code
    billing(story, "deactivate-server", new.uuid, *REASON)
    with unit_of_work(story.ctx) as work, pytest.raises(BillingError) as caught:
        move_organization(work, key, target, actor=CLI)
    assert caught.value.code == "server_deactivated"
