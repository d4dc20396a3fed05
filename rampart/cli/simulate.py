"""Simulate: what an operator says of the traffic, and what to expect of a rollout as a table and a plot."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from uniplot import plot_to_string

from controller.core.document import parse
from controller.core.duration import spell_span
from controller.core.errors import InputError
from controller.core.target import Target
from controller.core.wording import shown
from rampart.cli.target_file import document_in
from rampart.cli.wording import line, listing
from rampart.simulate import ours
from rampart.simulate.forecast import Expectation, forecast
from rampart.simulate.scenario import MAX_HORIZON_MINUTES, MAX_REQUESTS_PER_SECOND, Scenario

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_SELDOM_PER_SECOND = 0.5
_HORIZON_MINUTES, _SELDOM_HORIZON_MINUTES = 60, 180
_PLOT_HEIGHT = 14
_MOST_WIDE = 100
_PLOTTED = 3
_COLOURS = ["green", "red", "yellow"]


def target_of(path: Path | None, strategy: str | None) -> Target:
    """Return the target of a file, or any one, with another strategy if one is given; raises InputError."""
    if path is None and strategy is None:
        raise InputError("say what to simulate: a file with a target document, or --strategy NAME")
    if path is None:
        return ours.target_with(strategy or "", "--strategy")
    document = document_in(path)
    if isinstance(document, dict):
        document = {"name": "simulated"} | document | ({"strategy": strategy} if strategy else {})
    return parse(Target, document, str(path))


def scenario_of(
    target: Target, rps: float | None, rpm: float | None, base_rate: str, regression: str, onset_minutes: float
) -> Scenario:
    """Return the scenario that the options say, long enough for the target's plan; raises InputError."""
    if (rps is None) == (rpm is None):
        raise InputError("say how much traffic there is: either --rps or --rpm, and not both")
    option, written, seconds_each = ("--rps", rps, 1) if rps is not None else ("--rpm", rpm or 0.0, 60)
    per_second, most = written / seconds_each, MAX_REQUESTS_PER_SECOND * seconds_each
    if not 0 < written <= most:
        raise InputError(f"{option}: write a number above 0 and up to {most:,}, not {written:g}")
    seconds = ours.Policy(target).plan.total_seconds
    if seconds > MAX_HORIZON_MINUTES * 60:
        raise InputError(f"the plan takes {spell_span(seconds)}; 1d at most can be simulated")
    least = _SELDOM_HORIZON_MINUTES if per_second < _SELDOM_PER_SECOND else _HORIZON_MINUTES
    values = {
        "requests_per_second": per_second,
        "base_failure_rate": _share_of(base_rate, "--base-rate"),
        "regression": _share_of(regression, "--regression"),
        "onset_minutes": onset_minutes,
        "horizon_minutes": min(MAX_HORIZON_MINUTES, max(least, 2 * seconds // 60)),
    }
    return parse(Scenario, values, "the traffic")


def simulate(progress: Console, target: Target, scenario: Scenario, rollouts: int, seed: int) -> list[Expectation]:
    """Return what to expect of the target's rollouts, and of CodeDeploy's on the same traffic."""
    policy = ours.Policy(target)
    bar = Progress(
        TextColumn("rollouts"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress,
        disable=not progress.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task("rollouts", total=rollouts)
        return forecast(policy.play, scenario, rollouts, seed, lambda number: bar.advance(task, number))


def expectations_document(
    expectations: Sequence[Expectation], scenario: Scenario, rollouts: int, seed: int
) -> dict[str, Any]:
    """Return what to expect as JSON."""
    return {
        "rollouts": rollouts,
        "seed": seed,
        "scenario": scenario.model_dump(mode="json"),
        "policies": [asdict(each) for each in expectations],
    }


def print_expectations(console: Console, expectations: Sequence[Expectation], scenario: Scenario) -> None:
    """Print what to expect as a table, and what a bad release costs as a plot."""
    table = listing("", "failed requests", "95th", "rolled back", "after", "false rollback", "promoted after")
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for number, each in enumerate(expectations):
        table.add_row(*_row(each, scenario), style="bold" if number == 0 else "")
    console.print(table)
    if scenario.regression:
        console.print()
        console.print(_plot(console, expectations))
    said = expectations[0].reason
    if said:
        console.print()
        console.print(line(("One of the rollbacks: ", "dim"), said), soft_wrap=True)


def _row(expected: Expectation, scenario: Scenario) -> list[Text]:
    is_bad = scenario.regression > 0
    return [
        line(expected.policy),
        line(f"{expected.failed_requests:,.0f}" if is_bad else "–"),
        line(f"{expected.failed_requests_p95:,.0f}" if is_bad else "–"),
        line(_percent(expected.rolled_back) if is_bad else "–"),
        line(_minutes(expected.rollback_minutes) if is_bad else "–"),
        line(_percent(expected.false_rollbacks)),
        line(_minutes(expected.promote_minutes)),
    ]


def _plot(console: Console, expectations: Sequence[Expectation]) -> Text:
    """Return the failed requests by minute, ours beside CodeDeploy's two ramps with the ordinary alarm."""
    chosen = [expectations[0], *(each for each in expectations[1:] if "> 5%" in each.policy)][:_PLOTTED]
    minutes = _telling_minutes(chosen)
    ys = [np.array([0.0, *each.failed_by_minute[:minutes]]) for each in chosen]
    has_colour = console.is_terminal and console.color_system is not None
    text = plot_to_string(
        ys=ys,
        xs=[np.arange(minutes + 1)] * len(ys),
        title="failed requests after so many minutes, in the mean",
        lines=True,
        color=_COLOURS[: len(ys)] if has_colour else False,
        character_set="block" if has_colour else "ascii",
        legend_labels=[each.policy for each in chosen],
        width=min(console.width, _MOST_WIDE) - 12,
        height=_PLOT_HEIGHT,
        x_min=0,
        y_min=0,
    )
    return Text.from_ansi(text)


def _telling_minutes(expectations: Sequence[Expectation]) -> int:
    """Return after how many minutes nothing but what was promoted goes on failing."""
    last = len(expectations[0].failed_by_minute)
    settled = [each.rollback_minutes or 0.0 for each in expectations]
    return min(last, max(15, round(1.5 * max(settled))))


def _share_of(text: str, option: str) -> float:
    found = _PERCENT.fullmatch(text)
    if not found or float(found[1]) > 100:
        raise InputError(f'{option}: write a percentage from 0% to 100%, such as "0.5%", not {shown(text)}')
    return float(found[1]) / 100


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _minutes(minutes: float | None) -> str:
    return "never" if minutes is None else f"{minutes:.1f} min"
