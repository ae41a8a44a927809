"""Who decides the number of licenses: the uploads, or a person. Can be changed at any time.

The counts are kept. What the ledger says from before stays as it is, whatever comes late: it
followed other rules (`LedgerRules.managed_since`). Rules: docs/rules/changes.md.
"""

from app.domain.errors import BillingError, MissingDataError
from app.domain.kinds import AtCycleEnd, Collection, LicenseManagement
from app.domain.transitions import Change
from app.models.registrations import Server
from app.services.context import Actor
from app.services.customers import Payer
from app.services.plan_ledger import get_next_plan
from app.services.plan_life import apply_change
from app.services.recount_plan import recount_plan
from app.services.running_plan import audit_change, claim_running_plan, refuse_agreed_plan
from app.services.seats import is_stale
from app.services.unit_of_work import UnitOfWork

SWITCHES = (AtCycleEnd.SWITCH_SCHEDULE, AtCycleEnd.SWITCH_TIER)


def change_management(
    work: UnitOfWork,
    payer: Payer,
    management: LicenseManagement,
    *,
    actor: Actor,
    reason: str = "",
) -> None:
    """Let the licenses follow the people from now on, or stand until somebody changes them.

    A plan that is scheduled to follow is managed likewise. Raises BillingError `no_plan`,
    `plan_is_agreed`, `management_unchanged`, `automatic_needs_card`; MissingDataError when licenses
    are to follow people whom nobody can count.
    """
    server, customer, plan = claim_running_plan(work, payer)
    refuse_agreed_plan(plan)
    if plan.license_management is management:
        raise BillingError("management_unchanged", management=management.value)
    is_automatic = management is LicenseManagement.AUTOMATIC
    if is_automatic and plan.collection is Collection.SEND_INVOICE:
        raise BillingError("automatic_needs_card")
    if is_automatic:
        _check_data(work, server)
    apply_change(plan, Change.CHANGE_MANAGEMENT)
    plan.license_management, plan.management_since = management, work.now
    following = get_next_plan(work.session, plan)
    if following is not None and plan.at_cycle_end in SWITCHES:
        following.license_management = management
    recount_plan(work, server, customer, actor=actor)
    audit_change(
        work, "plan.management_changed", plan, actor, reason=reason, management=management.value
    )


def _check_data(work: UnitOfWork, server: Server) -> None:
    if is_stale(server, now=work.now):
        raise MissingDataError(last_heard=server.last_audit_log_update, server_id=server.id)
