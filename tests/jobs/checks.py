"""What is looked at after runs were killed or went at once."""

import json
from collections.abc import Sequence
from typing import Any

from tests.support.end_state import end_state
from tests.support.kills import End, Scene


def as_json(value: Any) -> Any:
    """The value as it comes back from a file, where tuples are lists."""
    return json.loads(json.dumps(value))


def repeat_until_nothing_is_left(
    scene: Scene, *instants: str, events: Sequence[dict[str, str]] = ()
) -> None:
    """Let the portal hear of `events`, then run all jobs twice at each of `instants`: the first
    round does what is left and the second finds nothing to do."""
    rounds = scene.run("everything", events=list(events), instants=instants).value
    for sync, invoiced, delivered in rounds:
        assert sync["failed"] == invoiced["parked"] == 0, rounds
        assert delivered["parked"] == delivered["broken"] == delivered["deferred"] == 0, rounds
    for sync, invoiced, delivered in rounds[1::2]:
        assert sync["entries"] == invoiced["invoiced"] == invoiced["deferred"] == 0, rounds
        assert delivered["invoices"] == delivered["failed"] == delivered["mails"] == 0, rounds
        assert delivered["events"] == 0, rounds


def assert_same_end(scene: Scene, expected: dict[str, Any], *, after: object) -> None:
    """What it has come to is what a single run comes to, in our database and at the provider."""
    state = as_json(end_state(scene.url, scene.emulator))
    for what, wanted in expected.items():
        assert state[what] == wanted, f"{what} after {after}"


def assert_plan_and_money_agree(state: dict[str, Any], *, after: object) -> None:
    """One plan and one paid invoice, or no plan and nothing that is paid or could be."""
    assert state["unsound"] == [], after
    plans = [plan for plan in state["plans"] if plan[2] == "active"]
    paid = [invoice for invoice in state["invoices"] if invoice[1] == "paid"]
    alive = [invoice for invoice in state["provider's invoices"] if invoice[1] in ("open", "draft")]
    assert len(plans) == len(paid) == len(state["provider's money"]) <= 1, (after, state)
    assert alive == [] and not any(i[1] in ("open", "draft") for i in state["invoices"]), after


def said(end: End) -> str:
    """What the person was told: the outcome, or the code of the error. Fails on an error page."""
    assert end.report is not None and "crash" not in end.report, end
    return str(end.report["refused"] if "refused" in end.report else end.value["outcome"])
