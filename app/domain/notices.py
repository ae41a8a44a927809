"""What the people of a customer are told ahead of time, decided from the facts of a plan.

A notice is due in a window: a run that was missed is made up for as long as what it says is still
true, and what is past is not told any more. Each has a key, so that it is told once. Rules:
docs/rules/mails.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from app.domain.calendar import month_boundary
from app.domain.kinds import EndReason, MailKind, PlanStatus, Schedule

TRIAL_AHEAD = timedelta(days=3)
RENEWAL_AHEAD = {Schedule.ANNUAL: timedelta(days=30), Schedule.MONTHLY: timedelta(days=3)}
END_AHEAD = timedelta(days=7)
RAISE_AHEAD = timedelta(days=14)
# Days before the end of a legacy plan, the earliest first.
LEGACY_AHEAD_DAYS = (60, 14, 1)
# Percent of a plan's licenses, the highest first.
SEATS_PERCENT = (100, 90)
# An end is news for so long.
NEWS_FOR = timedelta(days=7)
# As long as an upload is fresh (app/services/seats.py).
SILENT_AFTER = timedelta(days=2)


class Topic(StrEnum):
    """What a notice is about; also the name of its mail."""

    TRIAL_ENDS = "trial_ends"
    RENEWAL_AHEAD = "renewal_ahead"
    CARD_EXPIRES = "card_expires"
    PLAN_ENDS = "plan_ends"
    PLAN_ENDED = "plan_ended"
    LEGACY_ENDS = "legacy_ends"
    UPLOADS_STOPPED = "uploads_stopped"
    SEATS_FILLING = "seats_filling"
    LICENSES_RAISE = "licenses_raise"


_USAGE = frozenset({Topic.UPLOADS_STOPPED, Topic.SEATS_FILLING})


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan as far as notices go.

    renews_at: when its next cycle, or that of the plan that follows, is charged; None when nothing
    goes on. ends_at: its agreed or asked-for end without a plan after it. card_good_until: the end
    of the card that pays it, None without one or where none is needed after that. people: counted
    now, None when the uploads are stale or nothing is counted. licenses and licenses_at_renewal:
    of a plan with a chosen number, None for others.
    """

    plan_id: int
    status: PlanStatus
    schedule: Schedule
    anchor: datetime
    cycle_start: datetime
    is_complimentary: bool = False
    is_legacy: bool = False
    is_per_license: bool = True
    is_exempt: bool = False
    renews_at: datetime | None = None
    ends_at: datetime | None = None
    agreed_end: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: EndReason | None = None
    card: str | None = None
    card_good_until: datetime | None = None
    last_heard: datetime | None = None
    people: int | None = None
    licenses: int | None = None
    licenses_at_renewal: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether it runs."""
        return self.status in {PlanStatus.TRIAL, PlanStatus.ACTIVE}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `at` is the instant that it is about; `percent` of licenses in use."""

    topic: Topic
    key: str
    at: datetime
    percent: int | None = None

    @property
    def kind(self) -> MailKind:
        """What people stop who do not want it."""
        return MailKind.USAGE if self.topic in _USAGE else MailKind.RENEWALS


def decide_notices(facts: PlanFacts, *, now: datetime) -> list[Notice]:
    """Everything that is to be told about a plan at `now`, told before or not."""
    if facts.is_live:
        return [
            *_trial(facts, now),
            *_renewal(facts, now),
            *_card(facts, now),
            *_end(facts, now),
            *_legacy(facts, now),
            *_uploads(facts, now),
            *_seats(facts),
            *_raise(facts, now),
        ]
    return list(_ended(facts, now))


def is_worth_telling(schedule: Schedule, *, total: int, last_total: int | None) -> bool:
    """Whether a renewal of `total` cents is announced: every annual one, a monthly one when it is
    more than a fifth above the last."""
    if schedule is Schedule.ANNUAL:
        return True
    return has_risen(total, last_total)


def has_risen(total: int, last_total: int | None) -> bool:
    """Whether an amount is more than a fifth above the last one."""
    return last_total is not None and total * 5 > last_total * 6


