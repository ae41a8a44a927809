"""The identity provider of the vendor's own people, spoken to by OpenID Connect.

The browser is sent there with a state, a nonce and a challenge (PKCE) and comes back with a code;
the code is exchanged between servers for a signed statement about the person, the id token. What
stands in it counts only after its signature, its issuer, its audience, its times and its nonce.
Authlib and joserfc write and read these texts; connections are made by the guarded client alone.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote_plus

from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from app.domain.errors import BillingError

SCOPE = "openid email profile"
# Only the provider can make such a signature. One by a shared secret, or none at all, proves nothing.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    | {"ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Bytes of each of the provider's answers.
LARGEST_ANSWER = 64 * 1024
# Seconds for which the provider's description and keys are kept, and between two looks for a key.
KEPT = 3600.0
KEYS_AGAIN = 60.0
# Seconds that two clocks may differ.
LEEWAY = 60
# Characters of the states and nonces, and of the verifier, which RFC 7636 wants longer.
STATE_LENGTH, VERIFIER_LENGTH = 32, 64
LONGEST_SUBJECT = 255
# Without a user, and without a fragment.
_ADDRESS = re.compile(r"https://(?P<authority>[A-Za-z0-9.\[\]:-]+)(?P<path>(?:[/?][!\"$-~]*)?)")
_DISCOVERY = "/.well-known/openid-configuration"
_BROKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ProviderAttempt:
    """One login by the provider that is under way. All three are secrets of this browser's session."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class ProvenPerson:
    """Whom the provider says it is. `subject` names the account for ever; `verified_email` is None
    unless the provider has proven that the address is theirs."""

    issuer: str
    subject: str
    verified_email: str | None


class LoginProvider(Protocol):
    """Proves who somebody of staff is. Its methods raise BillingError: `staff_provider_unreachable`,
    `staff_provider_broken` (what it says cannot be used), and those that are named."""

    @property
    def issuer(self) -> str:
        """The provider's own name for itself."""
        ...

    def authorization_url(self, attempt: ProviderAttempt, *, redirect_uri: str) -> str:
        """Where the browser goes."""
        ...

    def identify(
        self, attempt: ProviderAttempt, code: str, *, redirect_uri: str, now: datetime
    ) -> ProvenPerson:
        """Who came back with `code`; `now` is the real time. Raises BillingError also
        `staff_provider_refused` (the code is good for nothing) or `staff_provider_unproven`."""
        ...


class JsonClient(Protocol):
    """What is needed of the guarded client."""

    def get_json(self, authority: str, path: str, *, largest: int) -> Mapping[str, Any]: ...

    def post_form(
        self, authority: str, path: str, form: str, *, authorization: str | None, largest: int
    ) -> Mapping[str, Any]: ...


