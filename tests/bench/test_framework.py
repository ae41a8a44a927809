"""The framework itself, with sides that measure nothing: no test here depends on time."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench import load
from tests.bench.__main__ import BENCHMARKS, parse_options
from tests.bench.framework import (
    BenchError,
    Benchmark,
    Check,
    Goal,
    Plan,
    Result,
    Round,
    Side,
    Sides,
    percent,
    run,
    select,
)
from tests.bench.report import as_json, cells, print_table, write_json

# The first figure of each side is that of the unmeasured warm-up.
OURS = (1.0, 30.0, 48.0, 20.0)
LIMIT = (1.0, 100.0, 120.0, 100.0)
EVENING = datetime(2012, 1, 2, 19, 4, 5, tzinfo=UTC)


def played(figures: tuple[float, ...], calls: list[str], name: str) -> Side:
    """A side that "measures" the figures one after the other."""
    left = iter(figures)

    def side(_seconds: float) -> float:
        calls.append(name)
        return next(left)

    return side


def make_benchmark(
    *,
    row: int = 1,
    goal: Goal | None = None,
    checks: tuple[Check, ...] = (),
    ours: tuple[float, ...] = OURS,
    limit: tuple[float, ...] = LIMIT,
    calls: list[str] | None = None,
) -> Benchmark[None]:
    log = calls if calls is not None else []

    @contextmanager
    def set_up(_world: None) -> Iterator[Sides]:
        log.append("set up")
        try:
            yield Sides(played(ours, log, "ours"), played(limit, log, "limit"), checks, {"rows": 7})
        finally:
            log.append("cleared up")

    return Benchmark(row, "work", "its limit", "things/s", goal or Goal(0.3), set_up)


def make_plan(*, rounds: int = 3, stopwatch: Callable[[], float] = lambda: 0.0) -> Plan:
    return Plan(rounds=rounds, seconds=2, stopwatch=stopwatch, budget=100)


def test_the_median_is_of_the_ratios() -> None:
    result = run(make_benchmark(), None, make_plan())
    assert [each.ratio for each in result.rounds] == [0.3, 0.4, 0.2]
    assert result.ratio == 0.3
    assert (result.ours, result.limit) == (30, 100)


def test_an_even_number_of_rounds_has_a_median_between_two() -> None:
    result = run(make_benchmark(), None, make_plan(rounds=2))
    assert result.ratio == pytest.approx(0.35)


def test_the_sides_take_turns_at_being_first() -> None:
    calls: list[str] = []
    run(make_benchmark(calls=calls), None, make_plan())
    warm_up = ["ours", "limit"]
    rounds = ["ours", "limit", "limit", "ours", "ours", "limit"]
    assert calls == ["set up", *warm_up, *rounds, "cleared up"]


def test_no_round_begins_that_would_end_too_late() -> None:
    times = iter([0.0, 45.0, 90.0])
    result = run(make_benchmark(), None, make_plan(stopwatch=lambda: next(times)))
    assert len(result.rounds) == 2


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal(0.3), "met"),
        (Goal(0.31), "missed"),
        (Goal(0.3, at_least=False), "met"),
        (Goal(0.29, at_least=False), "missed"),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, verdict: str) -> None:
    assert run(make_benchmark(goal=goal), None, make_plan()).verdict == verdict


def test_what_is_counted_may_miss_the_goal_too() -> None:
    too_many = (Check("queries", 7, 6),)
    assert run(make_benchmark(checks=too_many), None, make_plan()).verdict == "missed"
    enough = (Check("queries", 6, 6),)
    assert run(make_benchmark(checks=enough), None, make_plan()).verdict == "met"


def test_what_goes_wrong_is_told_and_cleared_up() -> None:
    def refuse(_seconds: float) -> float:
        raise BenchError("answered 500")

    calls: list[str] = []

    @contextmanager
    def set_up(_world: None) -> Iterator[Sides]:
        try:
            yield Sides(refuse, refuse)
        finally:
            calls.append("cleared up")

    result = run(Benchmark(1, "work", "limit", "things/s", Goal(0.3), set_up), None, make_plan())
    assert (result.verdict, result.problem) == ("failed", "answered 500")
    assert calls == ["cleared up"]


def test_a_limit_of_nothing_is_a_failure() -> None:
    result = run(make_benchmark(limit=(1.0, 0.0)), None, make_plan())
    assert result.verdict == "failed"


def test_rows_are_chosen_by_number() -> None:
    table = (make_benchmark(row=2), make_benchmark(row=1))
    assert [each.row for each in select(table, [])] == [1, 2]
    assert [each.row for each in select(table, [2, 2])] == [2]
    with pytest.raises(BenchError, match=r"row 9; there are: 1, 2"):
        select(table, [9])
    with pytest.raises(BenchError, match="the same row"):
        select((make_benchmark(), make_benchmark()), [])


def test_the_command_line_knows_its_rows() -> None:
    assert 11 in [each.row for each in select(BENCHMARKS, [])]
    options = parse_options(["11", "--rounds", "2", "--seconds", "0.5"])
    assert (options.rows, options.rounds, options.seconds) == ([11], 2, 0.5)
    with pytest.raises(SystemExit):
        parse_options(["--rounds", "0"])


def test_percent() -> None:
    assert [percent(ratio) for ratio in (0.3, 1.0, 12.5, 0.087)] == [
        "30 %",
        "100 %",
        "1250 %",
        "8.7 %",
    ]


def test_the_table_says_it_plainly() -> None:
    checks = (Check("queries", 6, 6),)
    met = run(make_benchmark(checks=checks), None, make_plan())
    missed = run(make_benchmark(row=2, goal=Goal(0.5)), None, make_plan())
    failed = Result(make_benchmark(row=3), problem="answered 500")
    out = StringIO()
    print_table([met, missed, failed], Console(file=out, width=140))
    text = out.getvalue()
    assert cells(met)[3:] == [
        "30 things/s",
        "100 things/s",
        "≥ 30 %",
        "30 %",
        "20 % to 40 %",
        "3",
        "6 queries (≤ 6)",
        "met",
    ]
    assert "missed" in text and "failed" in text
    assert "row 3 failed: answered 500" in text


def test_the_json_holds_everything(tmp_path: Path) -> None:
    result = run(make_benchmark(checks=(Check("queries", 6, 6),)), None, make_plan())
    document = as_json([result], plan=make_plan(), environment={"cores": 2}, made_at=EVENING)
    path = write_json(document, tmp_path / "bench-results")
    assert path.name == "2012-01-02T190405Z.json"
    assert json.loads((path.parent / "latest.json").read_text()) == document
    assert json.loads(path.read_text()) == {
        "made_at": "2012-01-02T19:04:05+00:00",
        "rounds_wanted": 3,
        "seconds_a_side": 2,
        "environment": {"cores": 2},
        "results": [
            {
                "row": 1,
                "name": "work",
                "limit": "its limit",
                "unit": "things/s",
                "goal": {"ratio": 0.3, "at_least": True},
                "verdict": "met",
                "problem": None,
                "median_ratio": 0.3,
                "median_ours": 30.0,
                "median_limit": 100.0,
                "rounds": [
                    {"ours": 30.0, "limit": 100.0, "ratio": 0.3},
                    {"ours": 48.0, "limit": 120.0, "ratio": 0.4},
                    {"ours": 20.0, "limit": 100.0, "ratio": 0.2},
                ],
                "checks": [{"name": "queries", "value": 6, "at_most": 6, "met": True}],
                "facts": {"rows": 7},
            }
        ],
    }


def test_a_result_without_rounds_compares_nothing() -> None:
    result = Result(make_benchmark())
    assert (result.ratio, result.ours, result.limit, result.verdict) == (None, None, None, "failed")
    assert Round(3, 4).ratio == 0.75


def test_requests_ask_for_a_connection_of_their_own() -> None:
    text = load.request_text("127.0.0.1:8000", "/a/", ["Cookie: a=b"])
    assert text == (
        b"GET /a/ HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\nCookie: a=b\r\n\r\n"
    )
    assert load.content_length(b"HTTP/1.1 200 OK\r\ncontent-length: 12") == 12
    assert load.content_length(b"HTTP/1.1 200 OK\r\nServer: x") is None


def test_what_is_not_the_page_is_an_error() -> None:
    for answer, problem in (
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "answered 'HTTP/1.1 500 Oh': no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno", "2 bytes came instead of 9"),
        (b"", "answered ''"),
    ):
        with pytest.raises(load.LoadError, match=problem):
            load.body_of(answer)
    assert load.body_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == b"ok"
