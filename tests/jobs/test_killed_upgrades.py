"""A change to a higher tier that dies anywhere, is repeated or not: no credit twice, no line twice.

Deaths are made inside this process: from a chosen commit or call on nothing is kept any more,
neither by what is under way nor by what cleans up behind it. Before a commit the provider has heard
what was about to be recorded; before a call it has not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import event, text

from app.clock import FixedClock
from app.domain.kinds import Schedule
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import PaymentsGateway
from app.services.context import Context
from app.services.customers import Payer
from app.services.next_terms import PlanChoice
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import preview_upgrade, upgrade_tier
from tests.scenarios.story import BUYER, Story

BUSINESS = PlanChoice("business", Schedule.MONTHLY)
# More commits than any change makes.
MOST = 60
LEASED = ("invoices", "balance_credits", "purchases", "mails")


class Death(BaseException):
    """Nothing catches it."""


class Mortal:
    """The payment provider, which a process calls that dies before its `number`-th call."""

    def __init__(self, payments: FakePayments, number: int, dead: list[bool]) -> None:
        self._payments, self._number, self._dead = payments, number, dead
        self._calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._payments, name)

        def counted(*values: Any, **named: Any) -> Any:
            self._calls += 1
            if self._calls == self._number:
                self._dead.append(True)
                raise Death
            return call(*values, **named)

        return counted


@contextmanager
def dies(ctx: Context, at: str, number: int) -> Iterator[tuple[Context, list[bool]]]:
    """A context in which the `number`-th commit or call to the provider does not come about, and
    nothing is kept afterwards. The list tells whether it came so far."""
    seen, dead = 0, list[bool]()

    def before(_session: object) -> None:
        nonlocal seen
        seen += 1
        if dead or (at == "commit" and seen == number):
            dead.append(True)
            raise Death

    mortal = Mortal(cast(FakePayments, ctx.payments), number if at == "call" else 0, dead)
    event.listen(ctx.sessions, "before_commit", before)
    try:
        yield replace(ctx, payments=cast(PaymentsGateway, mortal)), dead
    finally:
        event.remove(ctx.sessions, "before_commit", before)


def forget_leases(ctx: Context) -> None:
    """As when the process that held them is gone."""
    with unit_of_work(ctx) as work:
        for table in LEASED:
            work.session.execute(
                text(f"UPDATE {table} SET claimed_by = NULL, claimed_until = NULL")
            )
        work.commit()


def prepare(story: Story) -> tuple[Payer, str, Any]:
    """A month that is paid, an unpaid renewal, a good card, and a page that was looked at."""
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-20").upload_seats(acme, 31)
    story.on("2012-01-25").upload(acme)
    customer = story.give_card(payer)
    with unit_of_work(story.ctx) as work:
        terms = preview_upgrade(work, payer, BUSINESS, actor=BUYER).terms
    return payer, customer, terms


def checked(story: Story, payer: Payer, customer: str) -> list[tuple[str, str]]:
    """The plans, after looking that money and plans agree."""
    data = story.export(payer)
    credits = story.payments._state.customer(customer).credits
    plans = [(plan["tier"], plan["status"]) for plan in data["plans"]]
    assert len(credits) == len(plans) - 1, (plans, credits)
    assert story.payments.credit_of(customer) == 0
    assert {invoice["status"] for invoice in data["invoices"]} == {"paid"}
    descriptions = [line["description"] for i in data["invoices"] for line in i["lines"]]
    assert descriptions.count("Business") == len(plans) - 1
    story.assert_nothing_left_to_do()
    return plans


@pytest.mark.parametrize("is_repeated", [True, False])
@pytest.mark.parametrize("at", ["commit", "call"])
@pytest.mark.sqlite_only
def test_a_killed_upgrade_is_made_up_for(
    app: Flask,
    ctx: Context,
    clock: FixedClock,
    payments: FakePayments,
    at: str,
    is_repeated: bool,
) -> None:
    began = clock.now()
    died = 0
    for number in range(1, MOST):
        clock.set(began)
        story = Story(app, ctx, clock, payments)
        story.servers = number
        payer, customer, terms = prepare(story)

        with app.app_context(), dies(ctx, at, number) as (mortal, dead):
            try:
                upgrade_tier(mortal, payer, BUSINESS, actor=BUYER, confirmed=terms)
            except Death:
                died += 1
        forget_leases(ctx)
        if is_repeated:
            with app.app_context():
                upgrade_tier(ctx, payer, BUSINESS, actor=BUYER, confirmed=terms)
        story.run_jobs()
        plans = checked(story, payer, customer)
        if is_repeated or not dead:
            assert plans == [("basic", "ended"), ("business", "active")]
        if not dead:
            break
    assert died >= (8 if at == "commit" else 5), "the change was let live"
