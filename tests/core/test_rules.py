"""Rules: the candidate's own numbers against a threshold, over a window whose metrics have settled."""

from typing import Any

import pytest

from controller.core.criteria import Rule, Then
from controller.core.measurement import Metric
from controller.core.outcome import Outcome
from controller.core.rules import RuleFinding, Watched, judge_rule, metrics_of, window

NOW = 1_000
WATCHED = Watched("orders", "live", "42", is_alone=False)
ALONE = Watched("orders", "live", "42", is_alone=True)
ALIAS = (("FunctionName", "orders"), ("Resource", "orders:live"))
SPLIT = (("ExecutedVersion", "42"), *ALIAS)
BASKETS = {
    "namespace": "Shop",
    "name": "Baskets",
    "dimensions": {"service": "orders"},
    "version_dimension": "version",
}


def a_rule(metric: Any = "error_rate", **fields: Any) -> Rule:
    """Return a rule, by default that no more than 5 % fail."""
    written = {"metric": metric} | (fields if {"above", "below"} & fields.keys() else {"above": "5%"} | fields)
    return Rule.model_validate(written)


def judged(
    rule: Rule, values: list[float | None], requests: list[float], *, needs_data: bool = True
) -> RuleFinding:
    """Return what a rule says of minutes with these values and requests; None is a minute without a value."""
    own, served = metrics_of(rule, WATCHED)
    measured = {
        own: {minute: value for minute, value in enumerate(values) if value is not None},
        served: dict(enumerate(requests)),
    }
    return judge_rule(rule, WATCHED, measured, range(len(values)), needs_data=needs_data)


# ---- Which numbers a rule reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "metric"),
    [
        (a_rule("error_rate"), Metric("AWS/Lambda", "Errors", SPLIT, "Sum")),
        (a_rule("throttles", above=0), Metric("AWS/Lambda", "Throttles", SPLIT, "Sum")),
        (a_rule("duration", above="2s"), Metric("AWS/Lambda", "Duration", SPLIT, "p99")),
        (
            a_rule("duration", above="2s", statistic="Maximum"),
            Metric("AWS/Lambda", "Duration", SPLIT, "Maximum"),
        ),
        (
            a_rule(BASKETS, below=2),
            Metric("Shop", "Baskets", (("service", "orders"), ("version", "42")), "Average"),
        ),
    ],
    ids=["error rate", "throttles", "duration", "longest", "own"],
)
def test_a_rule_reads_its_metric_of_the_candidate_and_its_requests(rule: Rule, metric: Metric) -> None:
    assert metrics_of(rule, WATCHED) == [metric, Metric("AWS/Lambda", "Invocations", SPLIT, "Sum")]


def test_of_a_candidate_that_has_all_of_the_traffic_the_aliass_numbers_are_read() -> None:
    assert [metric.dimensions for metric in metrics_of(a_rule(), ALONE)] == [ALIAS, ALIAS]
    own, _ = metrics_of(a_rule(BASKETS, below=2), ALONE)
    assert own.dimensions == (("service", "orders"), ("version", "42"))


@pytest.mark.parametrize(
    ("over", "since", "minutes"),
    [
        ("5m", 0, range(993, 998)),
        ("1m", 0, range(997, 998)),
        ("1h", 0, range(938, 998)),
        ("5m", 995, range(995, 998)),
        ("5m", 998, range(0)),
        ("5m", 1_000, range(0)),
    ],
    ids=["five minutes", "one", "an hour", "since the shift", "just shifted", "ahead"],
)
def test_a_window_ends_before_the_metrics_lag_and_begins_after_the_shift(
    over: str, since: int, minutes: range
) -> None:
    assert list(window(a_rule(over=over), since, NOW)) == list(minutes)


# ---- What it says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        (Then.ROLL_BACK, Outcome.FAIL),
        (Then.HOLD, Outcome.INCONCLUSIVE),
        (Then.OBSERVE, Outcome.PASS),
    ],
)
def test_a_broken_rule_does_what_it_says(then: Then, outcome: Outcome) -> None:
    finding = judged(a_rule(then=then), [4, 8], [100, 100])
    assert finding.outcome is outcome
    assert finding.reason == (
        "rule error_rate above 5% is broken: orders version 42 has 6% over 2 minutes, 200 requests"
    )
    assert finding.evidence == {"rule": "error_rate above 5%", "requests": 200, "minutes": 2, "value": 0.06}


def test_a_rule_that_is_met_passes() -> None:
    finding = judged(a_rule(), [4, 6], [100, 100])
    assert (finding.outcome, finding.reason) == (Outcome.PASS, "rule error_rate above 5% is met")
    assert finding.evidence["value"] == 0.05


THOUSANDS = [1_000.0, 1_000.0, 1_000.0]


