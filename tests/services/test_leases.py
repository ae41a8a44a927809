"""Leases: who holds a row, and when it is free again."""

import os
import subprocess
import sys
from datetime import timedelta

from app.clock import FixedClock
from app.models import Mail
from app.services.context import Context
from app.services.leases import end_lease, is_dead, keep_lease, owner, take_leases
from app.services.unit_of_work import unit_of_work

LASTING = timedelta(minutes=5)


def add_mails(ctx: Context, count: int) -> list[int]:
    with unit_of_work(ctx) as work:
        mails = [
            Mail(
                event_key=f"test:{number}",
                template="test",
                recipient="iago@acme.test",
                params={},
                created_at=work.now,
                next_attempt_at=work.now,
            )
            for number in range(count)
        ]
        work.session.add_all(mails)
        work.flush()
        ids = sorted(mail.id for mail in mails)
        work.commit()
    return ids


def take(ctx: Context, limit: int = 10) -> list[int]:
    with unit_of_work(ctx) as work:
        ids = take_leases(work, Mail, due=[], limit=limit, lasting=LASTING)
        work.commit()
    return ids


def hold_as(ctx: Context, mail_id: int, name: str) -> None:
    with unit_of_work(ctx) as work:
        mail = work.session.get_one(Mail, mail_id)
        mail.claimed_by = name
        mail.claimed_until = ctx.clock.real_now() + LASTING
        work.commit()


def dead_process_name() -> str:
    """The name of a process of this machine that took a lease and was gone."""
    script = "from app.services.leases import owner; print(owner())"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_a_row_is_taken_once(ctx: Context) -> None:
    ids = add_mails(ctx, 3)
    assert take(ctx, limit=2) == ids[:2]
    assert take(ctx) == ids[2:]
    assert take(ctx) == []


def test_a_lease_ends_with_its_time(ctx: Context, clock: FixedClock) -> None:
    ids = add_mails(ctx, 1)
    assert take(ctx) == ids
    clock.advance(minutes=4, seconds=59)
    assert take(ctx) == []
    clock.advance(seconds=1)
    assert take(ctx) == ids


def test_what_is_not_committed_is_not_taken(ctx: Context) -> None:
    ids = add_mails(ctx, 1)
    with unit_of_work(ctx) as work:
        assert take_leases(work, Mail, due=[], limit=1, lasting=LASTING) == ids
    assert take(ctx) == ids


def test_the_lease_of_a_killed_process_is_free_at_once(ctx: Context) -> None:
    ids = add_mails(ctx, 2)
    hold_as(ctx, ids[0], dead_process_name())
    hold_as(ctx, ids[1], "another-machine/1:77:abc.1")
    # The clock stands still: no time has passed since the process died.
    assert take(ctx) == ids[:1]


def test_a_lease_is_kept_and_ended_by_its_holder_only(ctx: Context, clock: FixedClock) -> None:
    ids = add_mails(ctx, 2)
    assert take(ctx) == ids
    hold_as(ctx, ids[1], "another-machine/1:77:abc.1")
    clock.advance(minutes=4)
    with unit_of_work(ctx) as work:
        assert keep_lease(work, Mail, ids[0], lasting=LASTING)
        assert not keep_lease(work, Mail, ids[1], lasting=LASTING)
        end_lease(work, Mail, ids[1])
        work.commit()
    clock.advance(minutes=1)
    assert take(ctx) == ids[1:]
    with unit_of_work(ctx) as work:
        end_lease(work, Mail, ids[0])
        work.commit()
    assert take(ctx) == ids[:1]


def test_who_is_dead() -> None:
    mine = owner()
    host, pid, _start = mine.split(":")
    assert not is_dead(mine)
    assert int(pid) == os.getpid()
    assert is_dead(dead_process_name())
    assert is_dead(f"{host}:{os.getpid()}:00000000.1"), "the number was given to another process"
    assert is_dead(f"{host}:{os.getppid()}:00000000.1")
    assert not is_dead(f"elsewhere:{pid}:00000000.1")
    for nonsense in ("", ":", "::", host, f"{host}:", f"{host}:x:1", f"{host}:-1:1", f"{host}:1"):
        assert not is_dead(nonsense)
    assert is_dead(f"{host}:{10**30}:1")


def test_a_killed_process_is_dead_before_its_parent_has_looked() -> None:
    script = "from app.services.leases import owner; print(owner(), flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not is_dead(name)
        process.kill()
        # Waits for the end and leaves the zombie for `Popen` to look at.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name)
