"""The forms that change a running plan."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.errors import BillingError
from app.domain.kinds import CancellationReason, LicenseManagement
from app.services.change_plan import LONGEST_COMMENT, Cancellation
from app.web.fields import NumberField
from app.web.forms import clean_lines

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


class EndForm(FlaskForm):
    """Why the plan is ended; nobody has to say."""

    why = RadioField(_l("Why do you end it?"), validators=[Optional()])
    comment = TextAreaField(
        _l("What could have been better?"),
        filters=[clean_lines],
        validators=[Optional(), Length(max=LONGEST_COMMENT)],
        render_kw={"rows": 3, "maxlength": LONGEST_COMMENT},
    )

    def said(self) -> Cancellation:
        """What the person said."""
        reason = CancellationReason(self.why.data) if self.why.data else None
        return Cancellation(reason=reason, comment=self.comment.data or "")


class ChangeForm(FlaskForm):
    """The confirmation of another plan: nothing but what was signed."""

    quote = HiddenField()


class ManagementForm(FlaskForm):
    """Who is to decide the number of licenses, said in the form, so that sent twice it does not
    change back."""

    management = HiddenField()

    def target(self) -> LicenseManagement:
        """Who is to decide. Raises BillingError `quote_invalid` when the form does not say."""
        known = {choice.value: choice for choice in LicenseManagement}
        if self.management.data not in known:
            raise BillingError("quote_invalid")
        return known[self.management.data]
