"""Running the sample server: in this process until stopped, or in a thread for tests."""

from __future__ import annotations

import logging
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, make_server

from .registration import configure
from .seed import DEFAULT_SEED, seed_organization
from .server_pages import STATISTICS_VARIABLE
from .store import THREE_TABLE, Store
from .uploads import upload_if_due
from .web import create_sample_app

LOOPBACK = "127.0.0.1"
CHECK_SECONDS = 5.0
# How often a server in a thread looks whether it was told to stop.
POLL_SECONDS = 0.05
NO_WORDS = ("0", "false", "no", "off")
LOG = logging.getLogger(__name__)


def apply_environment(store: Store) -> None:
    """Let SUBMIT_USAGE_STATISTICS of the environment decide the setting, when it is given."""
    value = os.environ.get(STATISTICS_VARIABLE)
    if value is not None:
        store.save(submit_usage_statistics=value.strip().lower() not in NO_WORDS)


class HourlyUploads:
    """A thread that makes the hourly upload whenever the clock has reached another hour.

    It looks every few real seconds, because the clock of a demo may jump.
    """

    def __init__(self, store: Store) -> None:
        """Prepare the thread for a store; `start` begins it."""
        self._store = store
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hourly-uploads", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        self._stopped.set()
        self._thread.join(timeout=CHECK_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                report = upload_if_due(self._store)
                if report is not None:
                    LOG.info("Hourly upload: %s", report.code or "accepted")
            except Exception:
                # One failed hour must not end all later ones.
                LOG.exception("The hourly upload failed")
            self._stopped.wait(CHECK_SECONDS)


@dataclass
class ServerHandle:
    """A running sample server; `url` is its root host, which lists the organizations."""

    store: Store
    port: int
    _server: BaseWSGIServer
    _thread: threading.Thread
    _hourly: HourlyUploads | None

    @property
    def url(self) -> str:
        """Return the root address, without a trailing slash, as Python's resolver finds it."""
        return f"http://{LOOPBACK}:{self.port}"

    def organization_host(self, name: str) -> str:
        """Return the Host header of an organization, for calls that go to `url`."""
        return f"{name}.localhost:{self.port}"

    def organization_url(self, name: str) -> str:
        """Return the address of an organization, as browsers find it."""
        return f"http://{self.organization_host(name)}"

    def close(self) -> None:
        """Stop serving and uploading; the store stays."""
        if self._hourly is not None:
            self._hourly.stop()
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()


def bind(store: Store, *, port: int) -> tuple[BaseWSGIServer, int]:
    """Return a server bound to loopback, and its port; 0 takes a free one.

    The port is known before the app is made, because addresses and the cookie's name carry it.
    Raises OSError when the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        bound = int(listener.getsockname()[1])
        configure(store, port=bound)
        app = create_sample_app(store, port=bound)
        # The server takes over a copy of the descriptor.
        server = make_server(LOOPBACK, bound, app, threaded=True, fd=listener.fileno())
    finally:
        listener.close()
    return server, bound


def start_in_thread(
    store: str | os.PathLike[str],
    *,
    portal: str | None = None,
    port: int = 0,
    hourly: bool = False,
    seed: bool = False,
    contact_email: str = "admin@parlor.test",
    submit_usage_statistics: bool = True,
    upload_format: str = THREE_TABLE,
) -> ServerHandle:
    """Start a sample server for a test and return its handle; `close()` it at the end.

    `seed` creates the default organization "acme" with 18 people.  The server is not registered:
    call `registration.register(handle.store)` and `uploads.upload_now(handle.store, …)`.
    """
    opened = Store(Path(store))
    configure(opened, portal=portal, contact_email=contact_email)
    opened.save(submit_usage_statistics=submit_usage_statistics, upload_format=upload_format)
    if seed:
        for organization in DEFAULT_SEED:
            seed_organization(opened, organization)
    server, bound = bind(opened, port=port)
    thread = threading.Thread(
        target=server.serve_forever, args=(POLL_SECONDS,), name="sample-server", daemon=True
    )
    thread.start()
    uploads = HourlyUploads(opened) if hourly else None
    if uploads is not None:
        uploads.start()
    return ServerHandle(opened, bound, server, thread, uploads)


def serve(store: Store, *, port: int, hourly: bool, port_file: Path | None = None) -> None:
    """Serve until interrupted.  Raises OSError when the port is taken."""
    server, bound = bind(store, port=port)
    if port_file is not None:
        unfinished = port_file.with_name(f"{port_file.name}.tmp")
        unfinished.write_text(f"{bound}\n", encoding="utf-8")
        unfinished.replace(port_file)
    print(f"Parlor sample server: http://localhost:{bound}/", flush=True)
    uploads = HourlyUploads(store) if hourly else None
    if uploads is not None:
        uploads.start()
    try:
        server.serve_forever()
    finally:
        if uploads is not None:
            uploads.stop()
        server.server_close()
