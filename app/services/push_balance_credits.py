"""Putting credit onto the customer's balance at the provider, once, before an invoice uses it.

Each credit is a row that was stored with whatever earned it. It is taken by lease; before each call
a numbered attempt is stored, and its key is "credit:<id>:<attempt>". No answer: the same key again.
A definite error: the next number, after looking whether the credit is there after all, because keys
are forgotten after a day. Rules: docs/rules/payments.md.
"""

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select

from app.gateways.payments import PaymentsError, ProviderBusy, ProviderUnavailable
from app.models.charges import BalanceCredit
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.leases import end_lease, take_leases
from app.services.provider_customer import ensure_provider_customer
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
# After a failure the delivery job waits, twice as long each time. An invoice does not wait for it.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def push_balance_credits(ctx: Context, customer_id: int) -> None:
    """Give the customer every credit that waits, so that the invoice made final next can use it.

    Raises the errors of the payments gateway, ProviderBusy while somebody else is giving one: then
    no invoice of this customer may be made final. Not to be called in a transaction.
    """
    for credit_id in _load_waiting(ctx, customer_id):
        if _take(ctx, [BalanceCredit.id == credit_id]):
            _push(ctx, credit_id)
        elif _is_waiting(ctx, credit_id):
            raise ProviderBusy("somebody else is giving this credit", code="credit_being_given")


def deliver_balance_credits(ctx: Context) -> int:
    """Give every credit that is due and that nobody else is giving; returns how many were given."""
    seen: set[int] = set()
    given = 0
    while True:
        due: list[ColumnElement[bool]] = [
            BalanceCredit.id.not_in(seen),
            or_(
                BalanceCredit.next_delivery_at.is_(None),
                BalanceCredit.next_delivery_at <= ctx.now(),
            ),
        ]
        taken = _take(ctx, due)
        if not taken:
            return given
        seen.update(taken)
        try:
            _push(ctx, taken[0])
            given += 1
        except PaymentsError as error:
            log.warning("credit %s: not given: %s", taken[0], error.code or type(error).__name__)


def _take(ctx: Context, due: list[ColumnElement[bool]]) -> list[int]:
    with unit_of_work(ctx) as work:
        due = [BalanceCredit.to_deliver.is_(True), *due]
        taken = take_leases(work, BalanceCredit, due=due, limit=1, lasting=LEASE)
        work.commit()
        return taken


def _push(ctx: Context, credit_id: int) -> None:
    """Give one leased credit and record what came of it."""
    try:
        transaction_id = _find_or_give(ctx, credit_id)
    except ProviderUnavailable:
        # It may have happened: the attempt keeps its key.
        _put_off(ctx, credit_id, is_spent=False)
        raise
    except PaymentsError:
        _put_off(ctx, credit_id, is_spent=True)
        raise
    with unit_of_work(ctx) as work:
        credit = _claim(work, credit_id)
        credit.stripe_transaction_id, credit.to_deliver = transaction_id, False
        record_audit(
            work,
            "balance.credited",
            actor=SYSTEM,
            customer_id=credit.customer_id,
            after={"plan": credit.plan_id, "total": credit.amount, "currency": credit.currency},
        )
        work.flush()
        end_lease(work, BalanceCredit, credit_id)
        work.commit()


def _find_or_give(ctx: Context, credit_id: int) -> str:
    """The provider's id of the credit, which is given unless an earlier attempt did it."""
    with unit_of_work(ctx) as work:
        credit = _claim(work, credit_id)
        is_new = credit.attempts == 0
        credit.attempts = max(1, credit.attempts)
        customer_id, attempt = credit.customer_id, credit.attempts
        amount, currency, description = credit.amount, credit.currency, credit.description
        work.commit()
    provider_customer = ensure_provider_customer(ctx, customer_id)
    reference = f"credit:{credit_id}"
    found = None
    if not is_new:
        found = ctx.payments.find_balance_credit(provider_customer, reference=reference)
    return found or ctx.payments.credit_balance(
        provider_customer,
        amount=amount,
        currency=currency,
        description=description,
        reference=reference,
        key=f"{reference}:{attempt}",
    )


def _put_off(ctx: Context, credit_id: int, *, is_spent: bool) -> None:
    """Give the row back; `is_spent` says that its key has had a definite answer."""
    with unit_of_work(ctx) as work:
        credit = _claim(work, credit_id)
        wait = min(FIRST_WAIT * 2 ** min(credit.attempts, 10), LONGEST_WAIT)
        credit.next_delivery_at = work.now + wait
        if is_spent:
            credit.attempts += 1
        work.flush()
        end_lease(work, BalanceCredit, credit_id)
        work.commit()


def _load_waiting(ctx: Context, customer_id: int) -> list[int]:
    with unit_of_work(ctx) as work:
        waiting = select(BalanceCredit.id).where(
            BalanceCredit.customer_id == customer_id, BalanceCredit.to_deliver
        )
        return list(work.session.scalars(waiting.order_by(BalanceCredit.id)))


def _is_waiting(ctx: Context, credit_id: int) -> bool:
    with unit_of_work(ctx) as work:
        return work.session.get_one(BalanceCredit, credit_id).to_deliver


def _claim(work: UnitOfWork, credit_id: int) -> BalanceCredit:
    credit = work.session.get_one(BalanceCredit, credit_id)
    work.claim_customer(credit.customer_id)
    work.session.refresh(credit)
    return credit
