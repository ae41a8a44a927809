"""What can go wrong, as codes and parameters. Words for people are made in `app/web/wording.py`."""

from collections.abc import Mapping
from types import MappingProxyType


class BillingError(Exception):
    """A rule refuses what was asked. `code` is stable and for programs; `params` feed the words.

    Every code must have a message in `app/web/wording.py` (a test walks all of them).
    """

    code: str
    params: Mapping[str, object]

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = MappingProxyType(params)

    def __str__(self) -> str:
        return f"{self.code} {dict(self.params)}" if self.params else self.code


class MissingDataError(BillingError):
    """The uploads of a server are absent or older than the staleness limit (two days).

    `last_heard` in `params` is the instant of the last complete upload, or None.
    """

    def __init__(self, *, last_heard: object = None, server_id: int | None = None) -> None:
        super().__init__("missing_data", last_heard=last_heard, server_id=server_id)


class NotFoundError(BillingError):
    """What was asked for does not exist, or not for this actor: pages answer 404."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", what=what)
