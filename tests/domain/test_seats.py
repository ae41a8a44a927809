"""What one audit row says about people, and what the next one changes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BillingError
from app.domain.seats import SeatState, count_row, get_role_counts

NOON = datetime(2012, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    extra_data: Any


LITERAL = {"10": {"11": {"100": 1, "200": 1, "300": 0, "400": 8, "600": 1}, "12": 2}}


def test_the_literal_row_counts_eleven_people_and_no_bots() -> None:
    assert count_row(Row(LITERAL)) == 11


def test_a_json_text_is_read_like_the_object() -> None:
    assert count_row(Row('{"10": {"11": {"400": 3}, "12": 9}}')) == 3


def test_guests_are_people() -> None:
    assert count_row(Row({"10": {"11": {"600": 4}}})) == 4


def test_roles_are_given_by_their_string_keys() -> None:
    assert get_role_counts(Row(LITERAL)) == {"100": 1, "200": 1, "300": 0, "400": 8, "600": 1}


@pytest.mark.parametrize("nothing", [None, "", {}, "{}", {"1": 2}, {"10": {}}, {"10": None}])
def test_rows_without_role_data_never_count(nothing: Any) -> None:
    assert get_role_counts(Row(nothing)) is None
    assert count_row(Row(nothing)) is None


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        "7",
        "null",
        '{"a": NaN}',
        [],
        7,
        True,
        {"10": []},
        {"10": "x"},
        {"10": {"11": []}},
        {"10": {"11": {"400": "8"}}},
        {"10": {"11": {"400": -1}}},
        {"10": {"11": {"400": 1.5}}},
        {"10": {"11": {"400": True}}},
        {"10": {"11": {"400": None}}},
        {"10": {"11": {"400": 10**12}}},
        {"10": {"11": {"200": 10**9, "400": 10**9}}},
        "[" * 100_000,
    ],
)
def test_what_is_not_numbers_of_people_is_refused(broken: Any) -> None:
    with pytest.raises(BillingError) as refusal:
        count_row(Row(broken))
    assert refusal.value.code == "malformed_audit_log_data"


@given(st.dictionaries(st.sampled_from(["100", "200", "300", "400", "600"]), st.integers(0, 10**6)))
def test_people_are_the_sum_over_the_roles(counts: dict[str, int]) -> None:
    assert count_row(Row({"10": {"11": counts, "12": 5}})) == sum(counts.values())


def test_a_state_follows_its_rows() -> None:
    state = SeatState().after(event_type=101, seats=11)
    assert state.people(at=NOON) == 11
    state = state.after(event_type=201, seats=None)
    assert state.people(at=NOON) == 0
    state = state.after(event_type=101, seats=12)
    assert state.people(at=NOON) == 0
    state = state.after(event_type=202, seats=None)
    assert state.people(at=NOON) == 12


def test_an_organization_that_is_gone_counts_nobody_from_then_on() -> None:
    state = SeatState(seats=11, locally_deleted_at=NOON)
    assert state.people(at=NOON - timedelta(seconds=1)) == 11
    assert state.people(at=NOON) == 0
