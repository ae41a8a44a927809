"""A portal on a clock file, as in a demo, without the processes around it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.clock import DemoClock
from app.demo.folder import DemoFolder
from app.services.context import Context
from tests.conftest import START


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    """The folder of the demo that `demo_app` belongs to."""
    return DemoFolder(tmp_path)


@pytest.fixture
def demo_clock(folder: DemoFolder) -> DemoClock:
    """Stands still at the tests' usual instant."""
    clock = DemoClock(folder.clock_file)
    clock.freeze(START)
    return clock


@pytest.fixture
def demo_app(make_app: Callable[..., Flask], folder: DemoFolder, demo_clock: DemoClock) -> Flask:
    """The portal with that clock; there is no emulator and no sample server."""
    return make_app(clock=demo_clock, clock_file=folder.clock_file)


@pytest.fixture
def demo_ctx(demo_app: Flask) -> Context:
    """What services of `demo_app` are handed."""
    context: Context = demo_app.extensions["tallyport"]
    return context
