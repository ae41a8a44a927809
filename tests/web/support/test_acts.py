"""Every act about money and plans: its form, its confirmation, what it does, and who did it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click
import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.kinds import InvoiceStatus
from app.models import AuditEntry, AuditRow, Invoice, LateFall, Plan, StaffAction
from app.services.context import CLI
from app.services.customers import Payer
from app.services.one_offs import AddOneOff, add_one_off
from app.services.staff_actions import load_facts
from app.web.support.actions.framework import ActionGroup
from app.web.support.actions.registry import all_actions
from tests.support.client import CheckedClient
from tests.support.shop import Shop, words
from tests.support.staff import begin_staff_session
from tests.web.support.test_access_actions import REASON, look

Prepare = Callable[[Shop, Payer], None]


@dataclass(frozen=True)
class Case:
    """One act: what is there before it, what is typed, what the confirmation says, and what is
    true of the customer afterwards."""

    key: str
    says: tuple[str, ...]
    audit: str | None
    facts: dict[str, Any]
    values: dict[str, str] = field(default_factory=dict)
    before: tuple[Prepare, ...] = ()
    name: str = ""


def cli(*words: str) -> Prepare:
    """What `flask billing` does first; UUID stands for the customer's."""

    def do(shop: Shop, payer: Payer) -> None:
        arguments = [payer.uuid if word == "UUID" else word for word in words]
        shop.story.staff(*arguments)

    return do


def bought(shop: Shop, _payer: Payer) -> None:
    """A monthly plan of Basic for 18 people, by card."""
    shop.has_card().buy()


BASIC = cli("tier", "UUID", "--required", "basic")
FORTY_OFF = cli("discount", "UUID", "--percent", "40")

TERMS = (
    Case(
        "required-tier",
        ("is to take Basic",),
        "customer.required_tier_set",
        {"required_tier": "basic"},
        {"tier": "basic"},
    ),
    Case(
        "required-tier",
        ("may take any tier again",),
        "customer.required_tier_set",
        {"required_tier": None},
        {"tier": ""},
        (BASIC,),
        name="required-tier-clear",
    ),
    Case(
        "discount",
        ("40% off Basic.", "Next charge on 2 February 2012: $43.00 → $37.80."),
        "customer.discount_set",
        {"discount_percent": 4000, "discount_ends_at": "2012-08-01T00:00:00+00:00"},
        {"percent": "40", "ends": "2012-08-01", "owner": "Kim"},
        (bought, BASIC),
    ),
    Case(
        "discount",
        ("$3.00 for a license and month of Basic",),
        "customer.discount_set",
        {"discount_monthly_price": 300},
        {"monthly_price": "3"},
        (BASIC,),
        name="discount-price",
    ),
    Case(
        "discount-remove",
        ("pays the full price",),
        "customer.discount_removed",
        {"discount_percent": None},
        {},
        (BASIC, FORTY_OFF),
    ),
    Case(
        "minimum",
        ("pays for 12 licenses at least",),
        "customer.license_rules_set",
        {"minimum_licenses": 12},
        {"licenses": "12"},
        (BASIC, FORTY_OFF),
    ),
    Case(
        "exempt",
        ("Licenses that somebody chose stand",),
        "customer.license_rules_set",
        {"exempt": True},
    ),
    Case(
        "exempt-end",
        ("Licenses follow people",),
        "customer.license_rules_set",
        {"exempt": False},
        {},
        (cli("licenses", "UUID", "--exempt"),),
    ),
)
LEGACY = cli("legacy", "create", "UUID", "--until", "2012-06-01")
FOLLOWED = cli("legacy", "schedule", "UUID", "business", "--licenses", "40", "--by-invoice")
MARKED = cli("sponsorship", "mark", "UUID")
OFFERED = cli("offer", "create", "UUID", "--price", "1200")
BY_HAND = {"tier": "business", "schedule": "annual", "management": "manual", "licenses": "40"}

