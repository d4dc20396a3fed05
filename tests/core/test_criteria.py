"""Criteria: what a target may ask of its candidate, and the line that tells what is wrong with it."""

import json
import math
from typing import Any

import pytest

from controller.core.comparison import Bar
from controller.core.criteria import ComparisonTerms, Rule, Then
from controller.core.errors import InputError
from controller.core.target import Target, parse_target
from tests.builders import a_target, a_target_document
from tests.core.test_target import ABSENT, refusal

BY_VERSION = {"namespace": "Shop", "version_dimension": "version"}
COUNTS = {"name": "orders", "requests": "Orders", "failures": "Failed", **BY_VERSION}
BASKETS = {"name": "Baskets", **BY_VERSION}
TWO = [{"function": "orders"}, {"function": "payments"}]
PERCENTAGE = 'write a percentage such as "10%" or "0.5%", not'
STATISTIC = 'write Sum, Average, Minimum, Maximum, SampleCount or such as "p99", not'
UNKEPT = "write a number that is 0, or from 1E-18 to 1E18 on either side of it, not"
LAMBDAS = "write error_rate, duration, throttles, or an object that names a metric of your own, not"


def without(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the fields that are left out."""
    return {name: value for name, value in fields.items() if value is not ABSENT}


def refused_comparison(**terms: Any) -> str:
    """Return what a person reads about a comparison with these terms."""
    return refusal(comparison=terms)


def refused_metric(**fields: Any) -> str:
    """Return what a person reads about a pair of counts that differs from a good one in this."""
    return refusal(comparison={"metrics": [without(COUNTS | fields)]})


def refused_rule(**fields: Any) -> str:
    """Return what a person reads about a rule that differs from a good one in this."""
    return refusal(rules=[without({"metric": "error_rate", "above": "5%"} | fields)])


# ---- The comparison ---------------------------------------------------------------------------------------


def test_versions_are_compared_unless_the_target_says_otherwise() -> None:
    assert a_target().comparison == ComparisonTerms()
    assert a_target(comparison={}).comparison == ComparisonTerms()
    assert a_target(comparison=False).comparison is None


def test_what_nobody_wrote_is_one_percent_ten_requests_three_failures_and_a_tenth_of_a_percent() -> None:
    assert ComparisonTerms().bar == Bar(risk=0.01, min_requests=10, min_failures=3, min_difference=0.001)


def test_slow_requests_are_held_for_at_a_lower_risk_and_beyond_a_tolerance() -> None:
    assert ComparisonTerms().slower is Then.HOLD
    assert ComparisonTerms().slower_bar == Bar(0.005, 1, 3, 0.001, 1.25, math.inf)
    rarely = ComparisonTerms.model_validate({"false_rollbacks": "0.1%", "min_failures": 7, "min_difference": "1%"})
    assert rarely.slower_bar == Bar(0.001, 1, 7, 0.01, 1.25, math.inf)


@pytest.mark.parametrize(
    ("terms", "line"),
    [
        ({"false_rollbacks": 1}, f"comparison.false_rollbacks: {PERCENTAGE} 1"),
        (
            {"false_rollbacks": "0%"},
            "comparison.false_rollbacks: write a percentage above 0% and up to 100%, not '0%'",
        ),
        ({"min_difference": "a little"}, f"comparison.min_difference: {PERCENTAGE} 'a little'"),
        (
            {"min_requests": 0},
            "comparison.min_requests: input should be greater than or equal to 1, not 0",
        ),
        ({"min_requests": True}, "comparison.min_requests: input should be a valid integer, not true"),
        ({"min_failures": "3"}, "comparison.min_failures: input should be a valid integer, not '3'"),
        (
            {"min_requests": 100_001},
            "comparison.min_requests: input should be less than or equal to 100000, not 100001",
        ),
        (
            {"min_failures": 1_001},
            "comparison.min_failures: input should be less than or equal to 1000, not 1001",
        ),
        ({"min_failure": 3}, "comparison.min_failure: unknown field; did you mean 'min_failures'?"),
        (
            {"alpha": 0.01},
            "comparison.alpha: unknown field; known fields: false_rollbacks, min_requests, min_failures, "
            "min_difference, metrics, slower",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_fault_in_a_comparison_is_told_with_its_place(terms: dict[str, Any], line: str) -> None:
    assert refused_comparison(**terms) == line


@pytest.mark.parametrize(
    ("written", "shown"), [(True, "true"), ("off", "'off'"), (0, "0"), ([], "a list")], ids=str
)
def test_a_comparison_is_an_object_or_false(written: Any, shown: str) -> None:
    line = f'comparison: write false, or an object such as {{"min_requests": 10}}, not {shown}'
    assert refusal(comparison=written) == line


@pytest.mark.parametrize("slower", ["ignore", "hold", "roll_back", "observe"])
def test_slow_requests_may_be_answered_in_four_ways(slower: str) -> None:
    target = a_target(comparison={"slower": slower})
    assert target.comparison is not None
    assert target.comparison.slower == slower


@pytest.mark.parametrize(("slower", "shown"), [("warn", "'warn'"), (None, "null"), ([], "a list"), (1, "1")])
def test_another_answer_to_slow_requests_is_refused_in_one_line(slower: Any, shown: str) -> None:
    line = f"comparison.slower: write roll_back, hold, observe or ignore, not {shown}"
    assert refused_comparison(slower=slower) == line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"name": ABSENT}, "name: this field is required"),
        ({"namespace": ABSENT}, "namespace: this field is required"),
        ({"version_dimension": ABSENT}, "version_dimension: this field is required"),
        ({"requests": ""}, "requests: write at least 1 character, not ''"),
        ({"failures": 5}, 'failures: write "5", in quotes, not 5'),
        ({"name": "n" * 256}, f"name: write at most 255 characters, not '{'n' * 59}…'"),
        ({"dimensions": {"service": 5}}, 'dimensions.service: write "5", in quotes, not 5'),
        ({"dimensions": ["service"]}, "dimensions: write an object, not a list"),
        ({"dimensions": {f"d{n}": "x" for n in range(30)}}, "dimensions: write at most 29, not 30"),
        ({"errors": "E"}, "errors: unknown field"),
        ({"function": "payments"}, "function: 'payments' is no member of this target"),
    ],
    ids=lambda value: str(value)[-60:] if isinstance(value, dict) else "",
)
def test_a_fault_in_a_pair_of_counts_is_told_with_its_place(fields: dict[str, Any], line: str) -> None:
    assert refused_metric(**fields).startswith(f"comparison.metrics[0].{line}")


def test_a_pair_of_counts_is_named_once() -> None:
    again = refused_comparison(metrics=[COUNTS, COUNTS | {"namespace": "Other"}])
    assert again == "comparison.metrics[1].name: 'orders' is named already; name it once"


def test_ten_pairs_of_counts_are_the_most() -> None:
    pairs = [COUNTS | {"name": f"n{number}"} for number in range(11)]
    assert refused_comparison(metrics=pairs) == "comparison.metrics: write at most 10, not 11"


def test_with_several_members_each_metric_says_whose_versions_it_tells_apart() -> None:
    line = "function: say which member's versions these are: orders, payments"
    assert refusal(members=TWO, comparison={"metrics": [COUNTS]}) == f"comparison.metrics[0].{line}"
    assert refusal(members=TWO, rules=[{"metric": BASKETS, "below": 2}]) == f"rules[0].metric.{line}"
    own = COUNTS | {"function": "payments"}
    assert a_target(members=TWO, comparison={"metrics": [own]}, rules=[{"metric": "error_rate", "above": "5%"}])


def test_the_guarded_strategy_goes_by_the_comparison() -> None:
    line = "comparison: the guarded strategy goes by it; leave it on, or write another strategy"
    forms: list[Any] = ["guarded", {"guarded": {}}]
    for guarded in forms:
        assert refusal(strategy=guarded, comparison=False) == line
        assert a_target(strategy=guarded).comparison is not None


# ---- Rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"metric": ABSENT}, ".metric: this field is required"),
        ({"metric": "latency"}, f".metric: {LAMBDAS} 'latency'"),
        ({"metric": {**BASKETS, "statistic": "p200"}, "above": 5}, f".metric.statistic: {STATISTIC} 'p200'"),
        ({"metric": {**BASKETS, "stat": "p99"}, "above": 5}, ".metric.stat: unknown field; did you mean"),
        (
            {"metric": {"name": "B", "namespace": "S"}, "above": 5},
            ".metric.version_dimension: this field is required",
        ),
        ({"metric": {**BASKETS, "function": "cart"}, "above": 5}, ".metric.function: 'cart' is no member"),
        ({"above": ABSENT}, ": say either above or below, and not both"),
        ({"below": "1%"}, ": say either above or below, and not both"),
        ({"above": 5}, f".above: {PERCENTAGE} 5"),
        ({"above": "5"}, f".above: {PERCENTAGE} '5'"),
        ({"above": ABSENT, "below": "0%"}, ".below: write a percentage above 0% and up to 100%, not '0%'"),
        ({"above": True}, '.above: write a number, a percentage such as "5%" or a time such as "800ms", not true'),
        ({"above": [5]}, '.above: write a number, a percentage such as "5%" or a time such as "800ms", not a list'),
        ({"metric": "duration", "above": 800}, '.above: write a time such as "800ms" or "2s", not 800'),
        ({"metric": "duration", "above": "2m"}, '.above: write a time such as "800ms" or "2s", not \'2m\''),
        ({"metric": "duration", "above": "2s", "statistic": "95"}, f".statistic: {STATISTIC} '95'"),
        ({"metric": "throttles", "above": "5%"}, ".above: write a number, not '5%'"),
        ({"metric": BASKETS, "above": "2s"}, ".above: write a number, not '2s'"),
        ({"over": "30s"}, ".over: write whole minutes from 1m to 1h, not 30s"),
        ({"over": "90s"}, ".over: write whole minutes from 1m to 1h, not 90s"),
        ({"over": "2h"}, ".over: write whole minutes from 1m to 1h, not 2h"),
        ({"min_requests": 0}, ".min_requests: input should be greater than or equal to 1, not 0"),
        ({"then": "page"}, ".then: input should be 'roll_back', 'hold' or 'observe', not 'page'"),
        *(
            ({"metric": BASKETS, "above": number}, f".above: {UNKEPT} {told}")
            for number, told in ((math.nan, "nan"), (math.inf, "inf"), (1e300, "1e+300"), (-1e-200, "-1e-200"))
        ),
        ({"metric": BASKETS, "above": ABSENT, "below": 10**40}, f".below: {UNKEPT} 1{'0' * 40}"),
        ({"window": "5m"}, ".window: unknown field; known fields: metric, above, below"),
    ],
    ids=lambda value: str(value)[-60:] if isinstance(value, dict) else "",
)
def test_a_fault_in_a_rule_is_told_with_its_place(fields: dict[str, Any], line: str) -> None:
    told = refused_rule(**fields)
    assert told.startswith(f"rules[0]{line}")
    assert told.isprintable()
    assert "(and " not in told


def test_twenty_rules_are_the_most() -> None:
    rules = [{"metric": "error_rate", "above": f"{n}%"} for n in range(1, 22)]
    assert refusal(rules=rules) == "rules: write at most 20, not 21"


@pytest.mark.parametrize(
    ("fields", "limit", "words"),
    [
        ({"metric": "error_rate", "above": "2.5%"}, 0.025, "error_rate above 2.5%"),
        ({"metric": "duration", "above": "800ms"}, 800, "duration above 800ms"),
        ({"metric": "duration", "below": "2s"}, 2_000, "duration below 2s"),
        ({"metric": "throttles", "above": 0}, 0, "throttles above 0"),
        ({"metric": BASKETS, "below": 1.5}, 1.5, "Baskets below 1.5"),
    ],
    ids=lambda value: str(value)[-60:] if isinstance(value, dict) else "",
)
def test_a_threshold_is_a_number_in_the_metrics_own_unit(fields: dict[str, Any], limit: float, words: str) -> None:
    rule = Rule.model_validate(fields)
    assert rule.limit == pytest.approx(limit)
    assert str(rule) == words
    is_above = "above" in fields
    assert (rule.is_broken_by(limit + 1), rule.is_broken_by(limit - 1)) == (is_above, not is_above)
    assert not rule.is_broken_by(rule.limit)


@pytest.mark.parametrize(
    "statistic", ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p99.9", "p100"]
)
def test_the_statistics_of_cloudwatch_are_known(statistic: str) -> None:
    rule = Rule.model_validate({"metric": "duration", "above": "2s", "statistic": statistic})
    assert rule.statistic == statistic


# ---- Both ---------------------------------------------------------------------------------------------------


def test_a_target_survives_being_written_and_read_again() -> None:
    target = a_target(
        strategy={"guarded": {"budget": "5s", "min_duration": "12m", "smallest_weight": "1%"}},
        comparison={
            "false_rollbacks": "0.1%",
            "min_difference": "0.25%",
            "metrics": [COUNTS | {"dimensions": {"service": "orders"}}],
            "slower": "roll_back",
        },
        rules=[
            {"metric": "error_rate", "above": "2.5%", "over": "15m", "then": "hold"},
            {"metric": BASKETS, "below": 1.5},
        ],
        when_unclear="promote",
    )
    assert Target.model_validate(target.model_dump(mode="json")) == target
    assert target.model_dump(mode="json")["comparison"]["false_rollbacks"] == "0.1%"
    off = a_target(comparison=False)
    assert Target.model_validate(off.model_dump(mode="json")) == off


TWO_FAULTS = {"min_requests": 0, "min_failures": 0}


def test_several_faults_are_told_as_one_and_how_many_more() -> None:
    with pytest.raises(InputError, match=r"comparison\.min_requests: .* \(and 1 more\)$"):
        parse_target("orders", json.dumps(a_target_document(comparison=TWO_FAULTS)), "target")
