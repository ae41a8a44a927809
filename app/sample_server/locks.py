"""One upload or transfer at a time, whichever process or thread makes it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import clock
from .portal_client import UPLOAD_BUSY, PortalProblem
from .store import Store

LOCK_WAIT_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.05


@contextmanager
def one_at_a_time(store: Store) -> Iterator[None]:
    """Hold the store's lock; raises PortalProblem when somebody else has it for too long.

    Two uploads at once would send the same rows twice, and a transfer in the middle of one would
    change who is sending.  It is a lock on a file, so that it holds between processes and ends
    with the one that has it.
    """
    with open(f"{store.path}.upload-lock", "w", encoding="utf-8") as file:
        deadline = clock.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if clock.monotonic() > deadline:
                    raise PortalProblem(UPLOAD_BUSY) from None
                time.sleep(LOCK_POLL_SECONDS)
        yield