@pytest.mark.parametrize(
    ("rule", "values", "is_broken", "shown"),
    [
        # Counts add up over the window.
        (a_rule("throttles", above=5), [2, 2, 2], True, "6"),
        (a_rule("throttles", above=5), [2, None, 3], False, ""),
        (a_rule({**BASKETS, "statistic": "Sum"}, below=100, over="3m"), [30, 30, 30], True, "90"),
        (a_rule({**BASKETS, "statistic": "SampleCount"}, below=90), [30, 30, 30], False, ""),
        # The highest of the highest is the highest.
        (a_rule("duration", above="2s", statistic="Maximum"), [100, 2_500, 100], True, "2,500 ms"),
        (a_rule("duration", below="10ms", statistic="Minimum"), [100, 5, 100], True, "5 ms"),
        # What does not add up breaks a rule when every minute of it does.
        (a_rule("duration", above="800ms"), [900, 850.25, 2_000], True, "850.25 ms"),
        (a_rule("duration", above="800ms"), [900, 750, 2_000], False, ""),
        (a_rule("duration", above="800ms", statistic="Average"), [900, None, 810], True, "810 ms"),
        (a_rule(BASKETS, below=2), [1.5, 1.9, 1.1], True, "1.9"),
        (a_rule(BASKETS, below=2), [1.5, 2.0, 1.1], False, ""),
        (a_rule(BASKETS, above=2.5), [3, 4, 2.6], True, "2.6"),
        # At the threshold it is met.
        (a_rule("throttles", above=6), [2, 2, 2], False, ""),
        (a_rule(BASKETS, below=2), [2, 2, 2], False, ""),
        (a_rule("error_rate", below="1%"), [0, 0, 0], True, "0%"),
    ],
)
def test_a_window_comes_to_one_value(rule: Rule, values: list[float | None], is_broken: bool, shown: str) -> None:
    finding = judged(rule, values, THOUSANDS)
    assert (finding.outcome is Outcome.FAIL) is is_broken
    assert f"has {shown} over 3 minutes, 3,000 requests" in finding.reason or not is_broken


def test_a_sum_is_too_low_only_when_the_window_is_full() -> None:
    rule = a_rule({**BASKETS, "statistic": "Sum"}, below=100, over="4m")
    assert judged(rule, [30, 30, 30], THOUSANDS).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("requests", "is_known"), [([4.0, 5.0], False), ([5.0, 5.0], True)])
def test_with_too_few_requests_a_rule_says_nothing(requests: list[float], is_known: bool) -> None:
    finding = judged(a_rule(), [4, 5], requests)
    assert (finding.outcome is Outcome.FAIL) is is_known
    if not is_known:
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert finding.reason == "rule error_rate above 5%: too few requests of orders version 42 to tell"


@pytest.mark.parametrize(
    ("then", "needs_data", "outcome"),
    [
        (Then.ROLL_BACK, True, Outcome.INCONCLUSIVE),
        (Then.HOLD, True, Outcome.INCONCLUSIVE),
        (Then.OBSERVE, True, Outcome.PASS),
        (Then.ROLL_BACK, False, Outcome.PASS),
    ],
)
def test_no_data_is_a_reason_to_hold_where_it_was_to_be_expected_and_the_rule_decides(
    then: Then, needs_data: bool, outcome: Outcome
) -> None:
    for rule in (a_rule(then=then), a_rule(BASKETS, below=2, then=then)):
        assert judged(rule, [None, None], [0, 0], needs_data=needs_data).outcome is outcome


def test_a_window_without_a_minute_says_nothing() -> None:
    assert judged(a_rule(), [], []).outcome is Outcome.INCONCLUSIVE


def test_what_is_throttled_is_no_request_and_breaks_a_rule_without_one() -> None:
    assert judged(a_rule("throttles", above=0), [3, 4], [0, 0]).outcome is Outcome.FAIL
    assert judged(a_rule("throttles", above=0), [0, 0], [0, 0]).outcome is Outcome.INCONCLUSIVE


def test_a_metric_of_ones_own_is_known_where_it_has_a_value_whatever_lambda_counts() -> None:
    assert judged(a_rule(BASKETS, below=2), [1, None], [0, 0]).outcome is Outcome.FAIL


def test_a_version_without_a_duration_breaks_no_rule_of_it() -> None:
    finding = judged(a_rule("duration", above="800ms"), [None], [100])
    assert (finding.outcome, finding.reason) == (
        Outcome.PASS,
        "rule duration above 800ms: orders version 42 has no such value",
    )


def test_errors_that_lambda_has_counted_none_of_are_none() -> None:
    assert judged(a_rule(), [None, None], [100, 100]).evidence["value"] == 0.0
