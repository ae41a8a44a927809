"""How a form's control is tied to its label, hint and error, and what the error says."""

from typing import Any

from flask_babel import lazy_gettext as _l
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


# What WTForms says by itself names neither the field nor what to do.
_BETTER = {
    "Not a valid choice.": _l("Choose one of the options."),
    "Invalid Choice: could not coerce.": _l("Choose one of the options."),
    "Not a valid integer value.": _l("Enter a whole number."),
    "Invalid email address.": _l("Enter a complete email address, like name@example.com."),
}
_REQUIRED = frozenset({"This field is required.", "Input required."})
_MISSING = {
    "BooleanField": _l("Tick “%(label)s” to go on."),
    "RadioField": _l("Choose one of the options of “%(label)s”."),
    "SelectField": _l("Choose one of the options of “%(label)s”."),
}
_MISSING_TEXT = _l("“%(label)s” is missing.")


def field_error(item: Field) -> str:
    """The first error of `item` in words that make sense at the top of the page, too."""
    error = str(item.errors[0])
    if error in _REQUIRED:
        return str(_MISSING.get(item.type, _MISSING_TEXT)) % {"label": item.label.text}
    return str(_BETTER.get(error, error))
