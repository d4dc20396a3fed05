"""`rampart simulate`: what to expect of a rollout, before there is one."""

import json
from pathlib import Path
from typing import Any

import pytest

from rampart.cli import commands_rehearsal
from rampart.cli import simulate as simulation
from rampart.simulate.forecast import Expectation
from rampart.simulate.scenario import Scenario
from tests.builders import a_target_document
from tests.cli.paper import assert_golden, printed
from tests.cli.test_commands import one_line, ran

TRAFFIC = ("--rps", "50", "--runs", "4")


def expected(policy: str, **overrides: Any) -> Expectation:
    """Return what to expect of a policy."""
    values: dict[str, Any] = {
        "failed_requests": 120.4,
        "failed_requests_p95": 205.0,
        "rolled_back": 1.0,
        "rollback_minutes": 4.5,
        "false_rollbacks": 0.0,
        "promoted": 1.0,
        "promote_minutes": 9.5,
        "reason": "",
        "failed_by_minute": tuple(min(27.0 * minute, 120.0) for minute in range(60)),
    }
    return Expectation(policy=policy, **(values | overrides))


FOUND = [
    expected("Rampart guarded", reason="step 1: orders version 2 fails more than version 1"),
    expected(
        "CodeDeploy linear > 5%, 1/1",
        failed_requests=2_512.0,
        failed_requests_p95=4_969.0,
        rollback_minutes=3.2,
        failed_by_minute=tuple(min(800.0 * minute, 2_512.0) for minute in range(60)),
    ),
    expected(
        "CodeDeploy canary > 5%, 1/1",
        failed_requests=60_000.0,
        failed_requests_p95=90_000.0,
        rolled_back=0.0,
        rollback_minutes=None,
        failed_by_minute=tuple(600.0 * min(minute, 5) + 1_000.0 * max(0, minute - 5) for minute in range(60)),
    ),
]


def test_a_forecast_is_a_table_a_plot_and_a_reason() -> None:
    scenario = Scenario(requests_per_second=100, base_failure_rate=0.001, regression=1.0)
    page = printed(lambda console: simulation.print_expectations(console, FOUND, scenario), width=120)
    assert_golden("simulate", page)


def test_a_forecast_of_good_releases_speaks_of_no_failures() -> None:
    scenario = Scenario(requests_per_second=100, base_failure_rate=0.001)
    page = printed(lambda console: simulation.print_expectations(console, FOUND[1:], scenario), width=120)
    assert "2,512" not in page
    assert len(page.splitlines()) == 3


def test_a_strategy_is_simulated_beside_codedeploy() -> None:
    result = ran("simulate", "--strategy", "guarded", *TRAFFIC, "--regression", "50%")
    assert result.exit_code == 0, result.stderr
    policies = [line.split("  ")[0] for line in result.stdout.splitlines()[1:6]]
    assert policies == [
        "Rampart guarded",
        "CodeDeploy linear > 5%, 1/1",
        "CodeDeploy linear Errors Sum > 0, 1/1",
        "CodeDeploy canary > 5%, 1/1",
        "CodeDeploy canary Errors Sum > 0, 1/1",
    ]
    assert "One of the rollbacks: step 1: simulated version 2 fails more than version 1" in result.stdout


def test_a_document_is_simulated_as_json_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "target.json"
    path.write_text(json.dumps(a_target_document(strategy="guarded", name="orders")))
    first, again = (ran("simulate", str(path), *TRAFFIC, "--seed", "3", "-o", "json") for _ in range(2))
    assert first.exit_code == 0, first.stderr
    assert first.stdout == again.stdout
    told = json.loads(first.stdout)
    assert (told["rollouts"], told["seed"], told["scenario"]["requests_per_second"]) == (4, 3, 50)
    assert told["policies"][0]["policy"] == "Rampart guarded"
    other = ran("simulate", str(path), *TRAFFIC, "--seed", "3", "--strategy", "AllAtOnce", "-o", "json")
    assert json.loads(other.stdout)["policies"][0]["policy"] == "Rampart AllAtOnce"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--rps", "1"], "say what to simulate: a file with a target document, or --strategy NAME"),
        (["--strategy", "guarded"], "say how much traffic there is: either --rps or --rpm, and not both"),
        (
            ["--strategy", "guarded", "--rps", "1", "--rpm", "1"],
            "say how much traffic there is: either --rps or --rpm, and not both",
        ),
        (
            ["--strategy", "guarded", "--rps", "0"],
            "--rps: write a number above 0 and up to 100,000, not 0",
        ),
        (
            ["--strategy", "guarded", "--rpm", "nan"],
            "--rpm: write a number above 0 and up to 6,000,000, not nan",
        ),
        (
            ["--strategy", "guarded", "--rps", "1", "--base-rate", "0.1"],
            "--base-rate: write a percentage from 0% to 100%, such as \"0.5%\", not '0.1'",
        ),
        (
            ["--strategy", "guarded", "--rps", "1", "--regression", "101%"],
            "--regression: write a percentage from 0% to 100%, such as \"0.5%\", not '101%'",
        ),
        (
            ["--strategy", "Linear10PercentEvery300Minutes", "--rps", "1"],
            "the plan takes 2d 2h; 1d at most can be simulated",
        ),
        (["nowhere.json", "--rps", "1"], "nowhere.json: cannot be read: No such file or directory"),
    ],
    ids=["nothing", "no traffic", "twice", "none", "no number", "no percent", "above all", "too long", "no file"],
)
def test_what_the_operator_must_put_right_is_one_line(arguments: list[str], line: str) -> None:
    result = ran("simulate", *arguments)
    assert (result.exit_code, one_line(result)) == (2, f"rampart simulate: {line}")


def test_without_its_packages_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_rehearsal, "find_spec", lambda name: None)
    result = ran("simulate", "--strategy", "guarded", "--rps", "1")
    assert result.exit_code == 1
    assert one_line(result) == (
        "rampart simulate: it needs numpy and uniplot; pip install '.[simulate]' brings them"
    )
