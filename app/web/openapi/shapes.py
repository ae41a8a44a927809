"""What a call is made of, before it becomes OpenAPI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]
Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SCHEMAS = "#/components/schemas/"
RESPONSES = "#/components/responses/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a request or of an answer, by its name on the wire.

    `alias` is the neutral name that is taken instead; a `nested` value is a JSON text in a form.
    """

    name: str
    schema: Schema
    description: str
    is_required: bool = True
    alias: str | None = None
    is_nested: bool = False

    def in_json(self) -> Json:
        """The field of a JSON body or of an answer."""
        return {**self.schema, "description": self.description}

    def in_form(self) -> Json:
        """The field of a form or of a query string."""
        if not self.is_nested:
            return self.in_json()
        return {
            "type": "string",
            "contentMediaType": JSON,
            "contentSchema": dict(self.schema),
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of ours that a call answers with, with parameters for the example."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request as values (nested ones not yet as text), and what is answered to it."""

    summary: str
    fields: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the wire API.

    `fields` stand in the body of a POST and in the query string of a GET; `takes_query` says that
    a POST may carry them in its query string, too. `limits` are the settings that say how often it
    may be called, each with by whom.
    """

    endpoint: str
    method: str
    path: str
    summary: str
    description: str
    answer: Sequence[Field]
    examples: Mapping[str, Example]
    fields: Sequence[Field] = ()
    refusals: Sequence[Refusal] = ()
    is_authenticated: bool = True
    takes_query: bool = False
    limits: Sequence[tuple[str, str]] = (("rate_limit_api", "one server from one address"),)
    callback: str | None = None

    @property
    def operation_id(self) -> str:
        """The name of the view without its blueprint."""
        return self.endpoint.partition(".")[2]


def list_of(name: str) -> Schema:
    """A list of values of that component."""
    return {"type": "array", "items": ref(name)}


def ref(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"{SCHEMAS}{name}"}
