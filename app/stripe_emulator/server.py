"""Serving the emulator on loopback: in a thread for tests, in a process for the demo."""

import threading
from dataclasses import dataclass

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.stripe_emulator import create_emulator
from app.stripe_emulator.store import Store
from app.stripe_emulator.webhooks import Counts, Dispatcher

HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """No line per request on the terminal: the log of requests is in the control API."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def bind(app: Flask, *, port: int = 0) -> BaseWSGIServer:
    """A threaded server on loopback; port 0 takes a free one."""
    return make_server(HOST, port, app, threaded=True, request_handler=QuietHandler)


@dataclass
class Handle:
    """A running emulator. `close` ends its threads and closes its store."""

    url: str
    app: Flask
    store: Store
    dispatcher: Dispatcher
    _server: BaseWSGIServer
    _thread: threading.Thread

    def drain(self) -> Counts:
        """Deliver everything pending now and wait for it."""
        return self.dispatcher.drain()

    def close(self) -> None:
        """Stop serving. A second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
            self._server.server_close()
            self.dispatcher.stop()
            self.store.close()

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def start_in_thread(
    store: str = ":memory:",
    *,
    port: int = 0,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    background: bool = True,
) -> Handle:
    """Start the emulator and return at once; its address is `handle.url`."""
    app = create_emulator(
        store, webhook_url=webhook_url, webhook_secret=webhook_secret, background=background
    )
    server = bind(app, port=port)
    # Asked often whether to stop: a test that starts an emulator of its own should not wait for it.
    thread = threading.Thread(
        target=server.serve_forever, args=(0.02,), name="stripe-emulator", daemon=True
    )
    thread.start()
    return Handle(
        url=f"http://{HOST}:{server.server_port}",
        app=app,
        store=app.extensions["stripe_emulator_store"],
        dispatcher=app.extensions["stripe_emulator_dispatcher"],
        _server=server,
        _thread=thread,
    )
