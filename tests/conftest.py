"""The fixtures every test may ask for. `tests/support/` holds what they are made of.

A test that uses a database runs twice, on SQLite and on PostgreSQL; `@pytest.mark.sqlite_only` says
that the database does not matter to it. Servers and templates are made once for a whole run, when
the first test needs them, and shared by its processes.
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.support.databases import BACKENDS, Databases
from tests.support.servers import Run, new_run
from tests.support.sharing import share_rules, share_statements

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

    from app.clock import FixedClock
    from app.gateways.fake_payments import FakePayments
    from app.services.context import Context
    from tests.support.client import CheckedClient
    from tests.support.mail import RecordingMailer, SmtpServer

RUN_FOLDER = "TALLYPORT_TEST_RUN_FOLDER"
# The instant at which every test begins unless it moves the clock.
START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET_KEYS = ("a-key-of-the-tests-with-more-than-32-characters",)
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# A database outlives the examples of one law, so a law makes its own customers for each example;
# machines differ, so nothing has a deadline. CI draws the same examples every time.
for name, examples in (("dev", 50), ("ci", 50), ("deep", 1000)):
    hypothesis.settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=name == "ci",
        print_blob=True,
        suppress_health_check=[
            hypothesis.HealthCheck.function_scoped_fixture,
            hypothesis.HealthCheck.too_slow,
        ],
    )
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

run_stack = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Open the run. Only the process that was started by hand does; its workers find it."""
    for variable in list(os.environ):
        # What a developer exported for their own portal must not reach the tests; only the key
        # that asks for tests against Stripe's test mode is meant for them.
        kept = {RUN_FOLDER, "STRIPE_TEST_KEY"}
        if variable.startswith(("TALLYPORT_", "STRIPE_", "STAFF_")) and variable not in kept:
            del os.environ[variable]
    # Tests start dozens of commands: each would compile the whole portal again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    share_rules()
    if hasattr(config, "workerinput"):
        return
    # A terminated run ends as an interrupted one does: servers stop, reports are written.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell that starts us in the background has told us to ignore this one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stack = ExitStack()
    config.stash[run_stack] = stack
    run = stack.enter_context(new_run())
    os.environ[RUN_FOLDER] = str(run.folder)
    stack.callback(os.environ.pop, RUN_FOLDER)
    leftovers = Databases(run, "controller")
    stack.callback(leftovers.close)
    stack.callback(leftovers.drop_all)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage less often, and never among what was imported for the whole run.

    With Python's defaults an eighth of a run is the collector walking over modules and tests that
    will not go.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the run: stop its servers, remove its folder."""
    stack = config.stash.get(run_stack, None)
    if stack is not None:
        stack.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever uses a database on both."""
    if "database_backend" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("sqlite_only") is not None
        backends = BACKENDS[:1] if alone else BACKENDS
        metafunc.parametrize("database_backend", backends, indirect=True)


# --- servers and databases ---


@pytest.fixture(scope="session")
def run() -> Run:
    """The run that this process belongs to."""
    return Run(Path(os.environ[RUN_FOLDER]))


