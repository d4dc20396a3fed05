"""Ramps: the exponential one grows by AppConfig's formula, the guarded one by what it is told from look to look."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.plan import Guard, Plan, spell_plan
from controller.core.ramp import Budget
from controller.core.strategy import is_guarded, plan_of
from controller.core.weight import FULL_WEIGHT
from tests.builders import a_guarded_plan
from tests.core.test_strategy import steps_of, written
from tests.core.test_strategy_refusals import refusal


def exponential(factor: str, duration: str, final_bake: int | None = None, minute_seconds: float = 60) -> Plan:
    """Return the plan of an exponential ramp."""
    return plan_of(written({"exponential": {"factor": factor, "duration": duration}}), final_bake, minute_seconds)


def told(plan: Plan) -> list[tuple[int, int]]:
    """Return basis points and seconds of every step."""
    return [(step.weight, step.bake_seconds) for step in plan.steps]


# AppConfig user guide, "Working with deployment strategies": G*(2^N); with a growth factor of 2, 2 %, 4 %, 8 %
# "and continues until the configuration has been deployed to all targets".
@pytest.mark.parametrize(
    ("factor", "percents"),
    [
        ("2%", [2, 4, 8, 16, 32, 64]),
        ("1%", [1, 2, 4, 8, 16, 32, 64]),
        ("10%", [10, 20, 40, 80]),
        ("0.5%", [0.5, 1, 2, 4, 8, 16, 32, 64]),
        ("30%", [30, 60]),
        ("50%", [50]),
        ("99%", [99]),
        ("100%", []),
    ],
)
def test_an_exponential_ramp_doubles_its_factor_until_it_is_all(factor: str, percents: list[float]) -> None:
    plan = exponential(factor, "1h")
    assert [weight / 100 for weight, _ in told(plan)] == [*percents, 100]
    assert plan.strategy == "Exponential"


def test_an_exponential_ramp_takes_its_duration_to_full_weight_and_then_bakes() -> None:
    assert told(exponential("20%", "9m")) == [(2_000, 180), (4_000, 180), (8_000, 180), (FULL_WEIGHT, 300)]
    assert told(exponential("20%", "9m", final_bake=60))[-1] == (FULL_WEIGHT, 60)
    assert told(exponential("20%", "9m", minute_seconds=6))[0] == (2_000, 18)
    assert told(exponential("100%", "9m")) == [(FULL_WEIGHT, 300)]


@given(st.integers(1, FULL_WEIGHT), st.integers(0, 86_400))
def test_no_exponential_ramp_takes_longer_than_it_says(factor: int, seconds: int) -> None:
    ramp = told(exponential(f"{factor / 100:.2f}%", f"{seconds}s"))[:-1]
    weights = [weight for weight, _ in ramp]
    assert weights == [factor * 2**n for n in range(len(weights))]
    assert 2 * (weights or [FULL_WEIGHT])[-1] >= FULL_WEIGHT
    assert sum(bake for _, bake in ramp) <= seconds < sum(bake + 1 for _, bake in ramp) or not ramp


@pytest.mark.parametrize("strategy", ["guarded", {"guarded": {}}], ids=["name", "object"])
def test_a_guarded_plan_starts_at_the_half_until_it_is_told_otherwise(strategy: Any) -> None:
    plan = plan_of(written(strategy), None, 60)
    assert told(plan) == [(5_000, 60), (FULL_WEIGHT, 300)]
    assert plan.strategy == "guarded"
    assert plan.guard == Guard(requests=None, seconds=1, finest=1, min_duration_seconds=540)
    assert told(plan.starting_at(50)) == [(50, 60), (FULL_WEIGHT, 300)]
    assert plan.starting_at(50).guard == plan.guard


@pytest.mark.parametrize(
    ("terms", "budget", "min_duration_seconds"),
    [
        ({"budget": 20}, Budget(20, 0, 1), 540),
        ({"budget": "5s"}, Budget(None, 5, 1), 540),
        ({"budget": "1m", "min_duration": "1h"}, Budget(None, 60, 1), 3_600),
        ({"smallest_weight": "1%"}, Budget(None, 1, 100), 540),
        ({"smallest_weight": "0.1%", "min_duration": "0s"}, Budget(None, 1, 10), 0),
    ],
    ids=str,
)
def test_what_bounds_a_guarded_plan_is_the_targets_to_say(
    terms: dict[str, Any], budget: Budget, min_duration_seconds: int
) -> None:
    guard = plan_of(written({"guarded": terms}), None, 60).guard
    assert guard
    assert (guard.budget, guard.min_duration_seconds) == (budget, min_duration_seconds)


def test_a_shorter_minute_shortens_a_guarded_plan_and_not_its_budget() -> None:
    plan = plan_of(written({"guarded": {"budget": "5s"}}), None, 6)
    assert told(plan) == [(5_000, 6), (FULL_WEIGHT, 30)]
    assert plan.guard == Guard(requests=None, seconds=5, finest=1, min_duration_seconds=54)


def test_a_guarded_plan_takes_the_least_duration_and_the_final_bake_at_least() -> None:
    assert a_guarded_plan(50).total_seconds == 540 + 300
    assert a_guarded_plan(*range(10, 210, 10)).total_seconds == 20 * 60 + 300


def test_a_guarded_plan_is_spelt_by_its_first_weight_and_what_it_goes_by() -> None:
    expected = "0.5% first, then what the evidence pays for, 9m at least, 100% for 5m"
    assert spell_plan(a_guarded_plan(50)) == expected
    assert spell_plan(a_guarded_plan(50, 200, 800)) == expected


def test_a_plan_that_grows_forgets_what_it_meant_to_do_next() -> None:
    grown = a_guarded_plan(50, 200).growing_to(1, 150, 60)
    assert told(grown) == [(50, 60), (150, 60), (FULL_WEIGHT, 300)]
    assert told(grown.growing_to(2, 5_000, 60)) == [(50, 60), (150, 60), (5_000, 120), (FULL_WEIGHT, 300)]
    assert grown.last_index == 2


@pytest.mark.parametrize(
    ("strategy", "guarded", "split"),
    [
        ("guarded", True, True),
        ({"guarded": {"budget": 5}}, True, True),
        ("Canary10Percent5Minutes", False, True),
        ("AllAtOnce", False, False),
        ({"steps": [{"weight": "100%", "bake": "5m"}]}, False, False),
        ({"exponential": {"factor": "10%", "duration": "5m"}}, False, True),
    ],
    ids=str,
)
def test_a_strategy_goes_by_the_evidence_or_leaves_something_to_compare(
    strategy: Any, guarded: bool, split: bool
) -> None:
    assert is_guarded(written(strategy)) is guarded
    assert plan_of(written(strategy), None, 60).is_split is split


@pytest.mark.parametrize(
    ("strategy", "final_bake", "seconds"),
    [
        ("Linear10PercentEvery1Minute", None, 180),
        ("Canary10Percent5Minutes", None, 300),
        ("Linear10PercentEvery1Minute", 30, 30),
        ("Linear10PercentEvery1Minute", 0, 0),
        ("AllAtOnce", None, 300),
        ("AllAtOnce", 30, 30),
    ],
)
def test_the_last_minutes_that_can_be_compared_are_waited_for_unless_the_target_says_otherwise(
    strategy: str, final_bake: int | None, seconds: int
) -> None:
    assert plan_of(strategy, final_bake, 60, 180).steps[-1].bake_seconds == seconds


def test_explicit_steps_wait_for_the_last_minutes_too() -> None:
    assert told(plan_of(steps_of(("50%", "1m"), ("100%", "1m")), None, 60, 180))[-1] == (FULL_WEIGHT, 180)
    assert told(plan_of(steps_of(("100%", "1m")), None, 60, 180))[-1] == (FULL_WEIGHT, 60)


BUDGET = 'write how many requests may fail, or the traffic of how long, such as "1s", not'
DURATION = 'write a duration such as "90s", "5m", "1h" or "7d", not'


@pytest.mark.parametrize(
    ("strategy", "line"),
    [
        ({"guarded": {"budget": 0}}, f"guarded.budget: {BUDGET} 0"),
        ({"guarded": {"budget": 1_000_001}}, f"guarded.budget: {BUDGET} 1000001"),
        ({"guarded": {"budget": 1.5}}, f"guarded.budget: {BUDGET} 1.5"),
        ({"guarded": {"budget": True}}, f"guarded.budget: {BUDGET} true"),
        ({"guarded": {"budget": None}}, f"guarded.budget: {BUDGET} null"),
        ({"guarded": {"budget": "a few"}}, f"guarded.budget: {DURATION} 'a few'"),
        ({"guarded": {"min_duration": "soon"}}, f"guarded.min_duration: {DURATION} 'soon'"),
        (
            {"guarded": {"smallest_weight": "0%"}},
            "guarded.smallest_weight: write a percentage above 0% and up to 100%, not '0%'",
        ),
        ({"guarded": {"budgets": 5}}, "guarded.budgets: unknown field; did you mean 'budget'?"),
        ({"guarded": 5}, "guarded: write an object, not 5"),
        ({"guard": {}}, "guard: unknown field; did you mean 'guarded'?"),
        ({"exponential": {"factor": "2%"}}, "exponential.duration: this field is required"),
        (
            {"exponential": {"factor": 2, "duration": "5m"}},
            'exponential.factor: write a percentage such as "10%" or "0.5%", not 2',
        ),
        ({"exponential": {"factor": "2%", "duration": 5}}, "exponential.duration: write a duration with its unit,"),
        (
            {"exponential": {"factor": "2%", "duration": "5m", "growth": 2}},
            "exponential.growth: unknown field; known fields: factor, duration",
        ),
        (
            {"exponentiel": {"factor": "2%", "duration": "5m"}},
            "exponentiel: unknown field; did you mean 'exponential'?",
        ),
    ],
    ids=lambda value: str(value)[-60:] if isinstance(value, dict) else "",
)
def test_a_fault_in_a_ramp_is_told_with_its_place(strategy: Any, line: str) -> None:
    assert refusal(strategy).startswith(f"execution input: strategy.{line}")
