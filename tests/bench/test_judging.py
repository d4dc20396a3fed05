"""The measurements of the judging: each runs, reads anybody's cells, and ends with what it found."""

import json
import math
from pathlib import Path

import pytest

from bench import blast, exact, good, latency, low_traffic, replay, total_break
from bench.cells import DEVELOPMENT_SET, read_cells
from bench.judging import Given, Goal, Measure, Report, run
from controller.core.errors import InputError
from controller.core.evidence import Minute, log_evidence

CELLS = """
seed = 7
runs = 4
good_runs = 4
[defaults]
diurnal = 0.2
[[cells]]
requests_per_second = [20]
base_failure_rate = [0.001, 0.01]
regression = 1.0
[[cells]]
name = "seldom"
requests_per_second = 0.0166667
base_failure_rate = 0.001
regression = [0.0, 1.0]
horizon_minutes = 180
[[cells]]
requests_per_second = 20
base_failure_rate = 0.001
[[latency]]
name = "slower"
requests_per_second = 20
slower = 3.0
[[latency]]
name = "good"
requests_per_second = 20
"""


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Return a small file of cells."""
    path = tmp_path / "cells.toml"
    path.write_text(CELLS)
    return path


def a_measurement(path: Path, measure: Measure, *, is_quick: bool = True) -> Report:
    """Return what a bench measures of a file of cells."""
    found = read_cells(path)
    return measure(Given(found, found.seed, found.runs, found.good_runs, is_quick, workers=1))


def test_the_development_set_has_thirty_bad_cells_and_thirty_two_thousand_good_rollouts_to_count() -> None:
    found = read_cells(DEVELOPMENT_SET)
    bad = [c for c in found.cells if not c.is_good and c.traffic in ("medium", "high")]
    counted = [c for c in found.cells if c.is_good and c.traffic != "low" and c.scenario.cluster == 1]
    assert len(bad) == 30
    assert len(counted) * found.good_runs >= 32_000
    assert len({c.name for c in found.cells}) == len(found.cells)


@pytest.mark.parametrize(
    ("measure", "rows"),
    [
        (blast.measure, 2),
        (total_break.measure, 2),
        (good.measure, 1),
        (low_traffic.measure, 2),
        (latency.measure, 2),
        (exact.measure, 3),
        (replay.measure, 5),
    ],
    ids=["blast", "total_break", "good", "low_traffic", "latency", "exact", "replay"],
)
def test_every_bench_measures_the_cells_that_concern_it(cells: Path, measure: Measure, rows: int) -> None:
    report = a_measurement(cells, measure)
    assert len(report.rows) == rows
    assert {len(row) for row in report.rows} == {len(report.columns)}
    assert len(report.data) == rows
    assert report.goals
    assert all(math.isfinite(goal.measured) for goal in report.goals)


@pytest.mark.parametrize(
    "measure",
    [blast.measure, total_break.measure, good.measure, low_traffic.measure, latency.measure],
    ids=["blast", "total_break", "good", "low_traffic", "latency"],
)
def test_a_goal_of_which_no_cell_tells_is_missed(tmp_path: Path, measure: Measure) -> None:
    path = tmp_path / "cells.toml"
    path.write_text("seed = 1\nruns = 1\ngood_runs = 1\n")
    assert not a_measurement(path, measure).is_met


def test_the_same_seed_measures_the_same(cells: Path) -> None:
    first, again = (a_measurement(cells, blast.measure) for _ in range(2))
    assert first.data == again.data


def test_the_mean_evidence_is_a_mean() -> None:
    # Two requests each at a half: by hand, 1/2 of belief now, evidence r^x / (1 + (r-1)/2)^k for each ratio.
    assert exact.mean_of_one_minute(2, 2, 0.5, 1.0) == pytest.approx(1, abs=0.2)
    assert exact.mean_of_one_minute(2, 2, 0.5, 1.0) <= exact.MOST
    # A candidate that is worse than the tolerance allows must not stay below 1.
    worse = math.fsum(
        chance * other_chance * math.exp(log_evidence([Minute(20, failed, 20, other)]))
        for failed, chance in exact._outcomes(20, 0.4)
        for other, other_chance in exact._outcomes(20, 0.1)
    )
    assert worse > 2


def test_a_command_prints_its_goals_writes_json_and_ends_with_one_when_a_goal_is_missed(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missed(given: Given) -> Report:
        goals = [Goal(what="height", measured=2, at_most=1), Goal(what="depth", measured=2, at_least=1)]
        return Report(bench="bench.it", seed=given.seed, columns=["a"], rows=[["b"]], goals=goals)

    written = tmp_path / "report.json"
    arguments = ["--cells", str(cells), "--json", str(written), "--seed", "9", "--runs", "8", "--quick"]
    assert run("bench.it", "It.", [missed], arguments) == 1
    told = capsys.readouterr().out
    assert "goal: height: 2, at most 1: MISSED" in told
    assert "goal: depth: 2, at least 1: met" in told
    report = json.loads(written.read_text())
    assert (report["seed"], report["is_met"]) == (9, False)
    assert [goal["is_met"] for goal in report["goals"]] == [False, True]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "seed = 1\nruns = 1\ngood_runs = 1\n[[cells]]\nrequests_per_second = 1\n",
            "base_failure_rate: this field",
        ),
        ("runs = 1\ngood_runs = 1\n", "seed: this field is required"),
        ("seed = ", "is not TOML"),
        (
            CELLS + "[[cells]]\nrequests_per_second = 20\nbase_failure_rate = 0.001\n",
            "give one of them another name",
        ),
        (
            CELLS + "[[cells]]\nrequests_per_sec = 20\nbase_failure_rate = 0.001\n",
            "did you mean 'requests_per_second'",
        ),
    ],
    ids=["no rate", "no seed", "no TOML", "twice", "misspelt"],
)
def test_cells_that_cannot_be_read_are_one_line_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    path = tmp_path / "cells.toml"
    path.write_text(text)
    with pytest.raises(InputError):
        read_cells(path)
    assert run("bench.blast", "It.", [blast.measure], ["--cells", str(path)]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("bench.blast: ")
    assert line in told


def test_a_core_that_imported_more_than_the_standard_library_would_be_found_out() -> None:
    assert replay.third_party(replay.MODULES) == []
    assert "pydantic" in replay.third_party(["controller.core.deployment"])
