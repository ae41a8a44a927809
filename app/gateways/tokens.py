"""Secrets and signatures: hashes of keys, signed opaque values, encrypted ones, random tokens.

Ages are checked with our own clock, so that frozen and moved clocks work; keys are a list, of
which the first signs and all verify.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from itsdangerous import (
    BadData,
    BadSignature,
    SignatureExpired,
    TimestampSigner,
    URLSafeTimedSerializer,
)
from itsdangerous.encoding import base64_decode, base64_encode

from app.clock import Clock
from app.domain.errors import BillingError


class TokenGateway:
    """Signs and checks values. Every purpose has its own salt, so that a token made for one
    purpose is worthless for another."""

    def __init__(self, *, keys: Sequence[str], clock: Clock) -> None:
        # itsdangerous signs with the last key and verifies with all of them.
        self._keys = list(reversed(keys))
        self._clock = clock

    def sign(self, purpose: str, value: Any) -> str:
        """A URL-safe signed text that carries `value` (JSON) and its time."""
        return self._serializer(purpose).dumps(value)

    def read(self, purpose: str, token: str, *, max_age: timedelta) -> tuple[Any, datetime]:
        """The value of a token and when it was signed.

        Raises BillingError `token_expired` or `token_invalid`.
        """
        serializer = self._serializer(purpose)
        if not _is_canonical(token):
            raise BillingError("token_invalid", purpose=purpose)
        try:
            value, signed_at = serializer.loads(
                token, max_age=int(max_age.total_seconds()), return_timestamp=True
            )
        except SignatureExpired:
            raise BillingError("token_expired", purpose=purpose) from None
        except BadSignature:
            raise BillingError("token_invalid", purpose=purpose) from None
        return value, signed_at

    def new_secret(self) -> str:
        """256 random bits, URL-safe, 43 characters."""
        return secrets.token_urlsafe(32)

    def new_key(self) -> str:
        """384 random bits, URL-safe, 64 characters: the key of a server."""
        return secrets.token_urlsafe(48)

    def hash_secret(self, purpose: str, secret: str) -> str:
        """HMAC-SHA256 under the first key, in hex: for secrets of 256 random bits (a slow hash
        is for people's passwords only)."""
        return _hmac(self._keys[-1], purpose, secret)

    def matches(self, purpose: str, secret: str, *, stored_hash: str) -> bool:
        """Whether `secret` is the one behind `stored_hash`, in constant time, under any key."""
        found = [
            hmac.compare_digest(_hmac(key, purpose, secret), stored_hash) for key in self._keys
        ]
        return any(found)

    def hashes(self, purpose: str, secret: str) -> list[str]:
        """The hashes of `secret` under every key, for a look-up by hash."""
        return [_hmac(key, purpose, secret) for key in reversed(self._keys)]

    def encrypt(self, purpose: str, text: str) -> str:
        """`text` encrypted under the first key, for what must be read again and seen by nobody."""
        return self._vault(purpose).encrypt(text.encode()).decode()

    def decrypt(self, purpose: str, token: str) -> str | None:
        """What was encrypted under any of the keys for that purpose; None when it was not."""
        try:
            return self._vault(purpose).decrypt(token.encode()).decode()
        except InvalidToken:
            return None

    def _vault(self, purpose: str) -> MultiFernet:
        return MultiFernet(
            [
                Fernet(
                    base64.urlsafe_b64encode(
                        hmac.digest(key.encode(), f"vault:{purpose}".encode(), "sha256")
                    )
                )
                for key in reversed(self._keys)
            ]
        )

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        clock = self._clock

        class ClockSigner(TimestampSigner):
            """Stamps and ages with our clock instead of the system's."""

            def get_timestamp(self) -> int:
                return int(clock.now().timestamp())

        return URLSafeTimedSerializer(
            self._keys,
            salt=f"tallyport.{purpose}",
            signer=ClockSigner,
            signer_kwargs={"digest_method": hashlib.sha256},
        )


def _is_canonical(token: str) -> bool:
    """Whether `token` is written the one way that `sign` writes it.

    Decoders of base64 pass over foreign characters and spare bits, so that many texts would count
    as the same token.
    """
    try:
        return all(base64_encode(base64_decode(part)).decode() == part for part in token.split("."))
    except BadData:
        return False


def _hmac(key: str, purpose: str, secret: str) -> str:
    message = f"{purpose}:{secret}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
