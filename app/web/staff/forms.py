"""The forms of the vendor's own people."""

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (  # type: ignore[attr-defined]  # the types are of an older release
    EmailField,
    HiddenField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
)
from wtforms.validators import DataRequired, Length, ValidationError

from app.domain.kinds import StaffRole
from app.services.staff_passwords import LONGEST, SHORTEST
from app.web.fields import address_field
from app.web.forms import clean_text
from app.web.wordings.staff import staff_role_choice

MAX_NAME = 200


class LoginForm(FlaskForm):
    """Address and password. The password never goes back into a page."""

    email = address_field(
        _l("Email address"), missing=_l("Enter your email address."), autocomplete="username"
    )
    password = PasswordField(
        _l("Password"),
        validators=[DataRequired(_l("Enter your password."))],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()


class ProviderForm(FlaskForm):
    """The button to the identity provider."""

    next = HiddenField()


class ProviderReturnForm(FlaskForm):
    """What the browser brought back from there, to be sent on by a button."""

    code = HiddenField()
    state = HiddenField()


class CodeForm(FlaskForm):
    """One code, of the authenticator or for the day it is lost."""

    code = StringField(
        _l("Code"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the code.")), Length(max=64)],
        render_kw={"autocomplete": "one-time-code", "spellcheck": "false", "maxlength": 64},
    )


def _new_password() -> PasswordField:
    return PasswordField(
        _l("New password"),
        validators=[DataRequired(_l("Choose a password."))],
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST, "maxlength": LONGEST},
    )


def _password_again() -> PasswordField:
    return PasswordField(
        _l("The same password again"),
        validators=[DataRequired(_l("Enter the password a second time."))],
        render_kw={"autocomplete": "new-password"},
    )


class NewPasswordForm(FlaskForm):
    """A password, typed twice."""

    password = _new_password()
    again = _password_again()

    def validate_again(self, field: PasswordField) -> None:
        """Both are the same."""
        if field.data != self.password.data:
            raise ValidationError(_l("The two passwords are not the same."))


class ChangePasswordForm(NewPasswordForm):
    """The same, with the password until now."""

    current = PasswordField(
        _l("Your password until now"),
        validators=[DataRequired(_l("Enter the password that you log in with now."))],
        render_kw={"autocomplete": "current-password"},
    )


class PasswordForm(FlaskForm):
    """The password once more, before something is taken away or shown."""

    current = PasswordField(
        _l("Your password"),
        validators=[DataRequired(_l("Enter your password."))],
        render_kw={"autocomplete": "current-password"},
    )


class RoleForm(FlaskForm):
    """What somebody may do."""

    role = SelectField(_l("Role"), choices=[SelectChoice(role.value, "") for role in StaffRole])

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # The words are made now, in the language of the reader.
        self.role.choices = [
            SelectChoice(role.value, staff_role_choice(role)) for role in StaffRole
        ]

    def chosen_role(self) -> StaffRole:
        """The role of a form that is right."""
        return StaffRole(self.role.data)


class NewPersonForm(RoleForm):
    """Somebody new of staff."""

    email = address_field(
        _l("Email address"), missing=_l("Enter an email address."), autocomplete="off"
    )
    full_name = StringField(
        _l("Name"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Enter the name of the person.")),
            Length(max=MAX_NAME, message=_l("A name has at most 200 characters here.")),
        ],
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME},
    )

    def validate_email(self, field: EmailField) -> None:
        """Accept what can be an address."""
        try:
            found = validate_email(field.data or "", check_deliverability=False)
        except EmailNotValidError:
            raise ValidationError(
                _l("Enter an email address that can receive mail, like name@example.org.")
            ) from None
        field.data = found.normalized.lower()