LEGACIES = (
    Case(
        "legacy-create",
        ("everything for nothing until 1 June 2012",),
        "plan.given",
        {"plan": "legacy", "end_date": "2012-06-01T00:00:00+00:00"},
        {"until": "2012-06-01"},
    ),
    Case(
        "legacy-extend",
        ("ends on 1 September 2012 instead of 1 June 2012", "Business, which is scheduled"),
        "plan.end_moved",
        {"end_date": "2012-09-01T00:00:00+00:00", "next_plan": "business"},
        {"until": "2012-09-01"},
        (LEGACY, FOLLOWED),
    ),
    Case("legacy-end", ("ends now",), "plan.ended_by_staff", {"plan": None}, {}, (LEGACY,)),
    Case(
        "legacy-schedule",
        (
            "Business begins for Acme on 1 June 2012 with 40 licenses",
            "The first bill is $2,960.00, the next one $3,200.00 on 1 June 2013.",
            "Next charge: none → $2,960.00 on 1 June 2012.",
        ),
        "plan.switch_scheduled",
        {"next_plan": "business", "at_cycle_end": "switch_tier"},
        BY_HAND | {"collection": "send_invoice"},
        (LEGACY,),
    ),
    Case(
        "legacy-cancel",
        ("Business does not begin",),
        "plan.kept",
        {"next_plan": None, "at_cycle_end": "end"},
        {},
        (LEGACY, FOLLOWED),
    ),
)
SPONSORSHIPS = (
    Case(
        "sponsorship-approve",
        ("is sponsored until 1 August 2013", "Its legacy plan ends with it"),
        "sponsorship.approved",
        {
            "plan": "community",
            "end_date": "2013-08-01T00:00:00+00:00",
            "sponsorship_pending": False,
        },
        {"until": "2013-08-01"},
        (LEGACY, MARKED),
    ),
    Case(
        "sponsorship-approve",
        ("is sponsored until 2 January 2013",),
        "sponsorship.approved",
        {"plan": "community"},
        name="sponsorship-approve-a-year",
    ),
    Case(
        "sponsorship-reject",
        ("reads the reason",),
        "sponsorship.rejected",
        {"sponsorship_pending": False},
        {},
        (MARKED,),
    ),
    Case(
        "sponsorship-mark",
        ("waits in the queue",),
        "sponsorship.marked",
        {"sponsorship_pending": True},
    ),
)
OFFERS = (
    Case(
        "offer",
        ("a year of Enterprise for $1,200.50",),
        "offer.made",
        {"offer_price": 120050},
        {"price": "1200.50", "expires": "2012-03-01", "owner": "Kim"},
        (cli("tier", "UUID", "--required", "enterprise"),),
    ),
    Case(
        "offer-withdraw",
        ("for $1,200.00 is taken back",),
        "offer.withdrawn",
        {"offer_price": None},
        {},
        (BASIC, OFFERED),
    ),
    Case(
        "offer-follow-up",
        ("A year of Basic for $900.00 follows on 1 June 2012. Billed: Monthly.",),
        "offer.follow_up_scheduled",
        {"next_plan": "basic"},
        {"price": "900", "schedule": "monthly"},
        (BASIC, LEGACY),
    ),
)


def bought_by_hand(shop: Shop, _payer: Payer) -> None:
    """A monthly plan of Basic with 40 licenses that somebody chose, by card."""
    shop.has_card().buy(licenses=40)


def charged(shop: Shop, payer: Payer) -> None:
    """A charge that waits for the next invoice."""
    command = AddOneOff(2500, "Migration", "agreed")
    add_one_off(shop.ctx, payer, command, actor=CLI)


def fell(shop: Shop, payer: Payer) -> None:
    """A case of late rows."""
    with shop.ctx.sessions() as session:
        plan = session.scalars(select(Plan)).one()
        session.add(
            LateFall(
                customer_id=plan.customer_id,
                plan_id=plan.id,
                cycle_start=plan.billing_cycle_anchor,
                cycle_end=plan.billing_cycle_anchor,
                billed_licenses=18,
                licenses=12,
                audit_row_id=session.scalars(select(AuditRow.id)).first(),
                found_at=plan.created_at,
            )
        )
        session.commit()


def agreed_price(shop: Shop, _payer: Payer) -> None:
    """A year of Basic for 1,200.00 by the month."""
    shop.story.accept_offer(shop.server)


def owed(shop: Shop, _payer: Payer) -> None:
    """A month that was invoiced and that the card did not pay."""
    shop.story.give_card(shop.story.payer(shop.server), "declines")
    shop.run_until("2012-02-03", step=31)


