"""What the forms of staff's acts share: the reason, what was seen, and fields for money and days."""

import re
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, Field, HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import TextInput

from app.services.staff_change import LONGEST_REASON
from app.web.forms import clean_text

_HUNDREDTHS = re.compile(r"(?P<whole>[0-9]{1,9})(?:[.,](?P<part>[0-9]{1,2}))?")


class HundredthsField(Field):
    """A number with at most two decimals; `data` is an int in hundredths, None when left empty."""

    widget = TextInput()
    data: int | None

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was sent. Raises ValueError when it is no such number."""
        typed = clean_text(str(valuelist[0])) if valuelist else ""
        self.raw_data = [typed]
        self.data = None
        if not typed:
            return
        found = _HUNDREDTHS.fullmatch(typed)
        if found is None:
            raise ValueError(str(_l("Enter a number with at most two decimals, like 87.25.")))
        self.data = int(found["whole"]) * 100 + int((found["part"] or "").ljust(2, "0"))

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return f"{self.data // 100}.{self.data % 100:02}"


class DayField(DateField):
    """A day; `instant()` is its start, 00:00 UTC."""

    def instant(self) -> datetime | None:
        """The start of the day, None when it was left empty."""
        day: date | None = self.data
        return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


class ActionForm(FlaskForm):
    """Every act's form ends with why it is done. `seen` carries what was true of the customer when
    the page was loaded, signed."""

    seen = HiddenField()
    reason = TextAreaField(
        _l("Reason"),
        filters=[clean_text],
        validators=[
            InputRequired(_l("Say why; it stands in the audit log.")),
            Length(max=LONGEST_REASON),
        ],
        description=_l("Stands in the audit log. No names or addresses of people."),
        render_kw={"rows": 2},
    )

    def own_fields(self) -> list[Field]:
        """The fields of this act, without those that every act has."""
        shared = {"seen", "reason", "csrf_token"}
        return [item for item in self if item.name not in shared and item.type != "HiddenField"]
