"""Showing an offer of a fixed price, and the ways to accept it."""

from datetime import timedelta
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice  # type: ignore[attr-defined]  # of an older release

from app.domain.errors import BillingError
from app.domain.kinds import Collection, Schedule
from app.services.identity import CustomerRef
from app.services.pages.offer import OfferPage, load_offer_choice, load_offer_page
from app.services.quote import PurchaseChoice
from app.web.context import get_context, get_fresh_read_session, get_read_session
from app.web.flashes import flash_problem
from app.web.forms import REFUSED
from app.web.upgrade.forms import CARD, INVOICE, PAY
from app.web.wording import format_duration, format_money, message_for


class OfferForm(FlaskForm):
    """How to pay what was offered. It is sent by GET, as the choice of a plan is."""

    class Meta(FlaskForm.Meta):
        """Nothing to protect, and no token belongs into an address."""

        csrf = False

    schedule = RadioField(
        _l("Billed"),
        choices=[
            SelectChoice(Schedule.MONTHLY.value, _l("Every month for a year")),
            SelectChoice(Schedule.ANNUAL.value, _l("At once for the year")),
        ],
        default=Schedule.ANNUAL.value,
    )
    pay = RadioField(
        _l("How to pay"),
        choices=[SelectChoice(CARD, _l("Card, now")), SelectChoice(INVOICE, _l("By invoice"))],
        default=CARD,
    )

    def choice(self, ref: CustomerRef) -> PurchaseChoice | None:
        """The open offer, accepted in this way; None when there is no offer."""
        is_right = self.validate()
        return load_offer_choice(
            get_read_session(),
            ref.payer,
            schedule=Schedule(self.schedule.data) if is_right else Schedule.ANNUAL,
            collection=PAY[self.pay.data] if is_right else Collection.CHARGE_AUTOMATICALLY,
            now=get_context().now(),
        )


def show_offer(
    ref: CustomerRef,
    *,
    confirmed: PurchaseChoice | None = None,
    problems: tuple[str, ...] = (),
) -> ResponseReturnValue | None:
    """The page of the open offer; None when there is none. `confirmed` is what was chosen before a
    confirmation that was refused for `problems`."""
    form = OfferForm(formdata=request.args if confirmed is None else None)
    if confirmed is not None:
        form.schedule.data = confirmed.schedule.value
        form.pay.data = INVOICE if confirmed.is_by_invoice else CARD
    choice = form.choice(ref)
    if choice is None:
        return None
    form.form_errors = [*problems]
    ctx = get_context()
    try:
        page = load_offer_page(ctx, get_fresh_read_session(), ref.payer, choice, now=ctx.now())
    except BillingError as error:
        flash_problem(message_for(error))
        return redirect(url_for("portal.billing", entity_uuid=ref.uuid), code=303)
    body = render_template(
        "upgrade/offer.html",
        ref=ref,
        page=page,
        form=form,
        card_fields=_card_fields(page),
        amounts=_amounts(page),
        pay_notes=_pay_notes(page),
    )
    return make_response(body, REFUSED if form.errors or problems else 200)


def _card_fields(page: OfferPage) -> dict[str, Any]:
    """What the way to the card page and back has to remember."""
    return {"next": "upgrade", "schedule": page.schedule.value}


def _amounts(page: OfferPage) -> dict[str, str]:
    monthly = format_money(page.monthly_price, page.currency)
    return {
        Schedule.MONTHLY.value: gettext("%(price)s a month", price=monthly),
        Schedule.ANNUAL.value: format_money(page.yearly_price, page.currency),
    }


def _pay_notes(page: OfferPage) -> dict[str, str]:
    return {
        CARD: gettext("The plan starts at once."),
        INVOICE: gettext(
            "Due in %(days)s; the plan starts when it is paid.",
            days=format_duration(timedelta(days=page.days_until_due)),
        ),
    }
