"""What an act of staff consists of, whatever it does.

Every act is an `Action`: its form, the command (a frozen dataclass of JSON-able values) the form
becomes, how it is tried out and done, and the words for its effect. The pages are the same for
all of them (views.py): form → confirmation with the next invoices without and with it → done, or
waiting for a second person when its `weight` reaches a threshold of the catalog.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import StaffRole
from app.services.context import Actor, Context
from app.services.customers import Payer, get_customer
from app.services.preview_change import ChangePreview, make_change, preview_service
from app.services.staff_actions import Facts
from app.services.unit_of_work import UnitOfWork, joined, unit_of_work
from app.web.wordings.staff_acts import next_charge

C = TypeVar("C")


class ActionGroup(StrEnum):
    """Where an act stands in the menu of the customer's page."""

    MONEY = "money"
    PLAN = "plan"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does it and why: the service's `actor` and `reason`."""

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Weight:
    """How much an act gives away: a share in hundredths of a percent, an amount in cents a year."""

    percent: int = 0
    amount: int = 0

    def needs_second(self, catalog: Catalog) -> bool:
        """Whether it reaches a threshold of the catalog."""
        by_percent = catalog.approval_percent is not None and (
            self.percent >= catalog.approval_percent
        )
        by_amount = catalog.approval_amount is not None and self.amount >= catalog.approval_amount
        return by_percent or by_amount


@dataclass(frozen=True, slots=True)
class Asked(Generic[C]):
    """An act as words and weights see it: for whom, what, what the customer is now (`facts`), and
    what trying it out gave (`result` is what the service answered; None before it was tried), with
    the invoices that it changes."""

    ctx: Context
    payer: Payer
    command: C
    facts: Facts
    result: Any = None
    preview: ChangePreview[Any] | None = None


@dataclass(frozen=True, slots=True)
class Action(Generic[C]):
    """One act.

    key: in addresses and rows, never renamed. title: its name in menus. form: a subclass of
    ActionForm. prepare: fills choices and present values of a new form. read: the command of a
    form that is right. command: the type of the command. act: does it, in units of work of its
    own, and raises BillingError; it is tried out with a context whose units of work are never
    kept, then `is_trial` is true and nothing may leave the process (no gateway call, no delivery).
    effect: sentences that say what will happen. done: what to say afterwards. weight: for the
    second approver. unavailable: why it cannot be done for a customer with these facts, None when
    it can. fields: beside which field the words of an error code stand. previews: whether the next
    invoices are shown. asks_provider: its trial asks the payment provider, so it is tried out by the
    service's own dry run, outside of any transaction. is_dangerous: how its button looks.
    """

    key: str
    group: ActionGroup
    title: Any
    form: type[Any]
    command: type[C]
    read: Callable[[Any], C]
    act: Callable[[Context, Payer, C, Deed, bool], Any]
    effect: Callable[[Asked[C]], Sequence[str]]
    done: Callable[[Asked[C]], str]
    least: StaffRole = StaffRole.SUPPORT
    prepare: Callable[[Any, Context, Session, Payer], None] | None = None
    weight: Callable[[Asked[C]], Weight] = lambda _asked: Weight()
    unavailable: Callable[[Facts, Payer, Catalog], Any] = lambda _facts, _payer, _catalog: None
    fields: dict[str, str] = field(default_factory=dict)
    previews: bool = True
    asks_provider: bool = False
    is_dangerous: bool = False

    def sentences(self, asked: Asked[C]) -> tuple[str, ...]:
        """Its effect as its confirmation tells it: in words, then what the next charge becomes."""
        charge = next_charge(asked.preview) if self.previews else None
        return (*self.effect(asked), *((charge,) if charge is not None else ()))

    def dump(self, command: C) -> Any:
        """The command as JSON values."""
        return msgspec.to_builtins(command)

    def load(self, values: Any) -> C:
        """The command that was kept as JSON values."""
        return msgspec.convert(values, type=self.command)

    def try_out(self, ctx: Context, payer: Payer, command: C, deed: Deed) -> ChangePreview[Any]:
        """What it would answer and do to the next invoices. Keeps nothing. Raises BillingError."""
        if self.asks_provider:
            return ChangePreview(self.act(ctx, payer, command, deed, True), ctx.now(), (), ())
        with unit_of_work(ctx) as work:
            customer = get_customer(work.session, payer)
            customer_id = customer.id if customer is not None else None
        if customer_id is not None and self.previews:
            return preview_service(
                ctx, customer_id, lambda trying: self.act(trying, payer, command, deed, True)
            )
        with unit_of_work(ctx) as work:
            result = self.act(joined(work), payer, command, deed, True)
            return ChangePreview(result, work.now, (), ())


def in_one_unit(
    change: Callable[[UnitOfWork, Payer, C, Deed], Any],
) -> Callable[[Context, Payer, C, Deed, bool], Any]:
    """An `act` out of a function of one unit of work."""

    def act(ctx: Context, payer: Payer, command: C, deed: Deed, is_trial: bool) -> Any:
        return make_change(ctx, lambda work: change(work, payer, command, deed))

    return act
