"""Single values of the wire: what a UUID, a key, a host, an address and a time must look like.

Each function returns the value as we keep it, or raises a BillingError that names `field`.
"""

import base64
import binascii
import ipaddress
import re
from datetime import datetime
from urllib.parse import urlsplit

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from app.domain.errors import BillingError
from app.services.upload_rows import MICROSECONDS, to_instant
from app.web.remotes.bodies import check_text

LONGEST_EMAIL = 254
# The last second that every database and Python agree on.
_END_OF_TIME = 253_402_300_799

# The API's description tells these forms too.
UUID_FORM = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SERVER_UUID_FORM = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
KEY_FORM = r"[\x21-\x7e]{64}"

_UUID = re.compile(UUID_FORM)
_UUID4 = re.compile(SERVER_UUID_FORM)
_KEY = re.compile(KEY_FORM)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?"
)
_SIMPLE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_NO_SPACE = re.compile(r"[\x21-\x7e]+")


def read_uuid(text: str, field: str) -> str:
    """A UUID exactly as its canonical form."""
    if not _UUID.fullmatch(text):
        raise BillingError("field_not_uuid", field=field)
    return text


def read_server_uuid(text: str, field: str) -> str:
    """A UUID of version 4 exactly as its canonical form."""
    if not _UUID4.fullmatch(text):
        raise BillingError("field_not_server_uuid", field=field)
    return text


def read_key(text: str, field: str) -> str:
    """64 characters that an Authorization header can carry."""
    if not _KEY.fullmatch(text):
        raise BillingError("field_not_key", field=field)
    return text


def read_hostname(text: str, field: str, *, most: int) -> str:
    """A bare host or host:port, in lower case: no scheme, path, query or user. A browser is sent
    there later, so nothing else may hide in it."""
    check_text(text, field, most=most)
    match = _HOST.fullmatch(text.lower())
    if match is None:
        raise BillingError("field_not_hostname", field=field)
    port = match["port"]
    if port is not None and not 1 <= int(port) <= 65_535:
        raise BillingError("field_not_hostname", field=field)
    if match["host"].startswith("["):
        try:
            ipaddress.IPv6Address(match["host"][1:-1])
        except ValueError:
            raise BillingError("field_not_hostname", field=field) from None
    return match.group()


def read_url(text: str, field: str, *, most: int) -> str:
    """An http or https address with a host and without a user."""
    check_text(text, field, most=most)
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.scheme not in ("http", "https") or not _NO_SPACE.fullmatch(text):
        raise BillingError("field_not_url", field=field)
    return text


def read_contact_email(text: str, field: str, *, check_deliverability: bool) -> str:
    """An address that can receive mail: not at example.com, not at a disposable domain, and, when
    `check_deliverability` is on, at a domain with a mail server (asked over the network)."""
    try:
        validated = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise BillingError("field_not_email", field=field) from None
    domain = validated.ascii_domain.lower()
    if domain == "example.com" or domain.endswith(".example.com"):
        raise BillingError("field_example_domain", field=field)
    labels = domain.split(".")
    if any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1)):
        raise BillingError("field_disposable_domain", field=field)
    if check_deliverability:
        _check_mail_server(text, field)
    return check_text(validated.normalized, field, most=LONGEST_EMAIL)


def _check_mail_server(text: str, field: str) -> None:
    try:
        # The switch was turned on, so the leniency of demo and testing does not hold here.
        found = validate_email(text, check_deliverability=True, test_environment=False)
    except EmailNotValidError:
        raise BillingError("field_no_mail_server", field=field) from None
    # The library also takes a bare host for a mail server; most of those receive nothing. When no
    # name server answered, the attribute is absent: that is not the caller's fault.
    if getattr(found, "mx_fallback_type", None) is not None:
        raise BillingError("field_no_mail_server", field=field)


def read_person_email(text: str, field: str) -> str:
    """The address of a person in the product, who may still correct it: only its form counts."""
    if not _SIMPLE_EMAIL.fullmatch(check_text(text, field, most=LONGEST_EMAIL)):
        raise BillingError("field_not_email", field=field)
    return text


def read_public_key(text: str, field: str) -> str:
    """An Ed25519 public key: 32 bytes in Base64, standard or URL-safe; kept as standard."""
    try:
        padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        key = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise BillingError("field_not_public_key", field=field)
    return base64.b64encode(key).decode()


def read_microseconds(seconds: float, field: str) -> int:
    """POSIX seconds as microseconds since 1970.

    Whole seconds are floored as sent; what is left becomes the nearest microsecond below the next
    second, since a float of today's size resolves a quarter of a microsecond.
    """
    if not 0 <= seconds <= _END_OF_TIME:
        # Infinite and NaN compare false and end here too.
        raise BillingError("field_not_time", field=field)
    whole = int(seconds)
    fraction = int((seconds - whole) * MICROSECONDS + 0.5)
    return whole * MICROSECONDS + min(fraction, MICROSECONDS - 1)


def read_instant(seconds: float, field: str) -> datetime:
    """POSIX seconds as an instant in whole seconds."""
    return to_instant(read_microseconds(seconds, field))
