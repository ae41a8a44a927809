"""The forms of the login."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length, ValidationError

from app.services.accept_invitation import InvitationPage
from app.services.complete_login import CompleteLogin
from app.services.login_links import HalfLogin, LoginPage
from app.services.mail_logins import MailLoginPage
from app.web.context import get_context
from app.web.fields import MAX_EMAIL, address_field, take_address
from app.web.forms import clean_text

MAX_NAME = 200
LONGEST_CREDENTIAL = 64


class ServerLoginForm(FlaskForm):
    """The id and the key of a server. The key never goes back into a page."""

    # What does not look like an id or a key is just wrong: no message tells more than that.
    server_id = StringField(
        _l("Server id"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the id of your server."))],
        render_kw={"autocomplete": "username", "spellcheck": "false"},
    )
    server_key = PasswordField(
        _l("Server key"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the key of your server."))],
        render_kw={"autocomplete": "current-password"},
    )

    def clean_id(self) -> str:
        """The id as registrations are known by it; what is too long is none anyway."""
        return (self.server_id.data or "").lower()[:LONGEST_CREDENTIAL]

    def clean_key(self) -> str:
        """The key as it was typed, without what a person cannot see."""
        return self.server_key.data or ""


class MoveForm(FlaskForm):
    """Both ends of a move: the new server, and the organization. Secrets never go back into a
    page."""

    server_id = StringField(
        _l("Id of the new server"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the id of the new server."))],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    server_key = PasswordField(
        _l("Key of the new server"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the key of the new server."))],
        render_kw={"autocomplete": "off"},
    )
    organization_id = StringField(
        _l("Id of the organization"),
        filters=[clean_text],
        validators=[DataRequired(_l("Enter the id of the organization."))],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    owner_secret = PasswordField(
        _l("Owner secret of the organization"),
        filters=[clean_text],
        render_kw={"autocomplete": "off"},
    )
    email = EmailField(
        _l("Or the email address of somebody who manages its billing"),
        filters=[clean_text],
        validators=[
            Length(max=MAX_EMAIL, message=_l("An email address has at most 254 characters."))
        ],
        render_kw={"autocomplete": "email", "maxlength": MAX_EMAIL},
    )

    def validate_email(self, field: EmailField) -> None:
        """One of the two proofs is needed."""
        if not field.data and not self.owner_secret.data:
            raise ValidationError(_l("Enter the owner secret, or an email address."))

    def clean(self, field: StringField) -> str:
        """What was typed, without what is too long to be right."""
        return (field.data or "")[:MAX_EMAIL]


class LoginStepForm(FlaskForm):
    """A step of a login under way. `login` says which one, since tabs may have several."""

    login = HiddenField()

    page: LoginPage
    # Instead, behind a mailed link.
    about: InvitationPage | MailLoginPage
    half: HalfLogin
    handle: str


class EmailForm(LoginStepForm):
    """Which address to prove."""

    email = address_field(
        _l("Your email address"), missing=_l("Enter your email address."), autocomplete="email"
    )

    def validate_email(self, field: EmailField) -> None:
        """Accept what can be an address; with deliverability checks on, one that takes mail."""
        take_address(field)


class CompleteForm(LoginStepForm):
    """The last step: who logs in, and what this person agrees to."""

    full_name = StringField(
        _l("Your full name"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Enter your full name.")),
            Length(max=MAX_NAME, message=_l("A name has at most 200 characters here.")),
        ],
        render_kw={"autocomplete": "name", "maxlength": MAX_NAME},
    )
    # The version that the page showed: agreeing to one does not mean agreeing to the next.
    tos_version = HiddenField()
    accepts_tos = BooleanField(
        _l("I agree to the Terms of Service"),
        validators=[DataRequired(_l("Tick the box to agree to the Terms of Service."))],
    )
    wants_major_release_mails = BooleanField(_l("Tell me about major releases"))
    wants_maintenance_mails = BooleanField(_l("Tell me about planned maintenance and outages"))

    def validate_accepts_tos(self, field: BooleanField) -> None:
        """Agreeing counts for the version that was shown only."""
        current = get_context().catalog.brand.tos_version
        if self.tos_version.data != current:
            self.tos_version.data = current
            field.data = False
            raise ValidationError(
                _l("The Terms of Service changed while this page was open. Please read them again.")
            )

    def command(self) -> CompleteLogin:
        """What to do when the form is right. What was not asked is None."""
        wants_releases, wants_maintenance = (
            self[name].data if name in self else None
            for name in ("wants_major_release_mails", "wants_maintenance_mails")
        )
        return CompleteLogin(
            half=self.half,
            full_name=self.full_name.data or "",
            tos_version=self.tos_version.data if "accepts_tos" in self else None,
            wants_major_release_mails=wants_releases,
            wants_maintenance_mails=wants_maintenance,
        )

    def ask(self, page: LoginPage) -> None:
        """Keep only the questions that this person has to answer."""
        if not page.asks_tos:
            del self.accepts_tos
        if not page.asks_preferences:
            del self.wants_major_release_mails
            del self.wants_maintenance_mails