ENDING = cli("end", "UUID")
ENDINGS = (
    Case(
        "end-at-cycle-end",
        ("Basic of Acme ends on 2 February 2012",),
        "plan.set_to_end",
        {"at_cycle_end": "end", "end_date": "2012-02-02T03:04:05+00:00"},
        {},
        (bought,),
    ),
    Case(
        "take-back",
        ("Basic of Acme renews", "Next charge: none → $43.00 on 2 February 2012."),
        "plan.kept",
        {"at_cycle_end": "renew", "end_date": None},
        {},
        (bought, ENDING),
    ),
    Case("end-now", ("ends now",), "plan.ended_by_staff", {"plan": None}, {}, (bought,)),
    Case(
        "end-now-and-void",
        ("No invoice of it is open.",),
        "plan.ended_by_staff",
        {"plan": None},
        {},
        (bought,),
    ),
    Case(
        "end-now-and-void",
        ("Not owed any more: ", " over $43.00"),
        "plan.ended_by_staff",
        {"plan": None},
        {},
        (bought, owed),
        name="end-now-and-void-open",
    ),
    Case(
        "end-date",
        ("Legacy of Acme ends on 1 May 2012 instead of 1 June 2012",),
        "plan.end_moved",
        {"end_date": "2012-05-01T00:00:00+00:00"},
        {"until": "2012-05-01"},
        (LEGACY,),
    ),
    Case(
        "end-date",
        ("Community of Acme ends on 1 May 2012",),
        "plan.end_moved",
        {"end_date": "2012-05-01T00:00:00+00:00"},
        {"until": "2012-05-01"},
        (cli("sponsorship", "approve", "UUID"),),
        name="end-date-sponsored",
    ),
    Case(
        "end-date",
        ("Basic of Acme ends on 15 May 2012", "the month it ends in is billed whole"),
        "plan.end_moved",
        {"end_date": "2012-05-15T00:00:00+00:00"},
        {"until": "2012-05-15"},
        (BASIC, OFFERED, agreed_price),
        name="end-date-fixed",
    ),
)
PLANS = (
    Case(
        "tier-now",
        (
            "Acme moves from Basic to Business now, with 25 licenses.",
            "An invoice of $180.00 is made at once; $43.00 that was paid",
        ),
        None,
        {"plan": "business"},
        {"tier": "business", "schedule": ""},
        (bought,),
    ),
    Case(
        "tier-later",
        ("Acme has Business from 2 February 2012 on. Billed: Annual.",),
        "plan.switch_scheduled",
        {"plan": "basic", "next_plan": "business", "at_cycle_end": "switch_tier"},
        {"tier": "business", "schedule": "annual"},
        (bought,),
    ),
    Case(
        "schedule",
        ("Billed: Annual.", "Next charge on 2 February 2012: $43.00 → "),
        "plan.switch_scheduled",
        {"at_cycle_end": "switch_schedule"},
        {"schedule": "annual"},
        (bought,),
    ),
    Case(
        "management",
        ("stays for now",),
        "plan.management_changed",
        {"management": "manual"},
        {"management": "manual"},
        (bought,),
    ),
    Case(
        "licenses-now",
        ("Acme has 50 licenses from now on",),
        "plan.licenses_raised",
        {"licenses": 50},
        {"licenses": "50"},
        (bought_by_hand,),
    ),
    Case(
        "licenses-at-renewal",
        ("renews with 30 licenses", "$120.00 → $85.00"),
        "plan.licenses_at_renewal_set",
        {"licenses": 40},
        {"licenses": "30"},
        (bought_by_hand,),
    ),
    Case(
        "collection",
        ("Invoices that were made stay what they are.",),
        "plan.collection_changed",
        {"collection": "send_invoice"},
        {"collection": "send_invoice"},
        (bought_by_hand,),
    ),
)
CHARGES = (
    Case(
        "one-off",
        ("Charge Acme $25.00 once: “Migration”.", "$43.00 → $68.00"),
        "one_off.added",
        {},
        {"amount": "25", "description": "Migration", "when": "next"},
        (bought,),
    ),
    Case(
        "one-off",
        ("The card on file is charged at once.",),
        "one_off.added",
        {},
        {"amount": "25.5", "description": "Migration", "when": "now"},
        (bought,),
        name="one-off-now",
    ),
    Case(
        "one-off-cancel",
        ("The charge of $25.00 does not stand",),
        "one_off.canceled",
        {},
        {"row": "1"},
        (bought, charged),
    ),
    Case(
        "late-fall-resolve",
        ("leaves the queue",),
        "late_fall.resolved",
        {},
        {"row": "1"},
        (bought, fell),
    ),
)
CASES = (*TERMS, *LEGACIES, *SPONSORSHIPS, *OFFERS, *ENDINGS, *PLANS, *CHARGES)


