"""The results as a table on the terminal and as JSON in bench-results/."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.framework import Plan, Result, percent

# Wide enough for one line a row when the output goes to a file.
FILE_WIDTH = 132


def print_table(results: Sequence[Result], console: Console) -> None:
    """One line for each benchmark: what it is held against, goal, median, met or missed."""
    table = Table(title="Our path against its limit", title_justify="left")
    for heading in ("row", "work", "limit"):
        table.add_column(heading)
    for heading in ("ours", "at the limit", "goal", "median", "range", "rounds"):
        table.add_column(heading, justify="right")
    for heading in ("counted", "verdict"):
        table.add_column(heading)
    for result in results:
        table.add_row(*cells(result))
    console.print(table)
    for result in results:
        if result.problem is not None:
            console.print(f"row {result.benchmark.row} failed: {result.problem}", markup=False)


def cells(result: Result) -> list[str]:
    """The line of one result, in the order of the headings."""
    benchmark = result.benchmark
    ratios = [each.ratio for each in result.rounds]
    return [
        str(benchmark.row),
        benchmark.name,
        benchmark.limit_name,
        _amount(result.ours, benchmark.unit),
        _amount(result.limit, benchmark.unit),
        str(benchmark.goal),
        percent(result.ratio) if result.ratio is not None else "-",
        f"{percent(min(ratios))} to {percent(max(ratios))}" if ratios else "-",
        str(len(result.rounds)),
        ", ".join(f"{c.value} {c.name} (≤ {c.at_most})" for c in result.checks) or "-",
        result.verdict,
    ]


def as_json(
    results: Sequence[Result], *, plan: Plan, environment: Mapping[str, Any], made_at: datetime
) -> dict[str, Any]:
    """Everything that was measured, so that runs can be compared later. Rates are units a second."""
    return {
        "made_at": made_at.isoformat(),
        "rounds_wanted": plan.rounds,
        "seconds_a_side": plan.seconds,
        "environment": dict(environment),
        "results": [_result(result) for result in results],
    }


def write_json(document: Mapping[str, Any], folder: Path) -> Path:
    """Store a run under its time and, as the last one, as latest.json. Returns the former."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    name = str(document["made_at"]).replace(":", "").replace("+0000", "Z")
    path = folder / f"{name}.json"
    for target in (path, folder / "latest.json"):
        target.write_text(text)
    return path


def _result(result: Result) -> dict[str, Any]:
    benchmark = result.benchmark
    return {
        "row": benchmark.row,
        "name": benchmark.name,
        "limit": benchmark.limit_name,
        "unit": benchmark.unit,
        "goal": {"ratio": benchmark.goal.ratio, "at_least": benchmark.goal.at_least},
        "verdict": result.verdict,
        "problem": result.problem,
        "median_ratio": result.ratio,
        "median_ours": result.ours,
        "median_limit": result.limit,
        "rounds": [
            {"ours": each.ours, "limit": each.limit, "ratio": each.ratio} for each in result.rounds
        ],
        "checks": [
            {"name": c.name, "value": c.value, "at_most": c.at_most, "met": c.is_met}
            for c in result.checks
        ],
        "facts": dict(result.facts),
    }


def _amount(value: float | None, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value is not None else "-"
