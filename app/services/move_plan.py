"""What a server bought goes to its organization, or what that bought goes back to the server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, CustomerKind
from app.domain.ledger import MOVE_ACTOR, entry_at
from app.models.charges import Adjustment, BalanceCredit, LateFall, OneOff
from app.models.customers import Customer
from app.models.deals import CouponUse, Offer, PlanMove, SponsorshipRequest
from app.models.invoices import Invoice
from app.models.mails import Mail
from app.models.plans import LedgerEntry, Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.coverage import load_organizations_of_server_plan
from app.services.customers import Payer, get_customer, get_live_plan, payer_of_organization
from app.services.deactivation_rules import customers_of_server
from app.services.ledger import get_server_id, sync_server_ledgers
from app.services.login_failures import LoginRefused
from app.services.plan_ledger import get_next_plan, load_entries
from app.services.plan_moves import (
    find_hindrance,
    find_hindrance_at_login,
    get_customer_to_move,
    has_terms,
    server_payer,
)
from app.services.plan_rules import ends_at, ledger_rules, to_entries
from app.services.search_index import touch_customers
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork

# Whatever hangs on a customer and goes along with what it bought.
_BOUGHT = (
    Plan,
    Invoice,
    Purchase,
    Adjustment,
    LateFall,
    OneOff,
    BalanceCredit,
    CouponUse,
    Offer,
    SponsorshipRequest,
    Mail,
)
_AT_PROVIDER = (
    "stripe_customer_id",
    "card_payment_method",
    "card_brand",
    "card_last4",
    "card_exp_month",
    "card_exp_year",
)
_TERMS = (
    "required_plan_tier",
    "discount_percent",
    "discount_monthly_price",
    "discount_annual_price",
    "discount_ends_at",
    "discount_reason",
    "discount_owner",
    "minimum_licenses",
)


@dataclass(frozen=True, slots=True)
class MovedPlan:
    """A plan that moved, and its licenses before and after."""

    tier: str
    licenses: tuple[int, int]
    licenses_at_next_renewal: tuple[int, int]


def move_plan_at_login(work: UnitOfWork, organization: Organization, *, actor: Actor) -> bool:
    """Give the plan of the claimed server to its only organization, if there is one to give.

    Raises LoginRefused `login_plan_elsewhere` with the reason when it has to stay.
    """
    giver = get_customer_to_move(work.session, organization)
    if giver is None:
        return False
    _claim_customers(work, organization.server_id)
    # What was read before the claim may have changed: a payment arrives without asking the server.
    reason = find_hindrance_at_login(work.session, giver, organization)
    if reason is not None:
        raise LoginRefused("login_plan_elsewhere", reason=reason)
    move_customer(work, giver, payer_of_organization(organization), actor=actor)
    return True


def move_plan(
    work: UnitOfWork, giver_payer: Payer, taker_payer: Payer, *, actor: Actor, reason: str
) -> MovedPlan:
    """The same by staff, in either direction, also where a login would not: they see what becomes
    of the other organizations.

    Raises BillingError `plan_move_pointless` unless one of the two is the server of the other, or
    without a live plan to give, and `plan_move_refused` with the reason.
    """
    work.claim_server(giver_payer.server_id)
    kinds = {giver_payer.kind, taker_payer.kind}
    if giver_payer.server_id != taker_payer.server_id or len(kinds) == 1:
        raise BillingError("plan_move_pointless")
    giver = get_customer(work.session, giver_payer)
    taker = get_customer(work.session, taker_payer)
    if giver is None or get_live_plan(work.session, giver.id) is None:
        raise BillingError("plan_move_pointless")
    _claim_customers(work, giver_payer.server_id)
    hindrance = find_hindrance(work.session, giver, taker)
    if hindrance is not None:
        raise BillingError("plan_move_refused", reason=hindrance)
    before = _licenses(work, giver)
    customer = move_customer(work, giver, taker_payer, actor=actor, reason=reason)
    return MovedPlan(
        tier=_live_plan(work, customer).tier,
        licenses=(before[0], _licenses(work, customer)[0]),
        licenses_at_next_renewal=(before[1], _licenses(work, customer)[1]),
    )


def _live_plan(work: UnitOfWork, customer: Customer) -> Plan:
    plan = get_live_plan(work.session, customer.id)
    assert plan is not None, "only a live plan moves, and it lives on"
    return plan


def _licenses(work: UnitOfWork, customer: Customer) -> tuple[int, int]:
    """In force now, and at the next renewal."""
    entries = to_entries(load_entries(work.session, plan_id=_live_plan(work, customer).id))
    current = entry_at(entries, work.now)
    return (current.licenses, current.licenses_at_next_renewal) if current else (0, 0)


def move_customer(
    work: UnitOfWork,
    giver: Customer,
    place: Payer,
    *,
    actor: Actor,
    reason: str | None = None,
) -> Customer:
    """What `giver` bought is `place`'s from now on; returns the customer that has it.

    Server and customers must be claimed, and nothing may stand in the way. A giver that keeps
    nothing else moves itself; where the other is a customer already, plans, invoices and what the
    provider knows are handed over. The ledgers go on: an automatic plan gets an entry with the
    count of now.
    """
    server = work.session.get_one(Server, get_server_id(giver))
    # What happened until now is counted for the one that had the plan.
    sync_server_ledgers(work, server, as_of=work.now)
    before = {"kind": giver.kind.value, "uuid": giver.uuid, "customer": giver.id}
    organization_id = giver.organization_id or place.organization_id
    assert organization_id is not None, "one of the two is an organization"
    old_payer = _payer_of(work, giver)
    taker = get_customer(work.session, place)
    if taker is None:
        taker = _move_row(work, giver, place, old_payer)
    else:
        _hand_over(work, giver, taker)
    work.session.add(
        PlanMove(
            server_id=server.id,
            organization_id=organization_id,
            to_kind=place.kind,
            from_customer_id=giver.id,
            to_customer_id=taker.id,
            moved_at=work.now,
            actor=actor.name,
        )
    )
    work.flush()
    plan = get_live_plan(work.session, taker.id)
    if plan is not None:
        _add_entry(work, plan, taker, server)
    sync_server_ledgers(work, server, as_of=work.now)
    after: dict[str, Any] = {"kind": place.kind.value, "uuid": place.uuid, "customer": taker.id}
    if plan is not None:
        after |= {"plan": plan.id, "tier": plan.tier}
    record_audit(
        work,
        "plan.transferred",
        actor=actor,
        customer_id=taker.id,
        server_id=server.id,
        organization_id=organization_id,
        before=before,
        after=after | ({} if reason is None else {"reason": reason}),
    )
    return taker


def _claim_customers(work: UnitOfWork, server_id: int) -> None:
    """All of a server, since the sync of its ledgers claims those with plans as well."""
    work.claim_customers(work.session.scalars(customers_of_server(server_id)).all())


def _payer_of(work: UnitOfWork, customer: Customer) -> Payer:
    if customer.kind is CustomerKind.SERVER:
        assert customer.server is not None
        return server_payer(customer.server)
    assert customer.organization is not None
    return payer_of_organization(customer.organization)


def _move_row(work: UnitOfWork, giver: Customer, place: Payer, old: Payer) -> Customer:
    """The customer itself moves; whoever it was is a customer that has never bought, and knows
    that it is no new one."""
    is_server = place.kind is CustomerKind.SERVER
    giver.kind, giver.uuid, giver.display_name = place.kind, place.uuid, place.display_name
    giver.server_id = place.server_id if is_server else None
    giver.organization_id = place.organization_id
    work.flush()
    work.session.expire(giver, ["server", "organization"])
    work.session.add(
        Customer(
            kind=old.kind,
            uuid=old.uuid,
            display_name=old.display_name,
            server_id=old.server_id if old.kind is CustomerKind.SERVER else None,
            organization_id=old.organization_id,
            new_customer_months_left=0,
            created_at=work.now,
        )
    )
    work.flush()
    return giver


def _hand_over(work: UnitOfWork, giver: Customer, taker: Customer) -> None:
    """Everything that was bought, and what the provider knows of it, is the taker's."""
    for model in _BOUGHT:
        work.session.execute(
            update(model)
            .where(model.customer_id == giver.id)
            .values(customer_id=taker.id)
            .execution_options(synchronize_session=False)
        )
    touch_customers(work.session, [giver.id, taker.id])
    names = list(_AT_PROVIDER)
    if has_terms(giver):
        names += _TERMS
        taker.exempt_from_license_number_check = giver.exempt_from_license_number_check
        giver.exempt_from_license_number_check = False
    values = {name: getattr(giver, name) for name in names}
    for name in names:
        setattr(giver, name, None)
    # Two customers may not be one at the provider at any moment.
    work.flush()
    for name, value in values.items():
        setattr(taker, name, value)
    taker.new_customer_months_left, giver.new_customer_months_left = (
        giver.new_customer_months_left,
        0,
    )
    taker.parked_at, taker.parked_reason = giver.parked_at, giver.parked_reason
    giver.parked_at = giver.parked_reason = None
    work.flush()
    work.session.expire_all()


