"""Strategies that cannot be used: each is refused in one line that says where and what to write instead."""

from typing import Any

import pytest

from controller.core.document import parse
from controller.core.duration import parse_duration
from controller.core.errors import InputError
from controller.core.request import Request
from controller.core.strategy import plan_of
from controller.core.weight import parse_weight

A_GOOD_STEP = {"weight": "50%", "bake": "1m"}
NOT_A_FORM = (
    'execution input: strategy: write a strategy\'s name, such as "Linear10PercentEvery1Minute", '
    'or {"steps": [...]}, not '
)


def refusal(strategy: Any) -> str:
    """Return what a person reads who wrote a strategy that cannot be used."""
    with pytest.raises(InputError) as refused:
        parse(Request, {"target": "orders", "version": "3", "strategy": strategy}, "execution input")
    return str(refused.value)


@pytest.mark.parametrize(
    ("strategy", "line"),
    [
        (
            "Liner10PercentEvery1Minute",
            "there is no strategy 'Liner10PercentEvery1Minute'; did you mean 'Linear10PercentEvery1Minute'?",
        ),
        (
            "Canary10Percent5Minuets",
            "there is no strategy 'Canary10Percent5Minuets'; did you mean 'Canary10Percent5Minutes'?",
        ),
        ("Guarded", "there is no strategy 'Guarded'; did you mean 'guarded'?"),
        ("allatonce", "there is no strategy 'allatonce'; did you mean 'AllAtOnce'?"),
        (
            "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
            "there is no strategy 'CodeDeployDefault.ECSLinear10PercentEvery1Minutes'; "
            "did you mean 'Linear10PercentEvery1Minutes'?",
        ),
        (
            "Linear10PercentEvery1Minute\n",
            "there is no strategy 'Linear10PercentEvery1Minute\\n'; did you mean 'Linear10PercentEvery1Minute'?",
        ),
        (
            "Linear10PercentEvery1Minute🚀",
            "there is no strategy 'Linear10PercentEvery1Minute🚀'; did you mean 'Linear10PercentEvery1Minute'?",
        ),
        (
            "fast",
            "there is no strategy 'fast'; "
            "try one of AllAtOnce, Canary10Percent5Minutes, Linear10PercentEvery1Minute",
        ),
        (
            "",
            "there is no strategy ''; try one of AllAtOnce, Canary10Percent5Minutes, Linear10PercentEvery1Minute",
        ),
        (
            "Canary0Percent5Minutes",
            "'Canary0Percent5Minutes': a step shifts 1 to 99 percent and takes 1 to 9999 minutes",
        ),
        (
            "Canary100Percent5Minutes",
            "'Canary100Percent5Minutes': a step shifts 1 to 99 percent and takes 1 to 9999 minutes",
        ),
        (
            "Linear999PercentEvery1Minute",
            "'Linear999PercentEvery1Minute': a step shifts 1 to 99 percent and takes 1 to 9999 minutes",
        ),
        (
            "Linear10PercentEvery0Minutes",
            "'Linear10PercentEvery0Minutes': a step shifts 1 to 99 percent and takes 1 to 9999 minutes",
        ),
        (
            "Canary10Percent99999Minutes",
            "'Canary10Percent99999Minutes': a step shifts 1 to 99 percent and takes 1 to 9999 minutes",
        ),
    ],
    ids=lambda value: ascii(value) if len(value) < 60 and " " not in value else "",
)
def test_a_name_that_is_no_strategy_is_refused_with_what_to_write(strategy: str, line: str) -> None:
    assert refusal(strategy) == f"execution input: strategy: {line}"
    with pytest.raises(ValueError, match=r"no strategy|1 to 99 percent") as refused:
        plan_of(strategy, None, 60)
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("strategy", "line"),
    [
        (5, NOT_A_FORM + "5"),
        ([], NOT_A_FORM + "a list"),
        (["10%"], NOT_A_FORM + "a list"),
        (0.5, NOT_A_FORM + "0.5"),
        ({}, "execution input: strategy.steps: this field is required"),
        ({"steps": "10%"}, "execution input: strategy.steps: write a list, not '10%'"),
        ({"steps": []}, "execution input: strategy.steps: write at least 1, not 0"),
        (
            {"steps": [{"weight": f"{n / 100}%", "bake": "1m"} for n in range(1, 202)]},
            "execution input: strategy.steps: write at most 200, not 201",
        ),
    ],
    ids=["number", "list", "list of weights", "float", "no steps", "text", "empty", "201 steps"],
)
def test_another_form_than_a_name_or_steps_is_refused(strategy: Any, line: str) -> None:
    assert refusal(strategy) == line


