"""POST server/deactivate."""

from typing import Any

import pytest
from sqlalchemy import select

from app.domain.kinds import AtCycleEnd, PlanStatus
from app.models.audit import AuditEntry
from app.services.context import Context
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


BLOCKING: list[dict[str, Any]] = [
    {},
    {"tier": "business"},
    {"status": PlanStatus.TRIAL},
    {"status": PlanStatus.NEVER_STARTED},
    {"at_cycle_end": AtCycleEnd.SWITCH_SCHEDULE},
    {"at_cycle_end": AtCycleEnd.SWITCH_TIER},
    {"tier": "gold"},
]
HARMLESS: list[dict[str, Any]] = [
    {"at_cycle_end": AtCycleEnd.END},
    {"status": PlanStatus.ENDED},
    {"tier": "legacy", "price_per_license": 0},
    {"tier": "community", "price_per_license": 0},
]


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
    assert (tier.title if tier else "gold") in message
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
