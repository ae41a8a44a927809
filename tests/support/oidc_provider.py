"""A small identity provider that speaks OpenID Connect over https, well or badly.

It checks what a real one checks: the client's secret, the address to come back to, the code, which
is good once, and the verifier of its challenge. `bad` says what it does wrong, one thing at a time.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from app.clock import Clock

CLIENT_ID = "tallyport console"
CLIENT_SECRET = "s3cret/of: the client"
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}
FOREIGN_KEY = ECKey.generate_key("P-256", {"kid": "ec"})


@dataclass
class Provider:
    """A running provider, and what it says about whoever logs in."""

    clock: Clock
    host: str
    port: int = 0
    path: str = ""
    redirect_uri: str = "http://localhost/support/login/provider/return/"
    subject: str = "00u1"
    email: str | None = "sam@tallyport.test"
    email_verified: object = True
    algorithm: str = "RS256"
    # Changes of the id token's claims (None takes one away), header and discovery document.
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    bad: str | None = None
    hidden_keys: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """What the settings name."""
        return f"https://{self.host}:{self.port}{self.path}"

    def describe(self) -> dict[str, Any]:
        """The discovery document."""
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return found | self.document

    def public_keys(self) -> dict[str, Any]:
        """The keys that are told, and one that must never be used."""
        shown = [key for name, key in KEYS.items() if name not in self.hidden_keys]
        keys = [key.as_dict(private=False) for key in shown]
        return {"keys": [*keys, {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}, {"kty": "new"}]}

    def authorize(self, address: str) -> str:
        """Where the browser goes after the person has logged in at `address`."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["redirect_uri"] == self.redirect_uri, query["redirect_uri"]
        assert query["client_id"] == CLIENT_ID and query["response_type"] == "code"
        assert query["scope"] == "openid email profile" and query["tenant"] == "1"
        assert query["code_challenge_method"] == "S256" and len(query["state"]) >= 32
        code = f"code-{len(self.codes)}/+ ?"
        self.codes[code] = query
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str], authorization: str | None) -> dict[str, Any] | None:
        """The tokens for a code; None for what is wrong."""
        query = self.codes.pop(form.get("code", ""), None)
        if authorization is not None:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            client = tuple(unquote_plus(part) for part in pair.split(":"))
        else:
            client = (form.get("client_id", ""), form.get("client_secret", ""))
        verifier = form.get("code_verifier", "").encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode()
        is_right = (
            query is not None
            and client == (CLIENT_ID, CLIENT_SECRET)
            and form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == self.redirect_uri
            and query["code_challenge"] == challenge.rstrip("=")
        )
        if query is None or not is_right:
            return None
        token = self.id_token(query["nonce"])
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": token}

    def id_token(self, nonce: str) -> str:
        """What is signed about the person."""
        now = int(self.clock.real_now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "email": self.email,
            "email_verified": self.email_verified,
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.bad == "none":
            return _signed({"alg": "none"}, claims, None)
        if self.bad in {"secret", "public"}:
            # By the secret that both know, or by what everybody knows.
            public: bytes = KEYS["RS256"].as_pem(private=False)
            shared = CLIENT_SECRET.encode() if self.bad == "secret" else public
            return _signed({"alg": "HS256", "kid": "rsa"}, claims, shared)
        key = FOREIGN_KEY if self.bad == "foreign" else KEYS[self.algorithm]
        known = {"alg": self.algorithm, "tenant": "1", "kid": key.kid} | self.header
        header = {name: value for name, value in known.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jwt.encode(header, claims, key, registry=registry)


def _signed(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    """A token that no honest library makes: signed by a shared secret, or not at all."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims)]
    text = b".".join(part.rstrip(b"=") for part in parts)
    digest = hmac.digest(key, text, "sha256") if key is not None else b""
    return f"{text.decode()}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    timeout = 20

    def do_GET(self) -> None:
        """Discovery, keys, and the page of the login, which asks nothing."""
        place = self._place()
        self.provider.requests.append(place)
        if place == "/.well-known/openid-configuration":
            self._answer(self.provider.describe())
        elif place == "/keys":
            self._answer(self.provider.public_keys())
        elif place == "/authorize":
            # Real ones ask for a password here, too.
            action = self.path.replace("/authorize", "/login").replace("&", "&amp;")
            button = f'<form method="post" action="{action}"><button>Yes, it is me</button></form>'
            self._send(200, f"<!doctype html><title>Provider</title>{button}", kind="text/html")
        else:
            self._send(404, "{}")

    def do_POST(self) -> None:
        """The end of the login there, or the exchange of a code."""
        self.provider.requests.append(self._place())
        if self._place() == "/login":
            self.send_response(303)
            self.send_header("Location", self.provider.authorize(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        found = self.provider.exchange(form, self.headers["Authorization"])
        if found is None:
            self._send(400, '{"error": "invalid_grant"}')
        else:
            self._answer(found)

    def _place(self) -> str:
        return urlsplit(self.path).path.removeprefix(self.provider.path)

    def _answer(self, value: dict[str, Any]) -> None:
        where, _, what = (self.provider.bad or "").partition(":")
        if not where or not self._place().endswith(where) or not what:
            self._send(200, json.dumps(value))
        elif what.isdigit():
            self._send(int(what), json.dumps(value))
        else:
            texts = {"text": "<html>", "large": json.dumps(value | {"x": "x" * 70_000})}
            self._send(200, texts.get(what, what))

    def _send(self, status: int, text: str, *, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """No line for each request."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks hangs up when it has had enough."""


@contextmanager
def running_provider(
    clock: Clock, context: ssl.SSLContext, *, host: str = "login.localhost"
) -> Iterator[Provider]:
    """A provider on this machine; the certificate in `context` is that of `host`."""
    provider = Provider(clock, host)
    handler = type("Handler", (_Handler,), {"provider": provider})
    with _Server(("127.0.0.1", 0), handler) as server:
        provider.port = server.server_port
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield provider
        finally:
            server.shutdown()
