"""A server's plan goes to its only organization when somebody logs in there, and only then."""

import pytest
from sqlalchemy import select, update

from app.domain.errors import BillingError
from app.domain.kinds import CustomerKind
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization
from app.services.context import CLI
from app.services.customers import Payer, claim_payer
from app.services.login_failures import LoginRefused
from app.services.move_plan import move_plan
from app.services.plan_moves import Stays
from app.services.unit_of_work import unit_of_work
from app.web.wording import message_for
from tests.scenarios.story import SampleServer, Story

pytestmark = pytest.mark.sqlite_only


def customer_of(story: Story, server: SampleServer, organization: int | None, **values: object):
    """Make the customer row, as a sponsorship or a look at a card would, and set `values`."""
    payer = story.payer(server, organization)
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        for name, value in values.items():
            setattr(customer, name, value)
        work.commit()


def set_organization(story: Story, server: SampleServer, index: int, **values: object) -> None:
    """Change what is stored of an organization, behind the server's back."""
    uuid = server.organizations[index].uuid
    with unit_of_work(story.ctx) as work:
        work.session.execute(update(Organization).where(Organization.uuid == uuid).values(**values))
        work.commit()


def holder(story: Story) -> list[tuple[str, str]]:
    """Who has a plan that lives: kind and UUID."""
    with unit_of_work(story.ctx) as work:
        found = select(Customer.kind, Customer.uuid).join(Plan, Plan.customer_id == Customer.id)
        found = found.where(Plan.ended_at.is_(None)).order_by(Plan.id)
        return [(row.kind.value, row.uuid) for row in work.session.execute(found)]


def refused(story: Story, server: SampleServer, *, organization: int = 0) -> Stays:
    """Log in, and return why the plan stays; nothing has moved."""
    before = holder(story)
    with pytest.raises(LoginRefused) as caught:
        story.log_in(server, organization=organization)
    assert caught.value.code == "login_plan_elsewhere"
    assert holder(story) == before
    return Stays(str(caught.value.params["reason"]))


def test_the_customer_itself_moves(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    assert holder(story) == [("server", server.uuid)]
    story.on("2012-01-12")
    story.upload_seats(server, 20)
    assert story.log_in(server) == "billing"
    organization = server.organizations[0]
    assert holder(story) == [("organization", organization.uuid)]
    story.on("2012-01-20")
    story.upload_seats(server, 23)
    story.run_jobs_until("2012-02-03", server)
    story.assert_statement(story.payer(server), "moves_customer_at_login.txt")
    assert story.export(story.payer(server)) == story.export(story.payer(server, None))
    # A later login finds nothing to move.
    assert story.log_in(server) == "billing"
    story.assert_nothing_left_to_do()
    with unit_of_work(story.ctx) as work:
        entry = work.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "plan.transferred")
        ).one()
        assert entry.before is not None and entry.after is not None
        assert (entry.before["kind"], entry.after["kind"]) == ("server", "organization")
        assert entry.actor.startswith("billing_user:")


def test_plan_and_provider_go_to_a_customer_that_there_is(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None, schedule="annual")
    customer_of(story, server, 0)
    story.on("2012-03-10")
    story.upload(server)
    story.log_in(server)
    assert holder(story) == [("organization", server.organizations[0].uuid)]
    with unit_of_work(story.ctx) as work:
        rows = {row.kind: row for row in work.session.scalars(select(Customer)).unique()}
        assert rows[CustomerKind.ORGANIZATION].stripe_customer_id is not None
        assert rows[CustomerKind.ORGANIZATION].card_last4 == "4242"
        assert rows[CustomerKind.SERVER].stripe_customer_id is None
        assert rows[CustomerKind.SERVER].card_last4 is None
    story.on("2012-03-20")
    story.upload_seats(server, 25)
    story.run_jobs_until("2013-01-03", server, step=10)
    story.assert_statement(story.payer(server), "moves_plan_at_login.txt")
    story.assert_nothing_left_to_do()


def test_the_count_is_that_of_the_organization_and_the_past_stays(story: Story) -> None:
    server = story.server(seats=(11, 5))
    story.upgrade(server, organization=None)
    story.on("2012-01-10")
    # The other organization is switched off, and only then there is one to move to.
    story.set_people(server, 5, organization=1, event_type=201)
    server.organizations[1].deactivated = True
    story.upload(server)
    story.on("2012-01-12")
    story.upload(server)
    story.log_in(server)
    # Late rows of the time before, of both organizations, count for what the plan was then.
    story.on("2012-01-14")
    story.set_people(server, 12, at=story.clock.now().replace(day=8))
    story.set_people(server, 9, organization=1, at=story.clock.now().replace(day=9))
    story.upload(server)
    story.run_jobs_until("2012-02-03", server)
    story.assert_statement(story.payer(server), "moves_past_stays.txt")
    story.assert_nothing_left_to_do()


