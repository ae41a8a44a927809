"""The OpenAPI document, put together."""

from collections.abc import Mapping, Sequence

import msgspec

from app.settings import Settings
from app.web.openapi.calls import CALLS
from app.web.openapi.errors import common_responses, error_schemas, list_codes, responses_of
from app.web.openapi.fields import CAN_PUSH_FIELD, END_FIELD, VERIFICATION_SECRET
from app.web.openapi.shapes import FORM, JSON, SCHEMAS, Call, Example, Field, Json
from app.web.remotes.schemas import (
    InstallationCount,
    Realm,
    RealmAuditLogRow,
    RealmCount,
    SeatDigests,
    User,
)

# Every nested value that the wire API decodes.
STRUCTS = (RealmCount, InstallationCount, RealmAuditLogRow, Realm, User, SeatDigests)
SECURITY = "server"
DESCRIPTION = """\
What a self-hosted server says to the portal. It is the protocol that stock Zulip servers from 2.1 \
on speak, so their words appear on the wire: a realm is an organization.

A body is a form whose nested values are JSON texts, or JSON with the same names and real values. \
A field may be given once; null counts as absent; fields that are not known are ignored, but not \
within a realm. Bodies are not compressed.

Everything under `/api/` answers in JSON: `{"result": "success", "msg": "", …}`, or with a status \
from 400 on `{"result": "error", "msg": "for a person", "code": "FOR_A_PROGRAM", …}`. Answers to \
servers are `Cache-Control: no-store`; no cookie is set and no CSRF token asked for.

Most calls carry the server's UUID and its 64-character key by HTTP Basic authentication."""


def build_document(settings: Settings, *, product: str, support_email: str, version: str) -> Json:
    """The whole wire API as an OpenAPI 3.1 document.

    Needs a request's language for the messages of its examples. `product` is the brand's name,
    `version` that of the portal.
    """
    paths: Json = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call, settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{product}: the wire API",
            "version": version,
            "description": DESCRIPTION,
            "contact": {"email": support_email},
        },
        "servers": [{"url": settings.base_url}],
        "security": [{SECURITY: []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                SECURITY: {
                    "type": "http",
                    "scheme": "basic",
                    "description": "User: the server's UUID. Password: its key.",
                }
            },
            "schemas": _schemas(),
            "responses": common_responses(most_bytes=settings.max_upload_bytes),
        },
        "x-error-codes": list_codes(),
    }


def _schemas() -> Json:
    _, made = msgspec.json.schema_components(STRUCTS, ref_template=SCHEMAS + "{name}")
    for schema in made.values():
        # Docstrings are wrapped; a description is one paragraph.
        schema["description"] = " ".join(schema["description"].split())
    entitlement = _object((CAN_PUSH_FIELD, END_FIELD)) | {
        "title": "Entitlement",
        "description": "Whether one organization has the paid feature.",
    }
    return made | {"Entitlement": entitlement} | error_schemas()


def _operation(call: Call, settings: Settings) -> Json:
    made: Json = {
        "operationId": call.operation_id,
        "summary": call.summary,
        "description": call.description,
    }
    if not call.is_authenticated:
        made["security"] = []
    if call.method == "get" and call.fields:
        made["parameters"] = [
            _parameter(field, call, must=field.is_required) for field in call.fields
        ]
    if call.takes_query:
        made["parameters"] = [
            parameter for field in call.fields for parameter in _either_parameter(field, call)
        ]
    if call.method == "post" and call.fields:
        made["requestBody"] = _body(call)
    made["responses"] = {
        "200": _success(call, base_url=settings.base_url),
        **responses_of(call, how_often=_how_often(call, settings)),
    }
    if call.callback is not None:
        made["callbacks"] = {"verify": {call.callback: {"get": _served_by_the_host()}}}
    return made


def _how_often(call: Call, settings: Settings) -> str:
    """ "30 per hour for one address, 100 per hour for all together"."""
    return ", ".join(f"{getattr(settings, name)} for {whom}" for name, whom in call.limits)


def _parameter(field: Field, call: Call, *, must: bool, name: str | None = None) -> Json:
    first = next(iter(call.examples.values())).fields
    schema = {key: value for key, value in field.in_form().items() if key != "description"}
    spelled = name or field.name
    made = {
        "name": spelled,
        "in": "query",
        "required": must,
        "description": field.description,
        "schema": schema,
    }
    if spelled in first:
        made["example"] = first[spelled]
    return made


def _either_parameter(field: Field, call: Call) -> Sequence[Json]:
    """A field that may stand in the query string instead of the body, under each of its names."""
    names = [field.name] if field.alias is None else [field.name, field.alias]
    return [_parameter(field, call, must=False, name=name) for name in names]


def _body(call: Call) -> Json:
    examples = {
        name: (example, {field.name: field for field in call.fields})
        for name, example in call.examples.items()
    }
    form = _object(call.fields, is_form=True)
    plain = _object(call.fields)
    return {
        "required": not call.takes_query,
        "content": {
            FORM: {
                "schema": form,
                "examples": {
                    name: {"summary": example.summary, "value": form_values(example, known)}
                    for name, (example, known) in examples.items()
                },
            },
            JSON: {
                "schema": plain,
                "examples": {
                    name: {"summary": example.summary, "value": dict(example.fields)}
                    for name, (example, _) in examples.items()
                },
            },
        },
    }


def form_values(example: Example, known: Mapping[str, Field]) -> Json:
    """The example's fields as a form carries them."""
    return {
        name: msgspec.json.encode(value).decode()
        if name in known and known[name].is_nested
        else value
        for name, value in example.fields.items()
    }


def _object(fields: Sequence[Field], *, is_form: bool = False) -> Json:
    """An object with these fields; whatever has an alias needs one of its two names."""
    properties: Json = {}
    either: list[Json] = []
    required = []
    for field in fields:
        shape = field.in_form() if is_form else field.in_json()
        properties[field.name] = shape
        if field.alias is not None:
            properties[field.alias] = shape | {"description": f"The same as `{field.name}`."}
            names = [{"required": [field.name]}, {"required": [field.alias]}]
            if field.is_required:
                either.append({"oneOf": names})
            else:
                either.append({"not": {"required": [field.name, field.alias]}})
        elif field.is_required:
            required.append(field.name)
    made: Json = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    if either:
        made["allOf"] = either
    return made


def _success(call: Call, *, base_url: str) -> Json:
    envelope = (
        Field(
            name="result",
            schema={"type": "string", "const": "success"},
            description="Always `success`.",
        ),
        Field(name="msg", schema={"type": "string", "const": ""}, description="Always empty."),
    )
    examples = {}
    for name, example in call.examples.items():
        answer = {
            key: value.replace("{base_url}", base_url) if isinstance(value, str) else value
            for key, value in example.answer.items()
        }
        examples[name] = {
            "summary": example.summary,
            "value": {"result": "success", "msg": "", **answer},
        }
    return {
        "description": "Done.",
        "content": {JSON: {"schema": _object((*envelope, *call.answer)), "examples": examples}},
    }


def _served_by_the_host() -> Json:
    return {
        "operationId": "serve_verification_secret",
        "summary": "What the host serves while it proves itself",
        "description": (
            "Served by the host that registers, not by the portal: over https, without a "
            "redirect, with a certificate for this name."
        ),
        "security": [],
        "responses": {
            "200": {
                "description": "The secret that `server/register/transfer` gave out.",
                "content": {JSON: {"schema": _object((VERIFICATION_SECRET,))}},
            }
        },
    }
