"""How a plan that runs is paid from its next invoice on: by the card on file, or by invoices that
are sent. Invoices that were made stay what they are.

Rules as at a purchase (docs/rules/purchases.md): a sent invoice is for licenses that somebody
chose, and for so many at least; a card has to be on file.
"""

from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, PlanStatus
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.context import Actor
from app.services.customers import Payer
from app.services.plan_ledger import get_next_plan
from app.services.plan_rules import is_complimentary
from app.services.running_plan import audit_change, claim_running_plan, get_current_entry
from app.services.unit_of_work import UnitOfWork


def change_collection(
    work: UnitOfWork, payer: Payer, collection: Collection, *, actor: Actor, reason: str = ""
) -> None:
    """Let the plan that runs, and the one that follows it, be paid otherwise.

    Raises BillingError `no_plan`, `collection_of_nothing`, `collection_in_trial`,
    `collection_unchanged`, `collection_needs_card`, `invoices_need_manual`, `too_few_for_invoices`.
    """
    _, customer, plan = claim_running_plan(work, payer)
    if is_complimentary(plan):
        raise BillingError("collection_of_nothing")
    if plan.status is PlanStatus.TRIAL:
        # Its first invoice is sent ahead or not: that was decided when the trial began.
        raise BillingError("collection_in_trial")
    if plan.collection is collection:
        raise BillingError("collection_unchanged")
    if collection is Collection.SEND_INVOICE:
        _check_may_be_sent(work, customer, plan)
    elif customer.card_payment_method is None:
        raise BillingError("collection_needs_card")
    before, plan.collection = plan.collection, collection
    following = get_next_plan(work.session, plan)
    if following is not None:
        following.collection = collection
    work.flush()
    audit_change(
        work,
        "plan.collection_changed",
        plan,
        actor,
        reason=reason,
        collection=collection.value,
        instead_of=before.value,
    )


def _check_may_be_sent(work: UnitOfWork, customer: Customer, plan: Plan) -> None:
    if plan.fixed_price is not None:
        return
    if plan.license_management is LicenseManagement.AUTOMATIC:
        raise BillingError("invoices_need_manual")
    least = work.ctx.catalog.min_invoiced_licenses
    licenses = get_current_entry(work, plan).licenses_at_next_renewal
    if licenses < least and not customer.exempt_from_license_number_check:
        raise BillingError("too_few_for_invoices", minimum=least, licenses=licenses)
