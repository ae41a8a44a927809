"""Leases: which process works on which row, told by the row itself.

A row that waits for a job carries `claimed_by` and `claimed_until`. A lease is taken in a unit of
work that commits before the work begins, so it holds between processes and machines. It ends when
its time is over or, on the same machine, as soon as the process that took it is gone: a run that
was killed can be repeated at once. Leases live in real time, since processes do.
"""

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy import ColumnElement, or_, select, update

from app.models.charges import BalanceCredit
from app.models.invoices import Invoice
from app.models.mails import Mail
from app.models.purchases import Purchase
from app.models.webhooks import WebhookEvent
from app.services.unit_of_work import UnitOfWork

PROC = Path("/proc")
# Stands in for the start time where the system does not tell it (no /proc).
_UNKNOWN_START = f"r{secrets.token_hex(6)}"
# Position of the start time in /proc/<pid>/stat, counted after the command's closing parenthesis.
_START_FIELD = 19
# States of a process that has ended: zombie, dead.
_GONE_STATES = frozenset("ZXx")


# The tables whose rows are taken by lease.
Leasable = BalanceCredit | Invoice | Mail | Purchase | WebhookEvent


def owner() -> str:
    """The name of this process: "host:pid:start". No other process, earlier or later, has it.

    A forked worker is another process and has another name; each finds out its own once.
    """
    return _own_name(os.getpid())


@lru_cache(maxsize=1)
def _own_name(pid: int) -> str:
    return f"{_host()}:{pid}:{_start_of(pid) or _UNKNOWN_START}"


def is_dead(name: str) -> bool:
    """Whether the process called `name` certainly runs no more.

    False when it is alive, when it lives on another machine, and when nobody can tell.
    """
    host, _, rest = name.partition(":")
    pid_text, _, start = rest.partition(":")
    if host != _host() or not (pid_text.isascii() and pid_text.isdigit()) or not start:
        return False
    pid = int(pid_text)
    if pid == os.getpid():
        return name != owner()
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        # It exists and belongs to somebody else; its start time below still tells.
        pass
    known = _start_of(pid)
    return known is not None and known != start


def take_leases(
    work: UnitOfWork,
    table: type[Leasable],
    *,
    due: Sequence[ColumnElement[bool]],
    limit: int,
    lasting: timedelta,
) -> list[int]:
    """Take up to `limit` free rows of `table` that fulfil `due`; returns their ids, ascending.

    Rows held by others are passed over without waiting. Leases of dead processes of this machine
    are ended first. The caller commits before it works on the rows, and works no longer than
    `lasting` on what it took without `keep_lease`.
    """
    now = work.ctx.clock.real_now()
    _end_leases_of_the_dead(work, table, now=now)
    chosen = (
        select(table.id)
        .where(*due, or_(table.claimed_until.is_(None), table.claimed_until <= now))
        .order_by(table.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(work.session.scalars(chosen))
    _set(work, table, ids, claimed_by=owner(), claimed_until=now + lasting)
    return ids


def keep_lease(work: UnitOfWork, table: type[Leasable], row_id: int, *, lasting: timedelta) -> bool:
    """Prolong a lease of this process; False when somebody else has taken the row since."""
    statement = (
        update(table)
        .where(table.id == row_id, table.claimed_by == owner())
        .values(claimed_until=work.ctx.clock.real_now() + lasting)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return work.session.execute(statement).first() is not None


def end_lease(work: UnitOfWork, table: type[Leasable], row_id: int) -> None:
    """Give a row back. Nothing happens when somebody else has taken it since."""
    statement = (
        update(table)
        .where(table.id == row_id, table.claimed_by == owner())
        .values(claimed_by=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)


def _end_leases_of_the_dead(work: UnitOfWork, table: type[Leasable], *, now: datetime) -> None:
    holders = select(table.claimed_by).where(table.claimed_until > now).distinct()
    dead = [name for name in work.session.scalars(holders) if name and is_dead(name)]
    if not dead:
        return
    # Two runs may find the same dead process: each frees what the other has not locked.
    held = (
        select(table.id)
        .where(table.claimed_by.in_(dead))
        .order_by(table.id)
        .with_for_update(skip_locked=True)
    )
    _set(work, table, list(work.session.scalars(held)), claimed_by=None, claimed_until=None)


def _set(
    work: UnitOfWork,
    table: type[Leasable],
    ids: list[int],
    *,
    claimed_by: str | None,
    claimed_until: datetime | None,
) -> None:
    if not ids:
        return
    statement = (
        update(table)
        .where(table.id.in_(ids))
        .values(claimed_by=claimed_by, claimed_until=claimed_until)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)
    # Rows that were read before now show who holds them.
    work.session.expire_all()


def _host() -> str:
    """The machine, and the space of process numbers on it (containers may share a host name)."""
    name = socket.gethostname().replace(":", "-")[:64]
    try:
        space = os.readlink(PROC / "self" / "ns" / "pid")
    except OSError:
        return name
    return f"{name}/{''.join(character for character in space if character.isdigit())}"


def _start_of(pid: int) -> str | None:
    """When the process began, as the system counts it; "gone" when it has ended and None when
    there is no way to know.

    Ticks since boot begin anew with each boot, so the boot's id stands before them.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text()
        boot = (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()[:8]
        # The command's name may hold spaces and parentheses; what follows the last one is fixed.
        fields = stat.rpartition(")")[2].split()
        # A process that was killed stays listed until its parent has looked; it works no more.
        return "gone" if fields[0] in _GONE_STATES else f"{boot}.{fields[_START_FIELD]}"
    except (OSError, IndexError):
        return None
