"""Servers for the tests of the wire API."""

import pytest
from flask.testing import FlaskClient

from tests.support.wire import WireServer

OTHER_SERVER = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"


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
