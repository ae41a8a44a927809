"""The whole world on loopback: portal, Stripe emulator, sample server, SMTP, one clock file.

Everything is real and speaks HTTP or SMTP. Jobs are run as the demo does after a jump in time:
the sample server uploads, ledgers sync, invoices are made and delivered, webhooks drain.
"""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app import create_app
from app.clock import DemoClock
from app.demo.certificates import OWN_HOST, Certificates, make_certificates
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import invoice_plans
from app.jobs.sync_ledgers import sync_ledgers
from app.sample_server import server as sample
from app.sample_server.moving import export_organization, import_organization
from app.sample_server.records import Organization
from app.sample_server.registration import register
from app.sample_server.server import ServerHandle
from app.sample_server.store import new_key
from app.sample_server.uploads import upload_now
from app.services.context import Context
from app.stripe_emulator import server as emulator
from tests.support.mail import SmtpServer

WEBHOOK_SECRET = "whsec_of_the_browser_tests"
OTHER_HOST = "other.localhost"
# What the certificate of the world names; a sample server goes by one of them, with its port.
SERVER_HOSTS = (OWN_HOST, OTHER_HOST, "third.localhost")


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
    sample: ServerHandle
    smtp: SmtpServer
    folder: Path
    certificates: Certificates
    stack: ExitStack

    def at(self, when: str) -> "World":
        """Write an instant into the clock file."""
        self.clock.freeze(datetime.fromisoformat(when).replace(tzinfo=UTC))
        return self

    def upload(self) -> None:
        """The sample server uploads."""
        report = upload_now(self.sample.store, trigger="control")
        assert report.ok, report

    def start_server(self, name: str, *, host: str = OTHER_HOST) -> ServerHandle:
        """Start another sample server with a store of its own, which is empty and not registered.

        It goes by `host`, one of SERVER_HOSTS, with a port of its own, and answers there by https
        as the portal's transfer asks for. It ends with the world, or by `close()` before.
        """
        handle = sample.start_in_thread(
            self.folder / f"{name}.sqlite3",
            portal=self.portal_url,
            contact_email=f"it@{name}.test",
            hostname=host,
            certificate=self.certificates.server,
        )
        self.stack.callback(handle.close)
        return handle

    def lose_key(self) -> None:
        """The sample server forgets its key, and has one of its own making instead."""
        self.sample.store.save(server_key=new_key(), pending_key="")

    def lose_everything(self, *, name: str = "rebuilt") -> ServerHandle:
        """The sample server is gone with its store; a new, empty one has taken its place under the
        same hostname. It knows nothing of the registration."""
        hostname, port = self.sample.store.settings().hostname, self.sample.https_port
        self.sample.close()
        self.sample = sample.start_in_thread(
            self.folder / f"{name}.sqlite3",
            portal=self.portal_url,
            contact_email=f"it@{name}.test",
            hostname=hostname.partition(":")[0],
            certificate=self.certificates.server,
            https_port=port or 0,
        )
        return self.sample

    def move_organization(self, target: ServerHandle, *, name: str = "acme") -> Organization:
        """Export an organization of the sample server and import it on `target`."""
        file = self.folder / f"{name}-{target.port}.json"
        export_organization(self.sample.store, name, file)
        return import_organization(target.store, file)

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
def running_world(
    folder: Path, *, database_url: str, smtp: SmtpServer, catches_mail: bool = False
) -> Iterator[World]:
    """Start everything on free ports, with the server registered and its people uploaded.

    With `catches_mail` mails go to the demo's page of caught mail instead of the SMTP server.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clock_file = folder / "clock.json"
    clock = DemoClock(clock_file)
    clock.freeze(datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC))
    # The others are told the portal's address before it runs, so its port is taken at once.
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    portal_url = f"http://127.0.0.1:{port}"
    stripe = emulator.start_in_thread(
        str(folder / "stripe.sqlite3"),
        webhook_url=f"{portal_url}/webhooks/stripe/",
        webhook_secret=WEBHOOK_SECRET,
    )
    certificates = make_certificates(
        folder / "certificates", now=clock.real_now(), names=SERVER_HOSTS
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
            "mail_url": "" if catches_mail else smtp.url,
            "allow_private_hosts": True,
            "extra_ca_file": certificates.authority,
        }
    )
    server: BaseWSGIServer = make_server(
        "127.0.0.1",
        port,
        app,
        threaded=True,
        request_handler=QuietHandler,
        fd=listener.fileno(),
    )
    # The server has a copy.
    listener.close()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    sample_handle = sample.start_in_thread(
        folder / "sample.sqlite3",
        portal=portal_url,
        seed=True,
        hostname=OWN_HOST,
        certificate=certificates.server,
    )
    stack = ExitStack()
    world = World(
        portal_url,
        app,
        app.extensions["tallyport"],
        clock,
        stripe,
        sample_handle,
        smtp,
        folder,
        certificates,
        stack,
    )
    try:
        register(sample_handle.store)
        world.upload()
        yield world
    finally:
        world.sample.close()
        stack.close()
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        stripe.close()
