"""The forms that change a running plan."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms.validators import InputRequired

from app.web.fields import NumberField

_MISSING = _l("Enter the number of licenses.")


class LicensesForm(FlaskForm):
    """A number of licenses: for now, or for the next renewal. Two forms of it share a page, so
    each has a prefix."""

    licenses = NumberField(
        _l("Number of licenses"),
        validators=[InputRequired(_MISSING)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )

    def number(self) -> int:
        """The number of a form that is right."""
        return int(self.licenses.data or 0)
