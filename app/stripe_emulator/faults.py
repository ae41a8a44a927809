"""Failures on demand, for tests: what a network and a busy Stripe do to their callers."""

from dataclasses import dataclass

from app.stripe_emulator.store import Tx

# Before anything ran: nothing is changed and nothing is kept for replay.
BEFORE = ("429", "500_before", "reset_before", "timeout_before")
# After everything ran and was committed: only the answer is lost, or turned into a 500 that is kept
# for the idempotency key, as Stripe keeps it.
AFTER = ("500_after", "reset", "timeout")
# The answer comes, late; until then the key is in use.
SLOW = ("slow",)
KINDS = (*BEFORE, *AFTER, *SLOW)

# Longer than the ten seconds that the portal waits for Stripe inside a page.
DEFAULT_SECONDS = 15


@dataclass(frozen=True)
class Fault:
    """One failure to make; `seconds` is how long a slow one holds the caller."""

    kind: str
    seconds: int


def plan(tx: Tx, *, route: str, kind: str, times: int, seconds: int) -> None:
    """Let the next `times` requests of this route fail; `route` is "METHOD /template"."""
    tx.db.execute(
        "INSERT INTO faults (route, kind, times, seconds) VALUES (?, ?, ?, ?)",
        (route, kind, times, seconds),
    )


def take(tx: Tx, route: str) -> Fault | None:
    """The oldest failure planned for this route, used up by one."""
    row = tx.db.execute(
        "SELECT id, kind, seconds FROM faults WHERE route = ? AND times > 0 ORDER BY id LIMIT 1",
        (route,),
    ).fetchone()
    if row is None:
        return None
    tx.db.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (row[0],))
    tx.db.execute("DELETE FROM faults WHERE times <= 0")
    return Fault(kind=row[1], seconds=row[2])
