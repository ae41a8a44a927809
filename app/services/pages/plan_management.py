"""The page on which somebody says who decides the number of licenses."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import BillingError, MissingDataError
from app.domain.kinds import Collection, LicenseManagement
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.parts import tier_title
from app.services.pages.plan_change import load_changeable


@dataclass(frozen=True, slots=True)
class ManagementPage:
    """Who is to decide the number of licenses, and what that means; `licenses` are those of now."""

    tier_title: str
    target: LicenseManagement
    people: int | None
    licenses: int
    licenses_at_renewal: int
    needed: int
    cycle_end: datetime


def load_management_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> ManagementPage:
    """What it means to let somebody else decide the number of licenses. Raises BillingError
    `no_plan`, `plan_is_agreed`, `automatic_needs_card`; MissingDataError."""
    head, plan_now, _ = load_changeable(session, payer, now=now)
    plan, current = plan_now.plan, plan_now.current
    is_manual = plan.license_management is LicenseManagement.MANUAL
    if is_manual and plan.collection is Collection.SEND_INVOICE:
        raise BillingError("automatic_needs_card")
    if is_manual and head.is_stale:
        raise MissingDataError(last_heard=head.last_heard, server_id=head.server.id)
    rules = plan_now.rules
    return ManagementPage(
        tier_title=tier_title(ctx.catalog, plan.tier),
        target=LicenseManagement.AUTOMATIC if is_manual else LicenseManagement.MANUAL,
        people=None if head.is_stale else plan_now.people,
        licenses=current.licenses,
        licenses_at_renewal=plan_now.licenses_at_renewal,
        needed=max(current.licenses, rules.needed(plan_now.people, plan_now.cycle)),
        cycle_end=plan_now.cycle.end,
    )
