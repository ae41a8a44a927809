"""The upload: ask what the portal has, send what is newer in batches, remember what it said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from . import clock
from .counts import collect_counts
from .locks import one_at_a_time
from .payloads import build_batch
from .portal_client import (
    INTERACTIVE_TIMEOUT,
    NOT_REGISTERED,
    TIMEOUT,
    UNREACHABLE,
    UPLOAD_BUSY,
    UPLOAD_TIMEOUT,
    LastIds,
    PortalClient,
    PortalProblem,
)
from .records import UploadReport
from .store import Store, load_settings, save_settings

Result = TypeVar("Result")

INVALID_KEY = "INVALID_ZULIP_SERVER"
DEACTIVATED = "REMOTE_SERVER_DEACTIVATED"
HOSTNAME_TAKEN = "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"
# What stands between this server and the service until somebody does something about it: kept, so
# that the server's own pages can say so and offer what helps.
LASTING = frozenset({INVALID_KEY, DEACTIVATED, HOSTNAME_TAKEN})
UPLOAD = "upload"
BUTTON, COMMAND, HOURLY, BILLING, CONTROL = "button", "command", "hourly", "billing", "control"
LONGEST_KEPT_ANSWER = 20_000
KEPT_REPORTS = 1000


def with_valid_key(
    store: Store, action: Callable[[PortalClient], Result], *, timeout: float
) -> Result:
    """Call the portal with the server's key, or with the one a rotation was about to bring.

    A rotation that was killed leaves two keys, and only the portal knows which one holds.  A
    refused key is therefore followed by the other one, which becomes the key when it is accepted;
    one that another process has just promoted is seen by reading the settings again.
    """
    tried: list[str] = []
    problem: PortalProblem | None = None
    while True:
        settings = store.settings()
        keys = [settings.server_key, settings.pending_key]
        key = next((k for k in keys if k and k not in tried), None)
        if key is None:
            # Without any key, as after somebody emptied the store, the service is not asked.
            problem = problem or PortalProblem(INVALID_KEY)
            _note_refusal(store, INVALID_KEY)
            raise problem
        tried.append(key)
        try:
            result = action(PortalClient(settings.portal, settings.server_uuid, key, timeout))
        except PortalProblem as refused:
            if refused.code != INVALID_KEY:
                _note_refusal(store, refused.code)
                raise
            problem = refused
            continue
        promote_key(store, key)
        if settings.refusal:
            store.save(refusal="")
        return result


def _note_refusal(store: Store, code: str) -> None:
    if code in LASTING:
        store.save(refusal=code)


def promote_key(store: Store, key: str) -> None:
    """Make a pending key that the portal has accepted the server's key; else change nothing."""
    with store.write() as connection:
        if load_settings(connection).pending_key == key:
            save_settings(connection, server_key=key, pending_key="")


def upload(
    store: Store, *, trigger: str, interactive: bool = False, only_if_due: bool = False
) -> UploadReport | None:
    """Upload everything new and return what happened; the portal's errors are in the report.

    `interactive` uses the short timeout, for somebody who waits in front of a page.  With
    `only_if_due` nothing happens, and None comes back, when this clock hour has had its upload.
    """
    timeout = INTERACTIVE_TIMEOUT if interactive else UPLOAD_TIMEOUT
    report = UploadReport(
        at=clock.now_seconds(),
        trigger=trigger,
        format=store.settings().upload_format,
        calls=0,
        audit_rows=0,
        realm_counts=0,
        installation_counts=0,
        http_status=None,
        code=None,
        message="",
        retry_after=None,
        answer="",
    )
    try:
        with one_at_a_time(store):
            # Asked under the lock, so that two that find it due at once do not both upload.
            if only_if_due and not _is_due(store):
                return None
            report = _upload_under_lock(store, report, timeout=timeout)
            _keep(store, report)
    except PortalProblem as busy:
        report = _with_problem(report, busy)
        _keep(store, report)
    return report


def upload_now(store: Store, *, trigger: str, interactive: bool = False) -> UploadReport:
    """Upload whatever the hour: the buttons, commands and billing calls."""
    report = upload(store, trigger=trigger, interactive=interactive)
    assert report is not None  # Only an upload that may not be due can be left out.
    return report


