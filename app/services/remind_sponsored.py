"""Asking sponsored customers, ahead of the end, whether everything is as it was; once for each end."""

from sqlalchemy import select

from app.domain.kinds import LIVE_STATUSES, MailKind, TierKind
from app.domain.sponsorship import REMIND_AHEAD
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.complimentary import tier_of_kind
from app.services.context import Context
from app.services.customer_mails import CustomerMail, record_customer_mail
from app.services.sponsorship import get_pending_request
from app.services.unit_of_work import unit_of_work


def remind_sponsored_customers(ctx: Context) -> int:
    """Mail everybody whose sponsorship ends within 30 days and who has not asked again yet;
    returns the number of mails. Safe to repeat."""
    tier = tier_of_kind(ctx.catalog, TierKind.SPONSORED)
    sent = 0
    with unit_of_work(ctx) as work:
        ending = select(Plan.id, Plan.customer_id).where(
            Plan.tier == tier.key,
            Plan.status.in_(LIVE_STATUSES),
            Plan.end_date > work.now,
            Plan.end_date <= work.now + REMIND_AHEAD,
        )
        found = [(plan_id, customer_id) for plan_id, customer_id in work.session.execute(ending)]
    for plan_id, customer_id in found:
        with unit_of_work(ctx) as work:
            customer = work.session.get_one(Customer, customer_id)
            plan = work.session.get_one(Plan, plan_id)
            if plan.end_date is None or get_pending_request(work.session, customer_id) is not None:
                continue
            mail = CustomerMail(
                "sponsorship_ends",
                f"sponsorship.ends:{plan.id}:{plan.end_date.isoformat()}",
                {"until": plan.end_date, "tier": tier.title},
                MailKind.RENEWALS,
            )
            sent += record_customer_mail(work, customer, mail)
            work.commit()
    return sent
