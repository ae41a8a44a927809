"""Brings forth processes that run one job each and may be killed at any commit.

`python -m tests.support.nursery` imports the portal once and forks a child for each task, so that a
killed run costs a fraction of a second instead of the start of Python. It speaks lines of JSON:

    {"warm": task}          ->  {"report": ...}  done here and not in a child: children forked later
                                                 inherit the application and its compiled statements
    {"start": [task, ...]}  ->  {"pids": [...]}  the children have their applications, made here
                                                 for all that follow, and wait
    {"go": true}            ->  {"ends": [...]}  all began at once, and all have ended

A task is {"job", "arguments", "settings", "die"}; `die` is {"commit": n, "moment": "before" or
"after"} or null. The portal knows nothing of it: what kills is a listener on SQLAlchemy's events.
`tests.support.kills.Nursery` is the other end.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import configure_mappers

from app import create_app
from app.clock import DemoClock
from app.domain.errors import BillingError
from app.extensions import db
from app.gateways.payments import PaymentsError, ProviderEvent
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import RunCounts, invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.services.card_setup import apply_card_setup
from app.services.context import Actor, Context
from app.services.customers import load_payer
from app.services.provider_customer import ensure_provider_customer
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import handle_event, record_event

# Seconds after which a child that hangs (a deadlock) is ended by the system.
PATIENCE = 120
BUYER = Actor("billing_user:1")
NO_EVENTS: list[dict[str, str]] = []


class Commits:
    """Counts the commits of this process and ends it at one of them.

    "before" is the instant before the database hears COMMIT, "after" the one when it has answered.
    """

    def __init__(self, die: dict[str, Any] | None) -> None:
        self.count = 0
        self._die = (die["commit"], die["moment"]) if die else None
        self._answered = 0

    def watch(self, app: Flask, ctx: Context) -> None:
        """Listen to the engine, which sends COMMIT, and to the sessions, which hear the answer."""
        with app.app_context():
            event.listen(db.engine, "commit", self._before)
        event.listen(ctx.sessions, "after_commit", self._after)

    def _before(self, _connection: object) -> None:
        self.count += 1
        self._reached("before")

    def _after(self, _session: object) -> None:
        # A session that never spoke to the database has nothing to commit.
        if self._answered < self.count:
            self._answered = self.count
            self._reached("after")

    def _reached(self, moment: str) -> None:
        if self._die == (self.count, moment):
            os.kill(os.getpid(), signal.SIGKILL)


# --- the jobs ---


def _for_jobs(ctx: Context) -> Context:
    """What the command line hands to jobs."""
    return replace(ctx, payments=ctx.payments.for_jobs())


def run_sync_ledgers(_app: Flask, ctx: Context) -> Any:
    return asdict(sync_ledgers(_for_jobs(ctx)))


def run_invoice_plans(_app: Flask, ctx: Context) -> Any:
    return _plain(invoice_plans(_for_jobs(ctx)))


def run_deliver(_app: Flask, ctx: Context) -> Any:
    return asdict(deliver(_for_jobs(ctx)))


def run_everything(
    app: Flask, ctx: Context, *, events: list[dict[str, str]] = NO_EVENTS, instants: list[str]
) -> Any:
    """First the webhooks of `events`, then all jobs twice at each of `instants`; the counts of
    each round."""
    run_receive_events(app, ctx, events=events)
    clock = ctx.clock
    assert isinstance(clock, DemoClock)
    rounds = []
    for instant in instants:
        clock.freeze(datetime.fromisoformat(instant))
        for run in (run_sync_ledgers, run_invoice_plans, run_deliver) * 2:
            rounds.append(run(app, ctx))
    return [rounds[start : start + 3] for start in range(0, len(rounds), 3)]


def run_confirm(_app: Flask, ctx: Context, *, uuid: str, token: str) -> Any:
    """What the upgrade page does when a person confirms."""
    with unit_of_work(ctx) as work:
        payer = load_payer(work.session, uuid=uuid)
    result = confirm_purchase(ctx, ConfirmPurchase(payer, token), actor=BUYER)
    return {"purchase": result.purchase_id, "outcome": result.outcome.value}


def run_ensure_provider_customer(_app: Flask, ctx: Context, *, customer_id: int) -> Any:
    return ensure_provider_customer(ctx, customer_id)


def run_new_card(_app: Flask, ctx: Context, *, session_id: str) -> Any:
    """What the provider's webhook, or the page a person comes back to, does with a new card."""
    return apply_card_setup(ctx, session_id)


def run_receive_events(_app: Flask, ctx: Context, *, events: list[dict[str, str]]) -> Any:
    """What the webhook endpoint does with these events: store each, then handle it."""
    rows = [record_event(ctx, ProviderEvent(**event, api_version=None)) for event in events]
    return sum(handle_event(ctx, row) for row in rows if row is not None)


def run_upload(app: Flask, _ctx: Context, *, headers: dict[str, str], data: dict[str, str]) -> Any:
    """An upload through the wire API."""
    response = app.test_client().post(
        "/api/v1/remotes/server/analytics", headers=headers, data=data
    )
    return {"status": response.status_code, "body": response.get_json()}


