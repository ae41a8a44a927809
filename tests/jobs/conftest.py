"""The stage on which runs are killed, the worlds they are killed in, and how they go otherwise."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from tests.jobs.checks import repeat_until_nothing_is_left
from tests.jobs.worlds import build_world
from tests.support.databases import Databases
from tests.support.end_state import end_state
from tests.support.killing_proxy import KillingProxy
from tests.support.kills import Nursery, Stage, World
from tests.support.servers import Run


@dataclass(frozen=True)
class Course:
    """How a job goes when nobody kills it, and what it comes to once nothing is left to do."""

    commits: int
    calls: int
    state: dict[str, Any]

    @property
    def places(self) -> int:
        """How many places there are to die: before and after each commit and each call."""
        return 2 * (self.commits + self.calls)


WorldMaker = Callable[[str], World]
CourseMaker = Callable[[str, str, dict[str, Any]], Course]


@pytest.fixture(scope="session")
def nursery(run: Run, databases: Databases) -> Iterator[Nursery]:
    """One for each process of the run."""
    made = Nursery(run.folder / f"nursery-{databases.worker}.log")
    yield made
    made.close()


@pytest.fixture(scope="session")
def proxy() -> Iterator[KillingProxy]:
    """Between the runs and the emulator."""
    made = KillingProxy()
    yield made
    made.close()


@pytest.fixture(scope="session")
def stage(run: Run, databases: Databases, nursery: Nursery, proxy: KillingProxy) -> Stage:
    """Plays scenes."""
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


@pytest.fixture
def course(run: Run, stage: Stage, world: WorldMaker, database_backend: str) -> CourseMaker:
    """Follows a job in a world to its end; once in a run."""

    def follow(name: str, job: str, arguments: dict[str, Any]) -> Course:
        def go() -> str:
            prepared = world(name)
            with stage.scene(prepared) as scene:
                commits = scene.run(job, **arguments).commits
                calls = len(stage.proxy.calls)
                repeat_until_nothing_is_left(scene, prepared.now)
                state = end_state(scene.url, scene.emulator)
            return json.dumps({"commits": commits, "calls": calls, "state": state})

        return Course(**json.loads(run.once(f"{job} in {name} on {database_backend}", go)))

    return follow
