"""Acts about fixed prices: an offer, taking it back, and the year that follows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from app.domain.catalog import Catalog
from app.domain.kinds import Schedule
from app.services.context import Context
from app.services.customers import Payer
from app.services.make_offer import MakeOffer, make_offer
from app.services.schedule_follow_up import ScheduleFollowUp, schedule_follow_up
from app.services.staff_actions import Facts
from app.services.staff_change import StaffChange
from app.services.withdraw_offer import withdraw_offer
from app.web.forms import clean_text
from app.web.support.actions.access_actions import Nothing
from app.web.support.actions.common import (
    day_field,
    has_agreed_end,
    owner_field,
    required_tier,
    schedule_choices,
    title_of,
)
from app.web.support.actions.forms import ActionForm, HundredthsField
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, Weight
from app.web.wording import format_date, format_money, schedule_word

LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class NewOffer:
    """Cents for a year; the provider's invoice that accepts it, or until when it stands."""

    yearly_price: int
    stripe_invoice_id: str | None
    expires_at: datetime | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Cents for the year that follows; None bills it as the plan that runs."""

    yearly_price: int
    schedule: Schedule | None
    owner: str | None


def _price_field() -> HundredthsField:
    return HundredthsField(
        _l("Price of a year"), validators=[InputRequired()], render_kw={"inputmode": "decimal"}
    )


class OfferForm(ActionForm):
    """A fixed price for a year."""

    price = _price_field()
    stripe_invoice = StringField(
        _l("Invoice at Stripe"),
        filters=[clean_text],
        validators=[Optional(), Length(max=LONGEST_ID)],
        description=_l("Open, made for this offer (in_…): its payment starts the plan."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    expires = day_field(
        _l("Stands until"),
        optional=True,
        hint=_l("From this day on, 00:00 UTC, it cannot be accepted."),
    )
    owner = owner_field()


class FollowUpForm(ActionForm):
    """Another year at a fixed price."""

    price = _price_field()
    schedule = SelectField(_l("Billed"), validators=[Optional()])
    owner = owner_field()


def _make(ctx: Context, payer: Payer, command: NewOffer, deed: Deed, is_trial: bool) -> StaffChange:
    wanted = MakeOffer(
        yearly_price=command.yearly_price,
        stripe_invoice_id=command.stripe_invoice_id,
        expires_at=command.expires_at,
        owner=command.owner,
        reason=deed.reason,
    )
    return make_offer(ctx, payer, wanted, actor=deed.actor, dry_run=is_trial)


def _withdraw(
    ctx: Context, payer: Payer, _command: Nothing, deed: Deed, is_trial: bool
) -> StaffChange:
    return withdraw_offer(ctx, payer, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _follow_up(
    ctx: Context, payer: Payer, command: FollowUp, deed: Deed, is_trial: bool
) -> StaffChange:
    wanted = ScheduleFollowUp(
        yearly_price=command.yearly_price,
        schedule=command.schedule,
        owner=command.owner,
        reason=deed.reason,
    )
    return schedule_follow_up(ctx, payer, wanted, actor=deed.actor, dry_run=is_trial)


def _read_offer(form: OfferForm) -> NewOffer:
    assert form.price.data is not None, "it is required"
    return NewOffer(
        yearly_price=form.price.data,
        stripe_invoice_id=form.stripe_invoice.data or None,
        expires_at=form.expires.instant(),
        owner=form.owner.data or None,
    )


def _read_follow_up(form: FollowUpForm) -> FollowUp:
    assert form.price.data is not None, "it is required"
    schedule = form.schedule.data
    return FollowUp(
        yearly_price=form.price.data,
        schedule=Schedule(schedule) if schedule else None,
        owner=form.owner.data or None,
    )


def _offer_schedules(form: FollowUpForm, _ctx: Context, _session: Session, _payer: Payer) -> None:
    form.schedule.choices = [("", gettext("As the plan that runs")), *schedule_choices()]


def _why_no_offer(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if required_tier(facts, catalog) is None:
        return _l("Set the required tier first: an offer is for that tier.")
    is_paid = bool(facts.get("price")) or facts.get("fixed_price") is not None
    if is_paid or facts.get("next_plan") is not None:
        return _l("A paid plan runs or is scheduled; a follow-up can be scheduled for its end.")
    return None


def _why_not_withdraw(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if facts.get("offer_price") is None and facts.get("next_plan") is None:
        return _l("There is no offer, and nothing is scheduled.")
    return None


def _why_no_follow_up(facts: Facts, _payer: Payer, catalog: Catalog) -> object:
    if required_tier(facts, catalog) is None:
        return _l("Set the required tier first: an offer is for that tier.")
    if facts.get("plan") is None:
        return _l("There is no plan that runs: make an offer instead.")
    if not has_agreed_end(facts) and facts["end_date"] is None:
        return _l("The plan that runs renews: let it end at its cycle's end first.")
    if facts.get("next_plan") is not None:
        return _l("A plan is scheduled already.")
    return None


def _offer_effect(asked: Asked[NewOffer]) -> list[str]:
    catalog, command = asked.ctx.catalog, asked.command
    said = [
        gettext(
            "Offer %(name)s a year of %(tier)s for %(price)s, whoever is there.",
            name=asked.payer.display_name,
            tier=title_of(catalog, asked.facts.get("required_tier")),
            price=format_money(command.yearly_price, catalog.currency),
        )
    ]
    if command.stripe_invoice_id is not None:
        invoice = command.stripe_invoice_id
        said.append(gettext("It is accepted by paying the invoice %(id)s.", id=invoice))
    else:
        said.append(gettext("It is accepted on the upgrade page, by the month or the year."))
    if command.expires_at is not None:
        day = format_date(command.expires_at)
        said.append(gettext("From %(day)s on it cannot be accepted.", day=day))
    return said


def _withdraw_effect(asked: Asked[Nothing]) -> list[str]:
    before = asked.result.before
    price = format_money(before["yearly_price"], before["currency"])
    tier = title_of(asked.ctx.catalog, before["tier"])
    if asked.facts.get("offer_price") is None:
        return [
            gettext(
                "The year of %(tier)s for %(price)s that is scheduled does not begin.",
                tier=tier,
                price=price,
            )
        ]
    said = [
        gettext("The offer of %(tier)s for %(price)s is taken back.", tier=tier, price=price),
        gettext("An invoice that waits for its payment is voided."),
    ]
    return said


def _follow_up_effect(asked: Asked[FollowUp]) -> list[str]:
    after = asked.result.after
    return [
        gettext(
            "A year of %(tier)s for %(price)s follows on %(day)s.",
            tier=title_of(asked.ctx.catalog, after["tier"]),
            price=format_money(after["yearly_price"], after["currency"]),
            day=format_date(datetime.fromisoformat(after["starts_at"])),
        ),
        gettext("Billed: %(schedule)s.", schedule=schedule_word(Schedule(after["schedule"]))),
    ]


OFFER = Action(
    key="offer",
    group=ActionGroup.MONEY,
    title=_l("Offer a fixed price"),
    form=OfferForm,
    command=NewOffer,
    read=_read_offer,
    act=_make,
    effect=_offer_effect,
    done=lambda asked: gettext("%(name)s has the offer.", name=asked.payer.display_name),
    weight=lambda asked: Weight(amount=asked.command.yearly_price),
    unavailable=_why_no_offer,
    fields={
        "offer_price_not_possible": "price",
        "date_not_ahead": "expires",
        "offer_expiry_is_invoice": "expires",
        "offer_invoice_missing": "stripe_invoice",
        "offer_invoice_of_other": "stripe_invoice",
        "offer_invoice_not_open": "stripe_invoice",
        "offer_invoice_not_sent": "stripe_invoice",
        "offer_invoice_amount": "stripe_invoice",
        "offer_invoice_in_use": "stripe_invoice",
        "offer_invoice_unanswered": "stripe_invoice",
    },
    asks_provider=True,
)
OFFER_WITHDRAW = Action(
    key="offer-withdraw",
    group=ActionGroup.MONEY,
    title=_l("Withdraw the offer or the follow-up"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_withdraw,
    effect=_withdraw_effect,
    done=lambda _asked: gettext("It was withdrawn."),
    unavailable=_why_not_withdraw,
)
OFFER_FOLLOW_UP = Action(
    key="offer-follow-up",
    group=ActionGroup.MONEY,
    title=_l("Schedule another year at a fixed price"),
    form=FollowUpForm,
    command=FollowUp,
    read=_read_follow_up,
    prepare=_offer_schedules,
    act=_follow_up,
    effect=_follow_up_effect,
    done=lambda _asked: gettext("The year that follows is scheduled."),
    weight=lambda asked: Weight(amount=asked.command.yearly_price),
    unavailable=_why_no_follow_up,
    fields={"offer_price_not_possible": "price"},
)

ACTIONS: tuple[Action[Any], ...] = (OFFER, OFFER_WITHDRAW, OFFER_FOLLOW_UP)
