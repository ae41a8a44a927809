"""The API's errors: what Stripe calls `type`, `code`, `param` and `decline_code`."""

from typing import Any

DOC_URL = "https://docs.stripe.com/error-codes/"

INVALID_REQUEST = "invalid_request_error"
CARD_ERROR = "card_error"


class ApiError(Exception):
    """An answer other than 200.

    `keep_changes` tells the pipeline whether what was written before the error stays written: a
    declined payment is an event in the life of an invoice, a refused parameter is not.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        keep_changes: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.keep_changes = keep_changes
        self.extra = extra or {}

    def body(self) -> dict[str, Any]:
        """The JSON answer. Absent fields are left out, as the API leaves them out."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        for name in ("code", "param", "decline_code"):
            if getattr(self, name) is not None:
                error[name] = getattr(self, name)
        if self.code is not None:
            error["doc_url"] = DOC_URL + self.code.replace("_", "-")
        return {"error": {**error, **self.extra}}


class InvalidParameters(ApiError):
    """The request was refused before anything ran; such answers are not kept for replay."""


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that makes no sense for the state of things: 400, nothing is changed."""
    return ApiError(400, message, param=param, code=code)


def unsupported(what: str, *, param: str) -> InvalidParameters:
    """Something Stripe has and this emulator does not: refused, never imitated."""
    return InvalidParameters(400, f"The Stripe emulator does not support {what}.", param=param)


def missing_object(kind: str, id: str, *, param: str = "id") -> ApiError:
    """404 `resource_missing` when the object is the URL's, 400 when a parameter names it."""
    words = kind.replace(".", " ").replace("_", " ")
    return ApiError(
        404 if param == "id" else 400,
        f"No such {words}: '{id}'",
        code="resource_missing",
        param=param,
    )
