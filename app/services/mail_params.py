"""The parameters of a mail as they are kept in its row: JSON, with instants marked as such."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_INSTANT = "$instant"


def encode_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` as JSON values. Raises ValueError for a naive datetime: it names no instant."""
    return {name: _encode(value) for name, value in params.items()}


def decode_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What `encode_params` was given, with lists for tuples."""
    return {name: _decode(value) for name, value in params.items()}


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given where an aware one is needed")
        return {_INSTANT: value.isoformat()}
    if isinstance(value, Mapping):
        return {str(name): _encode(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(part) for part in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_INSTANT}:
            return datetime.fromisoformat(value[_INSTANT])
        return {name: _decode(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_decode(part) for part in value]
    return value
