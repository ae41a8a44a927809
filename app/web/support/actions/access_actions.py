"""Acts about access and the runs: parking, trying again."""

from dataclasses import dataclass

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.invoice_plan import park_customer, unpark_customer
from app.services.staff_actions import Facts
from app.services.unit_of_work import unit_of_work
from app.web.support.actions.forms import ActionForm
from app.web.support.actions.framework import Action, ActionGroup, Deed


@dataclass(frozen=True, slots=True)
class Nothing:
    """An act that has nothing to choose."""


def _customer_id(ctx: Context, payer: Payer) -> int:
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, payer)
        if customer is None:
            raise BillingError("no_plan")
        return customer.id


def _park(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, _is_trial: bool) -> None:
    park_customer(ctx, _customer_id(ctx, payer), reason=deed.reason, actor=deed.actor)


def _unpark(ctx: Context, payer: Payer, _command: Nothing, deed: Deed, _is_trial: bool) -> None:
    unpark_customer(ctx, _customer_id(ctx, payer), actor=deed.actor, reason=deed.reason)


def _why_not_park(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    if "parked_at" not in facts:
        return _l("It is not a customer yet: nothing runs for it.")
    return _l("It is parked already.") if facts["parked_at"] is not None else None


def _why_not_unpark(facts: Facts, _payer: Payer, _catalog: Catalog) -> object:
    return _l("It is not parked.") if facts.get("parked_at") is None else None


PARK = Action(
    key="park",
    group=ActionGroup.ACCESS,
    title=_l("Park: no runs until somebody looks"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_park,
    effect=lambda asked: [
        gettext("No invoice is made for %(name)s by the runs.", name=asked.payer.display_name),
        gettext("It stands in the queue of parked customers until somebody lets it run again."),
    ],
    done=lambda asked: gettext("%(name)s is parked.", name=asked.payer.display_name),
    unavailable=_why_not_park,
)
UNPARK = Action(
    key="unpark",
    group=ActionGroup.ACCESS,
    title=_l("Try again: let the runs have it"),
    form=ActionForm,
    command=Nothing,
    read=lambda _form: Nothing(),
    act=_unpark,
    effect=lambda asked: [
        gettext(
            "The next run makes and delivers what is due for %(name)s.",
            name=asked.payer.display_name,
        ),
    ],
    done=lambda asked: gettext("The next run tries %(name)s again.", name=asked.payer.display_name),
    unavailable=_why_not_unpark,
)


ACTIONS = (PARK, UNPARK)
