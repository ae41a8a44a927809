"""Requests to hosts that somebody typed: the one guarded way out.

Whoever registers a hostname could name one inside our own network, let it redirect there, change
its address between our check and our use, or answer for ever. So a host is asked over https only,
its name is resolved once and every address looked at, the connection goes to exactly such an
address, redirects and proxies do not exist, and size and time of the whole answer are bounded.
"""

import contextlib
import io
import json
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from app.domain.errors import BillingError
from app.gateways.payments import CalledInTransaction
from app.gateways.public_addresses import is_public

# The addresses of a host name, as text. Raises OSError when there are none.
Resolver = Callable[[str, int], Sequence[str]]

HTTPS_PORT = 443
# Seconds for everything together: name, connection, certificate and the whole answer.
DEADLINE = 5.0
# Seconds for one attempt to connect, so that a dead address leaves time for the next.
CONNECT_SECONDS = 2.0
MOST_ATTEMPTS = 3
# Seconds before another attempt.
PAUSE = 0.2
LARGEST_BODY = 4 * 1024
# What comes with a body: the head, and what a reader takes in advance.
LARGEST_REST = 28 * 1024

FORM = "application/x-www-form-urlencoded"
_PATH = re.compile(r"/[!-~]*")
_LOCALHOST = re.compile(r"(?:.*\.)?localhost")
_HEADER = re.compile(r"[!-~][ -~]*")
_REQUEST = (
    "{method} {path} HTTP/1.1\r\n"
    "Host: {authority}\r\n"
    "User-Agent: Tallyport\r\n"
    "Accept: application/json\r\n"
    "Accept-Encoding: identity\r\n"
    "{more}"
    "Connection: close\r\n\r\n"
)


class OutgoingGateway(Protocol):
    """Asks hosts that somebody typed."""

    def get_json(self, authority: str, path: str) -> Mapping[str, Any]:
        """The JSON object that `https://<authority><path>` answers with status 200.

        `authority` is a bare host or host:port in lower case; `path` is ASCII and begins with a
        slash. Raises BillingError, each with `host`: `host_not_public`, `host_unreachable`,
        `host_not_https`, `host_certificate`, `host_too_slow`, `host_wrong_status` (with `status`),
        `host_answer_too_large`, `host_answer_broken` or `host_answer_not_json`.
        """
        ...


def resolve_by_system(host: str, port: int) -> list[str]:
    """What the resolver of this machine says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class GuardedClient:
    """The real one. All hosts are strangers to it.

    `allow_private` lets it go to private addresses, as an operator's explicit choice; certificates
    of the authorities in `extra_ca_file` count beside those of this machine; `maps_localhost`
    knows names under .localhost, which browsers resolve and Python does not.
    """

    def __init__(
        self,
        *,
        in_transaction: Callable[[], bool],
        allow_private: bool = False,
        extra_ca_file: Path | None = None,
        maps_localhost: bool = False,
        resolve: Resolver = resolve_by_system,
        deadline: float = DEADLINE,
    ) -> None:
        self._in_transaction = in_transaction
        self._allow_private = allow_private
        self._extra_ca_file = extra_ca_file
        self._maps_localhost = maps_localhost
        self._resolve = resolve
        self._deadline = deadline
        self._tls: ssl.SSLContext | None = None

    def get_json(
        self, authority: str, path: str, *, largest: int = LARGEST_BODY
    ) -> Mapping[str, Any]:
        """See `OutgoingGateway.get_json`; `largest` is the most bytes that a body may have. Raises
        CalledInTransaction inside a unit of work."""
        return self._ask("GET", authority, path, largest=largest)

    def post_form(
        self,
        authority: str,
        path: str,
        form: str,
        *,
        authorization: str | None = None,
        largest: int = LARGEST_BODY,
    ) -> Mapping[str, Any]:
        """The same for a POST of `form`, which is urlencoded already. `authorization` is the value
        of that header. Raises what `get_json` does."""
        more = f"Content-Type: {FORM}\r\nContent-Length: {len(form.encode())}\r\n"
        if authorization is not None:
            if not _HEADER.fullmatch(authorization):
                raise ValueError("a header is one line of ASCII")
            more += f"Authorization: {authorization}\r\n"
        return self._ask("POST", authority, path, more=more, body=form.encode(), largest=largest)

    def _ask(
        self,
        method: str,
        authority: str,
        path: str,
        *,
        largest: int,
        more: str = "",
        body: bytes = b"",
    ) -> Mapping[str, Any]:
        if self._in_transaction():
            raise CalledInTransaction
        if not _PATH.fullmatch(path):
            raise ValueError("the path of a request is ASCII without spaces")
        target = _read_authority(authority)
        until = _Deadline(self._deadline)
        head = _REQUEST.format(method=method, path=path, authority=authority, more=more)
        try:
            addresses = self._look_up(target, until)
            with self._connect(target, addresses, until) as connection:
                connection.settimeout(until.left())
                connection.sendall(head.encode("ascii") + body)
                return _read_answer(connection, target, until, method=method, largest=largest)
        except TimeoutError:
            raise BillingError("host_too_slow", host=authority) from None

    def _look_up(self, target: "_Target", until: "_Deadline") -> list[str]:
        """The addresses of a host, of which every single one may be used."""
        if self._maps_localhost and _LOCALHOST.fullmatch(target.host):
            return ["127.0.0.1"]
        # The system's resolver knows no time limit, so somebody else waits for it.
        answers: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(target.host, target.port))
            except (OSError, UnicodeError):
                answers.put(())

        threading.Thread(target=ask, daemon=True).start()
        try:
            found = list(dict.fromkeys(answers.get(timeout=until.left())))
        except queue.Empty:
            raise TimeoutError from None
        # One private address among public ones is reason enough: it might be the one that is used.
        # Whether a name is known inside our network only is nobody's business: same answer.
        if not found or not (self._allow_private or all(map(is_public, found))):
            raise BillingError("host_not_public", host=target.authority)
        return found

    def _connect(
        self, target: "_Target", addresses: Sequence[str], until: "_Deadline"
    ) -> ssl.SSLSocket:
        """An encrypted connection to one of these addresses whose certificate is the host's."""
        plain = _open(target, addresses, until)
        try:
            plain.settimeout(until.left())
            return self._context().wrap_socket(plain, server_hostname=target.host)
        except ssl.SSLCertVerificationError:
            plain.close()
            raise BillingError("host_certificate", host=target.authority) from None
        except TimeoutError:
            plain.close()
            raise
        except (OSError, ValueError):
            # Not TLS at all, hung up, or a name that no certificate can hold.
            plain.close()
            raise BillingError("host_not_https", host=target.authority) from None

    def _context(self) -> ssl.SSLContext:
        """Made at first use, since reading the authorities of a machine takes time."""
        if self._tls is None:
            context = ssl.create_default_context()
            if self._extra_ca_file is not None:
                context.load_verify_locations(self._extra_ca_file)
            self._tls = context
        return self._tls


