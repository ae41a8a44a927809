"""Fields that several blueprints use."""

import re
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, IntegerField
from wtforms.validators import DataRequired, Length, ValidationError

from app.web.context import get_context
from app.web.forms import clean_text

MAX_EMAIL = 254
DNS_TIMEOUT = 5

# Python also reads the digits of other scripts, and underscores between digits; who typed those
# should see what was understood before it costs anything.
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*")


class NumberField(IntegerField):
    """A whole number. What was typed is shown again when it is none, without characters that no
    page can hold."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was sent. Raises ValueError when it is no number."""
        self.raw_data = [
            "".join(character for character in str(value) if character.isprintable())
            for value in valuelist
        ]
        if self.raw_data and self.raw_data[0] and not _WHOLE_NUMBER.fullmatch(self.raw_data[0]):
            self.data = None
            raise ValueError(self.gettext("Not a valid integer value."))
        super().process_formdata(self.raw_data)


def address_field(label: Any, *, missing: Any, autocomplete: str) -> EmailField:
    """A field of one address that has to be entered; `missing` is said when it is not. What an
    address is, the form decides (`take_address`)."""
    return EmailField(
        label,
        filters=[clean_text],
        validators=[
            DataRequired(missing),
            Length(max=MAX_EMAIL, message=_l("An email address has at most 254 characters.")),
        ],
        render_kw={"autocomplete": autocomplete, "maxlength": MAX_EMAIL},
    )


def take_address(field: EmailField) -> None:
    """Accept what can be an address; with deliverability checks on, one that takes mail. Raises
    ValidationError."""
    settings = get_context().settings
    try:
        found = validate_email(
            field.data or "",
            check_deliverability=settings.check_email_deliverability,
            timeout=DNS_TIMEOUT,
            # Few mail servers take addresses with letters beyond ASCII before the @.
            allow_smtputf8=False,
        )
    except EmailNotValidError:
        raise ValidationError(
            _l("Enter an email address that can receive mail, like name@example.org.")
        ) from None
    # A domain beyond ASCII has a form that every mail server takes; the local part has none.
    field.data = found.ascii_email
