"""Every act about money and plans: its form, its confirmation, what it does, and who did it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from app.models import AuditEntry, StaffAction
from app.services.customers import Payer
from app.services.staff_actions import load_facts
from tests.support.client import CheckedClient
from tests.support.shop import Shop, words
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
CASES = (*TERMS, *LEGACIES, *SPONSORSHIPS, *OFFERS)


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
    assert {name: after.get(name) for name in case.facts} == case.facts
