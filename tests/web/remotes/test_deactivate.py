"""POST server/deactivate."""

from typing import Any

import pytest
from sqlalchemy import select

from app.domain.kinds import PlanStatus, PurchaseStatus
from app.models.audit import AuditEntry
from app.models.people import LoginLink
from app.models.sessions import BrowserSession
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.leaving import BLOCKING, HARMLESS, add_purchase, name_of
from tests.support.login import (
    KnownOrganization,
    begin_server_session,
    begin_session,
    load_known_server,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.support.plans import add_customer, add_plan
from tests.support.wire import WireServer, load_organization, load_server, realm, refusal


def test_a_server_without_plans(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    response = server.call("POST", "server/deactivate")
    assert response.get_json() == {"result": "success", "msg": ""}
    assert load_server(ctx).deactivated_at == ctx.now()
    with ctx.sessions() as session:
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.action == "server.deactivated")
        ).one()
    assert refusal(server.upload([]))[:2] == (401, "REMOTE_SERVER_DEACTIVATED")
    assert refusal(server.call("POST", "server/deactivate"))[1] == "REMOTE_SERVER_DEACTIVATED"


@pytest.mark.parametrize("plan", BLOCKING)
@pytest.mark.parametrize("holder", ["organization", "server"])
def test_a_plan_that_is_not_set_to_end_stands_in_the_way(
    server: WireServer, ctx: Context, plan: dict[str, Any], holder: str
) -> None:
    server.upload([], [realm()])
    held_by = load_server(ctx) if holder == "server" else load_organization(ctx)
    add_plan(ctx, add_customer(ctx, held_by), **plan)
    status, code, message = refusal(server.call("POST", "server/deactivate"))
    assert (status, code) == (400, "BAD_REQUEST")
    tier = ctx.catalog.tiers.get(plan.get("tier", "basic"))
    is_scheduled = plan.get("status") is PlanStatus.NEVER_STARTED
    how = "scheduled." if is_scheduled else "which is not set to end."
    assert message.startswith(f"{name_of(held_by)} has the plan {tier.title if tier else 'gold'}")
    assert f"{how} End that before deactivating." in message
    assert load_server(ctx).deactivated_at is None


@pytest.mark.parametrize("plan", HARMLESS)
@pytest.mark.parametrize("holder", ["organization", "server"])
def test_other_plans_do_not(
    server: WireServer, ctx: Context, plan: dict[str, Any], holder: str
) -> None:
    server.upload([], [realm()])
    held_by = load_server(ctx) if holder == "server" else load_organization(ctx)
    add_plan(ctx, add_customer(ctx, held_by), **plan)
    assert server.call("POST", "server/deactivate").status_code == 200


def test_a_scheduled_plan_behind_legacy(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    customer_id = add_customer(ctx, load_organization(ctx))
    add_plan(ctx, customer_id, tier="legacy", price_per_license=0)
    add_plan(ctx, customer_id, tier="business", status=PlanStatus.NEVER_STARTED)
    assert refusal(server.call("POST", "server/deactivate"))[1] == "BAD_REQUEST"


def test_plans_of_other_servers_do_not_matter(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    other_server.upload([], [realm()])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)))
    assert server.call("POST", "server/deactivate").status_code == 200


def test_all_that_stands_in_the_way_is_named(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm(2)])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), tier="business")
    own = add_customer(ctx, load_server(ctx))
    add_plan(ctx, own, tier="legacy", price_per_license=0)
    add_plan(ctx, own, status=PlanStatus.NEVER_STARTED)
    add_purchase(ctx, own)
    host = load_server(ctx).hostname
    assert refusal(server.call("POST", "server/deactivate"))[2] == (
        "Organization 2 has the plan Business, which is not set to end. "
        f"{host} has the plan Basic scheduled. "
        f"{host} has a payment for the plan Basic under way. "
        "End that before deactivating."
    )


def test_a_long_list_of_obstacles_is_cut(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm(number) for number in range(2, 9)])
    for number in range(2, 9):
        add_plan(ctx, add_customer(ctx, load_organization(ctx, realm(number)["uuid"])))
    message = refusal(server.call("POST", "server/deactivate"))[2]
    assert message.count("not set to end") == 5
    assert "2 more of these stand in the way." in message


@pytest.mark.parametrize("holder", ["organization", "server"])
def test_a_payment_under_way_stands_in_the_way(
    server: WireServer, ctx: Context, holder: str
) -> None:
    server.upload([], [realm()])
    held_by = load_server(ctx) if holder == "server" else load_organization(ctx)
    add_purchase(ctx, add_customer(ctx, held_by))
    status, code, message = refusal(server.call("POST", "server/deactivate"))
    assert (status, code) == (400, "BAD_REQUEST")
    assert f"{name_of(held_by)} has a payment for the plan Basic under way." in message


@pytest.mark.parametrize("status", sorted(set(PurchaseStatus) - {PurchaseStatus.OPEN}))
def test_a_payment_that_is_over_does_not(
    server: WireServer, ctx: Context, status: PurchaseStatus
) -> None:
    server.upload([], [realm()])
    add_purchase(ctx, add_customer(ctx, load_organization(ctx)), status=status)
    assert server.call("POST", "server/deactivate").status_code == 200


def test_the_plan_of_an_organization_that_vanished_still_runs(
    server: WireServer, ctx: Context
) -> None:
    server.upload([], [realm(2), realm(3)])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)))
    server.upload([], [realm(3)])
    assert refusal(server.call("POST", "server/deactivate"))[1] == "BAD_REQUEST"


def known(ctx: Context, number: int) -> KnownOrganization:
    found = load_organization(ctx, realm(number)["uuid"])
    return KnownOrganization(found.id, str(found.uuid), found.host, found.server_id)


def test_everybody_is_logged_out_and_links_are_useless(
    server: WireServer, other_server: WireServer, ctx: Context, client: CheckedClient
) -> None:
    server.upload([], [realm(2)])
    other_server.upload([], [realm(3)])
    ours, theirs = known(ctx, 2), known(ctx, 3)
    for place in (ours, theirs):
        begin_session(client, ctx, place)
        make_link(ctx, place)
    begin_server_session(client, ctx, load_known_server(ctx, ours.server_id))
    assert server.call("POST", "server/deactivate").status_code == 200
    with ctx.sessions() as session:
        revoked = session.scalars(
            select(BrowserSession.revoked_at).order_by(BrowserSession.id)
        ).all()
        assert [at is not None for at in revoked] == [True, False, True]
        links = session.execute(select(LoginLink.server_id, LoginLink.revoked_at)).all()
        assert {server_id: at is not None for server_id, at in links} == {
            ours.server_id: True,
            theirs.server_id: False,
        }


def test_the_contact_is_mailed(server: WireServer, ctx: Context, mailer: RecordingMailer) -> None:
    host = load_server(ctx).hostname
    server.call("POST", "server/deactivate")
    mail = mailer.outbox[-1]
    assert mail.subject == f"{host} is not registered any more"
    assert "from the server itself, with its key" in mail.text
    server.call("POST", "server/deactivate")
    assert len(mailer.outbox) == 1
