"""Staff say which tier a customer is to take: what is agreed with it is for that tier."""

from app.domain.errors import BillingError
from app.domain.kinds import TierKind
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import described_terms, get_open_offer, has_discount
from app.services.unit_of_work import unit_of_work

SOLD = (TierKind.PAID, TierKind.FIXED)


def set_required_tier(
    ctx: Context,
    payer: Payer,
    tier: str | None,
    *,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Set the tier, or with None take it away.

    Raises BillingError `tier_not_known`, `tier_has_no_price` for one that is free of charge,
    `discount_holds_tier` and `offer_holds_tier` while something is agreed for the tier before,
    `tier_unchanged`, and those of `checked_reason`.
    """
    said = checked_reason(reason)
    if tier is not None:
        known = ctx.catalog.tiers.get(tier)
        if known is None:
            raise BillingError("tier_not_known", known=", ".join(_keys(ctx)))
        if known.kind not in SOLD:
            raise BillingError("tier_has_no_price", tier=known.title)
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        if customer.required_plan_tier == tier:
            raise BillingError("tier_unchanged")
        if has_discount(customer):
            raise BillingError("discount_holds_tier")
        if get_open_offer(work.session, customer.id) is not None:
            raise BillingError("offer_holds_tier")
        before = described_terms(customer)
        customer.required_plan_tier = tier
        after = described_terms(customer)
        record_audit(
            work,
            "customer.required_tier_set",
            actor=actor,
            customer_id=customer.id,
            before=before,
            after=after | {"reason": said},
        )
        if not dry_run:
            work.commit()
    return StaffChange(before, after)


def _keys(ctx: Context) -> list[str]:
    return [tier.key for tier in ctx.catalog.tiers.values() if tier.kind in SOLD]