def problem_of(report: UploadReport) -> PortalProblem:
    """Return what an upload failed with; only for a report that is not ok."""
    assert report.code is not None  # As above.
    return PortalProblem(
        report.code,
        report.message,
        http_status=report.http_status,
        retry_after=report.retry_after,
        step=UPLOAD,
    )


def _is_due(store: Store) -> bool:
    settings = store.settings()
    hour = clock.now_seconds() // clock.HOUR_SECONDS
    return settings.registered and settings.last_upload_hour != hour


def _with_problem(report: UploadReport, problem: PortalProblem) -> UploadReport:
    return replace(
        report,
        code=problem.code,
        message=problem.message,
        http_status=problem.http_status,
        retry_after=problem.retry_after,
    )


def _upload_under_lock(store: Store, report: UploadReport, *, timeout: float) -> UploadReport:
    """Send batch after batch; a full one means that more may wait.

    A problem ends it, and the report says what had been accepted by then.
    """
    try:
        if not store.settings().registered:
            raise PortalProblem(NOT_REGISTERED)
        with store.write() as connection:
            collect_counts(connection, at=clock.now_seconds())
        last_ids: LastIds = with_valid_key(store, PortalClient.analytics_status, timeout=timeout)
        _note_missing_rows(store, last_ids)
        while True:
            with store.read() as connection:
                batch = build_batch(connection, after=last_ids)
            answer = with_valid_key(store, partial(_send, batch.fields), timeout=timeout)
            report = replace(
                report,
                calls=report.calls + 1,
                audit_rows=report.audit_rows + batch.audit_rows,
                realm_counts=report.realm_counts + batch.realm_counts,
                installation_counts=report.installation_counts + batch.installation_counts,
                http_status=200,
                answer=json.dumps(answer)[:LONGEST_KEPT_ANSWER],
            )
            if not batch.is_full:
                return report
            last_ids = batch.sent
    except PortalProblem as problem:
        return _with_problem(report, problem)


def _note_missing_rows(store: Store, last_ids: LastIds) -> None:
    """Note whether the portal has rows that this server does not: its store was lost or restored.

    New rows under numbers that the portal has seen are never sent, so somebody has to be told.
    """
    with store.read() as connection:
        own = {
            table: connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0]
            for table in ("audit_rows", "realm_counts", "installation_counts")
        }
    behind = (
        last_ids.audit_rows > own["audit_rows"]
        or last_ids.realm_counts > own["realm_counts"]
        or last_ids.installation_counts > own["installation_counts"]
    )
    if store.settings().rows_behind is not behind:
        store.save(rows_behind=behind)


def _send(fields: Mapping[str, str], client: PortalClient) -> dict[str, Any]:
    return client.upload(fields)


def _keep(store: Store, report: UploadReport) -> None:
    """Write the report down; an upload that reached the portal uses up its clock hour."""
    names = list(UploadReport.__dataclass_fields__)
    with store.write() as connection:
        connection.execute(
            f"INSERT INTO uploads ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
            [getattr(report, name) for name in names],
        )
        connection.execute(
            "DELETE FROM uploads WHERE id <= (SELECT max(id) FROM uploads) - ?", (KEPT_REPORTS,)
        )
        if report.code not in (NOT_REGISTERED, UPLOAD_BUSY, UNREACHABLE, TIMEOUT):
            save_settings(connection, last_upload_hour=report.at // clock.HOUR_SECONDS)


def upload_if_due(store: Store) -> UploadReport | None:
    """Make the hourly upload unless this clock hour has had one; None when nothing was due."""
    # Asked before the lock as well, so that a check that finds nothing to do waits for nobody.
    return upload(store, trigger=HOURLY, only_if_due=True) if _is_due(store) else None


def last_uploads(connection: sqlite3.Connection, *, limit: int) -> tuple[UploadReport, ...]:
    """Return the newest reports first."""
    names = ", ".join(UploadReport.__dataclass_fields__)
    rows = connection.execute(
        f"SELECT {names} FROM uploads ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    return tuple(UploadReport(**dict(row)) for row in rows)
