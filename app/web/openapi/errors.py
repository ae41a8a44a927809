"""The errors of the wire API: every code, when it comes, and what it looks like."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.errors import BillingError
from app.web.openapi.shapes import JSON, RESPONSES, SCHEMAS, Call, Json, Refusal
from app.web.remotes.errors import (
    ANSWERS,
    BAD_REQUEST,
    HTTP_CODES,
    RETRY_AFTER_SECONDS,
    Answer,
    error_body,
    find_answer,
)
from app.web.wording import message_for
from app.web.wordings.remotes import HTTP_MESSAGES

# When each code comes, in the order of the page.
WHEN = {
    "BAD_REQUEST": "A field is missing or malformed, or the data breaks a rule; `msg` says which.",
    "INVALID_ZULIP_SERVER": "Missing or broken authorization, unknown server, or wrong key; "
    "`role` is the UUID that was given.",
    "REMOTE_SERVER_DEACTIVATED": "The registration was deactivated.",
    "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR": "Another registration holds the hostname.",
    "MISSING_REMOTE_REALM": "An organization that has not been seen yet: upload, then ask again.",
    "REMOTE_REALM_SERVER_MISMATCH_ERROR": "An organization that is registered to another server.",
    "RATE_LIMIT_HIT": "Too many calls: wait as many seconds as `Retry-After` and `retry-after` "
    "say.",
    "PAYLOAD_TOO_LARGE": "The body is over the limit: send fewer rows at once.",
    "NOT_FOUND": "An unknown address; `push/*` is out of scope.",
    "METHOD_NOT_ALLOWED": "A wrong method; `Allow` lists the right ones.",
    "INTERNAL_ERROR": "Something broke here, or the database is away: nothing was stored, try "
    "again later.",
}
# Errors of HTTP itself, which any call may answer with: the name of the component by status.
COMMON = {
    413: "PayloadTooLarge",
    429: "RateLimitHit",
    500: "InternalError",
    503: "Unavailable",
}
# Those of addresses and methods that no call has.
ELSEWHERE = {404: "NotFound", 405: "MethodNotAllowed"}
_RETRY_HEADER = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    }
}
_HEADERS = {
    405: {
        "Allow": {
            "description": "The methods of this address.",
            "schema": {"type": "string"},
            "required": True,
        }
    },
    429: _RETRY_HEADER,
    503: _RETRY_HEADER,
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "HTTP Basic.",
        "schema": {"type": "string"},
        "required": True,
    }
}


def list_codes() -> list[Json]:
    """Every code with the statuses it comes with and when, for the table of errors."""
    statuses: dict[str, set[int]] = {code: set() for code in WHEN}
    for answer in (BAD_REQUEST, *ANSWERS.values(), *_common_answers()):
        statuses[answer.code].add(answer.status)
    # A registration is no login.
    statuses["INVALID_ZULIP_SERVER"].add(400)
    return [
        {"code": code, "statuses": sorted(statuses[code]), "when": when}
        for code, when in WHEN.items()
    ]


def error_schemas() -> Json:
    """The component `Error`, which every error is."""
    return {
        "Error": {
            "title": "Error",
            "description": "Every error: `code` is for programs and stable, `msg` for people.",
            "type": "object",
            "properties": {
                "result": {"type": "string", "const": "error", "description": "Always `error`."},
                "msg": {"type": "string", "description": "What is wrong, for a person."},
                "code": {
                    "type": "string",
                    "enum": list(WHEN),
                    "description": "What is wrong, for a program.",
                },
                "role": {
                    "type": ["string", "null"],
                    "description": "With `INVALID_ZULIP_SERVER`: the UUID that was given.",
                },
                "retry-after": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "With `RATE_LIMIT_HIT`: seconds to wait.",
                },
            },
            "required": ["result", "msg", "code"],
        }
    }


def common_responses(*, most_bytes: int) -> Json:
    """The components for errors of HTTP itself."""
    made = {}
    for status, name in (ELSEWHERE | COMMON).items():
        code = HTTP_CODES.get(status, "INTERNAL_ERROR")
        extra = {"retry-after": 37} if status == 429 else {}
        body = error_body(code, str(HTTP_MESSAGES[status]), **extra)
        description = f"`{code}`: {HTTP_MESSAGES[status]}"
        if status == 413:
            description += f" The limit is {most_bytes} bytes."
        made[name] = _response(description, [code], {code: body}, _HEADERS.get(status))
    made["Unavailable"]["headers"]["Retry-After"]["example"] = RETRY_AFTER_SECONDS
    return made


def responses_of(call: Call, *, how_often: str) -> Json:
    """What a call answers when it refuses, by status."""
    by_status: dict[int, dict[str, tuple[str, Json]]] = {}
    for refusal in call.refusals:
        answer, body = _example(refusal, call.endpoint)
        by_status.setdefault(answer.status, {})[refusal.code] = (answer.code, body)
    made: Json = {}
    for status in sorted(by_status):
        found = by_status[status]
        codes = list(dict.fromkeys(code for code, _ in found.values()))
        description = " ".join(f"`{code}`: {WHEN[code]}" for code in codes)
        bodies = {name: body for name, (_, body) in found.items()}
        headers = _CHALLENGE if status == 401 else None
        made[str(status)] = _response(description, codes, bodies, headers)
    for status, name in COMMON.items():
        if status != 413 or call.method == "post":
            made[str(status)] = {"$ref": f"{RESPONSES}{name}"}
    made["429"] |= {"description": f"`RATE_LIMIT_HIT`: at most {how_often}."}
    return made


def _example(refusal: Refusal, endpoint: str) -> tuple[Answer, Json]:
    error = BillingError(refusal.code, **refusal.params)
    answer, fields = find_answer(error, endpoint=endpoint)
    return answer, error_body(answer.code, message_for(error), **fields)


def _response(
    description: str, codes: Sequence[str], bodies: Json, headers: Json | None = None
) -> Json:
    schema: Json = {
        "allOf": [{"$ref": f"{SCHEMAS}Error"}],
        "properties": {"code": {"enum": list(codes)}},
    }
    if "INVALID_ZULIP_SERVER" in codes:
        schema["if"] = {"properties": {"code": {"const": "INVALID_ZULIP_SERVER"}}}
        schema["then"] = {"required": ["role"]}
    if "RATE_LIMIT_HIT" in codes:
        schema["required"] = ["retry-after"]
    examples: dict[str, Any] = {name: {"value": body} for name, body in bodies.items()}
    made: Json = {
        "description": description,
        "content": {JSON: {"schema": schema, "examples": examples}},
    }
    if headers:
        made["headers"] = {name: dict(header) for name, header in headers.items()}
    return made


def _common_answers() -> Iterable[Answer]:
    for status in COMMON | ELSEWHERE:
        yield Answer(status, HTTP_CODES.get(status, "INTERNAL_ERROR"))