@dataclass(frozen=True, slots=True)
class _Target:
    """A host as it was typed, and what that means."""

    authority: str
    host: str
    port: int


class _Deadline:
    """The end of everything, in seconds from its making, by the stopwatch."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _TooLargeError(Exception):
    """More was sent than anybody reads here."""


class _Incoming(io.RawIOBase):
    """What comes in on a connection, until the deadline and not more than it may be."""

    def __init__(self, connection: ssl.SSLSocket, until: _Deadline, *, most: int) -> None:
        self._connection = connection
        self._until = until
        self._left = most

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Each piece gets the time that is left: one byte a second does not make it last."""
        self._connection.settimeout(self._until.left())
        count = self._connection.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise _TooLargeError
        return count

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What the parser of answers asks a socket for."""
        return io.BufferedReader(self)


def _read_authority(authority: str) -> _Target:
    """Host and port. Raises BillingError `host_not_public` for what is none."""
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.netloc != authority or "@" in authority or port == 0:
        raise BillingError("host_not_public", host=authority)
    return _Target(authority, host, port or HTTPS_PORT)


def _open(target: _Target, addresses: Sequence[str], until: _Deadline) -> socket.socket:
    for attempt in range(MOST_ATTEMPTS):
        if attempt:
            time.sleep(min(PAUSE, until.left()))
        # The address is a number, so nothing is resolved a second time.
        place = (addresses[attempt % len(addresses)], target.port)
        seconds = min(CONNECT_SECONDS, until.left())
        with contextlib.suppress(OSError):
            return socket.create_connection(place, timeout=seconds)
    raise BillingError("host_unreachable", host=target.authority)


def _read_answer(
    connection: ssl.SSLSocket, target: _Target, until: _Deadline, *, method: str, largest: int
) -> Mapping[str, Any]:
    incoming = _Incoming(connection, until, most=largest + LARGEST_REST)
    # The parser of answers asks a socket for nothing but `makefile`.
    response = HTTPResponse(cast(socket.socket, incoming), method=method)
    try:
        response.begin()
        status, body = response.status, b""
        if status == 200:
            body = response.read(largest + 1)
            if response.length and len(body) <= largest:
                raise IncompleteRead(body, response.length)
    except _TooLargeError:
        raise BillingError("host_answer_too_large", host=target.authority) from None
    except TimeoutError:
        raise
    except (HTTPException, OSError, ValueError, OverflowError):
        # The last one is what the parser makes of a chunk of less than minus 2^63 bytes.
        raise BillingError("host_answer_broken", host=target.authority) from None
    if status != 200:
        raise BillingError("host_wrong_status", host=target.authority, status=status)
    if len(body) > largest:
        raise BillingError("host_answer_too_large", host=target.authority)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise BillingError("host_answer_not_json", host=target.authority)
    return answer
