"""When people are told what is ahead of their plan: tables of days, to the edges."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.kinds import EndReason, MailKind, PlanStatus, Schedule
from app.domain.notices import (
    Notice,
    PlanFacts,
    Topic,
    decide_notices,
    end_of_card,
    has_risen,
    is_worth_telling,
)

SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PLAN = PlanFacts(
    plan_id=7,
    status=PlanStatus.ACTIVE,
    schedule=Schedule.ANNUAL,
    anchor=at("2012-01-02 03:04:05"),
    cycle_start=at("2012-01-02 03:04:05"),
    renews_at=at("2013-01-02 03:04:05"),
)
MONTHLY = replace(PLAN, schedule=Schedule.MONTHLY, renews_at=at("2012-02-02 03:04:05"))
TRIAL = replace(PLAN, status=PlanStatus.TRIAL, renews_at=PLAN.anchor)
ENDING = replace(PLAN, renews_at=None, ends_at=at("2013-01-02 03:04:05"))
LEGACY = replace(
    PLAN,
    is_complimentary=True,
    is_legacy=True,
    renews_at=None,
    ends_at=at("2012-07-01"),
    agreed_end=at("2012-07-01"),
)
ENDED = replace(
    PLAN,
    status=PlanStatus.ENDED,
    renews_at=None,
    ended_at=at("2012-02-02"),
    ended_reason=EndReason.CYCLE_END,
)
CARD = replace(PLAN, card="4242", card_good_until=end_of_card(2012, 12))
SILENT = replace(PLAN, last_heard=at("2012-03-01 10:00:00"))
MANUAL = replace(PLAN, people=40, licenses=100, licenses_at_renewal=100)
# A year from here on, nothing is ahead.
FAR = at("2012-03-03")


def told(facts: PlanFacts, now: datetime) -> list[str]:
    return [notice.key for notice in decide_notices(facts, now=now)]


@pytest.mark.parametrize(
    ("facts", "first", "over", "key"),
    [
        (PLAN, "2012-12-03 03:04:05", "2013-01-02 03:04:05", "renewal_ahead:7:2013-01-02"),
        (MONTHLY, "2012-01-30 03:04:05", "2012-02-02 03:04:05", "renewal_ahead:7:2012-02-02"),
        (TRIAL, "2011-12-30 03:04:05", "2012-01-02 03:04:05", "trial_ends:7"),
        (ENDING, "2012-12-26 03:04:05", "2013-01-02 03:04:05", "plan_ends:7:2013-01-02"),
        (ENDED, "2012-02-02", "2012-02-09", "plan_ended:7:2012-02-02"),
        (LEGACY, "2012-05-02", "2012-06-17", "legacy_ends:7:2012-07-01:60"),
        (LEGACY, "2012-06-17", "2012-06-30", "legacy_ends:7:2012-07-01:14"),
        (LEGACY, "2012-06-30", "2012-07-01", "legacy_ends:7:2012-07-01:1"),
    ],
)
def test_a_notice_is_due_in_its_window_only(
    facts: PlanFacts, first: str, over: str, key: str
) -> None:
    assert key not in told(facts, at(first) - SECOND)
    assert key in told(facts, at(first))
    assert key in told(facts, at(over) - SECOND)
    assert key not in told(facts, at(over)), "what is past is not told"


def test_the_card_is_asked_about_from_the_month_before_its_last_one() -> None:
    # Good to the end of December 2012.
    for now, is_told in (
        ("2012-10-31 23:59:59", False),
        ("2012-11-01", True),
        ("2012-12-31 23:59:59", True),
        ("2013-01-01", False),
    ):
        topics = [notice.topic for notice in decide_notices(CARD, now=at(now))]
        assert (Topic.CARD_EXPIRES in topics) is is_told, now
    assert told(replace(CARD, card_good_until=None), at("2012-12-01")) == []


@pytest.mark.parametrize(
    ("facts", "now", "is_told"),
    [
        (SILENT, "2012-03-03 10:00:00", False),
        (SILENT, "2012-03-03 10:00:01", True),
        (SILENT, "2012-06-01", True),
        (replace(SILENT, is_per_license=False), "2012-06-01", False),
        (replace(SILENT, is_complimentary=True), "2012-06-01", False),
        (replace(SILENT, last_heard=None), "2012-06-01", False),
    ],
)
def test_silence_is_told_after_two_days(facts: PlanFacts, now: str, is_told: bool) -> None:
    assert bool(told(facts, at(now))) is is_told


def test_each_silence_has_a_key_of_its_own() -> None:
    later = replace(SILENT, last_heard=at("2012-04-01 10:00:00"))
    assert told(SILENT, at("2012-05-01")) != told(later, at("2012-05-01"))


@pytest.mark.parametrize(
    ("people", "licenses", "percent"),
    [
        (89, 100, None),
        (90, 100, 90),
        (99, 100, 90),
        (100, 100, 100),
        (130, 100, 100),
        (1, 1, 100),
        (9, 10, 90),
        (8, 9, None),
        (0, 0, None),
        (None, 100, None),
    ],
)
def test_seats_at_ninety_and_a_hundred_percent(
    people: int | None, licenses: int, percent: int | None
) -> None:
    facts = replace(MANUAL, people=people, licenses=licenses, licenses_at_renewal=200)
    found = [n.percent for n in decide_notices(facts, now=FAR) if n.topic is Topic.SEATS_FILLING]
    assert found == ([] if percent is None else [percent])


@pytest.mark.parametrize(
    ("people", "now", "is_told"),
    [
        (101, "2012-12-19 03:04:04", False),
        (101, "2012-12-19 03:04:05", True),
        (101, "2013-01-02 03:04:05", False),
        (100, "2012-12-19 03:04:05", False),
    ],
)
def test_a_raise_is_announced_two_weeks_before(people: int, now: str, is_told: bool) -> None:
    facts = replace(MANUAL, people=people)
    topics = [notice.topic for notice in decide_notices(facts, now=at(now))]
    assert (Topic.LICENSES_RAISE in topics) is is_told
    exempt = decide_notices(replace(facts, is_exempt=True), now=at(now))
    assert Topic.LICENSES_RAISE not in [notice.topic for notice in exempt]


@pytest.mark.parametrize(
    ("reason", "ended_at", "is_told"),
    [
        (EndReason.CYCLE_END, "2012-02-02", True),
        (EndReason.STAFF, "2012-02-02", True),
        (EndReason.SWITCHED, "2012-02-02", False),
        (EndReason.REPLACED, "2012-02-02", False),
        # Its own mail has told that already ...
        (EndReason.UNPAID, "2012-02-02", False),
        # ... except of a trial that nobody paid to go on with.
        (EndReason.UNPAID, "2012-01-02 03:04:05", True),
    ],
)
def test_which_ends_are_news(reason: EndReason, ended_at: str, is_told: bool) -> None:
    facts = replace(ENDED, ended_reason=reason, ended_at=at(ended_at))
    assert bool(told(facts, at(ended_at))) is is_told


def test_legacy_ends_quietly_and_is_no_plan_that_ends() -> None:
    assert told(LEGACY, at("2012-06-28")) == ["legacy_ends:7:2012-07-01:14"]
    over = replace(
        LEGACY,
        status=PlanStatus.ENDED,
        ended_at=at("2012-07-01"),
        ended_reason=EndReason.CYCLE_END,
    )
    assert told(over, at("2012-07-01")) == []


def test_what_is_switched_off_says_nothing() -> None:
    assert told(PLAN, FAR) == []


@pytest.mark.parametrize(
    ("total", "last", "risen"),
    [(120, 100, False), (121, 100, True), (100, None, False), (1, 0, True), (0, 0, False)],
)
def test_more_than_a_fifth(total: int, last: int | None, risen: bool) -> None:
    assert has_risen(total, last) is risen
    assert is_worth_telling(Schedule.MONTHLY, total=total, last_total=last) is risen
    assert is_worth_telling(Schedule.ANNUAL, total=total, last_total=last)


def test_what_can_be_stopped() -> None:
    kinds = {topic: Notice(topic, "", FAR).kind for topic in Topic}
    usage = {topic for topic, kind in kinds.items() if kind is MailKind.USAGE}
    assert usage == {Topic.UPLOADS_STOPPED, Topic.SEATS_FILLING}
    assert {kind for topic, kind in kinds.items() if topic not in usage} == {MailKind.RENEWALS}
