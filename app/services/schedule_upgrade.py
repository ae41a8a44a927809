"""A customer with a legacy plan schedules a paid one for the day on which it ends, or takes that
back. Nothing is billed before that day; then it is, as a renewal (app/services/ledger.py).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, Collection, LicenseManagement, PlanStatus, Schedule
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.confirmed_tokens import read_confirmed
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.ledger import sync_server_ledgers
from app.services.legacy import load_legacy_plan
from app.services.plan_factory import PlanSpec, make_plan
from app.services.plan_ledger import get_counted_organization_ids, get_next_plan
from app.services.plan_life import apply_change
from app.services.plan_rules import ledger_rules
from app.services.quote import PurchaseChoice
from app.services.recount_plan import recount_plan
from app.services.running_plan import (
    append_entry,
    audit_change,
    get_current_entry,
    give_up_next_plan,
)
from app.services.scheduled_quote import ScheduledQuote, make_scheduled_quote
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork, unit_of_work

SCHEDULE_PURPOSE = "scheduled-upgrade"
# What was looked at longer ago is shown again before it is agreed to.
QUOTE_AGE = timedelta(hours=2)


def sign_scheduled_quote(ctx: Context, payer: Payer, quote: ScheduledQuote) -> str:
    """The quote as its confirmation carries it."""
    value = {
        "payer": payer.uuid,
        "management": quote.management.value,
        "collection": quote.collection.value,
        "licenses": quote.licenses,
        "terms": quote.terms(),
    }
    return ctx.tokens.sign(SCHEDULE_PURPOSE, value)


def read_scheduled_quote(
    ctx: Context, payer: Payer, token: str, *, max_age: timedelta = QUOTE_AGE
) -> tuple[PurchaseChoice, Mapping[str, Any]]:
    """The choice and the terms that were confirmed. Raises BillingError `quote_expired` or
    `quote_invalid`."""
    value = read_confirmed(ctx, payer, SCHEDULE_PURPOSE, token, max_age=max_age)
    management = LicenseManagement(value["management"])
    choice = PurchaseChoice(
        tier=value["terms"]["tier"],
        schedule=Schedule(value["terms"]["schedule"]),
        license_management=management,
        licenses=value["licenses"] if management is LicenseManagement.MANUAL else None,
        collection=Collection(value["collection"]),
    )
    return choice, value["terms"]


def confirm_scheduled_upgrade(
    ctx: Context, payer: Payer, token: str, *, actor: Actor
) -> ScheduledQuote:
    """Schedule what a signed quote says. Raises as `schedule_upgrade`, and `quote_expired`,
    `quote_invalid`, or `quote_changed` with what is not as it was shown any more."""
    choice, terms = read_scheduled_quote(ctx, payer, token)
    return schedule_upgrade(ctx, payer, choice, terms=terms, actor=actor)


def schedule_upgrade(
    ctx: Context,
    payer: Payer,
    choice: PurchaseChoice,
    *,
    actor: Actor,
    terms: Mapping[str, Any] | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> ScheduledQuote:
    """Let a paid plan begin when the legacy plan ends; returns what it will cost.

    `terms` are those the person has seen. Raises BillingError `no_card` without a card for it,
    `quote_changed`, and those of `make_scheduled_quote`.
    """
    with unit_of_work(ctx) as work:
        server, customer = _claim(work, payer)
        quote = make_scheduled_quote(work.session, ctx.catalog, payer, choice, now=work.now)
        _check(ctx, customer, quote, terms)
        legacy = load_legacy_plan(work.session, ctx.catalog, customer)
        following = make_plan(
            work, customer, _spec(work, quote), actor=actor, reason=reason or "schedule"
        )
        legacy.next_plan_id = following.id
        apply_change(legacy, Change.SCHEDULE_NEXT)
        # A number that somebody chose stands until then, whoever comes; see activate_plan.
        _manage(work, legacy, quote.management)
        chosen = quote.licenses if quote.management is LicenseManagement.MANUAL else None
        _write_renewal_number(work, server, customer, legacy, chosen=chosen, actor=actor)
        audit_change(
            work,
            "plan.switch_scheduled",
            legacy,
            actor,
            reason=reason,
            next_plan=following.id,
            licenses=quote.licenses,
            management=quote.management.value,
            collection=quote.collection.value,
            at=quote.starts_at.isoformat(),
            **quote.terms(),
        )
        if not dry_run:
            work.commit()
        return quote


def cancel_scheduled_upgrade(
    ctx: Context, payer: Payer, *, actor: Actor, reason: str = "", dry_run: bool = False
) -> str:
    """Take a scheduled plan back: the legacy plan ends at its date with nothing after it. Returns
    the tier that was scheduled.

    Raises BillingError `no_legacy_plan` or `nothing_scheduled`.
    """
    with unit_of_work(ctx) as work:
        server, customer = _claim(work, payer)
        legacy = load_legacy_plan(work.session, ctx.catalog, customer)
        following = get_next_plan(work.session, legacy)
        if following is None:
            raise BillingError("nothing_scheduled")
        tier = following.tier
        give_up_next_plan(work, legacy, actor=actor)
        legacy.invoice_deferred_since = None
        apply_change(legacy, Change.CANCEL_NEXT)
        _manage(work, legacy, LicenseManagement.AUTOMATIC)
        _write_renewal_number(work, server, customer, legacy, chosen=None, actor=actor)
        audit_change(
            work, "plan.kept", legacy, actor, reason=reason, instead_of=AtCycleEnd.SWITCH_TIER.value
        )
        if not dry_run:
            work.commit()
        return tier


def _claim(work: UnitOfWork, payer: Payer) -> tuple[Server, Customer]:
    server, customer = claim_payer(work, payer)
    # A plan whose end has come is ended here, if no job has done so yet.
    sync_server_ledgers(work, server, as_of=work.now)
    work.flush()
    return server, customer


def _check(
    ctx: Context, customer: Customer, quote: ScheduledQuote, terms: Mapping[str, Any] | None
) -> None:
    if terms is not None:
        current = quote.terms()
        changes = tuple(name for name, value in current.items() if terms.get(name) != value)
        if changes:
            raise BillingError("quote_changed", changes=changes)
    most = ctx.settings.max_invoice_amount
    if max(quote.total, quote.renewal_total) > most:
        raise BillingError("contact_support_for_more", total=most, currency=quote.currency)
    by_card = quote.collection is Collection.CHARGE_AUTOMATICALLY
    if by_card and customer.card_payment_method is None:
        raise BillingError("no_card")


def _manage(work: UnitOfWork, legacy: Plan, management: LicenseManagement) -> None:
    if legacy.license_management is not management:
        legacy.license_management, legacy.management_since = management, work.now


def _spec(work: UnitOfWork, quote: ScheduledQuote) -> PlanSpec:
    return PlanSpec(
        tier=quote.tier.key,
        status=PlanStatus.NEVER_STARTED,
        schedule=quote.schedule,
        currency=quote.currency,
        price=quote.price,
        tier_minimum=quote.tier.minimum_licenses,
        discount=quote.discount,
        promo=quote.new_customer,
        management=quote.management,
        collection=quote.collection,
        anchor=quote.starts_at,
        invoiced_until=work.now,
    )


def _write_renewal_number(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    legacy: Plan,
    *,
    chosen: int | None,
    actor: Actor,
) -> None:
    """The number that the next plan begins with: what is billable by its rules, or more where so
    many were chosen; without a next plan, what the legacy plan itself counts."""
    if chosen is None:
        recount_plan(work, server, customer, actor=actor)
        return
    work.flush()
    rules = ledger_rules(legacy, customer, get_next_plan(work.session, legacy))
    counted = get_counted_organization_ids(work.session, customer, server)
    people = sum(count_people(work.session, organization_ids=counted, at=work.now).values())
    current = get_current_entry(work, legacy)
    at_renewal = chosen if rules.exempt else max(chosen, rules.billable_at(people, work.now))
    if at_renewal != current.licenses_at_next_renewal:
        pair = (current.licenses, at_renewal)
        append_entry(work, server, legacy, pair, people=people, actor=actor)
