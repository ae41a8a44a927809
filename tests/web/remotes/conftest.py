"""Servers for the tests of the wire API."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.api_contract import held_to_contract, load_contract
from tests.support.wire import BASE, WireServer

OTHER_SERVER = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"


@pytest.fixture(autouse=True)
def held_to_the_description(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever these tests make the API answer is as its OpenAPI document tells."""
    if "client" not in request.fixturenames:
        yield
        return
    app: Flask = request.getfixturevalue("app")
    with held_to_contract(app, load_contract(app), BASE) as problems:
        yield
    assert problems == []


@pytest.fixture
def server(client: FlaskClient) -> WireServer:
    """A registered server."""
    registered = WireServer(client)
    assert registered.register().get_json()["created"] is True
    return registered


@pytest.fixture
def other_server(client: FlaskClient) -> WireServer:
    """Another one."""
    registered = WireServer(client, uuid=OTHER_SERVER, key="o" * 64, hostname="chat.other.test")
    assert registered.register().get_json()["created"] is True
    return registered
