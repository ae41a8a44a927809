"""Where a demo keeps its things, and the settings that its processes share.

Everything lies in one folder (`instance/demo/`, or TALLYPORT_DEMO_FOLDER): removing it is a reset.
This module is read before the application exists, so it imports the standard library only.
"""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER_VARIABLE = "TALLYPORT_DEMO_FOLDER"
HOST = "127.0.0.1"
# They protect nothing but play money on this machine.
STRIPE_KEY = "sk_test_demo"
WEBHOOK_SECRET = "whsec_demo_only"
AUTHORITY = "authority.pem"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a demo on loopback. `sample_https` is where the visitor's own server proves who
    it is; `others` are by the name of the sample customer's server."""

    portal: int
    emulator: int
    sample: int
    sample_https: int
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The folder of one demo and the files in it."""

    path: Path

    @property
    def env_file(self) -> Path:
        """The environment of the demo that runs here, or ran last."""
        return self.path / "env"

    @property
    def lock_file(self) -> Path:
        """Locked for as long as a demo runs here."""
        return self.path / "lock"

    @property
    def clock_file(self) -> Path:
        """The time that every process of the demo reads."""
        return self.path / "clock.json"

    @property
    def database(self) -> Path:
        """The portal's database."""
        return self.path / "portal.sqlite3"

    @property
    def emulator_store(self) -> Path:
        """What the Stripe emulator remembers."""
        return self.path / "stripe-emulator.sqlite3"

    @property
    def sample_store(self) -> Path:
        """What the sample server remembers."""
        return self.path / "sample-server.sqlite3"

    @property
    def servers(self) -> Path:
        """The folder of the sample customers' servers, one store each."""
        return self.path / "servers"

    @property
    def certificates(self) -> Path:
        """The folder of the certificates of this start."""
        return self.path / "certificates"

    @property
    def authority(self) -> Path:
        """Whom the portal trusts beside everybody else's authorities."""
        return self.certificates / AUTHORITY

    @property
    def seed_file(self) -> Path:
        """Whether the sample customers were made, or were begun."""
        return self.path / "seed.json"

    @property
    def trials_file(self) -> Path:
        """There while the demo sells free trials."""
        return self.path / "trials"

    @property
    def move_file(self) -> Path:
        """How far the last move of the time has come."""
        return self.path / "move.json"

    @property
    def move_lock(self) -> Path:
        """Locked while the time is moved."""
        return self.path / "move.lock"

    @property
    def logs(self) -> Path:
        """The folder of what the processes print."""
        return self.path / "logs"

    def is_running(self) -> bool:
        """Whether a demo runs here now. The system ends the lock with the process that holds it,
        so that no number of a process has to be believed."""
        try:
            with self.lock_file.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False


def get_demo_folder(environ: Mapping[str, str] | None = None) -> DemoFolder:
    """The folder that the environment names, or `instance/demo/`."""
    given = (os.environ if environ is None else environ).get(FOLDER_VARIABLE, "").strip()
    return DemoFolder(Path(given).absolute() if given else ROOT / "instance" / "demo")


def folder_of(clock_file: Path) -> DemoFolder:
    """The folder of the demo whose time that file holds."""
    return DemoFolder(clock_file.parent)


def build_environment(folder: DemoFolder, ports: Ports) -> dict[str, str]:
    """The variables that every process of the demo is started with."""
    emulator = f"http://{HOST}:{ports.emulator}"
    return {
        "TALLYPORT_ENV": "demo",
        FOLDER_VARIABLE: str(folder.path),
        "TALLYPORT_DATABASE_URL": f"sqlite:///{folder.database}",
        "TALLYPORT_CLOCK_FILE": str(folder.clock_file),
        "TALLYPORT_BASE_URL": f"http://{HOST}:{ports.portal}",
        "TALLYPORT_STRIPE_API_BASE": emulator,
        "TALLYPORT_EMULATOR_URL": emulator,
        "TALLYPORT_SAMPLE_SERVER_URL": f"http://{HOST}:{ports.sample}",
        "TALLYPORT_MAIL_URL": "catch:",
        # The portal asks the visitor's own server, on this machine, for a proof.
        "TALLYPORT_ALLOW_PRIVATE_HOSTS": "on",
        "TALLYPORT_EXTRA_CA_FILE": str(folder.authority),
        "STRIPE_SECRET_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


def write_environment(folder: DemoFolder, values: Mapping[str, str]) -> None:
    """Keep the variables where commands in other terminals find them."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    unfinished = folder.env_file.with_name("env.new")
    unfinished.write_text(text)
    unfinished.replace(folder.env_file)


def read_environment(folder: DemoFolder) -> dict[str, str]:
    """What `write_environment` wrote; empty when there is nothing to read."""
    try:
        lines = folder.env_file.read_text().splitlines()
    except OSError:
        return {}
    return {name: value for name, sign, value in (line.partition("=") for line in lines) if sign}
