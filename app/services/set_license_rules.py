"""Staff agree a minimum of licenses with a customer, or exempt it from the count of people."""

from collections.abc import Callable

from app.domain.errors import BillingError
from app.models.customers import Customer
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.ledger import sync_server_ledgers
from app.services.quote import MOST_LICENSES
from app.services.recount_plan import recount_plan
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import described_terms, has_discount, has_paid_plan
from app.services.unit_of_work import UnitOfWork, unit_of_work


def set_minimum_licenses(
    ctx: Context,
    payer: Payer,
    minimum: int | None,
    *,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Set the least number of licenses of this customer, or with None take it away.

    Raises BillingError `minimum_without_discount`, `minimum_while_subscribed` while a paid plan
    runs or is scheduled, `minimum_not_possible`, and those of `checked_reason`.
    """
    if minimum is not None and not 1 <= minimum <= MOST_LICENSES:
        raise BillingError("minimum_not_possible", maximum=MOST_LICENSES)

    def change(work: UnitOfWork, customer: Customer) -> None:
        if minimum is not None and not has_discount(customer):
            raise BillingError("minimum_without_discount")
        if has_paid_plan(work.session, customer.id):
            raise BillingError("minimum_while_subscribed")
        customer.minimum_licenses = minimum

    return _change_rules(ctx, payer, change, reason=reason, actor=actor, dry_run=dry_run)


def set_exempt(
    ctx: Context,
    payer: Payer,
    exempt: bool,
    *,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Exempt a customer from the check of its licenses, or take that back.

    Manual licenses then stand as they were chosen, below people and minimum; automatic ones follow
    the people without any minimum. Raises BillingError as `checked_reason` does.
    """

    def change(_work: UnitOfWork, customer: Customer) -> None:
        customer.exempt_from_license_number_check = exempt

    return _change_rules(ctx, payer, change, reason=reason, actor=actor, dry_run=dry_run)


def _change_rules(
    ctx: Context,
    payer: Payer,
    change: Callable[[UnitOfWork, Customer], None],
    *,
    reason: str,
    actor: Actor,
    dry_run: bool,
) -> StaffChange:
    said = checked_reason(reason)
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, payer)
        # What happened until now went by the rules before.
        sync_server_ledgers(work, server, as_of=work.now)
        before = described_terms(customer)
        change(work, customer)
        after = described_terms(customer)
        entry = recount_plan(work, server, customer, actor=actor)
        if entry is not None:
            after["licenses"] = entry.licenses
            after["licenses_at_next_renewal"] = entry.licenses_at_next_renewal
        record_audit(
            work,
            "customer.license_rules_set",
            actor=actor,
            customer_id=customer.id,
            before=before,
            after=after | {"reason": said},
        )
        if not dry_run:
            work.commit()
    return StaffChange(before, after)
