"""Target documents checked on a laptop: what they come to, or what is wrong with them, in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rampart.cli.__main__ import app
from tests.builders import a_target_document


def validated(*paths: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["validate", *paths])


def written(folder: Path, name: str = "checkout.json", **fields: Any) -> str:
    """Write a target document and return its path."""
    path = folder / name
    path.write_text(json.dumps(a_target_document(**fields)))
    return str(path)


def test_a_good_document_is_told_as_what_it_comes_to(tmp_path: Path) -> None:
    rules = [{"metric": "error_rate", "above": "5%"}]
    path = written(tmp_path, alarms=["errors"], rules=rules, test_events=[{"name": "ping", "payload": {}}])
    told = validated(path)
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"{path}: can be used",
        "  moves     orders:live",
        "  plan      Canary10Percent5Minutes: 10% for 5m, 100% for 5m; 10m when all is well",
        "  judged by comparison with the baseline (errors); rule error_rate above 5% (roll_back); alarm errors; "
        "1 test event before any traffic",
    ]


def test_a_document_by_which_nothing_is_judged_says_so(tmp_path: Path) -> None:
    told = validated(written(tmp_path, strategy="AllAtOnce"))
    assert told.stdout.splitlines()[-1] == "  judged by nothing: time alone decides"


def test_where_a_guarded_ramp_starts_is_not_known_beforehand(tmp_path: Path) -> None:
    told = validated(written(tmp_path, strategy="guarded"))
    assert told.stdout.splitlines()[2] == (
        "  plan      guarded: starts by the traffic, then what the evidence pays for, 9m at least, 100% for 5m; "
        "14m when all is well"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"strategy": "Linear1"}, "strategy: there is no strategy 'Linear1'; try one of AllAtOnce, "),
        ({"alarm": ["errors"]}, "alarm: unknown field; did you mean 'alarms'?"),
        ({"strategy": "guarded", "comparison": False}, "comparison: the guarded strategy goes by it; "),
        ({"strategy": "Linear1PercentEvery9999Minutes"}, "strategy: the plan takes "),
    ],
    ids=["no strategy", "misspelt", "guarded by nothing", "too long"],
)
def test_a_bad_document_is_one_line_with_its_place(tmp_path: Path, fields: dict[str, Any], line: str) -> None:
    path = written(tmp_path, **fields)
    told = validated(path)
    assert (told.exit_code, told.stdout) == (2, "")
    (said,) = told.stderr.splitlines()
    assert said.startswith(f"rampart validate: {path}: {line}")


def test_each_of_several_documents_is_told_and_one_fault_is_enough(tmp_path: Path) -> None:
    good, bad = written(tmp_path), written(tmp_path, "bad.json", strategy="x")
    told = validated(bad, str(tmp_path / "none.json"), good)
    assert told.exit_code == 2
    assert told.stdout.startswith(f"{good}: can be used")
    assert len(told.stderr.splitlines()) == 2
    assert told.stderr.splitlines()[1].endswith("none.json: cannot be read: No such file or directory")


def test_times_in_which_nothing_goes_forward_are_told(tmp_path: Path) -> None:
    window = {"cron": "0 16 * * FRI", "lasts": "64h", "time_zone": "Europe/Berlin"}
    told = validated(written(tmp_path, freeze=[window])).stdout
    assert told.endswith("  frozen    0 16 * * FRI for 2d 16h (Europe/Berlin)\n")
