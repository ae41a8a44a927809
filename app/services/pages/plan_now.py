"""A plan as it stands now: its ledger brought up to the present, and what it will charge next.

The jobs write; here the same pure rules answer in memory, so that a page is right at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import Cycle, cycle_at, cycle_number, next_month_boundary
from app.domain.invoicing import LineDraft, PlanTerms, boundary_lines, renewal_estimate, total_of
from app.domain.kinds import InvoiceStatus, LineKind, Schedule
from app.domain.ledger import (
    Entry,
    LedgerRules,
    decide_entries,
    effective_entries,
    entry_at,
)
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import LedgerEntry, Plan
from app.services.invoices import LICENSE_LINES, load_estimate_corrections
from app.services.pages.head import Head
from app.services.pages.people import PeopleHistory, load_people
from app.services.plan_ledger import ONE_SECOND, get_next_plan
from app.services.plan_rules import begins_at, ledger_rules, plan_terms

# The lines of a whole cycle, after a trial or at a renewal.
RENEWS = frozenset({LineKind.FIRST, LineKind.RENEWAL})


@dataclass(frozen=True, slots=True)
class Charge:
    """What will be charged at `boundary`, in cents; `following` are the first lines of the plan
    that begins there."""

    boundary: datetime
    lines: tuple[LineDraft, ...]
    total: int
    renews: bool
    following: tuple[LineDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class UnpaidInvoice:
    """An invoice that is being prepared or waits for its payment; one that was sent says until
    when."""

    id: int
    status: InvoiceStatus
    number: str | None
    total: int
    currency: str
    hosted_url: str | None
    failure_message: str | None
    boundary: datetime
    created_at: datetime
    due_at: datetime | None
    next_retry_at: datetime | None
    retries: int


_UNPAID_FIELDS = tuple(field.name for field in fields(UnpaidInvoice))


@dataclass(frozen=True, slots=True)
class Billed:
    """The customer's unpaid invoices, and the licenses billed by index of the plan's cycle."""

    unpaid: tuple[UnpaidInvoice, ...]
    licenses: dict[int, int]


@dataclass(frozen=True, slots=True)
class PlanNow:
    """The plan with its ledger as of now. `people` is None when the uploads are stale."""

    plan: Plan
    now: datetime
    rules: LedgerRules
    terms: PlanTerms
    cycle: Cycle
    entries: tuple[Entry, ...]
    history: PeopleHistory
    current: Entry
    billed: Billed
    following: Plan | None = None

    @property
    def people(self) -> int:
        """People counted now."""
        return self.history.now

    def in_cycle(self) -> list[Entry]:
        """The effective entries of the present cycle, in order of time."""
        known = effective_entries(self.entries)
        return [entry for entry in known if self.cycle.start <= entry.event_time <= self.now]

    def charge(self, *, ends_at: datetime | None = None, is_next: bool = False) -> Charge | None:
        """The next charge; None when nothing will be charged any more. `ends_at` asks what it
        would be if the plan ended then; `is_next` asks for the next invoice even if it has no lines
        of the plan, since something else stands on it."""
        ends_at = ends_at or self.terms.ends_at
        terms = replace(self.terms, ends_at=ends_at)
        boundary, until = self.plan.next_invoice_date, self.plan.invoiced_until
        if boundary is None:
            return None
        entries = self._look_ahead(boundary, ends_at)
        for _ in range(terms.schedule.months + 1):
            lines = boundary_lines(
                terms,
                entries=entries,
                billed=self.billed.licenses,
                invoiced_until=until,
                boundary=boundary,
            )
            first = self._first_of_following(boundary)
            if first:
                total = total_of(lines) + total_of(first)
                return Charge(boundary, tuple(lines), total, True, first)
            if lines or is_next:
                renews = any(line.kind in RENEWS for line in lines)
                return Charge(boundary, tuple(lines), total_of(lines), renews)
            if ends_at is not None and boundary >= ends_at:
                return None
            until, boundary = boundary, next_month_boundary(terms.anchor, boundary)
        return None

    def renewal(self) -> Charge | None:
        """What the next renewal costs if nothing changes until then; None when there is none."""
        if self.terms.ends_at is not None and self.terms.ends_at <= self.cycle.end:
            first = self._first_of_following(self.terms.ends_at)
            return Charge(self.terms.ends_at, (), total_of(first), True, first) if first else None
        licenses, index = self.licenses_at_renewal, self.cycle.index + 1
        if index == 0 and self.billed.licenses.get(0, 0) >= licenses:
            # The first cycle after the trial was invoiced ahead.
            index = 1
        start = cycle_number(self.terms.anchor, self.terms.schedule, index).start
        lines = renewal_estimate(self.terms, licenses=licenses, cycle_index=index)
        return Charge(start, tuple(lines), total_of(lines), True)

    def _first_of_following(self, boundary: datetime) -> tuple[LineDraft, ...]:
        """The first lines of the plan that follows, if it begins at `boundary`."""
        plan = self.following
        if plan is None or plan.billing_cycle_anchor != boundary:
            return ()
        licenses = self.licenses_at_renewal
        return tuple(renewal_estimate(plan_terms(plan), licenses=licenses, cycle_index=0))

    @property
    def licenses_at_renewal(self) -> int:
        """The licenses that the plan renews with; a chosen number below the people is raised."""
        chosen = self.current.licenses_at_next_renewal
        if self.rules.automatic or self.rules.exempt:
            return chosen
        return max(chosen, self.people)

    def _look_ahead(self, boundary: datetime, ends_at: datetime | None) -> list[Entry]:
        """The entries with the renewals to come, if nothing happens until then."""
        cycle = cycle_at(self.terms.anchor, self.terms.schedule, boundary)
        ahead = decide_entries(
            replace(self.rules, ends_at=ends_at),
            stored=self.entries,
            seats=self.history.states_at_end(),
            happenings=[],
            since=self.now + ONE_SECOND,
            as_of=max(self.now, cycle.end),
        )
        return [*self.entries, *ahead]


def get_plan_now(session: Session, head: Head) -> PlanNow | None:
    """The live plan of `head`, or the one that ended last; None without one that has a price."""
    plan = head.plan
    if plan is None or head.customer is None:
        return None
    return load_plan_now(session, head, plan, head.customer)


def load_plan_now(session: Session, head: Head, plan: Plan, customer: Customer) -> PlanNow:
    """The plan of `head` as of now: entries, people and invoices, one query each."""
    start = _present_cycle(plan, at=plan.invoiced_until).start
    following = get_next_plan(session, plan)
    rules = ledger_rules(plan, customer, following)
    stored = load_entries_since(session, plan, since=start)
    history = load_people(session, head, start=start)
    entries = _bring_up_to_now(head, rules, stored, history)
    present = max(head.now, begins_at(plan))
    current = entry_at(entries, present)
    assert current is not None, "every plan has a first entry"
    return PlanNow(
        plan=plan,
        now=head.now,
        rules=rules,
        terms=plan_terms(plan),
        cycle=_present_cycle(plan, at=present),
        entries=tuple(entries),
        history=history,
        current=current,
        billed=load_billed_now(session, customer, plan, since=start),
        following=following,
    )


def load_billed_now(
    session: Session, customer: Customer, plan: Plan | None, *, since: datetime | None = None
) -> Billed:
    """Unpaid invoices of the customer, and what `plan` has billed since the start of a cycle."""
    values: dict[str, Any] = {"customer_id": customer.id}
    if plan is not None:
        values |= {"plan_id": plan.id, "since": since}
    unpaid: dict[int, UnpaidInvoice] = {}
    licenses: dict[int, int] = {}
    for row in session.execute(_billed_query(plan is not None), values):
        # The invoice of a purchase that is not settled is shown as the purchase it belongs to.
        is_bill = row.plan_id is not None or "|purchase:" not in row.group_key
        if is_bill and row.status in {InvoiceStatus.DRAFT, InvoiceStatus.OPEN}:
            unpaid[row.id] = UnpaidInvoice(**{name: row._mapping[name] for name in _UNPAID_FIELDS})
        if plan is not None and row.plan_id == plan.id and row.kind in LICENSE_LINES:
            index = cycle_at(plan.billing_cycle_anchor, plan.schedule, row.period_start).index
            licenses[index] = licenses.get(index, 0) + row.quantity
    if plan is not None and (plan.estimated_since or plan.schedule is Schedule.ANNUAL):
        # Of a month that is over, what it was put right to makes no difference any more.
        for index, more in load_estimate_corrections(session, plan).items():
            licenses[index] = licenses.get(index, 0) + more
    return Billed(unpaid=tuple(unpaid.values()), licenses=licenses)


@cache
def _billed_query(of_plan: bool) -> Executable:
    """Unfinished invoices of :customer_id with their lines and, for `of_plan`, those of :plan_id
    for any time after :since. Built once each, since building costs more than running."""
    unfinished = Invoice.status.in_((InvoiceStatus.DRAFT, InvoiceStatus.OPEN))
    wanted: ColumnElement[bool] = unfinished
    if of_plan:
        of_the_plan = Invoice.plan_id == bindparam("plan_id")
        wanted = or_(unfinished, and_(of_the_plan, InvoiceLine.period_end > bindparam("since")))
    return (
        select(
            *(getattr(Invoice, name) for name in _UNPAID_FIELDS),
            Invoice.plan_id,
            Invoice.group_key,
            InvoiceLine.kind,
            InvoiceLine.period_start,
            InvoiceLine.quantity,
        )
        .outerjoin(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .where(Invoice.customer_id == bindparam("customer_id"), wanted)
        .order_by(Invoice.boundary, Invoice.id, InvoiceLine.position)
    )


def _present_cycle(plan: Plan, *, at: datetime) -> Cycle:
    """The cycle of `at`, or the free trial; of a plan that is over, its last one."""
    over = plan.ended_at or plan.end_date
    if over is not None and over <= at:
        at = max(over - ONE_SECOND, begins_at(plan))
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, at)
    return replace(cycle, start=max(cycle.start, begins_at(plan))) if cycle.index < 0 else cycle


def load_entries_since(session: Session, plan: Plan, *, since: datetime) -> list[Entry]:
    """The stored entries of `plan` from `since` on, in the order of writing."""
    values = {"plan_id": plan.id, "since": since}
    return [Entry(*row) for row in session.execute(_entries_query(), values)]


@cache
def _entries_query() -> Executable:
    """The columns of an `Entry` of :plan_id from :since on, in the order of writing."""
    return (
        select(
            LedgerEntry.event_time,
            LedgerEntry.is_renewal,
            LedgerEntry.licenses,
            LedgerEntry.licenses_at_next_renewal,
            LedgerEntry.order_id,
            LedgerEntry.people,
            LedgerEntry.log_entry_id,
            LedgerEntry.actor,
            LedgerEntry.id,
        )
        .where(
            LedgerEntry.plan_id == bindparam("plan_id"),
            LedgerEntry.event_time >= bindparam("since"),
        )
        .order_by(LedgerEntry.id)
    )


def _bring_up_to_now(
    head: Head, rules: LedgerRules, stored: list[Entry], history: PeopleHistory
) -> list[Entry]:
    """The stored entries and those that the next run is going to write, with ids of their own
    behind the stored ones."""
    if not _is_behind(head, rules, stored, history):
        return stored
    first = stored[0]
    known = first.order_id if first.event_time == rules.begins_at else 0
    order = head.server.last_audit_order
    seats, happenings = history.split(anchor=rules.begins_at, known=known, order=order)
    missing = decide_entries(
        rules,
        stored=stored,
        seats=seats,
        happenings=happenings,
        since=history.start,
        as_of=head.now,
    )
    last_id = max(entry.id or 0 for entry in stored)
    numbered = [replace(entry, id=last_id + n) for n, entry in enumerate(missing, start=1)]
    return [*stored, *numbered]


def _is_behind(
    head: Head, rules: LedgerRules, stored: Sequence[Entry], history: PeopleHistory
) -> bool:
    """Whether the ledger does not say yet what has happened by now."""
    is_over = rules.ends_at is not None and rules.ends_at <= head.now
    last = rules.ends_at - ONE_SECOND if is_over and rules.ends_at else head.now
    if last < rules.begins_at:
        return False
    cycle = cycle_at(rules.anchor, rules.schedule, last)
    start = max(cycle.start, rules.begins_at)
    renewed = any(entry.is_renewal and entry.event_time == start for entry in stored)
    if head.has_due_rows or not renewed:
        return True
    current = entry_at(stored, last)
    assert current is not None, "the renewal is there"
    is_followed = rules.automatic and not is_over
    return is_followed and current.licenses_at_next_renewal != rules.billable(history.now, cycle)
