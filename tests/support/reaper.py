"""Stops the servers of a test run and removes its folders, however the run ends.

`python reaper.py FOLDER...` waits for the end of its standard input. pytest holds the other end, and
the operating system closes it even when pytest is killed: then every server that left a *.pid file
below a FOLDER is stopped. It imports nothing of ours so that it starts at once.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

PATIENCE = 10  # seconds before a server that does not stop is killed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A process that ended and was not waited for still has a number: Z is for zombie.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def _stop(pid_file: Path) -> None:
    try:
        pid = int(pid_file.read_text().split()[0])
        # PostgreSQL's way of stopping at once without finishing anything: the data goes anyway.
        stop = signal.SIGQUIT if pid_file.name == "postmaster.pid" else signal.SIGTERM
        os.kill(pid, stop)
    except (OSError, ValueError, IndexError):
        return  # It never came up, or it is gone already.
    for _ in range(PATIENCE * 20):
        if not _alive(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)


def main(folders: list[Path]) -> None:
    """Wait for the end of standard input, then clear up `folders`."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    for folder in folders:
        for pid_file in folder.rglob("*.pid"):
            _stop(pid_file)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
