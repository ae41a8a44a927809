"""Runs killed at every commit and every call to the provider, then repeated: nothing is missing,
nothing is there twice.

A death "before" a commit or call and one "after" the event in front of it leave the same state
behind. So each state is tried twice, once with the provider's webhooks lost and once with all of
them delivered (or once with a person who comes back to the form, and once with one who does not).
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.jobs.conftest import WorldMaker
from tests.support.end_state import end_state
from tests.support.kills import Death, End, Scene, Stage, World
from tests.support.servers import Run

# Each part is a test of its own, so that several processes share the work.
PARTS = 4
RUNS = [
    ("renewals", "invoice-plans"),
    ("renewals invoiced", "deliver"),
    ("refusals invoiced", "deliver"),
    ("purchases", "deliver"),
    ("newcomers", "ensure-provider-customer"),
]
CONFIRMATIONS = ["good card", "declined card", "3-D Secure", "good card after 3-D Secure"]


def deaths(commits: int, calls: int, *, part: int) -> Iterator[Death]:
    """Every place where a run with so many commits and calls can die; each part has its share."""
    every = [
        Death(at, number, moment)
        for at, count in (("commit", commits), ("call", calls))
        for number in range(1, count + 1)
        for moment in ("before", "after")
    ]
    return iter(every[part::PARTS])


def as_json(value: Any) -> Any:
    """The value as it comes back from a file, where tuples are lists."""
    return json.loads(json.dumps(value))


@pytest.fixture
def course(run: Run, stage: Stage, database_backend: str) -> Callable[..., dict[str, Any]]:
    """How a job goes when nobody kills it: its commits, its calls and what it comes to."""

    def follow(name: str, world: World, job: str, **arguments: Any) -> dict[str, Any]:
        def go() -> str:
            with stage.scene(world) as scene:
                commits = scene.run(job, **arguments).commits
                calls = len(stage.proxy.calls)
                repeat_until_nothing_is_left(scene)
                state = end_state(scene.url, scene.emulator)
            return json.dumps({"commits": commits, "calls": calls, "state": state})

        found: dict[str, Any] = json.loads(
            run.once(f"course of {job} in {name} on {database_backend}", go)
        )
        return found

    return follow


def repeat_until_nothing_is_left(scene: Scene) -> None:
    """Run all jobs twice; the first round does what is left and the second finds nothing to do."""
    first, second = scene.run("everything", times=2).value
    for sync, invoiced, delivered in (first, second):
        assert sync["failed"] == invoiced["parked"] == 0, first
        assert delivered["parked"] == delivered["broken"] == delivered["deferred"] == 0, first
    sync, invoiced, delivered = second
    assert sync["entries"] == invoiced["invoiced"] == invoiced["deferred"] == 0, second
    assert delivered["invoices"] == delivered["failed"] == delivered["mails"] == 0, second
    assert delivered["events"] == 0, second


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("name", "job"), RUNS)
def test_a_killed_run_is_made_up_for(
    stage: Stage,
    world: WorldMaker,
    course: Callable[..., dict[str, Any]],
    name: str,
    job: str,
    part: int,
) -> None:
    prepared = world(name)
    whole = course(name, prepared, job, **prepared.notes)
    assert whole["state"]["unsound"] == []
    tried = 0
    for death in deaths(whole["commits"], whole["calls"], part=part):
        with stage.scene(prepared) as scene:
            told = len(scene.events())
            end = scene.run(job, death=death, **prepared.notes)
            assert end.was_killed, (death, end)
            if death.moment == "before":
                scene.deliver_webhooks(since=told)
            if job == "ensure-provider-customer":
                assert scene.run(job, **prepared.notes).value
            repeat_until_nothing_is_left(scene)
            state = as_json(end_state(scene.url, scene.emulator))
        for what, expected in whole["state"].items():
            assert state[what] == expected, f"{what} after the death {death}"
        tried += 1
    print(f"{job} in {name}: {tried} deaths of {2 * (whole['commits'] + whole['calls'])}")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", CONFIRMATIONS)
def test_a_killed_purchase_ends_with_plan_and_money_or_with_neither(
    stage: Stage,
    world: WorldMaker,
    course: Callable[..., dict[str, Any]],
    name: str,
    part: int,
) -> None:
    prepared = world(name)
    form = {"uuid": prepared.notes["uuid"], "token": prepared.notes["token"]}
    whole = course(name, prepared, "confirm", **form)
    tried = 0
    for death in deaths(whole["commits"], whole["calls"], part=part):
        with stage.scene(prepared) as scene:
            end = scene.run("confirm", death=death, **form)
            assert end.was_killed, (death, end)
            if death.moment == "before":
                assert_answered(scene.run("confirm", **form))
            repeat_until_nothing_is_left(scene)
            scene.stand_at("2012-02-03T04:04:05+00:00")
            repeat_until_nothing_is_left(scene)
            state = end_state(scene.url, scene.emulator)
        assert state["unsound"] == [], death
        assert_plan_and_money_agree(state, death)
        tried += 1
    print(f"confirm with {name}: {tried} deaths of {2 * (whole['commits'] + whole['calls'])}")


def assert_answered(end: End) -> None:
    """The person who sends the same form again gets an answer and no error page."""
    assert end.report is not None and "crash" not in end.report, end


def assert_plan_and_money_agree(state: dict[str, Any], death: Death | None = None) -> None:
    """One plan and one paid invoice, or no plan and nothing that is paid or could be."""
    plans = [plan for plan in state["plans"] if plan[2] == "active"]
    paid = [invoice for invoice in state["invoices"] if invoice[1] == "paid"]
    alive = [invoice for invoice in state["provider's invoices"] if invoice[1] in ("open", "draft")]
    assert len(plans) == len(paid) == len(state["provider's money"]) <= 1, (death, state)
    assert alive == [] and not any(i[1] in ("open", "draft") for i in state["invoices"]), death
