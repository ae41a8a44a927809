"""Two servers, or two processes of one, that call at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow, OrganizationCount
from app.services.context import Context
from tests.support.wire import START, WireServer, audit_row, count_row, realm


def at_once(app: Flask, calls: list[Callable[[Any], TestResponse]]) -> list[TestResponse]:
    """Run the calls in threads that start together, each with a client of its own."""
    barrier = threading.Barrier(len(calls))
    answers: list[TestResponse | None] = [None] * len(calls)

    def run(index: int) -> None:
        client = app.test_client()
        barrier.wait()
        answers[index] = calls[index](client)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return [answer for answer in answers if answer is not None]


def test_the_same_upload_twice_is_stored_once(app: Flask, ctx: Context) -> None:
    server = WireServer(app.test_client())
    server.register()
    rows = [audit_row(n, n, at=START - 300 + n) for n in range(1, 201)]
    counts = [count_row(n) for n in range(1, 51)]

    def call(client: Any) -> TestResponse:
        return WireServer(client).upload(rows, [realm(2), realm(3)], realm_counts=counts)

    answers = at_once(app, [call] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    refused = [answer.get_json()["msg"] for answer in answers if answer.status_code == 400]
    assert set(refused) == {"Data is out of order."}
    with ctx.sessions() as session:
        assert session.scalar(select(func.count()).select_from(AuditRow)) == 200
        assert session.scalar(select(func.count()).select_from(OrganizationCount)) == 50
        assert session.scalar(select(func.count()).select_from(Organization)) == 2


def test_two_servers_claim_one_organization(app: Flask, ctx: Context) -> None:
    others = [f"{n}f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f" for n in range(4)]
    for n, uuid in enumerate(others):
        WireServer(app.test_client(), uuid=uuid, hostname=f"s{n}.test").register()

    def call_as(uuid: str) -> Callable[[Any], TestResponse]:
        return lambda client: WireServer(client, uuid=uuid).upload([audit_row(1, 5)], [realm(2)])

    answers = at_once(app, [call_as(uuid) for uuid in others])
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    refused = {answer.get_json()["msg"] for answer in answers if answer.status_code == 400}
    assert refused == {"Duplicate registration detected."}
    with ctx.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Organization)) == 1
        assert session.scalar(select(func.count()).select_from(AuditRow)) == 1


def test_one_server_registers_twice(app: Flask, ctx: Context) -> None:
    answers = at_once(app, [lambda client: WireServer(client).register()] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.get_json()["created"] for answer in answers].count(True) == 1
    with ctx.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Server)) == 1


def test_two_servers_take_one_hostname(app: Flask, ctx: Context) -> None:
    def call_as(uuid: str) -> Callable[[Any], TestResponse]:
        return lambda client: WireServer(client, uuid=uuid).register()

    others = [f"{n}f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f" for n in range(4)]
    answers = at_once(app, [call_as(uuid) for uuid in others])
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    codes = {answer.get_json()["code"] for answer in answers if answer.status_code == 400}
    assert codes == {"HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"}


def test_an_upload_and_a_deactivation(app: Flask, ctx: Context) -> None:
    server = WireServer(app.test_client())
    server.register()
    answers = at_once(
        app,
        [
            lambda client: WireServer(client).call("POST", "server/deactivate"),
            lambda client: WireServer(client).upload([audit_row(1, 5)], [realm()]),
        ],
    )
    assert answers[0].status_code == 200
    # Either before, and stored, or after, and refused.
    with ctx.sessions() as session:
        stored = session.scalar(select(func.count()).select_from(AuditRow))
    assert (answers[1].status_code, stored) in {(200, 1), (401, 0)}


def test_it_registers_again_between_two_looks(
    app: Flask, ctx: Context, database_backend: str
) -> None:
    """The first request finds nobody of its UUID; then the second comes and is done."""
    if database_backend == "sqlite":
        return  # There the second waits until the first is done.
    answers: list[TestResponse] = []

    def register() -> None:
        answers.append(WireServer(app.test_client()).register())

    def come_between(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "hostname = " in statement and statement.startswith("SELECT") and not threads:
            threads.append(threading.Thread(target=register))
            threads[0].start()
            threads[0].join(timeout=60)

    threads: list[threading.Thread] = []
    engine = ctx.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", come_between)
    register()
    event.remove(engine, "before_cursor_execute", come_between)
    assert len(threads) == 1
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.get_json()["created"] for answer in answers] == [True, False]
