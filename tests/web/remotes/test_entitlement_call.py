"""can_push in the answer of an upload, and GET server/entitlement."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.clock import FixedClock
from app.domain.kinds import AtCycleEnd, PlanStatus
from app.services.context import Context
from tests.support.plans import add_customer, add_plan
from tests.support.wire import (
    START,
    WireServer,
    audit_row,
    load_organization,
    load_server,
    realm,
    refusal,
)


def facts(server: WireServer, number: int = 2) -> tuple[Any, ...]:
    answer = server.entitlement(realm(number)["uuid"]).get_json()
    assert answer["quotas"] == []
    return tuple(answer[n] for n in ("can_push", "reason", "plan", "licenses", "seats"))


def can_push(server: WireServer, *numbers: int) -> list[bool]:
    answer = server.upload([], [realm(n) for n in numbers]).get_json()["realms"]
    return [answer[realm(n)["uuid"]]["can_push"] for n in numbers]


def test_without_a_plan_people_decide_for_each_organization(server: WireServer) -> None:
    server.upload([audit_row(1, 10), audit_row(2, 11, organization=3)], [realm(2), realm(3)])
    assert can_push(server, 2, 3) == [True, False]
    assert facts(server, 2) == (True, "free", "free", None, 10)
    assert facts(server, 3) == (False, "over_free_limit", "free", None, 11)


def test_bots_do_not_count_and_guests_do(server: WireServer) -> None:
    roles = {"10": {"11": {"100": 1, "400": 8, "600": 1}, "12": 50}}
    server.upload([audit_row(1, extra_data=roles)], [realm()])
    assert facts(server) == (True, "free", "free", None, 10)


def test_stale_and_never_uploaded(server: WireServer, clock: FixedClock) -> None:
    server.upload(None, [realm()])
    assert facts(server)[:2] == (False, "never_uploaded")
    server.upload([])
    clock.advance(days=2)
    assert facts(server)[:2] == (True, "free")
    clock.advance(seconds=1)
    assert facts(server)[:2] == (False, "stale")


def test_the_plan_of_the_organization_covers_it_alone(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 30), audit_row(2, 30, organization=3)], [realm(2), realm(3)])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), tier="business", licenses=31)
    assert can_push(server, 2, 3) == [True, False]
    assert facts(server, 2) == (True, "plan", "business", 31, 30)


def test_the_plan_of_the_server_covers_the_others(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 30), audit_row(2, 40, organization=3)], [realm(2), realm(3)])
    add_plan(ctx, add_customer(ctx, load_server(ctx)), tier="basic", licenses=70)
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), tier="business", licenses=30)
    assert can_push(server, 2, 3) == [True, True]
    assert facts(server, 2) == (True, "plan", "business", 30, 30)
    assert facts(server, 3) == (True, "plan", "basic", 70, 40)


@pytest.mark.parametrize("holder", ["organization", "server"])
def test_sponsored(server: WireServer, ctx: Context, clock: FixedClock, holder: str) -> None:
    server.upload([audit_row(1, 500)], [realm()])
    held_by = load_server(ctx) if holder == "server" else load_organization(ctx)
    add_plan(ctx, add_customer(ctx, held_by), tier="community", licenses=500, price_per_license=0)
    clock.advance(days=30)
    assert facts(server) == (True, "sponsored", "community", 500, 500)


@pytest.mark.parametrize("people", [10, 11])
def test_a_plan_that_is_set_to_end(server: WireServer, ctx: Context, people: int) -> None:
    server.upload([audit_row(1, people)], [realm()])
    end = ctx.now() + timedelta(days=31)
    add_plan(
        ctx,
        add_customer(ctx, load_organization(ctx)),
        at_cycle_end=AtCycleEnd.END,
        licenses=people,
        end_date=end,
    )
    answer = server.upload([], [realm()]).get_json()["realms"][realm()["uuid"]]
    expected = int(end.timestamp()) if people > 10 else None
    assert answer == {"can_push": True, "expected_end_timestamp": expected}
    assert facts(server)[:2] == (True, "plan_ending")


def test_an_invoice_that_waits_too_long_for_data(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload([audit_row(1, 30)], [realm()])
    add_plan(
        ctx,
        add_customer(ctx, load_organization(ctx)),
        invoice_deferred_since=ctx.now(),
        licenses=30,
    )
    clock.advance(days=14)
    assert facts(server)[:2] == (True, "plan")
    clock.advance(seconds=1)
    assert facts(server)[:2] == (False, "stale")
    # The data is here: what the invoice waits for now is our daily run.
    assert server.upload([]).status_code == 200
    assert facts(server)[:2] == (True, "plan")


def test_a_plan_whose_end_has_passed_covers_nothing(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload([audit_row(1, 30)], [realm()])
    end = ctx.now() + timedelta(days=1)
    customer = add_customer(ctx, load_organization(ctx))
    add_plan(ctx, customer, at_cycle_end=AtCycleEnd.END, licenses=30, end_date=end)
    clock.set(end)
    # The daily run has not come to it yet.
    assert facts(server) == (False, "over_free_limit", "free", None, 30)


@pytest.mark.parametrize("status", [PlanStatus.ENDED, PlanStatus.NEVER_STARTED])
def test_only_a_live_plan_covers(server: WireServer, ctx: Context, status: PlanStatus) -> None:
    server.upload([audit_row(1, 30)], [realm()])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), status=status)
    assert facts(server) == (False, "over_free_limit", "free", None, 30)


def test_a_tier_that_left_the_catalog(server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(1, 30)], [realm()])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), tier="gold", licenses=30)
    assert facts(server) == (True, "plan", "gold", 30, 30)


def test_an_upload_moves_the_ledger_and_the_answer(
    server: WireServer, ctx: Context, clock: FixedClock
) -> None:
    server.upload([audit_row(1, 11)], [realm()])
    add_plan(ctx, add_customer(ctx, load_organization(ctx)), licenses=11)
    clock.advance(hours=1)
    server.upload([audit_row(2, 15, at=clock.now().timestamp())], [realm()])
    assert facts(server) == (True, "plan", "basic", 15, 15)


def test_organizations_of_others(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    assert refusal(server.entitlement())[:2] == (403, "MISSING_REMOTE_REALM")
    server.upload([], [realm()])
    response = other_server.entitlement()
    assert refusal(response)[:2] == (403, "REMOTE_REALM_SERVER_MISMATCH_ERROR")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("query", ["", "realm_uuid=", "realm_uuid=x", "realm_uuid=%00"])
def test_a_malformed_query(server: WireServer, query: str) -> None:
    response = server.call("GET", "server/entitlement", query_string=query)
    status, code, message = refusal(response)
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("realm_uuid")


def test_the_number_of_queries_does_not_grow(server: WireServer) -> None:
    def statements(first_row: int, *, organizations: int, rows_each: int) -> int:
        seen: list[str] = []

        def note(*args: Any) -> None:
            seen.append(args[2])

        rows = [
            audit_row(first_row + n, 3, organization=2 + n % organizations, at=START + n - 90_000)
            for n in range(organizations * rows_each)
        ]
        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert server.upload(rows, listed).status_code == 200
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(seen)

    listed = [realm(2 + n) for n in range(80)]
    assert server.upload([], listed).status_code == 200
    few = statements(10, organizations=2, rows_each=1)
    assert statements(1000, organizations=80, rows_each=40) == few <= 20


def test_time_is_the_portals(server: WireServer, ctx: Context, clock: FixedClock) -> None:
    server.upload([audit_row(1, 3)], [realm()])
    clock.set(datetime(2011, 1, 1, tzinfo=ctx.now().tzinfo))
    # Before the row: nobody had been counted yet.
    assert facts(server)[4] == 0
