"""The attributes that tie a form's control to its label, hint and error."""

from typing import Any

from wtforms import Field

_CLASSES = {"BooleanField": "check-input", "SelectField": "form-select"}


def field_attributes(item: Field, hint: str | None = None) -> dict[str, Any]:
    """Attributes for rendering `item`: its class, and what describes it by id."""
    attributes: dict[str, Any] = {"class": _CLASSES.get(item.type, "form-control")}
    notes = [f"{item.id}-hint"] if hint else []
    if item.errors:
        notes.append(f"{item.id}-error")
        attributes["aria-invalid"] = "true"
    if notes:
        attributes["aria-describedby"] = " ".join(notes)
    return attributes
