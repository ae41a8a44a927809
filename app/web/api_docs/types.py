"""Shapes of JSON Schema in words, for the tables of the API's page."""

from flask_babel import gettext

from app.web.openapi.shapes import SCHEMAS, Json

# More than these have a table of their own.
MOST_CHOICES = 8


def type_words(shape: Json) -> tuple[str, str | None]:
    """What a value looks like, and the component to read more in, if there is one."""
    if "$ref" in shape:
        name = shape["$ref"].removeprefix(SCHEMAS)
        return gettext("object"), name
    if "anyOf" in shape:
        return gettext(" or ").join(type_words(each)[0] for each in shape["anyOf"]), None
    if shape.get("type") == "array" and "$ref" in shape.get("items", {}):
        return gettext("list of"), shape["items"]["$ref"].removeprefix(SCHEMAS)
    if "additionalProperties" in shape and isinstance(shape["additionalProperties"], dict):
        _, component = type_words(shape["additionalProperties"])
        return gettext("object of"), component
    kinds = shape.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = gettext(" or ").join(_kind(kind) for kind in kinds)
    return words + _limits(shape), None


def _kind(kind: str) -> str:
    return {
        "string": gettext("text"),
        "integer": gettext("whole number"),
        "number": gettext("number"),
        "boolean": gettext("true or false"),
        "object": gettext("object"),
        "array": gettext("list"),
        "null": gettext("null"),
    }[kind]


def _limits(shape: Json) -> str:
    if 0 < len(shape.get("enum", ())) <= MOST_CHOICES:
        return gettext(": %(choices)s", choices=", ".join(map(str, shape["enum"])))
    if "maxLength" in shape:
        return gettext(", at most %(most)s characters", most=shape["maxLength"])
    return ""
