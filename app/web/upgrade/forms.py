"""The choices of a purchase, in the address; and its confirmation."""

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (  # type: ignore[attr-defined]  # the types are those of an older release
    Field,
    HiddenField,
    RadioField,
    SelectChoice,
    StringField,
)
from wtforms.validators import Length, Optional

from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.services.pages.schedule import SchedulePage
from app.services.pages.upgrade import COUPON_PROBLEMS, TierOption, UpgradePage
from app.services.quote import PurchaseChoice
from app.web.fields import NumberField
from app.web.wording import message_for

# How to pay, as an address says it.
CARD, INVOICE = "card", "invoice"
PAY = {CARD: Collection.CHARGE_AUTOMATICALLY, INVOICE: Collection.SEND_INVOICE}


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
    pay = RadioField(
        _l("How to pay"),
        choices=[SelectChoice(CARD, _l("Card, now")), SelectChoice(INVOICE, _l("By invoice"))],
    )
    licenses = NumberField(_l("Number of licenses"), validators=[Optional()])
    coupon = StringField(_l("Coupon code"), validators=[Optional(), Length(max=40)])

    def choice(self) -> PurchaseChoice:
        """The choice of a form that is right."""
        manual = self._is_number_chosen()
        return PurchaseChoice(
            tier=self.tier.data,
            schedule=Schedule(self.schedule.data),
            license_management=LicenseManagement.MANUAL if manual else LicenseManagement.AUTOMATIC,
            licenses=self.licenses.data if manual else None,
            collection=PAY[self.pay.data],
            coupon=(self.coupon.data or "").strip() or None,
        )

    @property
    def is_by_invoice(self) -> bool:
        """Whether an invoice is to be sent."""
        return bool(self.pay.data == INVOICE)

    def _is_number_chosen(self) -> bool:
        """Whether the number of licenses is the person's. By invoice it is, unless the address
        comes from somebody who paid by card until now and let the licenses follow the people, or
        says no number at all."""
        if not self.is_by_invoice:
            return bool(self.management.data == LicenseManagement.MANUAL)
        if self.management.raw_data:
            return bool(self.management.data == LicenseManagement.MANUAL)
        return self.licenses.raw_data != []

    def offer(self, tiers: tuple[TierOption, ...]) -> None:
        """The tiers to choose among."""
        self.tier.choices = [SelectChoice(tier.key, tier.title) for tier in tiers]

    def suggest(self, licenses: int) -> None:
        """Fill the number in for somebody who is about to choose it."""
        is_unused = self.is_by_invoice and not self._is_number_chosen()
        if (self.licenses.data is None or is_unused) and not self.licenses.errors:
            self.licenses.data, self.licenses.raw_data = licenses, None

    def note_problem(self, page: UpgradePage | SchedulePage) -> None:
        """Say beside its field why the choice has no price."""
        if page.problem is None:
            return
        field: Field = self.licenses
        if page.problem.code in {"unknown_tier", "tier_required"}:
            field = self.tier
        elif page.problem.code in COUPON_PROBLEMS:
            field = self.coupon
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
            "pay": INVOICE if choice.is_by_invoice else CARD,
            "coupon": choice.coupon or "",
        },
    )
    form.offer(tiers)
    # Whoever sees the field has to fill it in: it is hidden while licenses follow the people.
    form.licenses.flags.required = True
    return form