def test_staff_move_a_plan_back_and_forth(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    story.on("2012-01-12")
    story.upload(server)
    story.log_in(server)
    story.on("2012-01-13")
    story.upload(server)
    ends = story.payer(server), story.payer(server, None)
    with unit_of_work(story.ctx) as work:
        move_plan(work, *ends, actor=CLI, reason="they asked")
        work.commit()
    assert holder(story) == [("server", server.uuid)]
    story.add_organization(server, realm_id=3)
    story.set_people(server, 4, organization=1)
    story.upload(server)
    story.run_jobs_until("2012-02-03", server)
    story.assert_statement(story.payer(server, None), "moves_back_to_server.txt")
    assert story.export(story.payer(server)) == story.export(story.payer(server, None))
    story.assert_nothing_left_to_do()


def test_a_server_whose_plan_has_moved_buys_as_no_new_customer(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    story.on("2012-01-12")
    story.upload(server)
    story.log_in(server)
    story.add_organization(server, realm_id=3)
    story.set_people(server, 4, organization=1)
    story.upload(server)
    story.upgrade(server, organization=None)
    assert [kind for kind, _ in holder(story)] == ["organization", "server"]
    story.assert_statement(story.payer(server, None), "moves_server_buys_again.txt")
    # One payer: an organization with a plan of its own logs in by itself, and nothing moves.
    assert story.log_in(server) == "billing"
    assert [kind for kind, _ in holder(story)] == ["organization", "server"]


def test_it_stays_with_several_organizations(story: Story) -> None:
    server = story.server(seats=(18, 3))
    story.upgrade(server, organization=None)
    assert refused(story, server) is Stays.SEVERAL_ORGANIZATIONS
    assert refused(story, server, organization=1) is Stays.SEVERAL_ORGANIZATIONS
    # Those of system bots do not count.
    set_organization(story, server, 1, is_system_bot_realm=True)
    assert refused(story, server, organization=1) is Stays.NOT_BILLABLE
    story.log_in(server)
    assert holder(story) == [("organization", server.organizations[0].uuid)]


@pytest.mark.parametrize("organization", [None, 0])
def test_it_stays_while_sponsorship_is_pending(story: Story, organization: int | None) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    customer_of(story, server, organization, sponsorship_pending=True)
    assert refused(story, server) is Stays.SPONSORSHIP_PENDING


def test_it_stays_when_the_organization_is_known_to_the_provider(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    customer_of(story, server, 0, stripe_customer_id="cus_before")
    assert refused(story, server) is Stays.PAID_BEFORE


def test_it_stays_while_a_payment_is_under_way(story: Story) -> None:
    server = story.server(seats=(18,))
    story.order(server, organization=0, licenses=30)
    story.upgrade(server, organization=None)
    assert refused(story, server) is Stays.OPEN_PURCHASE


def test_it_stays_when_terms_were_agreed_with_both(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    customer_of(story, server, None, required_plan_tier="basic")
    customer_of(story, server, 0, required_plan_tier="basic")
    assert refused(story, server) is Stays.OTHER_TERMS
    customer_of(story, server, 0, required_plan_tier=None)
    story.log_in(server)
    with unit_of_work(story.ctx) as work:
        customers = work.session.scalars(select(Customer)).unique()
        assert {row.kind: row.required_plan_tier for row in customers} == {
            CustomerKind.ORGANIZATION: "basic",
            CustomerKind.SERVER: None,
        }


@pytest.mark.parametrize("gone", [False, True])
def test_nobody_logs_in_to_an_organization_that_is_switched_off(story: Story, gone: bool) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    half = story.begin_login(server)
    values = {"locally_deleted_at": story.clock.now()} if gone else {"deactivated": True}
    set_organization(story, server, 0, **values)
    with pytest.raises(LoginRefused) as caught:
        story.finish_login(half)
    assert caught.value.code == "login_organization_inactive"
    assert holder(story) == [("server", server.uuid)]


def test_what_came_between_page_and_click_counts(story: Story) -> None:
    server = story.server(seats=(18,))
    story.upgrade(server, organization=None)
    half = story.begin_login(server)
    story.add_organization(server, realm_id=3)
    story.upload(server)
    with pytest.raises(LoginRefused) as caught:
        story.finish_login(half)
    assert caught.value.code == "login_plan_elsewhere"
    assert holder(story) == [("server", server.uuid)]


def test_staff_hear_why_a_plan_cannot_move(story: Story) -> None:
    server, other = story.server(seats=(18,)), story.server(seats=(3, 4))
    own, whole = story.payer(server), story.payer(server, None)

    def move(giver: Payer, taker: Payer) -> str:
        with unit_of_work(story.ctx) as work, pytest.raises(BillingError) as caught:
            move_plan(work, giver, taker, actor=CLI, reason="they asked")
        return message_for(caught.value)

    pointless = "There is no live plan to move"
    with story.app.test_request_context():
        assert pointless in move(whole, own)
        story.upgrade(server, organization=None)
        assert pointless in move(whole, whole)
        assert pointless in move(whole, story.payer(other))
        story.upgrade(other, organization=0)
        customer_of(story, server, 0, sponsorship_pending=True)
        assert "sponsorship" in move(whole, own)
        customer_of(story, server, 0, sponsorship_pending=False)
        story.give_card(own)
        assert "known to the payment provider" in move(whole, own)
        story.upgrade(other, organization=None)
        assert "has a live or scheduled plan" in move(story.payer(other, None), story.payer(other))
    assert next(uuid for _, uuid in holder(story)) == server.uuid
