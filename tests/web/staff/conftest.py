"""An identity provider for the login of staff."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clock import FixedClock, SystemClock
from tests.support.hosts import make_authority
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider

HOST = "login.localhost"


@pytest.fixture(scope="package")
def _running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, Path]]:
    authority, trusted = make_authority(tmp_path_factory.mktemp("provider"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with running_provider(SystemClock(), context, host=HOST) as provider:
        yield provider, trusted


@pytest.fixture
def provider(_running_provider: tuple[Provider, Path], clock: FixedClock) -> Provider:
    """The provider, without memory of the tests before."""
    running, _ = _running_provider
    fresh = Provider(clock, running.host, running.port)
    running.__dict__.update(fresh.__dict__)
    return running


@pytest.fixture
def provider_settings(
    provider: Provider, _running_provider: tuple[Provider, Path]
) -> dict[str, Any]:
    """Settings of a portal that knows the provider."""
    return {
        "staff_oidc_issuer": provider.issuer,
        "staff_oidc_client_id": CLIENT_ID,
        "staff_oidc_client_secret": CLIENT_SECRET,
        "staff_oidc_name": "Acme Login",
        "extra_ca_file": _running_provider[1],
    }
