"""Two runs at once, in processes of their own: the same end as one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.domain.errors import BillingError
from app.services.context import Context
from app.services.purchase_state import Outcome, PurchaseResult
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.webhook_events import HANDLERS
from tests.jobs.checks import (
    as_json,
    assert_plan_and_money_agree,
    assert_same_end,
    repeat_until_nothing_is_left,
    said,
)
from tests.jobs.conftest import CourseMaker, WorldMaker
from tests.scenarios.story import BUYER, Story
from tests.support.end_state import end_state
from tests.support.killing_proxy import Death
from tests.support.kills import End, Scene, Stage

ROUNDS = range(4)
# Nothing has to be said to these people but that somebody else was quicker.
LOSES = {"already_subscribed", "purchase_in_progress"}


def total(ends: list[End], name: str) -> int:
    """A count of the runs' reports, over all of them."""
    return sum(end.value[name] for end in ends)


def assert_nobody_stumbled(ends: list[End]) -> None:
    """No "database is locked", no deadlock: a job would have parked, broken off or failed."""
    for end in ends:
        troubles = {"parked", "broken", "deferred"} & end.value.keys()
        assert not any(end.value[name] for name in troubles), ends


def test_two_runs_invoice_each_boundary_once(
    stage: Stage, world: WorldMaker, course: CourseMaker
) -> None:
    prepared = world("renewals")
    whole = course("renewals", "invoice-plans", {})
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            ends = scene.run_together(scene.task("invoice-plans"), scene.task("invoice-plans"))
            assert_nobody_stumbled(ends)
            assert total(ends, "invoiced") == 2
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_same_end(scene, whole.state, after="two runs at once")


@pytest.mark.parametrize(
    ("name", "delivered"), [("renewals invoiced", 2), ("refusals invoiced", 0), ("purchases", 0)]
)
def test_two_runs_deliver_each_invoice_once(
    stage: Stage, world: WorldMaker, course: CourseMaker, name: str, delivered: int
) -> None:
    prepared = world(name)
    whole = course(name, "deliver", {})
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            ends = scene.run_together(scene.task("deliver"), scene.task("deliver"))
            assert_nobody_stumbled(ends)
            assert total(ends, "invoices") == delivered
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_same_end(scene, whole.state, after="two runs at once")


@pytest.mark.parametrize("name", ["renewals invoiced", "refusals invoiced"])
def test_a_webhook_and_delivery_at_once(
    stage: Stage, world: WorldMaker, course: CourseMaker, name: str
) -> None:
    """A run dies when the first card was charged or refused; the next one and the provider's
    webhooks come at the same time."""
    prepared = world(name)
    whole = course(name, "deliver", {})
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            told = len(scene.events())
            # The calls for an invoice: create, lines, finalize, pay.
            assert scene.run("deliver", death=Death("call", 4, "after")).was_killed
            events = scene.events()[told:]
            ends = scene.run_together(
                scene.task("deliver"), scene.task("receive-events", events=events)
            )
            assert_nobody_stumbled(ends[:1])
            # Delivery also takes what the other has stored and not begun: whoever is quicker.
            handled = ends[0].value["events"] + ends[1].value
            assert handled == sum(event["type"] in HANDLERS for event in events) > 0
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_same_end(scene, whole.state, after="webhook and delivery at once")


def test_everything_at_once(stage: Stage, world: WorldMaker, course: CourseMaker) -> None:
    """All jobs twice, two of each, as when cron and a person start them together."""
    for name in ("renewals", "refusals", "purchases"):
        prepared = world(name)
        instants = [prepared.now]
        whole = course(name, "everything", {"instants": instants})
        with stage.scene(prepared) as scene:
            task = scene.task("everything", instants=instants)
            for end in scene.run_together(task, task):
                for _, invoiced, delivered in end.value:
                    assert invoiced["parked"] == delivered["parked"] == delivered["broken"] == 0
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_same_end(scene, whole.state, after="two runs at once")


def test_an_upload_while_plans_are_invoiced_comes_before_or_after(
    stage: Stage, world: WorldMaker
) -> None:
    prepared = world("renewals")
    upload = prepared.notes["upload"]
    serial = []
    for jobs in (["upload", "invoice-plans"], ["invoice-plans", "upload"]):
        with stage.scene(prepared) as scene:
            for job in jobs:
                assert scene.run(job, **(upload if job == "upload" else {})).value
            repeat_until_nothing_is_left(scene, prepared.now)
            serial.append(as_json(end_state(scene.url, scene.emulator)))
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            uploaded, invoiced = scene.run_together(
                scene.task("upload", **upload), scene.task("invoice-plans")
            )
            assert uploaded.value["status"] == 200, uploaded
            assert_nobody_stumbled([invoiced])
            repeat_until_nothing_is_left(scene, prepared.now)
            state = as_json(end_state(scene.url, scene.emulator))
        assert state["unsound"] == []
        assert state in serial


