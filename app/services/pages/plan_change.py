"""The pages that change a running plan to another: what is offered, and what a change would do.

Nothing is written: the same pure rules as in `replace_plan` and `switch_plan` answer here, with
what the next run is going to write taken for done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import BEFORE, cycle_at, cycle_number, next_month_boundary
from app.domain.catalog import Tier
from app.domain.errors import BillingError, MissingDataError
from app.domain.invoicing import (
    LineDraft,
    PaidLine,
    PlanTerms,
    boundary_lines,
    first_lines,
    renewal_estimate,
    total_of,
    unused_value,
)
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    LicenseManagement,
    LineKind,
    PlanStatus,
    Schedule,
)
from app.domain.ledger import LedgerRules
from app.domain.transitions import TRANSITIONS, Change, decide_transition
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import Payer
from app.services.may_buy import get_sold_tiers, load_sold_tier
from app.services.next_terms import PlanChoice, is_higher, spec_of, terms_of
from app.services.pages.coming import load_coming_lines
from app.services.pages.head import Head, load_head
from app.services.pages.parts import CardView, PageLine, card_of, page_lines, tier_title
from app.services.pages.plan_now import PlanNow, load_plan_now
from app.services.pages.upgrade import QuoteChange
from app.services.plan_change_tokens import PlanChange, sign_change
from app.services.plan_credit import compute_unused_months, is_discount_paid, load_paid_lines
from app.services.plan_factory import PlanSpec
from app.services.plan_rules import has_agreed_end
from app.services.switch_trial import can_switch_trial

HIGHER, LOWER = "higher", "lower"
# What a person can read about a change of terms.
SHOWN_TERMS = ("price", "discount_amount", "discount_months", "tier_minimum")


@dataclass(frozen=True, slots=True)
class ChangeOffers:
    """What the plan can be changed to. `tiers` maps the keys of tiers to HIGHER (at once) or LOWER
    (at the cycle's end); `other_schedule` and `management` are None where that cannot be chosen."""

    tiers: dict[str, str]
    schedule: Schedule
    other_schedule: Schedule | None
    management: LicenseManagement
    can_manage: bool
    cycle_end: datetime


@dataclass(frozen=True, slots=True)
class ChangePage:
    """What a change would do; cents of `currency`. At once: `closing` and `lines` are one invoice
    of now, `credit` is taken off it. At the cycle's end: that of `at`, if nothing else happens.
    In a free trial (`in_trial`) the other schedule begins at once and is charged when that ends."""

    token: str
    is_at_once: bool
    is_other_tier: bool
    old_title: str
    title: str
    old_schedule: Schedule
    schedule: Schedule
    at: datetime
    currency: str
    people: int
    licenses: int
    is_chosen: bool
    price: int
    lines: tuple[PageLine, ...]
    total: int
    credit: int
    due: int
    next_at: datetime
    next_total: int
    void_total: int
    gives_up: AtCycleEnd | None
    card: CardView | None
    is_by_invoice: bool
    terms: Mapping[str, Any]
    in_trial: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What `next_terms` reads from, on a page."""

    ctx: Context
    session: Session
    now: datetime


@dataclass(frozen=True, slots=True)
class _Charge:
    """The lines of a change, before they have words."""

    closing: tuple[LineDraft, ...]
    lines: tuple[LineDraft, ...]
    credit: int = 0


def change_offers(ctx: Context, session: Session, head: Head) -> ChangeOffers | None:
    """What the plans page offers to somebody whose plan runs; None when nothing can be changed."""
    plan, customer = head.live_plan, head.customer
    if plan is None or customer is None or has_agreed_end(plan):
        return None
    if plan.end_date is not None and plan.end_date <= head.now:
        return None
    reading = _Reading(ctx, session, head.now)
    is_active = plan.status is PlanStatus.ACTIVE
    can_switch = (plan.status, plan.at_cycle_end, Change.SWITCH_TIER) in TRANSITIONS
    tiers = {}
    for tier in get_sold_tiers(ctx.catalog, customer) if is_active else []:
        if tier.key != plan.tier and is_higher(reading, plan, tier):
            tiers[tier.key] = HIGHER
        elif tier.key != plan.tier and can_switch:
            tiers[tier.key] = LOWER
    other = Schedule.ANNUAL if plan.schedule is Schedule.MONTHLY else Schedule.MONTHLY
    return ChangeOffers(
        tiers=tiers,
        schedule=plan.schedule,
        other_schedule=(
            other
            if (can_switch or can_switch_trial(plan)) and plan.tier in ctx.catalog.tiers
            else None
        ),
        management=plan.license_management,
        can_manage=plan.collection is Collection.CHARGE_AUTOMATICALLY,
        cycle_end=cycle_at(plan.billing_cycle_anchor, plan.schedule, head.now).end,
    )


def load_change_page(
    ctx: Context, session: Session, payer: Payer, choice: PlanChoice, *, now: datetime
) -> ChangePage:
    """What `choice` in the place of the plan that runs would do.

    Raises BillingError `no_plan`, `plan_is_agreed`, `unknown_tier`, `tier_required`,
    `change_is_none`, `trial_first`, `transition_refused`; MissingDataError.
    """
    head, plan_now, customer = load_changeable(session, payer, now=now)
    plan = plan_now.plan
    if head.is_stale:
        raise MissingDataError(last_heard=head.last_heard, server_id=head.server.id)
    reading = _Reading(ctx, session, now)
    tier = _tier(ctx, customer, plan, choice)
    is_at_once = tier.key != plan.tier and is_higher(reading, plan, tier)
    if is_at_once and plan.status is PlanStatus.TRIAL:
        raise BillingError("trial_first", tier=tier.title)
    in_trial = tier.key == plan.tier and can_switch_trial(plan)
    decide_transition(plan.status, plan.at_cycle_end, _change(plan, tier, is_at_once or in_trial))
    at = now if is_at_once else plan_now.cycle.end
    months = _months_back(session, plan_now) if is_at_once else 0
    spec = spec_of(
        reading,
        payer,
        customer,
        plan,
        tier,
        schedule=choice.schedule,
        starts_at=at,
        months_back=months,
    )
    licenses = _licenses(plan_now, spec, customer, is_at_once=is_at_once)
    charge = (
        _at_once(session, plan_now, spec, licenses)
        if is_at_once
        else _at_cycle_end(plan_now, spec, licenses, in_trial=in_trial)
    )
    renewal = renewal_estimate(_terms(spec), licenses=licenses, cycle_index=1)
    is_next = is_at_once or plan.next_invoice_date == at
    coming = load_coming_lines(ctx, session, head, plan) if is_next else ()
    total = total_of(charge.closing) + total_of(charge.lines)
    total = max(0, total + sum(line.amount for line in coming))
    old_title = tier_title(ctx.catalog, plan.tier)
    unpaid = [invoice.total for invoice in plan_now.billed.unpaid] if is_at_once else []
    terms = terms_of(plan, spec)
    return ChangePage(
        token=sign_change(ctx, payer, PlanChange(choice, is_at_once, terms)),
        is_at_once=is_at_once,
        is_other_tier=tier.key != plan.tier,
        old_title=old_title,
        title=tier.title,
        old_schedule=plan.schedule,
        schedule=choice.schedule,
        at=at,
        currency=plan.currency,
        people=plan_now.people,
        licenses=licenses,
        is_chosen=plan.license_management is LicenseManagement.MANUAL,
        price=terms["price"],
        lines=(
            *page_lines(ctx, charge.closing, title=old_title),
            *page_lines(ctx, charge.lines, title=tier.title, promo=spec.promo.kind),
            *coming,
        ),
        total=total,
        credit=charge.credit,
        due=max(0, total - charge.credit),
        next_at=cycle_number(at, choice.schedule, 1).start,
        next_total=total_of(renewal),
        void_total=sum(unpaid),
        gives_up=None if plan.at_cycle_end is AtCycleEnd.RENEW else plan.at_cycle_end,
        card=card_of(customer),
        is_by_invoice=plan.collection is Collection.SEND_INVOICE,
        terms=terms,
        in_trial=in_trial,
    )


def find_changed_terms(before: Mapping[str, Any], page: ChangePage) -> tuple[QuoteChange, ...]:
    """The terms that are no longer what was confirmed, with both values."""
    return tuple(
        QuoteChange(name, before.get(name), value)
        for name, value in page.terms.items()
        if name in SHOWN_TERMS and before.get(name) != value
    )


def load_changeable(
    session: Session, payer: Payer, *, now: datetime
) -> tuple[Head, PlanNow, Customer]:
    """The plan that runs, if anything about it can be changed. Raises BillingError `no_plan`,
    `plan_is_agreed`, `plan_has_ended`."""
    head = load_head(session, payer, now=now)
    plan, customer = head.live_plan, head.customer
    if plan is None or customer is None:
        raise BillingError("no_plan")
    if has_agreed_end(plan):
        raise BillingError("plan_is_agreed", ends_at=plan.end_date)
    if plan.end_date is not None and plan.end_date <= now:
        raise BillingError("plan_has_ended")
    return head, load_plan_now(session, head, plan, customer), customer


def _tier(ctx: Context, customer: Customer, plan: Plan, choice: PlanChoice) -> Tier:
    """The tier that was chosen; the plan's own may be kept even if it is not sold any more."""
    own = ctx.catalog.tiers.get(plan.tier)
    if own is not None and choice.tier == own.key:
        if choice.schedule is plan.schedule:
            raise BillingError("change_is_none", tier=own.title)
        return own
    return load_sold_tier(ctx.catalog, customer, key=choice.tier)


def _change(plan: Plan, tier: Tier, is_at_once: bool) -> Change:
    if is_at_once:
        return Change.REPLACE
    return Change.SWITCH_SCHEDULE if tier.key == plan.tier else Change.SWITCH_TIER


def _terms(spec: PlanSpec, *, first_kind: LineKind = LineKind.RENEWAL) -> PlanTerms:
    """What a plan of these terms charges."""
    price = spec.price or 0
    discount = spec.discount
    return PlanTerms(
        anchor=spec.anchor,
        schedule=spec.schedule,
        price=price,
        new_customer=spec.promo,
        discounted_price=None if discount is None else discount.price_for(price, spec.schedule),
        discount_ends_at=None if discount is None else discount.ends_at,
        first_kind=first_kind,
    )


def _licenses(now: PlanNow, spec: PlanSpec, customer: Customer, *, is_at_once: bool) -> int:
    """What the new plan begins with if nobody comes or goes until then."""
    terms = _terms(spec)
    rules = LedgerRules(
        anchor=spec.anchor,
        schedule=spec.schedule,
        management=spec.management,
        tier_minimum=spec.tier_minimum,
        customer_minimum=customer.minimum_licenses or 0,
        exempt=customer.exempt_from_license_number_check,
        new_customer=spec.promo,
        discounted=terms.discounted_price is not None,
        discounted_until=terms.discount_ends_at,
    )
    needed = rules.needed(now.people, cycle_number(spec.anchor, spec.schedule, BEFORE))
    if rules.automatic:
        return max(1, needed)
    chosen = now.current.licenses if is_at_once else now.current.licenses_at_next_renewal
    return max(1, chosen if rules.exempt else max(chosen, needed))


def _at_cycle_end(
    now: PlanNow, spec: PlanSpec, licenses: int, *, in_trial: bool = False
) -> _Charge:
    """What the old plan closes at the end of its cycle, as far as it is known, and the first cycle
    of the new one."""
    ends_at, until = spec.anchor, now.plan.invoiced_until
    closing: list[LineDraft] = []
    if now.plan.next_invoice_date == ends_at:
        closing = boundary_lines(
            replace(now.terms, ends_at=ends_at),
            entries=now.entries,
            billed=now.billed.licenses,
            invoiced_until=until,
            boundary=ends_at,
        )
    # After a trial the first cycle is the first that is paid for.
    kind = LineKind.FIRST if in_trial else LineKind.RENEWAL
    terms = _terms(spec, first_kind=kind)
    first = renewal_estimate(terms, licenses=licenses, cycle_index=0)
    return _Charge(tuple(closing), tuple(first))


def _at_once(session: Session, now: PlanNow, spec: PlanSpec, licenses: int) -> _Charge:
    """What is billed up to now, the first cycle of the new plan, and the credit for what was paid;
    what is due and not charged yet counts as paid."""
    paid = load_paid_lines(session, now.plan, at=now.now)
    due, until, billed = _due(now)
    paid += [PaidLine(line.amount, line.period_start, line.period_end) for line in due]
    closing = boundary_lines(
        replace(now.terms, ends_at=now.now),
        entries=now.entries,
        billed=billed,
        invoiced_until=until,
        boundary=now.now,
    )
    if not any(line.amount for line in closing):
        closing = []
    credit = unused_value(paid, at=now.now)
    return _Charge(tuple(closing), tuple(first_lines(_terms(spec), licenses=licenses)), credit)


def _due(now: PlanNow) -> tuple[list[LineDraft], datetime, dict[int, int]]:
    """The lines of boundaries that have passed and are not invoiced, until when everything is
    billed with them, and the licenses billed then, by index of the cycle."""
    boundary, until = now.plan.next_invoice_date, now.plan.invoiced_until
    billed, due = dict(now.billed.licenses), list[LineDraft]()
    while boundary is not None and boundary <= now.now:
        lines = boundary_lines(
            now.terms, entries=now.entries, billed=billed, invoiced_until=until, boundary=boundary
        )
        for line in lines:
            if line.amount >= 0:
                index = cycle_at(now.terms.anchor, now.terms.schedule, line.period_start).index
                billed[index] = billed.get(index, 0) + line.quantity
        due += lines
        until, boundary = boundary, next_month_boundary(now.terms.anchor, boundary)
    return due, until, billed


def _months_back(session: Session, now: PlanNow) -> int:
    """Months of the discount that come back; negative where a bill that is due uses more first."""
    plan, terms = now.plan, now.terms
    due, _, _ = _due(now)
    renewed = {
        cycle_at(terms.anchor, terms.schedule, line.period_start).index
        for line in due
        if line.period_start == cycle_at(terms.anchor, terms.schedule, line.period_start).start
        and line.period_start > plan.invoiced_until
    }
    used = sum(terms.new_customer.months_used_by(index, terms.schedule) for index in renewed)
    is_paid = now.cycle.index in renewed or is_discount_paid(session, plan, at=now.now)
    return compute_unused_months(plan, at=now.now, is_paid=is_paid) - used