@pytest.fixture
def payer(shop: Shop) -> Payer:
    """An organization of 18 people that has bought nothing."""
    shop.open(people=18)
    return shop.story.payer(shop.server)


def facts_of(shop: Shop, payer: Payer) -> dict[str, Any]:
    with shop.ctx.sessions() as session:
        return load_facts(session, payer)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name or case.key)
def test_every_act(shop: Shop, desk: CheckedClient, payer: Payer, case: Case) -> None:
    for prepare in case.before:
        prepare(shop, payer)
    begin_staff_session(desk, shop.ctx)
    before = facts_of(shop, payer)
    page = look(desk, payer, case.key, **case.values)
    assert page.status_code == 200, words(page)
    for said in case.says:
        assert said in words(page), words(page)
    assert facts_of(shop, payer) == before, "the confirmation keeps nothing"
    done = desk.submit(page, action="/confirm/")
    assert done.status_code == 303
    after = facts_of(shop, payer)
    with shop.ctx.sessions() as session:
        row = session.scalars(select(StaffAction)).one()
        assert (row.status.value, row.action, row.reason) == ("done", case.key, REASON), (
            row.refused_code
        )
        if case.audit is not None:
            query = select(AuditEntry).where(AuditEntry.action == case.audit)
            entry = session.scalars(query.order_by(AuditEntry.id.desc())).first()
            assert entry is not None and entry.actor == f"staff:{row.asked_by}"
            assert (entry.after or {})["reason"] == REASON
        if "void" in case.key:
            left = select(Invoice.id).where(Invoice.status == InvoiceStatus.OPEN)
            assert session.scalars(left).all() == []
    assert {name: after.get(name) for name in case.facts} == case.facts


# What `flask billing` does to a customer, and the act that does the same.
ACTS_OF_VERBS = {
    "discount": ("discount", "discount-remove"),
    "licenses": ("minimum", "exempt", "exempt-end"),
    "tier": ("required-tier", "tier-now", "tier-later"),
    "schedule": ("schedule",),
    "management": ("management",),
    "end": ("end-at-cycle-end", "end-now", "end-now-and-void"),
    "keep": ("take-back",),
    "legacy create": ("legacy-create",),
    "legacy extend": ("legacy-extend", "end-date"),
    "legacy end": ("legacy-end",),
    "legacy schedule": ("legacy-schedule",),
    "legacy cancel": ("legacy-cancel",),
    "offer create": ("offer",),
    "offer withdraw": ("offer-withdraw",),
    "offer follow-up": ("offer-follow-up",),
    "sponsorship approve": ("sponsorship-approve",),
    "sponsorship reject": ("sponsorship-reject",),
    "sponsorship mark": ("sponsorship-mark",),
    "one-off add": ("one-off",),
    "one-off cancel": ("one-off-cancel",),
    "late-falls resolve": ("late-fall-resolve",),
    "unpark": ("unpark",),
    "move-plan": ("move-plan",),
    "move-organization": ("move-organization",),
    "deactivate-server": ("deactivate-server",),
    "reactivate-server": ("reactivate-server",),
    "rewind-ids": ("rewind-ids",),
    "login-link": ("login-link",),
}
# What is about nobody in particular, only tells, or is about many at once.
NO_ACT = {
    "announce",
    "coupon create",
    "coupon list",
    "coupon withdraw",
    "deliver",
    "export",
    "invoice-plans",
    "late-falls list",
    "legacy bulk",
    "notify",
    "one-off list",
    "preview",
    "rebuild-search",
    "rehearse",
    "sponsorship list",
    "sync-ledgers",
    "transitions",
}


@pytest.mark.sqlite_only
def test_every_verb_has_its_act(app: Flask) -> None:
    group = app.cli.commands["billing"]
    verbs = set(_verbs(group))
    assert verbs - set(ACTS_OF_VERBS) == NO_ACT
    assert set(ACTS_OF_VERBS) <= verbs
    known = set(all_actions())
    assert {key for keys in ACTS_OF_VERBS.values() for key in keys} <= known
    tried = {case.key for case in CASES}
    mine = {
        action.key for action in all_actions().values() if action.group is not ActionGroup.ACCESS
    }
    assert mine - tried == set(), "every act is done once in a test"


def _verbs(group: click.Command, name: str = "") -> Iterator[str]:
    if not isinstance(group, click.Group):
        yield name
        return
    for key, command in group.commands.items():
        yield from _verbs(command, f"{name} {key}".strip())
