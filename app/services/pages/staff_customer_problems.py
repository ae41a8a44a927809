"""What is wrong with a customer, or waits for staff: one line each on the first screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.kinds import InvoiceStatus
from app.services.pages.billing import BillingPage, BillingState
from app.services.pages.head import Head
from app.services.pages.search_rows import SearchRow
from app.services.pages.uploads import Refusal


class ProblemKind(StrEnum):
    """What sort of trouble it is."""

    SERVER_DEACTIVATED = "server_deactivated"
    GONE = "gone"
    ORGANIZATION_DEACTIVATED = "organization_deactivated"
    PARKED = "parked"
    PAST_DUE = "past_due"
    REFUSED = "refused"
    STALE = "stale"
    SUSPENDED = "suspended"
    DEFERRED = "deferred"
    OVER_PLAN = "over_plan"
    OVER_FREE = "over_free"
    LATE_FALLS = "late_falls"
    FAILED_MAILS = "failed_mails"
    SPONSORSHIP = "sponsorship"
    APPROVALS = "approvals"
    HELP = "help"


# What is broken; the rest is worth knowing, or waits for somebody.
BAD = frozenset(
    {
        ProblemKind.GONE,
        ProblemKind.PARKED,
        ProblemKind.PAST_DUE,
        ProblemKind.REFUSED,
        ProblemKind.STALE,
        ProblemKind.SUSPENDED,
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One of them: since when, how many, how much (cents of `currency`), and what it says."""

    kind: ProblemKind
    at: datetime | None = None
    count: int = 0
    limit: int = 0
    total: int = 0
    currency: str = ""
    said: str | None = None
    refusal: Refusal | None = None

    @property
    def is_bad(self) -> bool:
        """Whether something is broken."""
        return self.kind in BAD


@dataclass(frozen=True, slots=True)
class Counts:
    """How many mails failed, acts wait for a second person, late falls and requests for help are
    open, and organizations the server has."""

    failed_mails: int
    approvals: int
    late_falls: int
    help_requests: int
    organizations: int


def find_problems(
    head: Head, billing: BillingPage, row: SearchRow | None, counts: Counts
) -> tuple[Problem, ...]:
    """Everything that is wrong, what matters most first."""
    return (
        *_of_registration(head),
        *_of_money(head, billing),
        *_of_uploads(head, billing),
        *_of_people(head, billing, row),
        *_of_waiting(head, counts),
    )


def _of_registration(head: Head) -> Iterator[Problem]:
    if head.server.deactivated_at is not None:
        yield Problem(ProblemKind.SERVER_DEACTIVATED, at=head.server.deactivated_at)
    organization = head.organization
    if organization is None:
        return
    if organization.locally_deleted_at is not None:
        yield Problem(ProblemKind.GONE, at=organization.locally_deleted_at)
    elif organization.deactivated:
        yield Problem(ProblemKind.ORGANIZATION_DEACTIVATED)


def _of_money(head: Head, billing: BillingPage) -> Iterator[Problem]:
    customer = head.customer
    if customer is not None and customer.parked_at is not None:
        yield Problem(ProblemKind.PARKED, at=customer.parked_at, said=customer.parked_reason)
    for invoice in billing.unpaid:
        if invoice.status is not InvoiceStatus.OPEN:
            continue
        is_late = invoice.due_at is not None and invoice.due_at <= head.now
        if is_late or invoice.failure_message is not None:
            yield Problem(
                ProblemKind.PAST_DUE,
                at=invoice.due_at if is_late else invoice.boundary,
                total=invoice.total,
                currency=invoice.currency,
                said=invoice.failure_message,
                count=invoice.retries,
            )


def _of_uploads(head: Head, billing: BillingPage) -> Iterator[Problem]:
    if head.server.deactivated_at is not None:
        return
    if billing.refusal is not None:
        yield Problem(ProblemKind.REFUSED, at=billing.refusal.at, refusal=billing.refusal)
    if billing.is_stale:
        yield Problem(ProblemKind.STALE, at=billing.last_heard)
    plan = billing.plan
    if plan is not None and plan.deferred_since is not None and billing.state is BillingState.LIVE:
        kind = ProblemKind.SUSPENDED if plan.is_suspended else ProblemKind.DEFERRED
        yield Problem(kind, at=plan.deferred_since)


def _of_people(head: Head, billing: BillingPage, row: SearchRow | None) -> Iterator[Problem]:
    plan = billing.plan
    if billing.state is BillingState.LIVE and plan is not None:
        if plan.over_by and plan.people is not None:
            yield Problem(ProblemKind.OVER_PLAN, count=plan.people, limit=plan.licenses)
        return
    if billing.state is BillingState.COVERED_BY_SERVER or row is None or head.organization is None:
        return
    if row.people > billing.free_seats:
        yield Problem(ProblemKind.OVER_FREE, count=row.people, limit=billing.free_seats)


def _of_waiting(head: Head, counts: Counts) -> Iterator[Problem]:
    if counts.late_falls:
        yield Problem(ProblemKind.LATE_FALLS, count=counts.late_falls)
    if counts.failed_mails:
        yield Problem(ProblemKind.FAILED_MAILS, count=counts.failed_mails)
    if head.asks_to_be_sponsored:
        yield Problem(ProblemKind.SPONSORSHIP)
    if counts.approvals:
        yield Problem(ProblemKind.APPROVALS, count=counts.approvals)
    if counts.help_requests:
        yield Problem(ProblemKind.HELP, count=counts.help_requests)
