"""What the help page needs to know about the customer it helps."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.kinds import CustomerKind, LicenseManagement
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import load_head
from app.services.pages.parts import tier_title


@dataclass(frozen=True, slots=True)
class HelpPage:
    """Who asks: `tier_title` is the plan that runs, None without one; `is_covered` says that it is
    the server's, so that nothing can be changed here."""

    kind: CustomerKind
    tier_title: str | None
    is_covered: bool
    is_manual: bool
    free_seats: int
    min_invoiced_licenses: int
    days_until_due: int


def load_help_page(ctx: Context, session: Session, payer: Payer, *, now: datetime) -> HelpPage:
    """What the answers depend on, in one query."""
    head = load_head(session, payer, now=now)
    plan = head.live_plan
    tier = plan.tier if plan is not None else head.server_tier
    catalog = ctx.catalog
    return HelpPage(
        kind=payer.kind,
        tier_title=None if tier is None else tier_title(catalog, tier),
        is_covered=head.is_covered_by_server,
        is_manual=plan is not None and plan.license_management is LicenseManagement.MANUAL,
        free_seats=catalog.free_seats,
        min_invoiced_licenses=catalog.min_invoiced_licenses,
        days_until_due=catalog.days_until_due,
    )
