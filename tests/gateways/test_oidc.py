"""The identity provider: its description and keys, kept for a while, and what is asked of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.clock import FixedClock
from app.domain.errors import BillingError
from app.gateways.oidc import OpenIdProvider, ProviderAttempt
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, KEYS, Provider

NOW = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
ATTEMPT = ProviderAttempt("state", "nonce", "verifier")


class Client:
    """Answers as the provider would, without a network."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.asked: list[str] = []

    def get_json(self, authority: str, path: str, *, largest: int) -> Mapping[str, Any]:
        self.asked.append(f"{authority}{path}")
        is_keys = path.endswith("/keys")
        return self.provider.public_keys() if is_keys else self.provider.describe()

    def post_form(
        self, authority: str, path: str, form: str, *, authorization: str | None, largest: int
    ) -> Mapping[str, Any]:
        self.asked.append(f"{authority}{path}")
        return {"id_token": self.provider.id_token("nonce")}


class World:
    """A provider, and the gateway to it, with a stopwatch."""

    def __init__(self, path: str = "") -> None:
        self.seconds = 1000.0
        self.there = Provider(FixedClock(NOW), "login.test", 443, path)
        self.client = Client(self.there)
        self.gateway = OpenIdProvider(
            client=self.client,
            issuer=self.there.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            stopwatch=lambda: self.seconds,
        )

    def identify(self, algorithm: str = "RS256") -> str:
        """Who comes back, by a token of that algorithm; or the code of the error."""
        self.there.algorithm = algorithm
        try:
            proven = self.gateway.identify(ATTEMPT, "code", redirect_uri="https://x/", now=NOW)
        except BillingError as error:
            return error.code
        return proven.subject

    def count(self, what: str) -> int:
        """How often a part of the provider was asked."""
        return sum(place.endswith(what) for place in self.client.asked)


# The library's warning: there is a newer name for the same algorithm.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", list(KEYS))
def test_every_kind_of_key(algorithm: str) -> None:
    assert World().identify(algorithm) == "00u1"


def test_description_and_keys_are_kept_for_an_hour() -> None:
    world = World("/tenant/")
    for seconds, times in ((0, 1), (3599, 1), (1, 2), (3599, 2)):
        world.seconds += seconds
        assert world.identify() == "00u1"
        assert world.count("configuration") == world.count("/keys") == times
    assert world.client.asked[0] == "login.test:443/tenant/.well-known/openid-configuration"


def test_for_a_key_that_is_new_the_provider_is_asked_again_but_not_by_everybody() -> None:
    world = World()
    world.there.hidden_keys = {"ES256", "EdDSA"}
    assert world.identify() == "00u1"
    world.there.hidden_keys = set()
    for seconds, found, times in ((59, "staff_provider_unproven", 1), (1, "00u1", 2)):
        world.seconds += seconds
        assert world.identify("ES256") == found
        assert world.count("/keys") == times
    world.there.header = {"kid": "made up"}
    for seconds, times in ((59, 2), (1, 3), (1, 3)):
        world.seconds += seconds
        assert world.identify("ES256") == "staff_provider_unproven"
        assert world.count("/keys") == times


def test_a_key_that_is_for_something_else_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for change in ({"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}, {"n": "AQAB"}, {"n": 1}):
        world = World()
        key = KEYS["RS256"].as_dict(private=False) | change
        monkeypatch.setattr(world.there, "public_keys", lambda key=key: {"keys": ["x", key]})
        assert world.identify() == "staff_provider_unproven", change


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (BillingError("host_unreachable", host="login.test"), "staff_provider_unreachable"),
        (BillingError("host_too_slow", host="login.test"), "staff_provider_unreachable"),
        (BillingError("host_certificate", host="login.test"), "staff_provider_unreachable"),
        (BillingError("host_wrong_status", status=503), "staff_provider_unreachable"),
        (BillingError("host_wrong_status", status=401), "staff_provider_refused"),
    ],
    ids=str,
)
def test_what_becomes_of_a_code_that_cannot_be_exchanged(
    monkeypatch: pytest.MonkeyPatch, told: BillingError, found: str
) -> None:
    world = World()

    def fail(*_: object, **__: object) -> Mapping[str, Any]:
        raise told

    monkeypatch.setattr(world.client, "post_form", fail)
    assert world.identify() == found
    # A description that cannot be read is nobody's refusal.
    monkeypatch.setattr(world.client, "get_json", fail)
    world.seconds += 3600
    assert world.identify() == "staff_provider_unreachable"
