"""The description of the API, and a host that proves itself."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask

from tests.support.api_contract import Contract, load_contract


class ProvingHost:
    """Stands for the guarded client: whatever host is asked answers with `answer`."""

    def __init__(self) -> None:
        self.answer: Mapping[str, Any] = {}
        self.asked: list[tuple[str, str]] = []

    def get_json(self, authority: str, path: str) -> Mapping[str, Any]:
        """The answer, whoever is asked."""
        self.asked.append((authority, path))
        return self.answer


@pytest.fixture
def host() -> ProvingHost:
    return ProvingHost()


@pytest.fixture
def settings_overrides(host: ProvingHost) -> dict[str, Any]:
    return {"outgoing": host}


@pytest.fixture
def contract(app: Flask) -> Contract:
    return load_contract(app)
