"""`python -m tests.bench [row ...] [--rounds N] [--seconds S] [--budget S] [--scale F]`.

The exit code is 0 when everything was measured, whether a goal was met or missed: the table says
which. It is 1 when something could not be measured, or when we were interrupted.
"""

import argparse
import signal
import sys
import time

from rich.console import Console

from app.clock import SystemClock
from tests.bench.billing_page import BILLING_PAGE
from tests.bench.environment import ROOT, describe_environment
from tests.bench.framework import BenchError, Benchmark, Plan, Round, percent, run, select
from tests.bench.growth import GROWTH
from tests.bench.report import FILE_WIDTH, as_json, print_table, write_json
from tests.bench.search import SEARCH
from tests.bench.world import World, new_world
from tests.support.provision import MissingToolError

BENCHMARKS: tuple[Benchmark[World], ...] = (BILLING_PAGE, SEARCH, GROWTH)
RESULTS = ROOT / "bench-results"


def parse_options(arguments: list[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    rows = ", ".join(f"{each.row} ({each.name})" for each in BENCHMARKS)
    parser.add_argument("rows", nargs="*", type=int, metavar="row", help=f"of: {rows}")
    parser.add_argument("--rounds", type=int, default=7, help="rounds, both sides each (7)")
    parser.add_argument("--seconds", type=float, default=4, help="seconds for a side (4)")
    parser.add_argument(
        "--budget", type=float, default=110, help="seconds for the rounds of a row (110)"
    )
    parser.add_argument(
        "--scale", type=float, default=1, help="share of the amounts of data of rows 12, 13 (1)"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0 or options.scale <= 0:
        parser.error("at least one round of more than 0 seconds, with some data")
    return options


def main(arguments: list[str]) -> int:
    """Measure, print, store; returns the exit code."""
    options = parse_options(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH

    def say(benchmark: Benchmark[World], number: int, each: Round) -> None:
        rates = f"{each.ours:,.0f} of {each.limit:,.0f} {benchmark.unit}"
        console.print(f"row {benchmark.row}, round {number}: {percent(each.ratio)} ({rates})")

    plan = Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        stopwatch=time.monotonic,
        budget=options.budget,
        on_round=say,
    )
    try:
        chosen = select(BENCHMARKS, options.rows)
        with new_world(scale=options.scale) as world:
            environment = describe_environment(world.driver_address())
            results = [run(benchmark, world, plan) for benchmark in chosen]
    except (BenchError, MissingToolError) as error:
        console.print(str(error), markup=False)
        return 1
    print_table(results, console)
    document = as_json(results, plan=plan, environment=environment, made_at=SystemClock().now())
    stored = write_json(document, RESULTS)
    console.print(f"stored in {stored.relative_to(ROOT)}")
    return 1 if any(result.problem is not None for result in results) else 0


if __name__ == "__main__":
    # Whoever ends us by a signal gets the servers stopped as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing was stored")
