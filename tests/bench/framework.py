"""What a benchmark is, how it is measured, and when its goal is met."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Generic, TypeVar

World = TypeVar("World")
# Measures for so many seconds and returns how much was done in one second.
Side = Callable[[float], float]
# What both sides do, unmeasured, before the first round: caches fill, connections open.
WARM_UP_SECONDS = 1.0


class BenchError(Exception):
    """A benchmark could not be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median of ours / limit has to be. A ratio of 0.3 is thirty percent."""

    ratio: float
    at_least: bool = True

    def is_met(self, ratio: float) -> bool:
        """Whether `ratio` is good enough."""
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {percent(self.ratio)}"


@dataclass(frozen=True, slots=True)
class Check:
    """A number that is counted, not measured, and may not be larger than `at_most`."""

    name: str
    value: int
    at_most: int

    @property
    def is_met(self) -> bool:
        """Whether it is small enough."""
        return self.value <= self.at_most


@dataclass(frozen=True, slots=True)
class Sides:
    """A benchmark that is ready to run: both sides, what was counted, and facts for the reader."""

    ours: Side
    limit: Side
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark(Generic[World]):
    """One row of the table of goals. `set_up` makes the sides and clears up after them."""

    row: int
    name: str
    limit_name: str
    unit: str
    goal: Goal
    set_up: Callable[[World], AbstractContextManager[Sides]]


@dataclass(frozen=True, slots=True)
class Round:
    """Both sides measured once, one after the other, in units a second."""

    ours: float
    limit: float

    @property
    def ratio(self) -> float:
        """Our part of the limit."""
        return self.ours / self.limit


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark came to. `problem` says why it could not be measured, if it could not."""

    benchmark: Benchmark[Any]
    rounds: tuple[Round, ...] = ()
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def ratio(self) -> float | None:
        """The median of the ratios of the rounds (not the ratio of two medians: each round's two
        sides ran in the same seconds)."""
        return median(each.ratio for each in self.rounds) if self.rounds else None

    @property
    def ours(self) -> float | None:
        """Our median, in units a second."""
        return median(each.ours for each in self.rounds) if self.rounds else None

    @property
    def limit(self) -> float | None:
        """The limit's median, in units a second."""
        return median(each.limit for each in self.rounds) if self.rounds else None

    @property
    def is_met(self) -> bool:
        """Whether the ratio and everything that was counted are as they have to be."""
        if self.problem is not None or self.ratio is None:
            return False
        return self.benchmark.goal.is_met(self.ratio) and all(c.is_met for c in self.checks)

    @property
    def verdict(self) -> str:
        """In one word: met, missed, or failed when there is nothing to compare."""
        if self.problem is not None or self.ratio is None:
            return "failed"
        return "met" if self.is_met else "missed"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. `stopwatch` returns seconds since anything; no further round of a
    benchmark begins when its rounds would take more than `budget` seconds. Its set-up, which may
    write millions of rows, does not count."""

    rounds: int
    seconds: float
    stopwatch: Callable[[], float]
    budget: float
    # Told of each round as it is done, so that somebody who waits sees something.
    on_round: Callable[[Benchmark[Any], int, Round], None] = lambda benchmark, number, each: None


def select(benchmarks: tuple[Benchmark[Any], ...], rows: list[int]) -> list[Benchmark[Any]]:
    """The benchmarks of `rows`, all without any. Raises BenchError for a row that has none."""
    known = {benchmark.row: benchmark for benchmark in benchmarks}
    if len(known) != len(benchmarks):
        raise BenchError("two benchmarks have the same row")
    missing = [str(row) for row in rows if row not in known]
    if missing:
        there = ", ".join(str(row) for row in sorted(known))
        raise BenchError(f"no benchmark of row {', '.join(missing)}; there are: {there}")
    return [known[row] for row in sorted(set(rows) or known)]


def run(benchmark: Benchmark[World], world: World, plan: Plan) -> Result:
    """Set one benchmark up and measure it. What goes wrong is part of the result."""
    try:
        with benchmark.set_up(world) as sides:
            rounds = tuple(_measure(benchmark, sides, plan))
            return Result(benchmark, rounds, sides.checks, sides.facts)
    except BenchError as error:
        return Result(benchmark, problem=str(error))


def _measure(benchmark: Benchmark[Any], sides: Sides, plan: Plan) -> Iterator[Round]:
    """Our path and the limit alternately; every second round begins with the limit, so that a
    machine that gets slower or quicker does not favor one of them."""
    warm_up = min(WARM_UP_SECONDS, plan.seconds)
    sides.ours(warm_up)
    sides.limit(warm_up)
    began = plan.stopwatch()
    for number in range(1, plan.rounds + 1):
        if number % 2:
            ours, limit = sides.ours(plan.seconds), sides.limit(plan.seconds)
        else:
            limit, ours = sides.limit(plan.seconds), sides.ours(plan.seconds)
        if limit <= 0:
            raise BenchError("nothing was done at the limit")
        each = Round(ours, limit)
        plan.on_round(benchmark, number, each)
        yield each
        passed = plan.stopwatch() - began
        if passed + passed / number > plan.budget:
            return


def percent(ratio: float) -> str:
    """ "47 %"; a tenth is shown where it matters: "8.7 %"."""
    return f"{ratio * 100:.0f} %" if ratio >= 0.1 else f"{ratio * 100:.1f} %"
