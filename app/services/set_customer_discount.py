"""Staff take something off the price of the required tier, or take that back.

It is kept on the customer, and applied at once to the plan that runs and to the one that is
scheduled, as far as they are of that tier: a line takes the price that is valid when it is
invoiced. Rules: docs/rules/discounts.md.
"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.catalog import Tier
from app.domain.discounts import StaffDiscount
from app.domain.errors import BillingError
from app.domain.kinds import Schedule, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.ledger import sync_server_ledgers
from app.services.plan_factory import set_discount
from app.services.recount_plan import recount_plan
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import described_terms, has_discount, load_current_plans
from app.services.unit_of_work import unit_of_work

ALL = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDiscount:
    """The discount, or None to take the one there is away; who promised it, and why."""

    discount: StaffDiscount | None
    owner: str | None = None
    reason: str


def set_customer_discount(
    ctx: Context, payer: Payer, command: SetDiscount, *, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Give the customer a discount, or take it away; with it goes the minimum agreed for it.

    Raises BillingError `required_tier_missing`, `discount_needs_price_list`, `no_discount`,
    `discount_percent_not_possible`, `discount_leaves_nothing`, `discount_price_not_positive`,
    `discount_not_below_list`, `date_not_ahead`, and those of `checked_reason`.
    """
    said = checked_reason(command.reason)
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, payer)
        # What happened until now went by the terms before.
        sync_server_ledgers(work, server, as_of=work.now)
        tier = _load_tier(ctx, customer)
        if command.discount is not None:
            _check(ctx, tier, command.discount, now=work.now)
        elif not has_discount(customer):
            raise BillingError("no_discount")
        before = described_terms(customer)
        _keep(customer, command, said)
        plans = [
            plan
            for plan in load_current_plans(work.session, customer.id)
            if plan.tier == tier.key and plan.price_per_license
        ]
        prices_before = _prices(plans)
        for plan in plans:
            _check_list_price(plan, command.discount)
            set_discount(work, plan, command.discount, actor=actor, reason=said)
        recount_plan(work, server, customer, actor=actor)
        change = StaffChange(before | prices_before, described_terms(customer) | _prices(plans))
        record_audit(
            work,
            "customer.discount_removed" if command.discount is None else "customer.discount_set",
            actor=actor,
            customer_id=customer.id,
            before=change.before,
            after={**change.after, "reason": said},
        )
        if not dry_run:
            work.commit()
    return change


def _load_tier(ctx: Context, customer: Customer) -> Tier:
    tier = ctx.catalog.tiers.get(customer.required_plan_tier or "")
    if tier is None:
        raise BillingError("required_tier_missing")
    if tier.kind is not TierKind.PAID:
        raise BillingError("discount_needs_price_list", tier=tier.title)
    return tier


def _check(ctx: Context, tier: Tier, discount: StaffDiscount, *, now: datetime) -> None:
    """Refuse a discount that is none, or leaves nothing to pay."""
    if discount.percent is not None and not 0 < discount.percent < ALL:
        raise BillingError("discount_percent_not_possible")
    if discount.ends_at is not None and discount.ends_at <= now:
        raise BillingError("date_not_ahead", day=discount.ends_at)
    for schedule in Schedule:
        listed = tier.price(ctx.catalog.currency, schedule)
        _check_price(discount, listed, schedule, ctx.catalog.currency)


def _check_price(discount: StaffDiscount, listed: int, schedule: Schedule, currency: str) -> None:
    price = discount.price_for(listed, schedule)
    if price is None:
        return
    if price <= 0:
        if discount.percent is not None:
            raise BillingError("discount_leaves_nothing", list_price=listed, currency=currency)
        raise BillingError("discount_price_not_positive")
    if price >= listed:
        raise BillingError(
            "discount_not_below_list",
            price=price,
            list_price=listed,
            schedule=schedule,
            currency=currency,
        )


def _check_list_price(plan: Plan, discount: StaffDiscount | None) -> None:
    """A plan keeps the list price of its beginning, which may be lower than that of today."""
    if discount is not None and plan.price_per_license:
        _check_price(discount, plan.price_per_license, plan.schedule, plan.currency)


def _keep(customer: Customer, command: SetDiscount, reason: str) -> None:
    discount = command.discount or StaffDiscount()
    customer.discount_percent = discount.percent
    customer.discount_monthly_price = discount.monthly_price
    customer.discount_annual_price = discount.annual_price
    customer.discount_ends_at = discount.ends_at
    customer.discount_reason = None if command.discount is None else reason
    customer.discount_owner = None if command.discount is None else command.owner
    if command.discount is None:
        customer.minimum_licenses = None


def _prices(plans: list[Plan]) -> dict[str, int | None]:
    """What a license of each plan costs, in cents, by the plan's number."""
    return {
        f"price_of_plan_{plan.id}": (
            plan.price_per_license if plan.discounted_price is None else plan.discounted_price
        )
        for plan in plans
    }