@pytest.fixture(scope="session")
def databases(run: Run) -> Iterator[Databases]:
    """Makes databases: `databases.create(backend, migrated=...)`, `.drop(url)`."""
    made = Databases(run, os.environ.get("PYTEST_XDIST_WORKER", "alone"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def redis_url(run: Run) -> str:
    """A Redis shared by the whole run: use keys of your own."""
    return run.redis()


@pytest.fixture
def database_backend(request: pytest.FixtureRequest) -> str:
    """ "sqlite" or "postgresql"."""
    return str(request.param)


@pytest.fixture
def new_database_url(databases: Databases, database_backend: str) -> Iterator[Callable[..., str]]:
    """Makes another database each time it is called: `new_database_url(migrated=False)`."""
    made: list[str] = []

    def make(*, migrated: bool = True) -> str:
        made.append(databases.create(database_backend, migrated=migrated))
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)


@pytest.fixture
def database_url(new_database_url: Callable[..., str]) -> str:
    """A freshly migrated database of this test alone."""
    return new_database_url()


@pytest.fixture
def empty_database_url(new_database_url: Callable[..., str]) -> str:
    """A database without any tables, for tests of the migrations."""
    return new_database_url(migrated=False)


# --- the application ---


@pytest.fixture
def clock() -> "FixedClock":
    """Stands at 2012-01-02 03:04:05 UTC until `.set(...)` or `.advance(...)` moves it."""
    from app.clock import FixedClock

    return FixedClock(START)


@pytest.fixture
def payments(clock: "FixedClock") -> "FakePayments":
    """The payment provider that behaves, without a network."""
    from app.gateways.fake_payments import FakePayments
    from app.services.unit_of_work import is_transaction_open

    return FakePayments(clock, in_transaction=is_transaction_open)


@pytest.fixture
def mailer() -> "RecordingMailer":
    """Keeps every mail in `.outbox`; `.failing = True` makes it refuse."""
    from tests.support.mail import RecordingMailer

    return RecordingMailer()


@pytest.fixture
def settings_overrides() -> dict[str, Any]:
    """Settings (fields of `app.settings.Settings`) that a test or a module wants otherwise."""
    return {}


def _create(overrides: dict[str, Any]) -> "Flask":
    """An application; once more where CPython before 3.11.8 fails by itself.

    Werkzeug builds each route through `ast`, and these Pythons lose count of its depth when a
    collection or another thread comes in between (python/cpython issue 106905): one run in several
    met it, among thousands of applications.
    """
    from app import create_app

    try:
        return create_app(overrides)
    except SystemError as error:
        if "recursion depth mismatch" not in str(error):
            raise
        return create_app(overrides)


@pytest.fixture
def make_app(
    database_url: str,
    clock: "FixedClock",
    payments: "FakePayments",
    mailer: "RecordingMailer",
    settings_overrides: dict[str, Any],
) -> Iterator[Callable[..., "Flask"]]:
    """Makes an application on this test's database: `make_app(base_url=...)` for another setting.

    Its clients check every page they fetch. All that were made are closed at the end.
    """
    from app.extensions import db
    from app.web.mails import build_renderer
    from tests.support.client import CheckedClient
    from tests.support.templates import COMPILED

    made: list[Flask] = []

    def make(**overrides: Any) -> "Flask":
        defaults = {
            "env": "testing",
            "database_url": database_url,
            "secret_keys": SECRET_KEYS,
            "base_url": "http://localhost",
            "clock": clock,
            "payments": payments,
            "mailer": mailer,
        }
        app = _create(defaults | settings_overrides | overrides)
        app.test_client_class = CheckedClient
        app.jinja_env.bytecode_cache = COMPILED
        if "database_url" not in overrides:
            with app.app_context():
                share_statements(db.engine, app.extensions["tallyport"].sessions.kw["bind"])
        if mailer.renderer is None:
            mailer.renderer = build_renderer(app)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., "Flask"]) -> "Flask":
    """The portal on this test's database, clock, fake payments and recorded mail."""
    return make_app()


@pytest.fixture
def client(app: "Flask") -> "CheckedClient":
    """A browser, nearly: it checks each page, and `.submit(page, {...})` sends a form of it."""
    from tests.support.client import CheckedClient

    made = app.test_client()
    assert isinstance(made, CheckedClient), "make_app sets the class of clients"
    return made


@pytest.fixture
def ctx(app: "Flask") -> "Context":
    """What services are handed."""
    context: Context = app.extensions["tallyport"]
    return context


# --- the world around ---


@pytest.fixture
def smtp_server() -> Iterator["SmtpServer"]:
    """A real SMTP server: `.url`, the received `.messages`, `.refusal` to answer instead."""
    from tests.support.mail import running_smtp_server

    with running_smtp_server() as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, one for each process of the run; tests open contexts of their own."""
    from playwright.sync_api import sync_playwright

    from tests.support.provision import CHROMIUM

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_OPTIONS)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core's source, for `page.evaluate(axe_source)`: a script tag would break the CSP."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()
