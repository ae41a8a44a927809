"""A demo with very many customers, on PostgreSQL: to see what the console does with them.

Everything in it is recorded (app/demo/recorded/), nobody's server runs, and it is made anew at each
start unless the database of TALLYPORT_DATABASE_URL is to be used, which keeps what it has.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.demo.folder import (
    HOST,
    DemoFolder,
    build_environment,
    get_demo_folder,
    write_environment,
)
from app.demo.postgres import PostgresError, start_postgres, stop_postgres
from app.demo.processes import DemoError, Group
from app.demo.staff_logins import DEMO_PASSWORD, DEMO_STAFF
from app.demo.start import (
    GUNICORN,
    Wishes,
    child_environment,
    choose_ports,
    only_one,
    signals_ignored,
    signals_interrupt,
)

DATABASE_VARIABLE = "TALLYPORT_DATABASE_URL"
DEFAULT_CUSTOMERS = 100_000
# Play money may be lost with the machine; waiting for its disk at every commit is not worth it.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB")


def large_folder() -> DemoFolder:
    """Beside the folder of the ordinary demo, which it leaves alone."""
    usual = get_demo_folder().path
    return DemoFolder(usual.with_name(f"{usual.name}-large"))


def run_large_demo(
    folder: DemoFolder, wishes: Wishes, *, customers: int, say: Callable[[str], None]
) -> None:
    """Start PostgreSQL, fill it, serve it, and stay until ctrl-C. Raises DemoError."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    with signals_interrupt(), only_one(folder), _database(say) as address:
        ports = choose_ports(wishes, say=say)
        environment = build_environment(folder, ports) | {DATABASE_VARIABLE: address}
        del environment["TALLYPORT_SAMPLE_SERVER_URL"], environment["TALLYPORT_EXTRA_CA_FILE"]
        write_environment(folder, environment)
        group = Group(child_environment(environment), folder.logs)
        try:
            _start_all(
                group,
                folder,
                portal=ports.portal,
                emulator=ports.emulator,
                say=say,
                customers=customers,
            )
            say(describe(ports.portal, address, customers))
            group.watch()
        except KeyboardInterrupt:
            say("Stopping.")
        finally:
            with signals_ignored():
                group.stop()


def describe(portal: int, database: str, customers: int) -> str:
    """What the person at the terminal may do now."""
    logins = "\n".join(
        f"                Log in as {person.email} ({person.full_name})" for person in DEMO_STAFF
    )
    return f"""
The large demo runs, with {customers:,} customers.

  The console   http://{HOST}:{portal}/support/
{logins}
                The password of each is: {DEMO_PASSWORD}
  The database  {database}
  Stop          ctrl-C
"""


@contextmanager
def _database(say: Callable[[str], None]) -> Iterator[str]:
    """The address of the database: the given one, or one of our own that goes with us."""
    given = os.environ.get(DATABASE_VARIABLE, "").strip()
    if given:
        if not given.startswith("postgresql"):
            raise DemoError(f"{DATABASE_VARIABLE} has to name a PostgreSQL database.")
        yield given
        return
    # Not in the checkout, which the user `postgres` may be unable to reach.
    home = Path(tempfile.mkdtemp(prefix="tallyport-large-", dir=_roomy()))
    home.chmod(0o755)
    say("Starting PostgreSQL …")
    try:
        yield start_postgres(home, settings=SETTINGS) + "postgres"
    except PostgresError as error:
        raise DemoError(str(error)) from None
    finally:
        with signals_ignored():
            stop_postgres(home)
            shutil.rmtree(home, ignore_errors=True)


def _roomy() -> str:
    """Where a few gigabytes have room: not in memory, as the folder for temporary files may be."""
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else tempfile.gettempdir()


def _start_all(
    group: Group,
    folder: DemoFolder,
    *,
    portal: int,
    emulator: int,
    say: Callable[[str], None],
    customers: int,
) -> None:
    say("Preparing the database …")
    group.run("migrate", "flask", "--app", "wsgi", "db", "upgrade")
    say(f"Writing {customers:,} customers down; that takes some minutes …")
    group.run(
        "seed",
        "flask",
        "--app",
        "wsgi",
        "demo",
        "seed-large",
        f"--customers={customers}",
        quiet=False,
    )
    say("Starting the portal and the Stripe emulator …")
    bank = group.start(
        "stripe-emulator",
        "app.stripe_emulator",
        f"--port={emulator}",
        f"--store={folder.emulator_store}",
        f"--webhook-url=http://{HOST}:{portal}/webhooks/stripe/",
    )
    web = group.start("portal", *GUNICORN, f"--bind={HOST}:{portal}")
    group.wait_until_healthy(bank, f"http://{HOST}:{emulator}/_control/state")
    group.wait_until_healthy(web, f"http://{HOST}:{portal}/readyz")


__all__ = ["DEFAULT_CUSTOMERS", "large_folder", "run_large_demo"]
