"""Asks for one page over and over, from a process of its own, and prints how often it came.

`python -m tests.bench.load 127.0.0.1:8000 /path/ --seconds 5 --clients 4 --header "Cookie: …"`
prints {"requests": …, "seconds": …}. Each request opens a connection of its own, as sync workers
want it: with kept connections all clients can land on one worker. Sockets and nothing above them,
since the clients share the machine with what they measure.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Two workers are kept busy; more would only wait in line.
CLIENTS = 4
TIMEOUT_SECONDS = 30


class LoadError(Exception):
    """An answer was not the page; the text says what it was."""


def fetch(host: str, port: int, request: bytes) -> bytes:
    """The page, over a connection of its own. Raises LoadError when something else comes."""
    parts = []
    with socket.create_connection((host, port), TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        while part := connection.recv(65536):
            parts.append(part)
    return body_of(b"".join(parts))


def body_of(answer: bytes) -> bytes:
    """The body of a complete answer of 200. Raises LoadError for any other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("latin-1")
    if " 200 " not in f"{status} ":
        raise LoadError(f"answered {status!r}: {body[:200].decode('utf-8', 'replace')}")
    if content_length(head) != len(body):
        raise LoadError(f"{len(body)} bytes came instead of {content_length(head)}")
    return body


def content_length(head: bytes) -> int | None:
    """The length that the head of an answer announces."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return None


def request_text(address: str, path: str, headers: Sequence[str]) -> bytes:
    """The bytes of a GET that wants its connection closed afterwards."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {address}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def load(address: str, path: str, *, seconds: float, clients: int, headers: Sequence[str]) -> Any:
    """Ask from `clients` threads; requests that were answered, and how long it took them all."""
    host, _, port = address.partition(":")
    request = request_text(address, path, headers)
    began = time.perf_counter()
    end = began + seconds

    def ask() -> int:
        done = 0
        while time.perf_counter() < end:
            fetch(host, int(port), request)
            done += 1
        return done

    with ThreadPoolExecutor(clients) as pool:
        tasks = [pool.submit(ask) for _ in range(clients)]
        requests = sum(task.result() for task in tasks)
    return {"requests": requests, "seconds": time.perf_counter() - began}


def measure_rate(address: str, path: str, *, seconds: float, headers: Sequence[str]) -> float:
    """Requests a second that another process got answered. Raises LoadError."""
    command = [sys.executable, "-m", "tests.bench.load", address, path, "--seconds", str(seconds)]
    for header in headers:
        command += ["--header", header]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise LoadError(done.stderr.strip() or f"the load client ended with {done.returncode}")
    counted = json.loads(done.stdout)
    return float(counted["requests"] / counted["seconds"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("path")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--header", action="append", default=[])
    options = parser.parse_args()
    try:
        counted = load(
            options.address,
            options.path,
            seconds=options.seconds,
            clients=options.clients,
            headers=options.header,
        )
    except (LoadError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(counted))


if __name__ == "__main__":
    main()
