"""The forms about people, and about leaving."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # the types are of an older release
from wtforms.validators import DataRequired, Email, Length, Optional

from app.domain.kinds import BillingRole
from app.gateways.payments import BillingDetails
from app.services.billing_details import LENGTHS
from app.services.billing_people import ChangeOwnDetails
from app.services.request_help import LONGEST_MESSAGE
from app.web.fields import address_field, take_address
from app.web.forms import clean_lines, clean_text

MAX_NAME = 200
_ROLES = [
    SelectChoice(BillingRole.VIEWER.value, _l("Viewer: sees everything, changes nothing")),
    SelectChoice(BillingRole.BILLING.value, _l("Billing: buys, pays and changes plans")),
    SelectChoice(BillingRole.OWNER.value, _l("Owner: manages the people too, in your place")),
]


class OwnDetailsForm(FlaskForm):
    """What people say about themselves."""

    full_name = StringField(
        _l("Your full name"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Enter your full name.")),
            Length(max=MAX_NAME, message=_l("A name has at most 200 characters here.")),
        ],
        render_kw={"autocomplete": "name", "maxlength": MAX_NAME},
    )
    wants_major_release_mails = BooleanField(_l("Tell me about major releases"))
    wants_maintenance_mails = BooleanField(_l("Tell me about planned maintenance and outages"))
    wants_renewal_mails = BooleanField(_l("Tell me ahead of renewals, trials and plans that end"))
    wants_usage_mails = BooleanField(
        _l("Tell me when licenses run out or the server stops reporting")
    )
    wants_announcement_mails = BooleanField(_l("Tell me news about plans and prices"))

    def command(self) -> ChangeOwnDetails:
        """What to do when the form is right."""
        return ChangeOwnDetails(
            full_name=self.full_name.data or "",
            wants_major_release_mails=bool(self.wants_major_release_mails.data),
            wants_maintenance_mails=bool(self.wants_maintenance_mails.data),
            wants_renewal_mails=bool(self.wants_renewal_mails.data),
            wants_usage_mails=bool(self.wants_usage_mails.data),
            wants_announcement_mails=bool(self.wants_announcement_mails.data),
        )


class InviteForm(FlaskForm):
    """Whom to invite, and to do what."""

    email = address_field(
        _l("Email address"), missing=_l("Enter an email address."), autocomplete="off"
    )
    role = RadioField(_l("Role"), choices=_ROLES, default=BillingRole.BILLING.value)

    def validate_email(self, field: EmailField) -> None:
        """Accept what can receive mail."""
        take_address(field)


class RoleForm(FlaskForm):
    """What somebody may do. The owner is one: making another one hands it over."""

    role = RadioField(_l("Role"), choices=_ROLES)


def _line(label: Any, part: str, autocomplete: str, **more: Any) -> StringField:
    """One line of an address."""
    return StringField(
        label,
        filters=[clean_text],
        validators=[Optional(), Length(max=LENGTHS[part])],
        render_kw={"autocomplete": f"billing {autocomplete}", "maxlength": LENGTHS[part]},
        **more,
    )


class AddressForm(FlaskForm):
    """Who is billed, and where."""

    name = StringField(
        _l("Name of the company or person"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Enter the name that invoices are made out to.")),
            Length(max=LENGTHS["name"]),
        ],
        render_kw={"autocomplete": "billing organization", "maxlength": LENGTHS["name"]},
    )
    email = StringField(
        _l("Email address for receipts"),
        filters=[clean_text],
        validators=[Optional(), Email(), Length(max=LENGTHS["email"])],
        description=_l("Left empty, receipts go where they went."),
        render_kw={"autocomplete": "billing email", "maxlength": LENGTHS["email"], "type": "email"},
    )
    line1 = _line(_l("Street and number"), "line1", "address-line1")
    line2 = _line(_l("More of the address"), "line2", "address-line2")
    city = _line(_l("City"), "city", "address-level2")
    postal_code = _line(_l("Postal code"), "postal_code", "postal-code")
    state = _line(_l("State or region"), "state", "address-level1")
    country = SelectField(
        _l("Country"), validators=[Optional()], render_kw={"autocomplete": "billing country"}
    )

    def details(self) -> BillingDetails:
        """What was entered, when the form is right."""
        return BillingDetails(
            name=self.name.data or "",
            email=self.email.data or "",
            line1=self.line1.data or "",
            line2=self.line2.data or "",
            city=self.city.data or "",
            postal_code=self.postal_code.data or "",
            state=self.state.data or "",
            country=self.country.data or "",
        )


class HelpForm(FlaskForm):
    """A message to support; `page` is the page the person was on, by its name."""

    page = HiddenField()
    message = TextAreaField(
        _l("Your message to support"),
        filters=[clean_lines],
        validators=[
            DataRequired(_l("Write what you need.")),
            Length(max=LONGEST_MESSAGE),
        ],
        description=_l(
            "What you did, what you saw, and what you expected. Never a key or a card number."
        ),
        render_kw={"rows": 5, "maxlength": LONGEST_MESSAGE},
    )


class DeactivateForm(FlaskForm):
    """Leaving is not done by one click."""

    understood = BooleanField(
        _l("I understand that this server and all of its organizations lose their registration"),
        validators=[DataRequired(_l("Tick the box to say that you understand."))],
    )
