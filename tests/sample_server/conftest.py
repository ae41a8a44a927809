"""Fixtures: a fake portal, a store with 18 people in "acme", a frozen clock file, checked pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.sample_server.registration import configure, register
from app.sample_server.seed import DEFAULT_SEED, seed_organization
from app.sample_server.store import Store
from app.sample_server.web import create_sample_app
from tests.sample_server.fake_portal import FakePortal, RunningPortal
from tests.support.pages import page_problems

PORT = 5002
START = "2012-01-02T03:04:05Z"


class ClockFile:
    """The clock file of a test."""

    def __init__(self, path: Path) -> None:
        """Freeze it at START."""
        self.path = path
        self.set(START)

    def set(self, moment: str) -> None:
        """Freeze the clock at another moment."""
        self.path.write_text(json.dumps({"frozen": moment}), encoding="utf-8")


@pytest.fixture
def clock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClockFile:
    """A clock file that the sample server reads."""
    path = tmp_path / "clock.json"
    monkeypatch.setenv("TALLYPORT_CLOCK_FILE", str(path))
    return ClockFile(path)


@pytest.fixture
def portal() -> Iterator[FakePortal]:
    """A fake portal; at the end of each test nothing may have broken the protocol."""
    running = RunningPortal()
    yield running.portal
    running.close()
    assert running.portal.violations == []


@pytest.fixture
def store(tmp_path: Path, portal: FakePortal, clock_file: ClockFile) -> Store:
    """A store with the default sample, that knows its portal and is not registered."""
    store = Store(tmp_path / "sample.sqlite3")
    configure(store, portal=portal.url, contact_email="root@parlor.test", port=PORT)
    for seed in DEFAULT_SEED:
        seed_organization(store, seed)
    return store


@pytest.fixture
def registered(store: Store) -> Store:
    """The same store, registered."""
    register(store)
    return store


@pytest.fixture
def sample_app(store: Store) -> Flask:
    """The app of the sample server."""
    return create_sample_app(store, port=PORT)


class Browser:
    """A test client of one host that checks every page it gets and fills in CSRF tokens."""

    def __init__(self, app: Flask, host: str) -> None:
        """Look at one host of the server."""
        self.client: FlaskClient = app.test_client()
        self.base_url = f"http://{host}:{PORT}"
        self.host = host

    def get(self, path: str, **more: Any) -> TestResponse:
        """Get a page."""
        return self._checked(self.client.get(path, base_url=self.base_url, **more))

    def post(self, path: str, form: str = "", **fields: Any) -> TestResponse:
        """Post a form found on the page `form` (by default the path itself)."""
        page = self.get(form or path).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None, page
        data = {"csrf_token": token.group(1), **fields}
        return self._checked(self.client.post(path, base_url=self.base_url, data=data))

    def log_in(self, role: str = "owner", next_page: str = "/") -> TestResponse:
        """Log in as the first person of a role."""
        page = self.get("/login/").text
        person = re.search(rf'value="(\d+)"(?:(?!<li>).)*?<small>{role} ·', page, re.DOTALL)
        assert person is not None
        return self.post("/login/", person=person.group(1), next=next_page)

    def _checked(self, response: TestResponse) -> TestResponse:
        assert response.status_code < 500 or response.status_code in (502, 503, 504), response.text
        assert "form-action" in response.headers["Content-Security-Policy"]
        if response.mimetype == "text/html" and not 300 <= response.status_code < 400:
            assert page_problems(response.text) == [], response.request.path
        return response


@pytest.fixture
def acme(sample_app: Flask) -> Browser:
    """A browser on the organization's host."""
    return Browser(sample_app, "acme.localhost")


@pytest.fixture
def server(sample_app: Flask) -> Browser:
    """A browser on the server's root host."""
    return Browser(sample_app, "localhost")


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let interactive calls give up after a fraction of a second instead of ten."""
    with patch("app.sample_server.billing.INTERACTIVE_TIMEOUT", 0.3):
        yield