JOBS: dict[str, Callable[..., Any]] = {
    "sync-ledgers": run_sync_ledgers,
    "invoice-plans": run_invoice_plans,
    "deliver": run_deliver,
    "everything": run_everything,
    "confirm": run_confirm,
    "ensure-provider-customer": run_ensure_provider_customer,
    "new-card": run_new_card,
    "receive-events": run_receive_events,
    "upload": run_upload,
}


def _plain(counts: RunCounts) -> dict[str, int]:
    names = ("processed", "invoiced", "deferred", "parked")
    return {name: getattr(counts, name) for name in names}


# --- the processes ---


def _child(task: dict[str, Any], *, ready: int, go: int, answer: int) -> None:
    """Build, say so, wait, run, report. Never returns."""
    # The line to the tests belongs to the parent: what a job prints goes to the log.
    os.dup2(2, 1)
    signal.alarm(PATIENCE)
    # A child ends before garbage matters, and looking for it copies memory shared with the parent.
    gc.disable()
    report: dict[str, Any]
    try:
        app, ctx = _application(task["settings"])
        commits = Commits(task["die"])
        commits.watch(app, ctx)
        os.write(ready, b"r")
        if os.read(go, 1) != b"g":
            os._exit(1)  # The tests are gone.
        report = _value_of(task, app, ctx) | {"commits": commits.count}
    except BaseException:
        os.write(ready, b"r")
        report = {"crash": traceback.format_exc()}
    with os.fdopen(answer, "w") as pipe:
        json.dump(report, pipe)
    sys.stderr.flush()
    os._exit(0)


_applications: dict[str, Flask] = {}


def _application(settings: dict[str, Any]) -> tuple[Flask, Context]:
    """The application with these settings, made when there is none yet."""
    name = json.dumps(settings, sort_keys=True)
    if name not in _applications:
        _applications[name] = create_app(settings)
    app = _applications[name]
    return app, app.extensions["tallyport"]


def _prepare(tasks: list[dict[str, Any]]) -> None:
    """Make the applications that these tasks need and that no earlier one has needed."""
    known = len(_applications)
    for task in tasks:
        _application(task["settings"])
    if len(_applications) > known:
        gc.collect()
        gc.freeze()
        _await_threads()


def _value_of(task: dict[str, Any], app: Flask, ctx: Context) -> dict[str, Any]:
    try:
        with app.app_context():
            return {"value": JOBS[task["job"]](app, ctx, **task["arguments"])}
    except BillingError as error:
        return {"refused": error.code}


def _warm(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task in this process. Nothing that was opened may be left to the children."""
    app, ctx = _application(task["settings"])
    # A gateway of its own, so that its connections go with it.
    value = _value_of(task, app, _for_jobs(ctx))
    with app.app_context():
        db.engine.dispose()
    gc.collect()
    gc.freeze()
    _await_threads()
    return value


class Litter:
    """The children of one start, and the pipes to them."""

    def __init__(self, tasks: list[dict[str, Any]]) -> None:
        self.pids: list[int] = []
        self._answers: list[int] = []
        ready, ready_child = os.pipe()
        go_child, self._go = os.pipe()
        for task in tasks:
            answer, answer_child = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(self._go)
                _child(task, ready=ready_child, go=go_child, answer=answer_child)
            os.close(answer_child)
            self.pids.append(pid)
            self._answers.append(answer)
        os.close(ready_child)
        os.close(go_child)
        for _ in tasks:
            os.read(ready, 1)
        os.close(ready)

    def go(self) -> list[dict[str, Any]]:
        """Let all begin; returns how each ended, in the order of the tasks."""
        os.write(self._go, b"g" * len(self.pids))
        os.close(self._go)
        ends = []
        for pid, answer in zip(self.pids, self._answers, strict=True):
            with os.fdopen(answer) as pipe:
                text = pipe.read()
            _, status = os.waitpid(pid, 0)
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ends.append({"signal": killed, "report": json.loads(text) if text else None})
        return ends


def _warm_up() -> None:
    """Do once what every child would do at its start, and leave no thread behind: a fork copies
    none."""
    nobody = "http://127.0.0.1:9"
    app = create_app({"env": "testing", "database_url": "sqlite://", "stripe_api_base": nobody})
    ctx: Context = app.extensions["tallyport"]
    configure_mappers()
    try:
        # The SDK imports its parts when they are first used.
        ctx.payments.get_invoice("in_0")
    except PaymentsError:
        pass
    gc.collect()
    gc.freeze()
    _await_threads()


def _await_threads() -> None:
    """Timers of libraries end by themselves."""
    while threading.active_count() > 1:
        time.sleep(0.01)


def main() -> None:
    """Serve until the standard input ends."""
    _warm_up()
    litter: Litter | None = None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any]
        if "warm" in command:
            answer = {"report": _warm(command["warm"])}
        elif "start" in command:
            _prepare(command["start"])
            litter = Litter(command["start"])
            answer = {"pids": litter.pids}
        else:
            assert litter is not None
            answer = {"ends": litter.go()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