def _add_entry(work: UnitOfWork, plan: Plan, customer: Customer, server: Server) -> None:
    """The count of now, of those whom the plan counts now."""
    rules = ledger_rules(plan, customer, get_next_plan(work.session, plan))
    end = ends_at(plan)
    if not rules.automatic or plan.status not in LIVE_STATUSES or (end and end <= work.now):
        return
    people = _people(work, customer, server, at=work.now)
    current = entry_at(to_entries(load_entries(work.session, plan_id=plan.id)), work.now)
    cycle = cycle_at(rules.anchor, rules.schedule, work.now)
    work.session.add(
        LedgerEntry(
            plan_id=plan.id,
            event_time=work.now,
            is_renewal=False,
            licenses=max(current.licenses if current else 0, rules.needed(people, cycle)),
            licenses_at_next_renewal=rules.billable(people, cycle),
            people=people,
            order_id=server.last_audit_order,
            actor=MOVE_ACTOR,
            recorded_at=work.now,
        )
    )
    work.flush()


def _people(work: UnitOfWork, customer: Customer, server: Server, *, at: datetime) -> int:
    if customer.organization_id is not None:
        ids = [customer.organization_id]
    else:
        ids = load_organizations_of_server_plan(work.session, server)
    return sum(count_people(work.session, organization_ids=ids, at=at).values())