def end_of_card(year: int, month: int) -> datetime:
    """The instant from which a card with that month on it is not good any more."""
    return month_boundary(datetime(year, month, 1, tzinfo=UTC), 1)


def _is_ahead(at: datetime | None, ahead: timedelta, now: datetime) -> bool:
    return at is not None and at - ahead <= now < at


def _trial(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    if facts.status is PlanStatus.TRIAL and _is_ahead(facts.anchor, TRIAL_AHEAD, now):
        yield Notice(Topic.TRIAL_ENDS, f"trial_ends:{facts.plan_id}", facts.anchor)


def _renewal(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    at = facts.renews_at
    if facts.status is PlanStatus.TRIAL or facts.is_complimentary or at is None:
        return
    if _is_ahead(at, RENEWAL_AHEAD[facts.schedule], now):
        yield Notice(Topic.RENEWAL_AHEAD, f"renewal_ahead:{facts.plan_id}:{at.date()}", at)


def _card(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    over = facts.card_good_until
    if over is None or facts.is_complimentary:
        return
    # The month on the card is its last; the month before that one is when people hear.
    if month_boundary(over, -2) <= now < over:
        yield Notice(
            Topic.CARD_EXPIRES, f"card_expires:{facts.plan_id}:{facts.card}:{over.date()}", over
        )


def _end(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    at = facts.ends_at
    if facts.is_complimentary or facts.status is PlanStatus.TRIAL or at is None:
        return
    if _is_ahead(at, END_AHEAD, now):
        yield Notice(Topic.PLAN_ENDS, f"plan_ends:{facts.plan_id}:{at.date()}", at)


def _legacy(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    at = facts.agreed_end
    if not facts.is_legacy or at is None:
        return
    # The last one that has been reached: what an earlier one would say is past.
    reached = [days for days in LEGACY_AHEAD_DAYS if _is_ahead(at, timedelta(days=days), now)]
    if reached:
        key = f"legacy_ends:{facts.plan_id}:{at.date()}:{reached[-1]}"
        yield Notice(Topic.LEGACY_ENDS, key, at)


def _uploads(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    heard = facts.last_heard
    if not facts.is_per_license or facts.is_complimentary or heard is None:
        return
    if now - heard > SILENT_AFTER:
        key = f"uploads_stopped:{facts.plan_id}:{heard:%Y-%m-%dT%H:%M:%S}"
        yield Notice(Topic.UPLOADS_STOPPED, key, heard)


def _seats(facts: PlanFacts) -> Iterator[Notice]:
    if facts.people is None or not facts.licenses or facts.is_complimentary:
        return
    for percent in SEATS_PERCENT:
        if facts.people * 100 >= facts.licenses * percent:
            key = f"seats_filling:{facts.plan_id}:{facts.cycle_start.date()}:{percent}"
            yield Notice(Topic.SEATS_FILLING, key, facts.cycle_start, percent)
            return


def _raise(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    at, chosen = facts.renews_at, facts.licenses_at_renewal
    if facts.people is None or chosen is None or facts.is_exempt or facts.is_complimentary:
        return
    if facts.people > chosen and at is not None and _is_ahead(at, RAISE_AHEAD, now):
        yield Notice(Topic.LICENSES_RAISE, f"licenses_raise:{facts.plan_id}:{at.date()}", at)


def _ended(facts: PlanFacts, now: datetime) -> Iterator[Notice]:
    at = facts.ended_at
    if at is None or facts.is_complimentary:
        return
    # Replaced and switched plans go on as others; one that was not paid has a mail of its own,
    # except a trial, whose invoice was never due before.
    is_told = facts.ended_reason in {EndReason.CYCLE_END, EndReason.STAFF}
    is_told = is_told or (facts.ended_reason is EndReason.UNPAID and at == facts.anchor)
    if is_told and at <= now < at + NEWS_FOR:
        yield Notice(Topic.PLAN_ENDED, f"plan_ended:{facts.plan_id}:{at.date()}", at)
