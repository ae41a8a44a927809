"""Hosts that the portal asks over https: well-behaved ones, and every kind of bad one.

Each listens on a port of this machine, and its certificate is signed by an authority that was made
for the tests. Where a name leads is told to the client by `Names`, so that no resolver is asked.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

LOOPBACK = "127.0.0.1"
# What a host does with a connection, once the head of a request has come in.
Behaviour = Callable[[socket.socket], None]


@dataclass
class Host:
    """A running host: its port, and the requests it got so far (first lines and headers)."""

    port: int
    requests: list[str] = field(default_factory=list)
    connections: int = 0


@dataclass
class Names:
    """A resolver: each look-up of a name takes the next of its answers, the last one for ever."""

    answers: Mapping[str, Sequence[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises OSError for a name that nobody knows, as a resolver does."""
        self.asked.append(host)
        found = self.answers.get(host)
        if not found:
            raise OSError(f"nobody knows {host}")
        return found[min(self.asked.count(host), len(found)) - 1]


def make_authority(folder: Path, name: str = "authority") -> tuple[trustme.CA, Path]:
    """A certificate authority, and the file that makes a client trust it."""
    authority = trustme.CA()
    path = folder / f"{name}.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


@contextmanager
def running_host(behaviour: Behaviour, certificate: trustme.LeafCert | None) -> Iterator[Host]:
    """A host that does `behaviour` with every connection; without a certificate it speaks no TLS."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    with socket.create_server((LOOPBACK, 0)) as listener:
        host = Host(listener.getsockname()[1])
        threading.Thread(
            target=_accept, args=(listener, context, behaviour, host), daemon=True
        ).start()
        try:
            yield host
        finally:
            # Closing alone does not wake the one who waits for connections.
            listener.shutdown(socket.SHUT_RDWR)


def _accept(
    listener: socket.socket, context: ssl.SSLContext | None, behaviour: Behaviour, host: Host
) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            host.connections += 1
            threading.Thread(
                target=_serve, args=(connection, context, behaviour, host), daemon=True
            ).start()


def _serve(
    connection: socket.socket, context: ssl.SSLContext | None, behaviour: Behaviour, host: Host
) -> None:
    # Whoever asks hangs up when it has had enough.
    with suppress(OSError), connection:
        connection.settimeout(20)
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            head = b""
            # One without TLS answers whatever comes in, as those do that expected HTTP in clear.
            while b"\r\n\r\n" not in head and (context is not None or not head):
                piece = connection.recv(4096)
                if not piece:
                    return
                head += piece
            host.requests.append(head.decode(errors="replace"))
            behaviour(connection)


def answering(
    body: bytes | Callable[[], bytes],
    status: str = "200 OK",
    *headers: str,
) -> Behaviour:
    """Answers properly."""

    def behave(connection: socket.socket) -> None:
        content = body() if callable(body) else body
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + content)

    return behave


def answering_json(value: Any) -> Behaviour:
    """Answers with that value; a function is asked for it each time."""
    return answering(lambda: json.dumps(value() if callable(value) else value).encode())


def dripping(data: bytes, *, every: float) -> Behaviour:
    """Sends a byte, waits, sends the next."""

    def behave(connection: socket.socket) -> None:
        for index in range(len(data)):
            connection.sendall(data[index : index + 1])
            time.sleep(every)

    return behave


def flooding(head: bytes, *, megabytes: int = 10) -> Behaviour:
    """Sends a head, and then far too much."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(megabytes * 16):
            connection.sendall(b"x" * 65_536)

    return behave


def silent(connection: socket.socket) -> None:
    """Takes the request and says nothing until the other side hangs up."""
    connection.recv(1)


def closing(connection: socket.socket) -> None:
    """Hangs up at once."""
