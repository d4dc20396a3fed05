"""Strategies: CodeDeploy's names keep CodeDeploy's times, and a plan always ends with a bake at full weight."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from controller.core.duration import parse_duration, scaled, spell_duration
from controller.core.plan import Plan, spell_plan
from controller.core.strategy import (
    DEFAULT_FINAL_BAKE_SECONDS,
    Steps,
    Strategy,
    plan_of,
)
from controller.core.weight import FULL_WEIGHT, parse_weight, spell_weight

PREFIXES = ("CodeDeployDefault.Lambda", "CodeDeployDefault.", "Lambda", "")

# (minute of the shift, percent), and the minute of success. CodeDeploy user guide, "Deployment configurations on
# an AWS Lambda compute platform": a canary shifts the rest after its interval, a linear shifts at the start of
# each interval. The final bake is ours: as long as the interval, and five minutes for all at once.
CODE_DEPLOY: dict[str, tuple[list[tuple[int, int]], int]] = {
    "AllAtOnce": ([(0, 100)], 5),
    "Canary10Percent5Minutes": ([(0, 10), (5, 100)], 10),
    "Canary10Percent10Minutes": ([(0, 10), (10, 100)], 20),
    "Canary10Percent15Minutes": ([(0, 10), (15, 100)], 30),
    "Canary10Percent30Minutes": ([(0, 10), (30, 100)], 60),
    "Linear10PercentEvery1Minute": ([(m, 10 * (m + 1)) for m in range(10)], 10),
    "Linear10PercentEvery2Minutes": ([(2 * m, 10 * (m + 1)) for m in range(10)], 20),
    "Linear10PercentEvery3Minutes": ([(3 * m, 10 * (m + 1)) for m in range(10)], 30),
    "Linear10PercentEvery10Minutes": (
        [
            (0, 10),
            (10, 20),
            (20, 30),
            (30, 40),
            (40, 50),
            (50, 60),
            (60, 70),
            (70, 80),
            (80, 90),
            (90, 100),
        ],
        100,
    ),
}


def shifts(plan: Plan, minute_seconds: float = 60) -> list[tuple[float, float]]:
    """Return (minute, percent) of every shift."""
    bakes = (step.bake_seconds / minute_seconds for step in plan.steps)
    starts = itertools.accumulate(bakes, initial=0.0)
    return [(start, step.weight / 100) for start, step in zip(starts, plan.steps, strict=False)]


def written(strategy: Any) -> str | Steps:
    """Return a strategy as it is read from a document."""
    value: str | Steps = TypeAdapter[Any](Strategy).validate_python(strategy)
    return value


def steps_of(*steps: tuple[str, str]) -> Steps:
    """Return explicit steps of (weight, bake)."""
    return Steps.model_validate({"steps": [{"weight": weight, "bake": bake} for weight, bake in steps]})


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix or "bare")
@pytest.mark.parametrize("name", CODE_DEPLOY)
def test_a_code_deploy_name_keeps_its_times(name: str, prefix: str) -> None:
    plan = plan_of(written(prefix + name), None, 60)
    expected, success = CODE_DEPLOY[name]
    assert shifts(plan) == expected
    assert plan.total_seconds == success * 60
    assert plan.strategy == prefix + name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Linear30PercentEvery1Minute", [(0, 30), (1, 60), (2, 90), (3, 100)]),
        ("Linear40PercentEvery2Minutes", [(0, 40), (2, 80), (4, 100)]),
        ("Linear50PercentEvery1Minutes", [(0, 50), (1, 100)]),
        ("Linear99PercentEvery1Minute", [(0, 99), (1, 100)]),
        ("Canary1Percent1Minute", [(0, 1), (1, 100)]),
        ("Canary99Percent9999Minutes", [(0, 99), (9999, 100)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_percentages_and_minutes_follow_the_same_rule(name: str, expected: list[tuple[int, int]]) -> None:
    assert shifts(plan_of(name, None, 60)) == expected


def test_explicit_steps_below_full_weight_get_a_last_step_of_five_minutes() -> None:
    plan = plan_of(steps_of(("0.5%", "90s"), ("33.33%", "1h")), None, 60)
    assert [(s.weight, s.bake_seconds) for s in plan.steps] == [(50, 90), (3333, 3600), (FULL_WEIGHT, 300)]
    assert plan.strategy == "Steps"
    assert plan.last_index == 2


def test_the_bake_of_an_explicit_step_at_full_weight_is_the_final_bake() -> None:
    plan = plan_of(steps_of(("10%", "1m"), ("100%", "30m")), None, 60)
    assert [(s.weight, s.bake_seconds) for s in plan.steps] == [(1_000, 60), (FULL_WEIGHT, 1800)]


@pytest.mark.parametrize(
    "strategy",
    [
        "AllAtOnce",
        "Canary10Percent5Minutes",
        "Linear10PercentEvery1Minute",
        steps_of(("10%", "1m"), ("100%", "9m")),
    ],
    ids=["all at once", "canary", "linear", "explicit"],
)
@pytest.mark.parametrize("final_bake", [0, 45, 7200])
def test_the_targets_final_bake_overrules_the_strategys(strategy: str | Steps, final_bake: int) -> None:
    plan, plain = plan_of(strategy, final_bake, 60), plan_of(strategy, None, 60)
    assert plan.steps[-1].bake_seconds == final_bake
    assert plan.steps[:-1] == plain.steps[:-1]


@pytest.mark.parametrize(
    ("minute_seconds", "bakes"),
    [(60, [300, 90, 1]), (1, [5, 2, 1]), (0.5, [3, 1, 1]), (6, [30, 9, 1]), (120, [600, 180, 2])],
    ids=["a minute", "a second", "half a second", "a tenth", "two minutes"],
)
def test_a_shorter_minute_shortens_every_bake_and_rounds_up(minute_seconds: float, bakes: list[int]) -> None:
    plan = plan_of(steps_of(("10%", "5m"), ("20%", "90s"), ("100%", "1s")), None, minute_seconds)
    assert [step.bake_seconds for step in plan.steps] == bakes


def test_a_plan_is_spelt_in_one_line() -> None:
    plan = plan_of(steps_of(("0.5%", "90s"), ("33.33%", "2h")), None, 60)
    assert spell_plan(plan) == "0.5% for 90s, 33.33% for 2h, 100% for 5m"


NAMES = st.builds(
    "{}{}".format,
    st.sampled_from(PREFIXES),
    st.one_of(
        st.just("AllAtOnce"),
        st.builds("Canary{}Percent{}Minutes".format, st.integers(1, 99), st.integers(1, 9999)),
        st.builds("Linear{}PercentEvery{}Minutes".format, st.integers(1, 99), st.integers(1, 9999)),
    ),
)
WEIGHTS = st.integers(1, FULL_WEIGHT)
BAKES = st.integers(0, 999_999)
EXPLICIT = st.dictionaries(WEIGHTS, BAKES, min_size=1, max_size=20).map(
    lambda steps: steps_of(*((spell_weight(w), spell_duration(steps[w])) for w in sorted(steps)))
)
STRATEGIES = st.one_of(NAMES, EXPLICIT)


@given(STRATEGIES, st.none() | BAKES, st.floats(0.01, 120))
def test_every_plan_ascends_to_full_weight_and_bakes_whole_seconds(
    strategy: str | Steps, final_bake: int | None, minute_seconds: float
) -> None:
    plan = plan_of(strategy, final_bake, minute_seconds)
    weights = [step.weight for step in plan.steps]
    assert all(before < here for before, here in itertools.pairwise([0, *weights]))
    assert weights[-1] == FULL_WEIGHT
    assert all(isinstance(step.bake_seconds, int) and step.bake_seconds >= 0 for step in plan.steps)
    assert plan.total_seconds == sum(step.bake_seconds for step in plan.steps)


@given(STRATEGIES, st.none() | BAKES, st.sampled_from([0.5, 1.0, 6.0, 60.0]))
def test_compressing_time_changes_nothing_but_the_length_of_a_minute(
    strategy: str | Steps, final_bake: int | None, minute_seconds: float
) -> None:
    real, compressed = plan_of(strategy, final_bake, 60), plan_of(strategy, final_bake, minute_seconds)
    assert [s.weight for s in compressed.steps] == [s.weight for s in real.steps]
    assert [s.bake_seconds for s in compressed.steps] == [
        scaled(s.bake_seconds, minute_seconds) for s in real.steps
    ]


@given(EXPLICIT)
def test_a_final_bake_that_nobody_named_is_five_minutes_or_that_of_the_step_at_full_weight(steps: Steps) -> None:
    last = steps.steps[-1]
    expected = last.bake if last.weight == FULL_WEIGHT else DEFAULT_FINAL_BAKE_SECONDS
    assert plan_of(steps, None, 60).steps[-1].bake_seconds == expected


@given(EXPLICIT)
def test_explicit_steps_survive_being_written_and_read_again(steps: Steps) -> None:
    assert written(steps.model_dump(mode="json")) == steps


@given(WEIGHTS)
def test_a_weight_survives_being_spelt_and_parsed(weight: int) -> None:
    assert parse_weight(spell_weight(weight)) == weight


@given(BAKES)
def test_a_duration_survives_being_spelt_and_parsed(seconds: int) -> None:
    assert parse_duration(spell_duration(seconds)) == seconds


@given(st.integers(0, 999_999), st.sampled_from("smhd"))
def test_every_duration_that_people_can_write_is_spelt_so_that_it_can_be_read(amount: int, unit: str) -> None:
    seconds = parse_duration(f"{amount}{unit}")
    assert parse_duration(spell_duration(seconds)) == seconds
