"""The form that asks for a sponsorship."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length

from app.domain.sponsorship import (
    LEAST_DESCRIPTION,
    MOST_ANSWER,
    MOST_DESCRIPTION,
    MOST_WEBSITE,
    OrganizationType,
)
from app.services.pages.sponsorship import TierChoice
from app.services.sponsorship import AskForSponsorship
from app.web.forms import clean_lines, clean_text
from app.web.wordings.sponsorship import organization_type_word

_HOST = re.compile(r"(?=.{4,253}$)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{1,62}")
_TOO_LONG = _l("At most 60 characters, please.")


class SponsorshipForm(FlaskForm):
    """What an organization says about itself."""

    organization_type = SelectField(_l("What kind of organization is it?"))
    website = StringField(
        _l("Website"),
        filters=[clean_text],
        validators=[
            Length(max=MOST_WEBSITE, message=_l("A website has at most 200 characters here."))
        ],
        render_kw={"inputmode": "url", "autocomplete": "url"},
    )
    description = TextAreaField(
        _l("What does it do, and how will you use this?"),
        filters=[clean_lines],
        validators=[
            DataRequired(_l("Say in a few sentences what the organization does.")),
            Length(
                min=LEAST_DESCRIPTION,
                message=_l("Say a little more: a sentence or two about what you do."),
            ),
            Length(max=MOST_DESCRIPTION, message=_l("At most 2,000 characters, please.")),
        ],
        render_kw={"rows": 5},
    )
    expected_users = StringField(
        _l("How many people will use it?"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Say about how many people will use it.")),
            Length(max=MOST_ANSWER, message=_TOO_LONG),
        ],
    )
    paid_staff = StringField(
        _l("How many of them are paid?"),
        filters=[clean_text],
        validators=[
            DataRequired(_l("Say about how many of them are paid; 0 is fine.")),
            Length(max=MOST_ANSWER, message=_TOO_LONG),
        ],
    )
    plan_wished = SelectField(_l("Which plan would you like?"))

    def offer(self, tiers: Sequence[TierChoice]) -> None:
        """What can be chosen."""
        self.organization_type.choices = [
            ("", gettext("Choose one")),
            *((kind.value, organization_type_word(kind)) for kind in OrganizationType),
        ]
        self.plan_wished.choices = [(tier.key, tier.title) for tier in tiers]

    def validate_organization_type(self, field: SelectField) -> None:
        """The first entry of the list is no kind."""
        if not field.data:
            raise ValidationError(gettext("Choose what kind of organization it is."))

    def validate_website(self, field: StringField) -> None:
        """An address of the web, or nothing."""
        if field.data and read_website(field.data) is None:
            raise ValidationError(
                gettext("Enter a web address like https://example.org, or leave this empty.")
            )

    def command(self) -> AskForSponsorship:
        """What to do when the form is right."""
        return AskForSponsorship(
            organization_type=OrganizationType(self.organization_type.data),
            website=read_website(self.website.data or "") or "",
            description=self.description.data or "",
            expected_users=self.expected_users.data or "",
            paid_staff=self.paid_staff.data or "",
            plan_wished=self.plan_wished.data or "",
        )


def read_website(text: str) -> str | None:
    """The address as it is kept; people leave its beginning out. None when it is none."""
    if not text:
        return None
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    plain = parts.username is None and parts.password is None and (port is None or port > 0)
    is_host = parts.hostname is not None and _HOST.fullmatch(parts.hostname)
    if parts.scheme not in {"http", "https"} or not plain or not is_host or " " in address:
        return None
    return address if len(address) <= MOST_WEBSITE + len("https://") else None
