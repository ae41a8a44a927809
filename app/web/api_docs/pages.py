"""What the page of the API shows, read from the OpenAPI document alone.

So the page cannot say anything that the document does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from markupsafe import Markup, escape

from app.web.api_docs.commands import curl_command
from app.web.api_docs.types import type_words
from app.web.openapi.samples import SERVER_ID, SERVER_KEY
from app.web.openapi.shapes import FORM, JSON, Json

COMPONENTS = "#/components/"


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field. `other_name` is the neutral name that is taken instead."""

    name: str
    type: str
    component: str | None
    is_required: bool
    text: Markup
    other_name: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """A way in which a call is refused, with the answer as it is sent."""

    status: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ExampleText:
    """A command to copy, and what is printed."""

    summary: str
    command: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSection:
    """One call."""

    anchor: str
    method: str
    path: str
    summary: str
    text: Markup
    needs_key: bool
    fields: tuple[FieldRow, ...]
    place: str
    answers: tuple[FieldRow, ...]
    examples: tuple[ExampleText, ...]
    errors: tuple[ErrorRow, ...]
    limit: Markup
    served_by_host: "CallSection | None" = None


@dataclass(frozen=True, slots=True)
class ObjectSection:
    """A nested value."""

    name: str
    anchor: str
    text: Markup
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code, the statuses it comes with, and when."""

    code: str
    statuses: str
    text: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePage:
    """The whole page. The examples are those of `server_id` with `server_key`."""

    version: str
    server_id: str
    server_key: str
    paragraphs: tuple[Markup, ...]
    server: str
    calls: tuple[CallSection, ...]
    objects: tuple[ObjectSection, ...]
    codes: tuple[CodeRow, ...]


def build_reference(document: Json) -> ReferencePage:
    """The page of that OpenAPI document."""
    reader = _Reader(document)
    return ReferencePage(
        version=document["info"]["version"],
        paragraphs=tuple(map(with_code, document["info"]["description"].split("\n\n"))),
        server=document["servers"][0]["url"],
        server_id=SERVER_ID,
        server_key=SERVER_KEY,
        calls=tuple(reader.calls()),
        objects=tuple(reader.objects()),
        codes=tuple(
            CodeRow(row["code"], ", ".join(map(str, row["statuses"])), with_code(row["when"]))
            for row in document["x-error-codes"]
        ),
    )


def with_code(text: str) -> Markup:
    """Escaped text in which what stands between backticks is code."""
    parts = str(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


class _Reader:
    """Walks a document."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to; its own description wins."""
        address = value.get("$ref")
        if address is None:
            return value
        kind, _, name = address.removeprefix(COMPONENTS).partition("/")
        found: Mapping[str, Any] = self.document["components"][kind][name]
        own = {key: text for key, text in value.items() if key == "description"}
        return {**found, **own}

    def calls(self) -> Iterable[CallSection]:
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield self.call(method, path, operation)

    def call(self, method: str, path: str, operation: Json) -> CallSection:
        security = operation.get("security", self.document["security"])
        answer = operation["responses"]["200"]["content"][JSON]
        limited = self.resolve(operation["responses"].get("429", {}))
        fields, place = self.fields_of(operation)
        return CallSection(
            anchor=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            text=with_code(operation["description"]),
            needs_key=bool(security),
            fields=tuple(fields),
            place=place,
            answers=tuple(self.rows(answer["schema"])),
            examples=tuple(self.examples(method, path, operation, with_key=bool(security))),
            errors=tuple(self.errors(operation["responses"])),
            limit=with_code(limited.get("description", "")),
            served_by_host=self.callback(operation),
        )

    def callback(self, operation: Json) -> CallSection | None:
        for found in operation.get("callbacks", {}).values():
            for address, methods in found.items():
                for method, served in methods.items():
                    return self.call(method, _plain_address(address), served)
        return None

    def fields_of(self, operation: Json) -> tuple[list[FieldRow], str]:
        """The fields and where they stand: "body", "query" or "either"."""
        parameters = operation.get("parameters", [])
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"][JSON]["schema"]
            return list(self.rows(schema)), "either" if parameters else "body"
        rows = [
            self.row(each["name"], each["schema"] | {"description": each["description"]}, True)
            for each in parameters
        ]
        return rows, "query"

    def rows(self, schema: Json) -> Iterable[FieldRow]:
        """The properties of an object; a neutral name stands beside the name it replaces."""
        pairs = _pairs(schema)
        neutral = set(pairs.values())
        required = _required(schema)
        for name, shape in schema.get("properties", {}).items():
            if name not in neutral:
                yield self.row(name, shape, name in required, other_name=pairs.get(name))

    def row(
        self, name: str, shape: Json, is_required: bool, *, other_name: str | None = None
    ) -> FieldRow:
        words, component = type_words(shape)
        return FieldRow(
            name, words, component, is_required, with_code(shape["description"]), other_name
        )

    def examples(
        self, method: str, path: str, operation: Json, *, with_key: bool
    ) -> Iterable[ExampleText]:
        body = operation.get("requestBody", {}).get("content", {}).get(FORM, {})
        query = {
            each["name"]: each["example"]
            for each in operation.get("parameters", [])
            if "example" in each and method == "get"
        }
        answers = operation["responses"]["200"]["content"][JSON].get("examples", {})
        for name, answer in answers.items():
            sent = body.get("examples", {}).get(name, {}).get("value", {})
            yield ExampleText(
                summary=answer["summary"],
                command=curl_command(method, path, sent or query, with_key=with_key),
                answer=msgspec.json.format(msgspec.json.encode(answer["value"])).decode(),
            )

    def errors(self, responses: Json) -> Iterable[ErrorRow]:
        for status, given in responses.items():
            if status == "200":
                continue
            response = self.resolve(given)
            phrase = f"{status} {HTTPStatus(int(status)).phrase}"
            for example in response["content"][JSON]["examples"].values():
                value = example["value"]
                yield ErrorRow(phrase, value["code"], value["msg"])

    def objects(self) -> Iterable[ObjectSection]:
        for name, schema in self.document["components"]["schemas"].items():
            yield ObjectSection(
                name=name,
                anchor=f"object-{name}",
                text=with_code(schema["description"]),
                fields=tuple(self.rows(schema)),
            )


def _pairs(schema: Json) -> dict[str, str]:
    """Each name that has a neutral one, by what the schema says of the two."""
    pairs = {}
    for rule in schema.get("allOf", []):
        if "oneOf" in rule:
            first, second = (each["required"][0] for each in rule["oneOf"])
        else:
            first, second = rule["not"]["required"]
        pairs[first] = second
    return pairs


def _required(schema: Json) -> set[str]:
    either = {
        each["required"][0] for rule in schema.get("allOf", []) for each in rule.get("oneOf", [])
    }
    return either | set(schema.get("required", []))


def _plain_address(expression: str) -> str:
    """A callback's address without the syntax of its expressions."""
    return expression.replace("$request.body#/", "")
