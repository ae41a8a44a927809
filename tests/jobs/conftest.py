"""The stage on which runs are killed, and the worlds they are killed in."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from tests.jobs.worlds import build_world
from tests.support.databases import Databases
from tests.support.kills import KillingProxy, Nursery, Stage, World
from tests.support.servers import Run

WorldMaker = Callable[[str], World]


@pytest.fixture(scope="session")
def nursery(run: Run, databases: Databases) -> Iterator[Nursery]:
    """One for each process of the run."""
    made = Nursery(run.folder / f"nursery-{databases.worker}.log")
    yield made
    made.close()


@pytest.fixture
def proxy() -> Iterator[KillingProxy]:
    """Between the runs and the emulator."""
    made = KillingProxy()
    yield made
    made.close()


@pytest.fixture
def stage(run: Run, databases: Databases, nursery: Nursery, proxy: KillingProxy) -> Stage:
    """Makes scenes."""
    return Stage(databases, nursery, proxy, run.scratch)


@pytest.fixture
def world(run: Run, databases: Databases, database_backend: str) -> WorldMaker:
    """Makes a world of `tests.jobs.worlds.BUILDERS` on this test's database; once in a run."""

    def make(name: str) -> World:
        def build() -> str:
            url = databases.create(database_backend)
            folder = run.scratch / database_backend
            folder.mkdir(exist_ok=True)
            return json.dumps(asdict(build_world(name, database_url=url, folder=folder)))

        return World(**json.loads(run.once(f"world {name} {database_backend}", build)))

    return make
