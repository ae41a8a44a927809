"""The choices of a purchase, in the address; and its confirmation."""

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (  # type: ignore[attr-defined]  # the types are those of an older release
    HiddenField,
    RadioField,
    SelectChoice,
)
from wtforms.validators import Optional

from app.domain.kinds import LicenseManagement, Schedule
from app.services.pages.upgrade import TierOption, UpgradePage
from app.services.quote import PurchaseChoice
from app.web.fields import NumberField
from app.web.wording import message_for


class ChoiceForm(FlaskForm):
    """What to buy. It is sent by GET, so that a choice is an address; it changes nothing."""

    class Meta(FlaskForm.Meta):
        """Nothing to protect, and no token belongs into an address."""

        csrf = False

    tier = RadioField(_l("Plan"))
    schedule = RadioField(
        _l("Billed"),
        choices=[
            SelectChoice(Schedule.MONTHLY.value, _l("Every month")),
            SelectChoice(Schedule.ANNUAL.value, _l("Every year")),
        ],
    )
    management = RadioField(
        _l("Licenses"),
        choices=[
            SelectChoice(LicenseManagement.AUTOMATIC.value, _l("Follow the number of people")),
            SelectChoice(LicenseManagement.MANUAL.value, _l("I choose the number")),
        ],
    )
    licenses = NumberField(_l("Number of licenses"), validators=[Optional()])

    def choice(self) -> PurchaseChoice:
        """The choice of a form that is right."""
        management = LicenseManagement(self.management.data)
        manual = management is LicenseManagement.MANUAL
        return PurchaseChoice(
            tier=self.tier.data,
            schedule=Schedule(self.schedule.data),
            license_management=management,
            licenses=self.licenses.data if manual else None,
        )

    def offer(self, tiers: tuple[TierOption, ...]) -> None:
        """The tiers to choose among."""
        self.tier.choices = [SelectChoice(tier.key, tier.title) for tier in tiers]

    def suggest(self, licenses: int) -> None:
        """Fill the number in for somebody who is about to choose it."""
        if self.licenses.data is None and not self.licenses.errors:
            self.licenses.data = licenses

    def note_problem(self, page: UpgradePage) -> None:
        """Say beside its field why the choice has no price."""
        if page.problem is None:
            return
        field = self.tier if page.problem.code == "unknown_tier" else self.licenses
        field.errors = [*field.errors, message_for(page.problem)]


class ConfirmForm(FlaskForm):
    """The confirmation: nothing but the signed quote."""

    quote = HiddenField()


def asked_choice(default: PurchaseChoice, tiers: tuple[TierOption, ...]) -> ChoiceForm:
    """The form as the address fills it, and `default` where it says nothing."""
    return _form(default, tiers, formdata=request.args)


def choice_form(choice: PurchaseChoice, tiers: tuple[TierOption, ...]) -> ChoiceForm:
    """The form with a choice made before."""
    return _form(choice, tiers, formdata=None)


def _form(choice: PurchaseChoice, tiers: tuple[TierOption, ...], *, formdata: object) -> ChoiceForm:
    form = ChoiceForm(
        formdata=formdata,
        data={
            "tier": choice.tier,
            "schedule": choice.schedule.value,
            "management": choice.license_management.value,
            "licenses": choice.licenses,
        },
    )
    form.offer(tiers)
    # Whoever sees the field has to fill it in: it is hidden while licenses follow the people.
    form.licenses.flags.required = True
    return form