@pytest.mark.parametrize(
    ("weight", "line"),
    [
        (10, 'write a percentage such as "10%" or "0.5%", not 10'),
        (0.1, 'write a percentage such as "10%" or "0.5%", not 0.1'),
        ("10", 'write a percentage such as "10%" or "0.5%", not \'10\''),
        ("10.123%", 'write a percentage such as "10%" or "0.5%", not \'10.123%\''),
        ("-10%", 'write a percentage such as "10%" or "0.5%", not \'-10%\''),
        ("1000%", 'write a percentage such as "10%" or "0.5%", not \'1000%\''),
        ("1e1%", 'write a percentage such as "10%" or "0.5%", not \'1e1%\''),
        ("10%\n", 'write a percentage such as "10%" or "0.5%", not \'10%\\n\''),
        ("٪10", 'write a percentage such as "10%" or "0.5%", not \'٪10\''),
        ("0%", "write a percentage above 0% and up to 100%, not '0%'"),
        ("0.00%", "write a percentage above 0% and up to 100%, not '0.00%'"),
        ("100.01%", "write a percentage above 0% and up to 100%, not '100.01%'"),
        ("999%", "write a percentage above 0% and up to 100%, not '999%'"),
        ([], 'write a percentage such as "10%" or "0.5%", not a list'),
    ],
    ids=lambda value: "" if str(value).startswith("write") else ascii(value),
)
def test_a_weight_that_is_no_percentage_is_refused(weight: Any, line: str) -> None:
    with pytest.raises(ValueError, match="write a percentage") as refused:
        parse_weight(weight)
    assert str(refused.value) == line
    steps = [{"weight": weight, "bake": "1m"}, A_GOOD_STEP]
    assert refusal({"steps": steps}) == f"execution input: strategy.steps[0].weight: {line}"


@pytest.mark.parametrize(
    ("bake", "line"),
    [
        (5, 'write a duration with its unit, such as "5s" or "5m", not 5'),
        (-1, 'write a duration such as "90s", "5m", "1h" or "7d", not -1'),
        (1.5, 'write a duration such as "90s", "5m", "1h" or "7d", not 1.5'),
        ("5", 'write a duration such as "90s", "5m", "1h" or "7d", not \'5\''),
        ("", 'write a duration such as "90s", "5m", "1h" or "7d", not \'\''),
        ("5 m", 'write a duration such as "90s", "5m", "1h" or "7d", not \'5 m\''),
        ("5M", 'write a duration such as "90s", "5m", "1h" or "7d", not \'5M\''),
        ("1h30m", 'write a duration such as "90s", "5m", "1h" or "7d", not \'1h30m\''),
        ("-5m", 'write a duration such as "90s", "5m", "1h" or "7d", not \'-5m\''),
        ("PT5M", 'write a duration such as "90s", "5m", "1h" or "7d", not \'PT5M\''),
        ("5m\n", 'write a duration such as "90s", "5m", "1h" or "7d", not \'5m\\n\''),
        ("1000000s", 'write a duration such as "90s", "5m", "1h" or "7d", not \'1000000s\''),
        ("⏰", 'write a duration such as "90s", "5m", "1h" or "7d", not \'⏰\''),
    ],
    ids=lambda value: "" if str(value).startswith("write") else ascii(value),
)
def test_a_bake_that_is_no_duration_is_refused(bake: Any, line: str) -> None:
    with pytest.raises(ValueError, match="write a duration") as refused:
        parse_duration(bake)
    assert str(refused.value) == line
    steps = [{"weight": "10%", "bake": bake}, A_GOOD_STEP]
    assert refusal({"steps": steps}) == f"execution input: strategy.steps[0].bake: {line}"


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        (["10%", "10%"], "strategy.steps[1].weight: 10% does not ascend from 10%"),
        (["10%", "50%", "49.99%"], "strategy.steps[2].weight: 49.99% does not ascend from 50%"),
        (["100%", "100%"], "strategy.steps[1].weight: 100% does not ascend from 100%"),
    ],
    ids=["equal", "descending", "twice full"],
)
def test_weights_that_do_not_ascend_are_refused(weights: list[str], line: str) -> None:
    steps = [{"weight": weight, "bake": "1m"} for weight in weights]
    assert refusal({"steps": steps}) == (
        f"execution input: {line}; each step needs more weight than the one before it"
    )


@pytest.mark.parametrize(
    "strategy",
    [
        "Linear٣PercentEvery1Minute",
        {"steps": [{"weight": "١٠%", "bake": "1m"}]},
        {"steps": [{"weight": "10%", "bake": "٥m"}]},
    ],
    ids=["name", "weight", "bake"],
)
def test_only_plain_digits_are_numbers(strategy: Any) -> None:
    assert refusal(strategy).startswith("execution input: strategy")