def test_two_people_who_confirm_at_once_buy_one_plan(stage: Stage, world: WorldMaker) -> None:
    prepared = world("good card")
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            mine, theirs = prepared.notes["mine"], prepared.notes["theirs"]
            ends = scene.run_together(
                scene.task("confirm", **mine), scene.task("confirm", **theirs)
            )
            outcomes = [said(end) for end in ends]
            assert "paid" in outcomes and LOSES & set(outcomes), outcomes
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_one_plan(scene)


def test_one_form_sent_twice_at_once_buys_one_plan(stage: Stage, world: WorldMaker) -> None:
    prepared = world("good card")
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            task = scene.task("confirm", **prepared.notes["mine"])
            outcomes = [said(end) for end in scene.run_together(task, task)]
            # The second waits for nobody: it may hear that the first is not through yet.
            assert "paid" in outcomes and set(outcomes) <= {"paid", "unknown"}, outcomes
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_one_plan(scene)


def test_delivery_leaves_a_purchase_alone_that_is_being_made(
    stage: Stage, world: WorldMaker
) -> None:
    prepared = world("good card")
    for _ in ROUNDS:
        with stage.scene(prepared) as scene:
            confirmed, delivered = scene.run_together(
                scene.task("confirm", **prepared.notes["mine"]), scene.task("deliver")
            )
            assert said(confirmed) == "paid"
            assert_nobody_stumbled([delivered])
            repeat_until_nothing_is_left(scene, prepared.now)
            assert_one_plan(scene)


def assert_one_plan(scene: Scene) -> None:
    """One plan, one paid invoice, one charge."""
    state = end_state(scene.url, scene.emulator)
    assert_plan_and_money_agree(state, after="two at once")
    assert [plan[2] for plan in state["plans"]] == ["active"]


# --- the same, one step placed exactly between two of the other's ---


@contextmanager
def after_transaction(ctx: Context, number: int) -> Iterator[list[Any]]:
    """Run what is put into the list once, when the `number`-th transaction from now has ended."""
    steps: list[Any] = []
    ended = 0

    def on_end(_session: object) -> None:
        nonlocal ended
        ended += 1
        if ended == number and steps:
            steps.pop()()

    for name in ("after_commit", "after_rollback"):
        event.listen(ctx.sessions, name, on_end)
    try:
        yield steps
    finally:
        for name in ("after_commit", "after_rollback"):
            event.remove(ctx.sessions, name, on_end)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_purchase_begun_between_the_steps_of_another(
    app: Flask, ctx: Context, clock: Any, payments: Any, number: int
) -> None:
    story = Story(app, ctx, clock, payments)
    payer = story.payer(story.server(seats=(18,)))
    story.give_card(payer)
    first, second = (story.quote_token(payer, tier="basic") for _ in range(2))
    outcomes: list[str] = []

    def confirm(token: str) -> None:
        outcomes.append(outcome_of(ctx, ConfirmPurchase(payer, token)))

    with app.app_context(), after_transaction(ctx, number) as steps:
        steps.append(lambda: confirm(second))
        confirm(first)
    assert Outcome.PAID in outcomes and LOSES & set(outcomes), outcomes
    data = story.export(payer)
    assert len(data["plans"]) == 1
    assert [i["status"] for i in data["invoices"]].count("paid") == 1
    story.assert_nothing_left_to_do()


def test_a_purchase_that_waits_for_the_bank_is_begun_between_the_steps_of_another(
    app: Flask, ctx: Context, clock: Any, payments: Any
) -> None:
    story = Story(app, ctx, clock, payments)
    payer = story.payer(story.server(seats=(18,)))
    story.give_card(payer, "requires_authentication")
    first, second = (story.quote_token(payer, tier="basic") for _ in range(2))
    outcomes: list[str] = []

    def confirm_second() -> None:
        outcomes.append(outcome_of(ctx, ConfirmPurchase(payer, second)))

    # The first has looked for an earlier purchase, found none, and is about to record its own.
    with app.app_context(), after_transaction(ctx, 1) as steps:
        steps.append(confirm_second)
        outcomes.append(outcome_of(ctx, ConfirmPurchase(payer, first)))
    assert outcomes == ["authenticate", "purchase_in_progress"]


def test_an_earlier_purchase_that_cannot_be_voided_keeps_its_place(
    app: Flask, ctx: Context, clock: Any, payments: Any
) -> None:
    story = Story(app, ctx, clock, payments)
    acme = story.server(seats=(18,))
    waiting = story.upgrade(acme, card="requires_authentication")
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    payments.fail("void_invoice", "before")
    with app.app_context():
        assert outcome_of(ctx, ConfirmPurchase(payer, token)) == "earlier_purchase_open"
        # Later the provider answers, and the same form buys.
        assert outcome_of(ctx, ConfirmPurchase(payer, token)) == "paid"
    assert [i["status"] for i in story.export(payer)["invoices"]] == ["void", "paid"]
    assert waiting.outcome is Outcome.AUTHENTICATE


def outcome_of(ctx: Context, command: ConfirmPurchase) -> str:
    """What became of it, or why it was refused."""
    try:
        result: PurchaseResult = confirm_purchase(ctx, command, actor=BUYER)
    except BillingError as error:
        return error.code
    return result.outcome.value
