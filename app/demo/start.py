"""Starting a demo: everything on loopback, watched until somebody stops it."""

import fcntl
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from app.clock import SystemClock
from app.demo.cast import NAMES
from app.demo.certificates import Certificates, make_certificates
from app.demo.folder import (
    HOST,
    DemoFolder,
    Ports,
    build_environment,
    read_environment,
    write_environment,
)
from app.demo.processes import DemoError, Group
from app.demo.seed import BEGUN, CUSTOMERS, read_seed_state
from app.demo.servers import make_own_server, make_servers
from app.demo.staff_logins import DEMO_PASSWORD, DEMO_STAFF

HIGHEST_PORT = 65535
# Variables of other programs that would change what our processes do.
FOREIGN_PREFIXES = ("TALLYPORT_", "STRIPE_", "FLASK_", "GUNICORN_", "WERKZEUG_")
GUNICORN = (
    "gunicorn",
    "wsgi:app",
    "--workers=2",
    "--threads=4",
    "--timeout=120",
    "--graceful-timeout=5",
    "--logger-class=app.web.logging.MaskingLogger",
    "--access-logfile=-",
    "--no-control-socket",
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The ports that were asked for, whether to make the sample customers, and how many customers
    there are to be with the recorded ones."""

    portal: int
    emulator: int
    sample: int
    with_customers: bool
    customers: int = CUSTOMERS


def run_demo(folder: DemoFolder, wishes: Wishes, *, say: Callable[[str], None]) -> None:
    """Start everything, say where it is, and stay until ctrl-C or SIGTERM.

    Raises DemoError when a part cannot start or has ended; everything else is stopped by then.
    """
    folder.logs.mkdir(parents=True, exist_ok=True)
    with signals_interrupt(), only_one(folder):
        if read_seed_state(folder) == BEGUN:
            say("The last start was interrupted while it made the customers: beginning anew.")
            reset(folder)
        ports = choose_ports(wishes, say=say)
        # Before the environment is known: whoever joins it finds what it names.
        certificates = make_certificates(folder.certificates, now=SystemClock().now())
        environment = build_environment(folder, ports)
        write_environment(folder, environment)
        group = Group(child_environment(environment), folder.logs)
        try:
            with_customers = _has_customers(folder, wishes, say)
            _start_all(
                group,
                folder,
                ports,
                say,
                with_customers=with_customers,
                customers=wishes.customers,
                certificates=certificates,
            )
            say(describe(ports))
            group.watch()
        except KeyboardInterrupt:
            say("Stopping.")
        finally:
            with signals_ignored():
                group.stop()


def reset(folder: DemoFolder) -> None:
    """Forget everything but the logs; the caller has made sure that no demo runs there."""
    for path in folder.path.glob("*.sqlite3*"):
        path.unlink()
    for path in (folder.servers, folder.certificates):
        shutil.rmtree(path, ignore_errors=True)
    for path in (
        folder.clock_file,
        folder.seed_file,
        folder.trials_file,
        folder.move_file,
        folder.env_file,
    ):
        path.unlink(missing_ok=True)


@contextmanager
def stopped_demo(folder: DemoFolder) -> Iterator[None]:
    """Make sure that no demo runs in the folder meanwhile. Raises DemoError when one does."""
    folder.path.mkdir(parents=True, exist_ok=True)
    with only_one(folder):
        yield


def choose_ports(wishes: Wishes, *, say: Callable[[str], None]) -> Ports:
    """The ports that were wished for, or the next free ones, which is said."""
    taken: set[int] = set()
    chosen = {}
    for name in ("portal", "emulator", "sample"):
        wished = getattr(wishes, name)
        chosen[name] = _free_port(wished, taken)
        if chosen[name] != wished:
            say(f"Port {wished} is taken; the {_NAMES[name]} uses {chosen[name]}.")
    # Nobody wished for this one: it stands in no address that people type.
    sample_https = _free_port(wishes.sample + 1, taken)
    others = {name: _free_port(wishes.sample + 8, taken) for name in NAMES}
    return Ports(sample_https=sample_https, others=others, **chosen)


_NAMES = {"portal": "portal", "emulator": "Stripe emulator", "sample": "sample server"}


def describe(ports: Ports) -> str:
    """What the person at the terminal may do now."""
    portal, emulator = f"http://{HOST}:{ports.portal}", f"http://{HOST}:{ports.emulator}"
    return f"""
The demo runs. No real mail, no real money; everything stays on this machine.

  Your server   http://acme.localhost:{ports.sample}/
                Log in as an owner or admin, open the gear menu, choose Billing.
  The portal    {portal}/demo/
                Sample customers, caught mail, and the time machine.
  Support       {portal}/support/
                {DEMO_STAFF[0].email} (or sam, rita), password: {DEMO_PASSWORD}
  The bank      {emulator}/emulator/
                The Stripe emulator: payments, invoices, events.

  Move time     .venv/bin/flask --app wsgi demo advance 1month
  Your server's own commands, such as
                .venv/bin/flask --app wsgi demo server register --registration-transfer
  Stop          ctrl-C
"""


def _has_customers(folder: DemoFolder, wishes: Wishes, say: Callable[[str], None]) -> bool:
    """Whether this demo has sample customers: decided at its first start, since they are made by
    living through the time before."""
    if read_seed_state(folder) is None:
        return wishes.with_customers
    if folder.servers.exists() != wishes.with_customers:
        say("With or without sample customers is for a new demo to choose: flask demo reset.")
    return folder.servers.exists()


def _start_all(
    group: Group,
    folder: DemoFolder,
    ports: Ports,
    say: Callable[[str], None],
    *,
    with_customers: bool,
    customers: int,
    certificates: Certificates,
) -> None:
    portal = f"http://{HOST}:{ports.portal}"
    say("Preparing the database …")
    group.run("migrate", "flask", "--app", "wsgi", "db", "upgrade")
    say("Starting the portal and the Stripe emulator …")
    emulator = group.start(
        "stripe-emulator",
        "app.stripe_emulator",
        f"--port={ports.emulator}",
        f"--store={folder.emulator_store}",
        f"--webhook-url={portal}/webhooks/stripe/",
    )
    web = group.start("portal", *GUNICORN, f"--bind={HOST}:{ports.portal}")
    group.wait_until_healthy(emulator, f"http://{HOST}:{ports.emulator}/_control/state")
    group.wait_until_healthy(web, f"{portal}/readyz")
    make_own_server(folder, portal=portal, ports=ports)
    if with_customers:
        make_servers(folder, portal=portal, ports=ports.others)
    seed = ("flask", "--app", "wsgi", "demo", "seed", f"--fill-up={customers}")
    group.run("seed", *seed, quiet=False)
    sample = group.start(
        "sample-server",
        "app.sample_server",
        "serve",
        f"--store={folder.sample_store}",
        f"--portal={portal}",
        f"--port={ports.sample}",
        f"--https-port={ports.sample_https}",
        f"--certificate={certificates.server}",
        "--hourly",
    )
    if with_customers:
        group.start("other-servers", "app.demo.other_servers")
    group.wait_until_healthy(sample, f"http://{HOST}:{ports.sample}/_control/state")
    group.check()


def child_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of a process of the demo: ours, with these settings and nobody's proxy."""
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)
    }
    # Whatever proxy the machine has, our processes talk to each other without it.
    direct = ",".join(filter(None, (kept.get("NO_PROXY"), HOST, "localhost")))
    return kept | settings | {"NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1"}


def _free_port(wished: int, taken: set[int]) -> int:
    for port in range(wished, HIGHEST_PORT + 1):
        if port not in taken and _is_free(port):
            taken.add(port)
            return port
    raise DemoError(f"No port from {wished} on is free.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers themselves do: connections that have ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def only_one(folder: DemoFolder) -> Iterator[None]:
    """Hold the lock that tells others that a demo runs here. Raises DemoError."""
    with folder.lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = read_environment(folder).get("TALLYPORT_BASE_URL", "")
            raise DemoError(f"The demo is running already: {where}/demo/") from None
        yield


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM, and the end of the terminal, stop us as ctrl-C does."""
    before = {
        number: signal.signal(number, _interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Nothing interrupts the stopping, which takes some seconds at most."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    yield


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
