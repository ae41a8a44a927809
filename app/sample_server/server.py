"""Running the sample server: in this process until stopped, or in a thread for tests."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, make_server

from .registration import configure
from .seed import DEFAULT_SEED, seed_organization
from .server_pages import STATISTICS_VARIABLE
from .store import THREE_TABLE, Store
from .transfer import create_verification_app
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
    https_port: int | None
    _servers: tuple[BaseWSGIServer, ...]
    _threads: tuple[threading.Thread, ...]
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
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join(timeout=10)
            server.server_close()


def bind(store: Store, *, port: int) -> tuple[BaseWSGIServer, int]:
    """Return a server bound to loopback, and its port; 0 takes a free one.

    The port is known before the app is made, because addresses and the cookie's name carry it.
    Raises OSError when the port is taken.
    """
    with closing(_listen(port)) as listener:
        bound = int(listener.getsockname()[1])
        configure(store, port=bound)
        app = create_sample_app(store, port=bound)
        # The server takes over a copy of the descriptor.
        server = make_server(LOOPBACK, bound, app, threaded=True, fd=listener.fileno())
    return server, bound


def bind_https(store: Store, *, port: int, certificate: Path) -> tuple[BaseWSGIServer, int]:
    """Return a server of the transfers' proofs, and its port; 0 takes a free one.

    `certificate` is a PEM file with the certificate and its key.  Raises OSError (ssl.SSLError is
    one) when the port is taken or the file is none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with closing(_listen(port)) as listener:
        bound = int(listener.getsockname()[1])
        # A proof is never asked for while the server was down: what lies there is a leftover.
        store.save(https_port=bound, verify_token="", verify_secret="")
        app = create_verification_app(store)
        server = make_server(LOOPBACK, bound, app, threaded=True, fd=listener.fileno())
    # The handshake happens in the connection's own thread, so that nobody can hold up others.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.ssl_context = context
    return server, bound


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _bind_all(
    store: Store, *, port: int, https_port: int, certificate: Path | None
) -> tuple[BaseWSGIServer, ...]:
    """Return the server of the pages and, with a certificate, the one of the proofs."""
    server, _ = bind(store, port=port)
    if certificate is None:
        store.save(https_port=0)
        return (server,)
    try:
        proofs, _ = bind_https(store, port=https_port, certificate=certificate)
    except OSError:
        server.server_close()
        raise
    return server, proofs


def _serve_in_thread(server: BaseWSGIServer, *, name: str) -> threading.Thread:
    thread = threading.Thread(
        target=server.serve_forever, args=(POLL_SECONDS,), name=name, daemon=True
    )
    thread.start()
    return thread


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
    hostname: str | None = None,
    certificate: Path | None = None,
    https_port: int = 0,
) -> ServerHandle:
    """Start a sample server for a test and return its handle; `close()` it at the end.

    `seed` creates the default organization "acme" with 18 people.  The server is not registered:
    call `registration.register(handle.store)` and `uploads.upload_now(handle.store, …)`.
    With a `certificate` (a PEM file with its key) it answers by https as well, on a free port if
    none is given, and `hostname` (a bare host that the certificate names) is registered with that port.
    """
    opened = Store(Path(store))
    configure(opened, portal=portal, contact_email=contact_email)
    opened.save(submit_usage_statistics=submit_usage_statistics, upload_format=upload_format)
    if seed:
        for organization in DEFAULT_SEED:
            seed_organization(opened, organization)
    servers = _bind_all(opened, port=port, https_port=https_port, certificate=certificate)
    threads = tuple(_serve_in_thread(server, name="sample-server") for server in servers)
    settings = opened.settings()
    if hostname is not None:
        configure(opened, hostname=f"{hostname}:{settings.https_port or settings.port}")
    uploads = HourlyUploads(opened) if hourly else None
    if uploads is not None:
        uploads.start()
    return ServerHandle(
        opened, settings.port, settings.https_port or None, servers, threads, uploads
    )


def serve(
    store: Store,
    *,
    port: int,
    hourly: bool,
    port_file: Path | None = None,
    https_port: int = 0,
    certificate: Path | None = None,
) -> None:
    """Serve until interrupted, with a `certificate` by https as well (see `bind_https`).

    Raises OSError when a port is taken or the certificate cannot be used.
    """
    server, *others = _bind_all(store, port=port, https_port=https_port, certificate=certificate)
    settings = store.settings()
    if port_file is not None:
        unfinished = port_file.with_name(f"{port_file.name}.tmp")
        unfinished.write_text(f"{settings.port}\n", encoding="utf-8")
        unfinished.replace(port_file)
    print(f"Parlor sample server: http://localhost:{settings.port}/", flush=True)
    for proofs in others:
        _serve_in_thread(proofs, name="transfer-proofs")
        print(f"Proofs of transfers: https://localhost:{settings.https_port}/", flush=True)
    uploads = HourlyUploads(store) if hourly else None
    if uploads is not None:
        uploads.start()
    try:
        server.serve_forever()
    finally:
        if uploads is not None:
            uploads.stop()
        for each in (server, *others):
            each.server_close()