def new_attempt() -> ProviderAttempt:
    """Secrets for another attempt."""
    return ProviderAttempt(
        generate_token(STATE_LENGTH), generate_token(STATE_LENGTH), generate_token(VERIFIER_LENGTH)
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """An https address as the guarded client wants it."""

    authority: str
    path: str


@dataclass(frozen=True, slots=True)
class _Description:
    """The part of the provider's discovery document that is used."""

    authorization_endpoint: str
    token_endpoint: _Place
    keys: _Place
    takes_basic: bool
    read_at: float


@dataclass(frozen=True, slots=True)
class _Keys:
    """The provider's public keys, as it tells them."""

    found: Sequence[Mapping[str, Any]]
    read_at: float


class OpenIdProvider:
    """The real one. It is asked when somebody logs in, never before."""

    def __init__(
        self,
        *,
        client: JsonClient,
        issuer: str,
        client_id: str,
        client_secret: str,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._stopwatch = stopwatch
        self._description: _Description | None = None
        self._keys: _Keys | None = None

    @property
    def issuer(self) -> str:
        """See `LoginProvider.issuer`."""
        return self._issuer

    def authorization_url(self, attempt: ProviderAttempt, *, redirect_uri: str) -> str:
        """See `LoginProvider.authorization_url`."""
        return str(
            prepare_grant_uri(
                self._describe().authorization_endpoint,
                self._client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=SCOPE,
                state=attempt.state,
                nonce=attempt.nonce,
                code_challenge=create_s256_code_challenge(attempt.verifier),
                code_challenge_method="S256",
            )
        )

    def identify(
        self, attempt: ProviderAttempt, code: str, *, redirect_uri: str, now: datetime
    ) -> ProvenPerson:
        """See `LoginProvider.identify`."""
        token = self._exchange(attempt, code, redirect_uri=redirect_uri)
        try:
            claims = self._read(token, nonce=attempt.nonce, now=int(now.timestamp()))
        except _BROKEN as error:
            reason = getattr(error, "claim", None) or type(error).__name__
            raise BillingError("staff_provider_unproven", reason=str(reason)) from None
        return self._person(claims)

    def _exchange(self, attempt: ProviderAttempt, code: str, *, redirect_uri: str) -> str:
        """The id token for a code."""
        described = self._describe()
        parts = {"code": code, "code_verifier": attempt.verifier}
        authorization = None
        if described.takes_basic:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            parts |= {"client_id": self._client_id, "client_secret": self._client_secret}
        form = prepare_token_request("authorization_code", redirect_uri=redirect_uri, **parts)
        place = described.token_endpoint
        try:
            answer = self._client.post_form(
                place.authority,
                place.path,
                form,
                authorization=authorization,
                largest=LARGEST_ANSWER,
            )
        except BillingError as error:
            status = error.params.get("status")
            if isinstance(status, int) and 400 <= status < 500:
                raise BillingError("staff_provider_refused", reason=f"status {status}") from None
            raise BillingError("staff_provider_unreachable", reason=error.code) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise BillingError("staff_provider_broken", reason="no id token")
        return token

    def _read(self, token: str, *, nonce: str, now: int) -> Mapping[str, Any]:
        """The claims of a token whose signature and claims are right. Raises one of _BROKEN."""
        header = jws.extract_compact(token.encode("ascii")).headers()
        algorithm, kid = str(header["alg"]), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise ValueError("this algorithm proves nothing")
        # Providers put members of their own into the header.
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        for key in self._keys_for(algorithm, kid):
            try:
                found = jwt.decode(token, JWKRegistry.import_key(dict(key)), registry=registry)
            except _BROKEN:
                # Perhaps the next one: a token need not name its key.
                continue
            claims = CodeIDToken(
                found.claims,
                found.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                params={"nonce": nonce, "client_id": self._client_id},
            )
            claims.validate(now=now, leeway=LEEWAY)
            return dict(claims)
        raise ValueError("no key of the provider has made this signature")

    def _person(self, claims: Mapping[str, Any]) -> ProvenPerson:
        subject, email = str(claims["sub"]), claims.get("email")
        if len(subject) > LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
            raise BillingError("staff_provider_broken", reason="subject")
        # Not what merely looks true: some providers say "false" as a text.
        is_proven = claims.get("email_verified") is True and isinstance(email, str)
        return ProvenPerson(self._issuer, subject, email if is_proven else None)

    def _describe(self) -> _Description:
        """The discovery document, read again after an hour."""
        known, now = self._description, self._stopwatch()
        if known is not None and now - known.read_at < KEPT:
            return known
        address = self._issuer.rstrip("/") + _DISCOVERY
        document = self._get(_place(address))
        if document.get("issuer") != self._issuer:
            raise BillingError("staff_provider_broken", reason="issuer")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        offered = methods if isinstance(methods, list) else []
        if not {"client_secret_basic", "client_secret_post"} & {str(method) for method in offered}:
            raise BillingError("staff_provider_broken", reason="no way to authenticate")
        authorization = document.get("authorization_endpoint")
        _place(authorization)
        self._description = _Description(
            str(authorization),
            _place(document.get("token_endpoint")),
            _place(document.get("jwks_uri")),
            "client_secret_basic" in offered,
            now,
        )
        return self._description

    def _keys_for(self, algorithm: str, kid: object) -> Sequence[Mapping[str, Any]]:
        """The keys that may have made a signature. For one that is unknown the provider is asked
        again, since it changes its keys, but not for every token that anybody makes up."""
        known, now = self._keys, self._stopwatch()
        if known is None or now - known.read_at >= KEPT:
            known = self._load_keys(now)
        fitting = _fitting(known, algorithm, kid)
        if not fitting and now - known.read_at >= KEYS_AGAIN:
            fitting = _fitting(self._load_keys(now), algorithm, kid)
        return fitting

    def _load_keys(self, now: float) -> _Keys:
        found = self._get(self._describe().keys).get("keys")
        if not isinstance(found, list):
            raise BillingError("staff_provider_broken", reason="keys")
        self._keys = _Keys([key for key in found if isinstance(key, dict)], now)
        return self._keys

    def _get(self, place: _Place) -> Mapping[str, Any]:
        try:
            return self._client.get_json(place.authority, place.path, largest=LARGEST_ANSWER)
        except BillingError as error:
            raise BillingError("staff_provider_unreachable", reason=error.code) from None


def _fitting(keys: _Keys, algorithm: str, kid: object) -> list[Mapping[str, Any]]:
    return [
        key
        for key in keys.found
        if key.get("kty") == _KEY_TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]


def _place(address: object) -> _Place:
    """An address of the provider. Raises BillingError `staff_provider_broken` unless it is https."""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        raise BillingError("staff_provider_broken", reason="address")
    path = found["path"]
    return _Place(found["authority"].lower(), path if path.startswith("/") else f"/{path}")
