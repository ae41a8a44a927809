"""Acts about single charges, and about late rows that say that fewer people were there."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import (  # type: ignore[attr-defined]  # of an older release
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length

from app.domain.catalog import Catalog
from app.domain.errors import NotFoundError
from app.domain.kinds import Collection
from app.models.charges import LateFall, OneOff
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.late_falls import resolve_late_fall
from app.services.one_offs import (
    LONGEST_DESCRIPTION,
    AddOneOff,
    OneOffAdded,
    add_one_off,
    cancel_one_off,
    load_coming_one_offs,
)
from app.services.staff_actions import Facts
from app.services.unit_of_work import unit_of_work
from app.web.forms import clean_text
from app.web.support.actions.common import NOT_A_CUSTOMER
from app.web.support.actions.forms import ActionForm, HundredthsField
from app.web.support.actions.framework import Action, ActionGroup, Asked, Deed, Weight
from app.web.support.actions.note_actions import OneRow
from app.web.wording import format_count, format_date, format_money

NEXT_INVOICE, AT_ONCE, BY_INVOICE = "next", "now", "sent"


@dataclass(frozen=True, slots=True)
class Charge:
    """Cents, what the customer reads, and when: with the next invoice, at once, or at once by an
    invoice that is sent."""

    amount: int
    description: str
    when: str


class ChargeForm(ActionForm):
    """A single charge."""

    amount = HundredthsField(
        _l("Amount"), validators=[InputRequired()], render_kw={"inputmode": "decimal"}
    )
    description = StringField(
        _l("What the customer reads on the invoice"),
        filters=[clean_text],
        validators=[InputRequired(), Length(max=LONGEST_DESCRIPTION)],
    )
    when = RadioField(
        _l("When"),
        choices=[
            SelectChoice(NEXT_INVOICE, _l("With the next invoice")),
            SelectChoice(AT_ONCE, _l("At once, as the plan is paid")),
            SelectChoice(BY_INVOICE, _l("At once, by an invoice that is sent")),
        ],
        default=NEXT_INVOICE,
        validators=[InputRequired()],
    )


class ChargeChoiceForm(ActionForm):
    """Which charge."""

    row = SelectField(_l("Charge"), coerce=int, validators=[InputRequired()])


class FallChoiceForm(ActionForm):
    """Which case."""

    row = SelectField(_l("Case"), coerce=int, validators=[InputRequired()])


def _add(ctx: Context, payer: Payer, command: Charge, deed: Deed, is_trial: bool) -> OneOffAdded:
    wanted = AddOneOff(
        command.amount,
        command.description,
        deed.reason,
        at_once=command.when != NEXT_INVOICE,
        is_sent=command.when == BY_INVOICE,
    )
    return add_one_off(ctx, payer, wanted, actor=deed.actor, dry_run=is_trial)


def _check_owner(ctx: Context, payer: Payer, model: type[Any], row_id: int) -> None:
    """Raises NotFoundError for a row of another customer."""
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, payer)
        row = work.session.get(model, row_id)
        if customer is None or row is None or row.customer_id != customer.id:
            raise NotFoundError(model.__tablename__)


def _cancel(ctx: Context, payer: Payer, command: OneRow, deed: Deed, is_trial: bool) -> OneOffAdded:
    _check_owner(ctx, payer, OneOff, command.row)
    return cancel_one_off(ctx, command.row, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _resolve(ctx: Context, payer: Payer, command: OneRow, deed: Deed, is_trial: bool) -> None:
    _check_owner(ctx, payer, LateFall, command.row)
    resolve_late_fall(ctx, command.row, reason=deed.reason, actor=deed.actor, dry_run=is_trial)


def _offer_charges(form: ChargeChoiceForm, _ctx: Context, session: Session, payer: Payer) -> None:
    form.row.choices = [
        (charge_id, f"{format_money(amount, currency)}: {description}")
        for charge_id, amount, currency, description in load_coming_one_offs(session, payer)
    ]


def _offer_falls(form: FallChoiceForm, _ctx: Context, session: Session, payer: Payer) -> None:
    customer = get_customer(session, payer)
    falls = select(LateFall).where(
        LateFall.customer_id == (customer.id if customer is not None else None),
        LateFall.resolved_at.is_(None),
    )
    form.row.choices = [
        (
            fall.id,
            gettext(
                "%(start)s to %(end)s: %(billed)s billed, %(needed)s needed",
                start=format_date(fall.cycle_start),
                end=format_date(fall.cycle_end),
                billed=format_count(fall.billed_licenses),
                needed=format_count(fall.licenses),
            ),
        )
        for fall in session.scalars(falls.order_by(LateFall.id))
    ]


def _why_not(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return None if "parked_at" in facts else NOT_A_CUSTOMER


def _charge_effect(asked: Asked[Charge]) -> list[str]:
    added: OneOffAdded = asked.result
    said = [
        gettext(
            "Charge %(name)s %(amount)s once: “%(description)s”.",
            name=asked.payer.display_name,
            amount=format_money(added.amount, added.currency),
            description=asked.command.description,
        )
    ]
    if added.collection is None:
        said.append(gettext("It stands on the next invoice."))
    elif added.collection is Collection.CHARGE_AUTOMATICALLY:
        said.append(gettext("The card on file is charged at once."))
    else:
        said.append(gettext("An invoice is sent at once."))
    return said


CHARGE = Action(
    key="one-off",
    group=ActionGroup.MONEY,
    title=_l("Charge once"),
    form=ChargeForm,
    command=Charge,
    read=lambda form: Charge(form.amount.data, form.description.data, form.when.data),
    act=_add,
    effect=_charge_effect,
    done=lambda asked: gettext(
        "%(amount)s were added.", amount=format_money(asked.result.amount, asked.result.currency)
    ),
    weight=lambda asked: Weight(amount=asked.command.amount),
    fields={
        "one_off_not_positive": "amount",
        "one_off_too_large": "amount",
        "description_missing": "description",
        "description_too_long": "description",
        "one_off_needs_invoice": "when",
        "one_off_needs_card": "when",
    },
)
CHARGE_CANCEL = Action(
    key="one-off-cancel",
    group=ActionGroup.MONEY,
    title=_l("Take back a charge"),
    form=ChargeChoiceForm,
    command=OneRow,
    read=lambda form: OneRow(form.row.data),
    prepare=_offer_charges,
    act=_cancel,
    effect=lambda asked: [
        gettext(
            "The charge of %(amount)s does not stand on the next invoice.",
            amount=format_money(asked.result.amount, asked.result.currency),
        )
    ],
    done=lambda _asked: gettext("The charge was taken back."),
    unavailable=_why_not,
    fields={"one_off_invoiced": "row", "one_off_canceled": "row"},
)
LATE_FALL = Action(
    key="late-fall-resolve",
    group=ActionGroup.MONEY,
    title=_l("Resolve a late fall"),
    form=FallChoiceForm,
    command=OneRow,
    read=lambda form: OneRow(form.row.data),
    prepare=_offer_falls,
    act=_resolve,
    effect=lambda _asked: [
        gettext("The case leaves the queue; the reason says what was done about it."),
        gettext("Nothing is given back by this."),
    ],
    done=lambda _asked: gettext("The case is resolved."),
    unavailable=_why_not,
    fields={"late_fall_resolved": "row"},
    previews=False,
)

ACTIONS: tuple[Action[Any], ...] = (CHARGE, CHARGE_CANCEL, LATE_FALL)
