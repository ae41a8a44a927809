"""Where a run dies, and the proxy that kills it while it speaks with the payment provider."""

import os
import signal
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Headers that belong to one connection; the proxy has its own.
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "server", "date"})


@dataclass(frozen=True)
class Death:
    """When a run dies: at its `number`-th commit or call, "before" or "after" it has happened."""

    at: str
    number: int
    moment: str

    def __str__(self) -> str:
        return f"{self.moment} {self.at} {self.number}"


class KillingProxy:
    """An HTTP proxy before the emulator: it counts calls, and at one of them kills the caller.

    "before" means that the provider never hears of the call, "after" that it has answered and the
    answer is never passed on.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.upstream = ""
        self._death: Death | None = None
        self._victim = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(_ForwardingHandler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="killing-proxy", daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def aim(self, upstream: str, death: Death | None = None, *, victim: int = 0) -> None:
        """Forward to `upstream` and count anew; kill process `victim` as `death` says."""
        with self._lock:
            self.upstream, self._death, self._victim = upstream, death, victim
            self.calls = []

    def note(self, call: str) -> int:
        """Count one call; returns its number."""
        with self._lock:
            self.calls.append(call)
            return len(self.calls)

    def kills(self, number: int, moment: str) -> bool:
        """Kill the victim if this is where it dies."""
        if self._death != Death("call", number, moment):
            return False
        os.kill(self._victim, signal.SIGKILL)
        return True

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()


class _ForwardingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in two pieces; the second would wait 40 ms for word of the first.
    disable_nagle_algorithm = True
    owner: KillingProxy

    def forward(self) -> None:
        """Pass one request on and its answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        number = self.owner.note(f"{self.command} {self.path.partition('?')[0]}")
        if self.owner.kills(number, "before"):
            self.close_connection = True
            return
        connection = HTTPConnection(urlsplit(self.owner.upstream).netloc, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if self.owner.kills(number, "after"):
            self.close_connection = True
            return
        self._pass_back(answer, content)

    do_GET = do_POST = do_DELETE = forward

    def _pass_back(self, answer: HTTPResponse, content: bytes) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""
