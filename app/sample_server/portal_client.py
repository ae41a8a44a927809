"""The calls of the wire protocol that this server makes, and the one error they raise."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from . import clock
from .store import KEY_LENGTH

INTERACTIVE_TIMEOUT = 10.0
UPLOAD_TIMEOUT = 60.0
# While it is asked, the portal itself asks at our hostname, perhaps more than once.
TRANSFER_TIMEOUT = 30.0
LONGEST_ANSWER = 4 * 1024 * 1024
LONGEST_MESSAGE = 1000
LONGEST_SECRET = 3000
SERVER_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Codes of our own for what is no answer of the protocol.
UNREACHABLE = "PORTAL_UNREACHABLE"
TIMEOUT = "PORTAL_TIMEOUT"
UNREADABLE = "PORTAL_ANSWER_UNREADABLE"
NOT_REGISTERED = "NOT_REGISTERED"
UPLOAD_BUSY = "UPLOAD_BUSY"


class PortalProblem(Exception):
    """The portal refused a call or could not be reached; `code` says which.

    `step` names what was being done where the same code means something else there.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        http_status: int | None = None,
        retry_after: int | None = None,
        step: str = "",
    ) -> None:
        """Keep the protocol's `code` and `msg`, and the seconds to wait when it names them."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message[:LONGEST_MESSAGE]
        self.http_status = http_status
        self.retry_after = retry_after
        self.step = step


@dataclass(frozen=True)
class LastIds:
    """The highest row ids that the portal has accepted from this server."""

    realm_counts: int
    installation_counts: int
    audit_rows: int


@dataclass(frozen=True)
class PortalClient:
    """One server's view of the portal at `portal` (an http or https address)."""

    portal: str
    server_uuid: str
    server_key: str
    timeout: float = INTERACTIVE_TIMEOUT

    def register(self, *, hostname: str, contact_email: str, new_key: str | None = None) -> bool:
        """Register or update the server, or rotate its key; returns whether it was created."""
        fields = {
            "zulip_org_id": self.server_uuid,
            "zulip_org_key": self.server_key,
            "hostname": hostname,
            "contact_email": contact_email,
        }
        if new_key is not None:
            fields["new_org_key"] = new_key
        answer = self._call("POST", "server/register", fields=fields, authenticated=False)
        return bool(answer.get("created"))

    def analytics_status(self) -> LastIds:
        """Return the last row ids the portal accepted."""
        answer = self._call("GET", "server/analytics/status")
        return LastIds(
            realm_counts=_row_id(answer, "last_realm_count_id"),
            installation_counts=_row_id(answer, "last_installation_count_id"),
            audit_rows=_row_id(answer, "last_realmauditlog_id"),
        )

    def upload(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """Send one batch and return the portal's answer."""
        return self._call("POST", "server/analytics", fields=fields)

    def billing_access_url(self, fields: Mapping[str, str]) -> str:
        """Return the address on the portal to which the person's browser is sent."""
        answer = self._call("POST", "server/billing", fields=fields)
        url = answer.get("billing_access_url")
        if not isinstance(url, str) or not is_web_address(url):
            raise PortalProblem(UNREADABLE, "The answer holds no billing_access_url.")
        return url

    def deactivate(self) -> None:
        """End the registration of this server."""
        self._call("POST", "server/deactivate", fields={})

    def begin_transfer(self, *, hostname: str) -> str:
        """Return the secret that proves, served at the hostname, who is there."""
        answer = self._call(
            "POST", "server/register/transfer", fields={"hostname": hostname}, authenticated=False
        )
        return _text(answer, "verification_secret", longest=LONGEST_SECRET)

    def verify_challenge(self, *, hostname: str, access_token: str) -> tuple[str, str]:
        """Let the portal look for the secret; returns the registration's id and its new key."""
        answer = self._call(
            "POST",
            "server/register/verify_challenge",
            fields={"hostname": hostname, "access_token": access_token},
            authenticated=False,
        )
        server_uuid = _text(answer, "zulip_org_id", longest=36)
        server_key = _text(answer, "zulip_org_key", longest=KEY_LENGTH)
        if not SERVER_ID.fullmatch(server_uuid) or len(server_key) != KEY_LENGTH:
            raise PortalProblem(UNREADABLE, "The answer holds no usable id and key.")
        return server_uuid, server_key

    def _call(
        self,
        method: str,
        path: str,
        *,
        fields: Mapping[str, str] | None = None,
        authenticated: bool = True,
    ) -> dict[str, Any]:
        url = f"{self.portal.rstrip('/')}/api/v1/remotes/{path}"
        auth = (self.server_uuid, self.server_key) if authenticated else None
        try:
            with requests.Session() as session:
                # A .netrc of the machine would replace our key, and a proxy is not asked for.
                session.trust_env = False
                with session.request(
                    method,
                    url,
                    data=fields,
                    auth=auth,
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return self._answer(response)
        except requests.exceptions.Timeout as error:
            raise PortalProblem(TIMEOUT) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            # ValueError: an address so malformed that requests' own checks do not get to it.
            raise PortalProblem(UNREACHABLE) from error

    def _answer(self, response: requests.Response) -> dict[str, Any]:
        status = response.status_code
        try:
            answer = json.loads(self._body(response))
        except (ValueError, RecursionError) as error:
            raise PortalProblem(
                UNREADABLE, f"HTTP {status} without JSON.", http_status=status
            ) from error
        if not isinstance(answer, dict):
            raise PortalProblem(UNREADABLE, f"HTTP {status} without fields.", http_status=status)
        if status == 200 and answer.get("result") == "success":
            return answer
        code = answer.get("code")
        if answer.get("result") != "error" or not isinstance(code, str) or not code:
            raise PortalProblem(UNREADABLE, f"HTTP {status} without a code.", http_status=status)
        raise PortalProblem(
            code[:100],
            str(answer.get("msg", "")),
            http_status=status,
            retry_after=_retry_after(response.headers.get("Retry-After"), answer),
        )

    def _body(self, response: requests.Response) -> bytes:
        """Read a body of bounded length in bounded time, however slowly it drips."""
        deadline = clock.monotonic() + self.timeout
        body = b""
        for chunk in response.iter_content(chunk_size=65536):
            body += chunk
            if len(body) > LONGEST_ANSWER:
                raise PortalProblem(UNREADABLE, "The answer is too long.")
            if clock.monotonic() > deadline:
                raise PortalProblem(TIMEOUT)
        return body


def is_web_address(text: str) -> bool:
    """Tell whether text is an absolute http or https address that may stand in a header."""
    if not text.isascii() or any(character <= " " for character in text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _text(answer: Mapping[str, Any], name: str, *, longest: int) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isascii():
        raise PortalProblem(UNREADABLE, f"{name} is missing from the answer.")
    return value


def _row_id(answer: Mapping[str, Any], name: str) -> int:
    value = answer.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise PortalProblem(UNREADABLE, f"{name} is missing from the answer.")
    return value


def _retry_after(header: str | None, answer: Mapping[str, Any]) -> int | None:
    """Return the seconds to wait, rounded up to whole ones, or None when none are named."""
    for value in (header, answer.get("retry-after")):
        if isinstance(value, bool):
            continue
        try:
            seconds = float(value)  # type: ignore[arg-type]  # Anything unfit is caught below.
        except (TypeError, ValueError):
            continue
        if 0 <= seconds <= 7 * 24 * 3600:
            return -int(-seconds // 1)
    return None
