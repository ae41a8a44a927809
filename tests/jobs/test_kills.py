"""Runs killed at every commit and every call to the provider, then repeated: nothing is missing,
nothing is there twice.

A death "before" a commit or call and one "after" the event in front of it leave the same state
behind. So each state is tried twice, once with the provider's webhooks lost and once with all of
them delivered (or once with a person who comes back to the form, and once with one who does not).
SQLite tries all of that. PostgreSQL tries each state once, in turn with and without being told: what
a state comes to does not depend on the database, what a death leaves behind in one does.
"""

from collections.abc import Iterator

import pytest

from tests.jobs.checks import (
    assert_plan_and_money_agree,
    assert_same_end,
    repeat_until_nothing_is_left,
    said,
)
from tests.jobs.conftest import Course, CourseMaker, WorldMaker
from tests.support.end_state import end_state
from tests.support.killing_proxy import Death
from tests.support.kills import Stage

# Each part is a test of its own, so that several processes share the work.
PARTS = 2
RUNS = [
    ("renewals", "invoice-plans"),
    ("renewals invoiced", "deliver"),
    ("refusals invoiced", "deliver"),
    ("purchases", "deliver"),
    ("orders", "deliver"),
    ("newcomers", "ensure-provider-customer"),
    ("new card", "new-card"),
]
# No job of ours comes back to these: a person does, or the provider's webhook.
TOLD_AGAIN = ("ensure-provider-customer", "new-card")
CONFIRMATIONS = [
    "good card",
    "declined card",
    "3-D Secure",
    "good card after 3-D Secure",
    "by invoice",
]
# Longer than an authentication may take, and longer than a sent invoice may be paid.
A_DAY_LATER, A_SEASON_LATER = "2012-02-03T04:04:05+00:00", "2012-04-05T03:04:05+00:00"


def deaths(course: Course, *, part: int, backend: str) -> Iterator[tuple[Death, bool]]:
    """Every place where such a run can die, and whether the portal is told again afterwards; each
    part has its share."""
    every = [
        (Death(at, number, moment), is_told)
        for at, count in (("commit", course.commits), ("call", course.calls))
        for number in range(1, count + 1)
        for moment, is_told in (
            (("before", True), ("after", False))
            if backend == "sqlite"
            # Behind the last one there is no other in front of which that state is met.
            else (("before", number % 2 == 1), *([("after", True)] if number == count else ()))
        )
    ]
    return iter(every[part::PARTS])


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("name", "job"), RUNS)
def test_a_killed_run_is_made_up_for(
    stage: Stage,
    world: WorldMaker,
    course: CourseMaker,
    database_backend: str,
    name: str,
    job: str,
    part: int,
) -> None:
    prepared = world(name)
    arguments = prepared.notes.get(job, {})
    whole = course(name, job, arguments)
    assert whole.state["unsound"] == []
    stage.warm(prepared, job, **arguments)
    tried = 0
    for death, is_told in deaths(whole, part=part, backend=database_backend):
        with stage.scene(prepared) as scene:
            told = len(scene.events())
            end = scene.run(job, death=death, **arguments)
            assert end.was_killed, (death, end)
            if job in TOLD_AGAIN:
                assert scene.run(job, **arguments).value
            # The newest first, as they never come.
            events = scene.events()[told:][::-1] if is_told else ()
            repeat_until_nothing_is_left(scene, prepared.now, events=events)
            assert_same_end(scene, whole.state, after=death)
        tried += 1
    print(f"{job} in {name}: {tried} of {whole.places} places to die")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", CONFIRMATIONS)
def test_a_killed_purchase_ends_with_plan_and_money_or_with_neither(
    stage: Stage,
    world: WorldMaker,
    course: CourseMaker,
    database_backend: str,
    name: str,
    part: int,
) -> None:
    prepared = world(name)
    form = prepared.notes["mine"]
    whole = course(name, "confirm", form)
    stage.warm(prepared, "confirm", **form)
    # A plan that starts has to be invoiced in a season, for which no server of these reports.
    instants = [A_DAY_LATER, A_SEASON_LATER] if name == "by invoice" else [A_DAY_LATER]
    tried = 0
    for death, is_told in deaths(whole, part=part, backend=database_backend):
        with stage.scene(prepared) as scene:
            end = scene.run("confirm", death=death, **form)
            assert end.was_killed, (death, end)
            if is_told:
                assert said(scene.run("confirm", **form))
            repeat_until_nothing_is_left(scene, prepared.now, *instants)
            state = end_state(scene.url, scene.emulator)
        assert_plan_and_money_agree(state, after=death)
        tried += 1
    print(f"confirm with {name}: {tried} of {whole.places} places to die")
