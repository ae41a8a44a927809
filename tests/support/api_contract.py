"""Answers of the wire API held against the OpenAPI document that the portal itself serves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from flask import Flask, Response, request, request_finished
from openapi_schema_validator import OAS31Validator
from werkzeug.datastructures import Headers

JSON = "application/json"
ELSEWHERE = {404: "NotFound", 405: "MethodNotAllowed"}
Document = dict[str, Any]


class Contract:
    """One document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._validators: dict[str, Any] = {}

    @cached_property
    def operations(self) -> dict[tuple[str, str], Document]:
        """Every call by (method, path)."""
        return {
            (method.upper(), path): operation
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }

    def resolve(self, value: Document) -> Document:
        """What a reference leads to, or the value itself."""
        if "$ref" not in value:
            return value
        found: Any = self.document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    def schema_problems(self, schema: Document, value: object) -> list[str]:
        """What is wrong with `value` by that schema of the document."""
        name = json.dumps(schema, sort_keys=True)
        if name not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[name] = OAS31Validator(whole)
        found = self._validators[name].iter_errors(value)
        return [f"{error.json_path}: {error.message}" for error in found]

    def answer_problems(
        self, method: str, path: str, status: int, headers: Headers, body: object
    ) -> list[str]:
        """What the answer to a call has that the document does not tell, or the reverse."""
        operation = self.operations.get((method, path))
        if status in ELSEWHERE:
            described = self.document["components"]["responses"][ELSEWHERE[status]]
        elif operation is None or str(status) not in operation["responses"]:
            return [f"no {status} is described"]
        else:
            described = self.resolve(operation["responses"][str(status)])
        problems = [
            f"the header {name} is missing"
            for name, header in described.get("headers", {}).items()
            if header.get("required") and name not in headers
        ]
        schema = described["content"][JSON]["schema"]
        problems += self.schema_problems(schema, body)
        if status == 200 and isinstance(body, dict):
            known, told = set(schema["properties"]), set(body)
            problems += [f"{name} is not described" for name in sorted(told - known)]
            problems += [f"{name} is not answered" for name in sorted(known - told)]
        return problems


def load_contract(app: Flask) -> Contract:
    """The document that this application serves."""
    document: Document = app.test_client().get("/api/v1/openapi.json").get_json()
    return Contract(document)


@contextmanager
def held_to_contract(app: Flask, contract: Contract, base: str) -> Iterator[list[str]]:
    """While it lasts, every answer under `base` is held against the contract; the list that is
    given fills with what is wrong."""
    problems: list[str] = []

    def look(_app: Flask, *, response: Response, **_rest: Any) -> None:
        if not request.path.startswith(base) or request.method in {"HEAD", "OPTIONS"}:
            return
        method, path = request.method, request.path
        found = contract.answer_problems(
            method, path, response.status_code, response.headers, response.get_json()
        )
        problems.extend(f"{method} {path} {response.status}: {problem}" for problem in found)

    with request_finished.connected_to(look, app):
        yield problems
