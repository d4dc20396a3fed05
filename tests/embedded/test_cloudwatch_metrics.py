"""CloudWatch metrics: what is put comes back in buckets of the clock's minutes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.metrics import Bucket, MetricStore
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.wire import ApiError, Call

START = 1_800_000_000.0


def model(clock: VirtualClock, lag_seconds: float = 0.0) -> CloudWatchModel:
    ids = itertools.count()
    return CloudWatchModel(clock, lambda event: None, lambda: f"id-{next(ids)}", lag_seconds)


def ask(cloudwatch: CloudWatchModel, operation: str, **params: Any) -> dict[str, Any]:
    return cloudwatch.handle(Call("cloudwatch", operation, "AKIAOPERATOR", params))


def errors(value: float, time: float, version: str = "7") -> Datum:
    return Datum.of("AWS/Lambda", "Errors", {"ExecutedVersion": version}, value, "Count", time)


def query(stat: str = "Sum", period: int = 60, version: str = "7", **more: Any) -> dict[str, Any]:
    dimensions = [{"Name": "ExecutedVersion", "Value": version}]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions}
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} | more


def read(cloudwatch: CloudWatchModel, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    span = {"StartTime": START, "EndTime": START + 3600}
    (result,) = ask(cloudwatch, "GetMetricData", MetricDataQueries=[asked], **span | more)["MetricDataResults"]
    return dict(result)


def test_values_of_one_minute_are_one_data_point() -> None:
    clock = VirtualClock(start=START)
    cloudwatch = model(clock)
    for second, value in ((0, 1.0), (59.9, 2.0), (60, 4.0)):
        cloudwatch.record(errors(value, START + second))
    result = read(cloudwatch, query(), ScanBy="TimestampAscending")
    assert (result["Timestamps"], result["Values"]) == ([START, START + 60], [3.0, 4.0])
    assert (result["Label"], result["StatusCode"]) == ("Errors", "Complete")


def test_the_newest_data_point_comes_first_by_default() -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(3):
        cloudwatch.record(errors(minute, START + 60 * minute))
    assert read(cloudwatch, query())["Values"] == [2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        *[("Sum", 55), ("Average", 5.5), ("Minimum", 1), ("Maximum", 10), ("SampleCount", 10)],
        *[("p50", 5), ("p90", 9), ("p99.9", 10), ("p100", 10), ("p0", 1)],
    ],
)
def test_every_statistic_is_computed(stat: str, expected: float) -> None:
    cloudwatch = model(VirtualClock(start=START))
    for value in range(1, 11):
        cloudwatch.record(errors(value, START))
    assert read(cloudwatch, query(stat))["Values"] == [expected]


def test_a_compressed_minute_makes_a_compressed_bucket() -> None:
    cloudwatch = model(VirtualClock(minute_seconds=2.0, start=START))
    for second in range(20):
        cloudwatch.record(errors(1.0, START + second))
    result = read(cloudwatch, query(period=300), ScanBy="TimestampAscending")
    assert (result["Timestamps"], result["Values"]) == ([START, START + 10], [10.0, 10.0])


def test_the_start_is_inclusive_and_the_end_exclusive() -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(4):
        cloudwatch.record(errors(minute, START + 60 * minute))
    result = read(cloudwatch, query(), StartTime=START + 90, EndTime=START + 180)
    assert result["Values"] == [2.0, 1.0]


def test_late_data_is_seen_only_after_the_lag() -> None:
    clock = VirtualClock(start=START)
    cloudwatch = model(clock, lag_seconds=30)
    cloudwatch.record(errors(1.0, START))
    assert read(cloudwatch, query())["Values"] == []
    clock.advance(30)
    assert read(cloudwatch, query())["Values"] == [1.0]


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    cloudwatch = model(VirtualClock(start=START))
    cloudwatch.record(errors(1.0, START, "7"))
    cloudwatch.record(errors(5.0, START, "8"))
    assert read(cloudwatch, query(version="7"))["Values"] == [1.0]
    listed = ask(cloudwatch, "ListMetrics", Namespace="AWS/Lambda", Dimensions=[{"Name": "ExecutedVersion"}])
    assert len(listed["Metrics"]) == 2


def test_what_is_put_can_be_read() -> None:
    cloudwatch = model(VirtualClock(start=START))
    counted = {"MetricName": "Latency", "Values": [1.0, 9.0], "Counts": [3.0, 1.0], "Unit": "Milliseconds"}
    ask(cloudwatch, "PutMetricData", Namespace="shop", MetricData=[counted])
    span = {"StartTime": START, "EndTime": START + 60, "Period": 60}
    answer = ask(
        cloudwatch, "GetMetricStatistics", Namespace="shop", MetricName="Latency", Statistics=["Average"], **span
    )
    assert answer["Datapoints"] == [{"Timestamp": START, "Unit": "Milliseconds", "Average": 3.0}]
    answer = ask(
        cloudwatch,
        "GetMetricStatistics",
        Namespace="shop",
        MetricName="Latency",
        ExtendedStatistics=["p75"],
        **span,
    )
    assert answer["Datapoints"][0]["ExtendedStatistics"] == {"p75": 1.0}


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("PutDashboard", {}, "not supported"),
        ("PutMetricData", {"Namespace": "AWS/Lambda", "MetricData": []}, "may not begin with AWS/"),
        ("PutMetricData", {"Namespace": "a", "MetricData": [{"MetricName": "x"}]}, "either Value or Values"),
        ("PutMetricData", {"Namespace": "a", "MetricData": [{"MetricName": "x", "StatisticValues": {}}]}, "Stati"),
        ("PutMetricData", {"Namespace": "a", "MetricData": [{"MetricName": "x", "Value": float("nan")}]}, "finite"),
        (
            "PutMetricData",
            {"Namespace": "a", "MetricData": [{"MetricName": "x", "Value": 1, "Timestamp": 5}]},
            "two",
        ),
        ("GetMetricData", {"MetricDataQueries": [], "StartTime": 2, "EndTime": 2}, "must be less than"),
        (
            "GetMetricData",
            {"MetricDataQueries": [{"Id": "e", "Expression": "a/b*100"}], "StartTime": 1, "EndTime": 2},
            "Metric math is not supported",
        ),
        ("GetMetricData", {"MetricDataQueries": [query("tm90")], "StartTime": 1, "EndTime": 2}, "'tm90'"),
        ("GetMetricData", {"MetricDataQueries": [query(period=30)], "StartTime": 1, "EndTime": 2}, "Period 30"),
        ("GetMetricData", {"MetricDataQueries": [query(AccountId="1")], "StartTime": 1, "EndTime": 2}, "AccountId"),
    ],
)
def test_what_is_not_supported_is_refused(operation: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        ask(model(VirtualClock(start=START)), operation, **params)


def test_many_distinct_values_keep_percentiles_within_half_a_percent() -> None:
    bucket = Bucket()
    for value in range(100_000):
        bucket.add(value / 7)
    assert bucket.count == 100_000
    assert bucket.statistic("p95") == pytest.approx(95_000 / 7, rel=0.005)


@given(st.floats(0.05, 60.0), st.integers(0, 3_000_000_000))
def test_a_minute_holds_the_moment_it_starts(minute_seconds: float, minute: int) -> None:
    store = MetricStore(VirtualClock(minute_seconds), 0.0)
    assert store.minute_of(store.time_of(minute)) == minute


@given(st.lists(st.tuples(st.floats(0, 599), st.floats(-1e6, 1e6)), min_size=1), st.sampled_from([60, 120, 600]))
def test_no_value_is_lost_or_counted_twice(values: list[tuple[float, float]], period: int) -> None:
    cloudwatch = model(VirtualClock(start=START))
    for second, value in values:
        cloudwatch.record(errors(value, START + second))
    assert sum(read(cloudwatch, query("SampleCount", period))["Values"]) == len(values)
    assert max(read(cloudwatch, query("Maximum", period))["Values"]) == max(value for _, value in values)
