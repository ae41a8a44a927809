"""The form of the time machine."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField
from wtforms.fields import (  # type: ignore[attr-defined]  # newer than the types that there are
    SelectChoice,
)
from wtforms.validators import InputRequired, NumberRange, ValidationError

from app.demo.desk import is_too_far
from app.web.context import get_context

MOST = 9999


class MoveForm(FlaskForm):
    """How far to move time."""

    amount = IntegerField(
        _l("How many"),
        validators=[
            InputRequired(_l("Enter a whole number.")),
            NumberRange(1, MOST, _l("Time moves forward only: enter a number from 1 to 9999.")),
        ],
        render_kw={"min": 1, "max": MOST, "inputmode": "numeric"},
    )
    unit = SelectField(
        _l("Of what"),
        choices=[
            SelectChoice("hour", _l("hours")),
            SelectChoice("day", _l("days")),
            SelectChoice("week", _l("weeks")),
            SelectChoice("month", _l("months")),
            SelectChoice("year", _l("years")),
        ],
        default="day",
        validators=[InputRequired()],
    )

    def validate_unit(self, field: SelectField) -> None:
        """Not too far at once; said beside the number."""
        amount = self.amount.data
        if amount is None or not 1 <= amount <= MOST:
            return
        if is_too_far(amount, field.data, now=get_context().now()):
            raise ValidationError(_l("Go at most three years at once."))
