"""The whole world on loopback: portal, Stripe emulator, sample server, SMTP, one clock file.

Everything is real and speaks HTTP or SMTP. Jobs are run as the demo does after a jump in time:
the sample server uploads, ledgers sync, invoices are made and delivered, webhooks drain.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app import create_app
from app.clock import DemoClock
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.sample_server import server as sample
from app.sample_server.registration import register
from app.sample_server.uploads import upload_now
from app.services.context import Context
from app.stripe_emulator import server as emulator
from tests.support.mail import SmtpServer
from tests.support.servers import free_port

WEBHOOK_SECRET = "whsec_of_the_browser_tests"


class QuietHandler(WSGIRequestHandler):
    """No line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@dataclass
class World:
    """What a browser test drives."""

    portal_url: str
    app: Flask
    ctx: Context
    clock: DemoClock
    emulator: emulator.Handle
    sample: sample.ServerHandle
    smtp: SmtpServer

    def at(self, when: str) -> "World":
        """Write an instant into the clock file."""
        self.clock.freeze(datetime.fromisoformat(when).replace(tzinfo=UTC))
        return self

    def upload(self) -> None:
        """The sample server uploads."""
        report = upload_now(self.sample.store, trigger="control")
        assert report.ok, report

    def run_jobs(self) -> None:
        """What happens by itself after a jump in time."""
        self.upload()
        ctx = replace(self.ctx, payments=self.ctx.payments.for_jobs())
        with self.app.app_context():
            sync_ledgers(ctx)
            invoice_plans(ctx)
            deliver(ctx)
        self.settle()

    def settle(self) -> None:
        """Every webhook that waits is delivered now."""
        self.emulator.drain()

    def last_mail(self) -> EmailMessage:
        """The newest mail that the SMTP server was given."""
        return self.smtp.messages[-1]


@contextmanager
def running_world(folder: Path, *, database_url: str, smtp: SmtpServer) -> Iterator[World]:
    """Start everything on free ports, with the server registered and its people uploaded."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clock_file = folder / "clock.json"
    clock = DemoClock(clock_file)
    clock.freeze(datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC))
    port = free_port()
    portal_url = f"http://127.0.0.1:{port}"
    stripe = emulator.start_in_thread(
        str(folder / "stripe.sqlite3"),
        webhook_url=f"{portal_url}/webhooks/stripe/",
        webhook_secret=WEBHOOK_SECRET,
    )
    app = create_app(
        {
            "env": "testing",
            "database_url": database_url,
            "base_url": portal_url,
            "clock_file": clock_file,
            "stripe_api_base": stripe.url,
            "emulator_url": stripe.url,
            "stripe_secret_key": "sk_test_browser",
            "stripe_webhook_secret": WEBHOOK_SECRET,
            "mail_url": smtp.url,
        }
    )
    server: BaseWSGIServer = make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=QuietHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    sample_handle = sample.start_in_thread(folder / "sample.sqlite3", portal=portal_url, seed=True)
    try:
        register(sample_handle.store)
        world = World(
            portal_url, app, app.extensions["tallyport"], clock, stripe, sample_handle, smtp
        )
        world.upload()
        yield world
    finally:
        sample_handle.close()
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        stripe.close()
