"""CloudWatch metrics: what is put comes back in buckets of the clock's minutes."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.metrics import MetricStore
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.wire import ApiError, Call

START = 1_800_000_000.0
SPAN = {"StartTime": START, "EndTime": START + 60, "Period": 60}
SET = {"SampleCount": 1, "Sum": 2, "Minimum": 2, "Maximum": 2}


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
        *[("p50", 5), ("p90", 9), ("p99.9", 10), ("p100", 10), ("p0", 1), ("TC(:3)", 3), ("PR(3:5)", 20)],
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


def test_periods_begin_where_the_window_does() -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(12):
        cloudwatch.record(errors(1.0, START + 60 * minute))
    result = read(cloudwatch, query(period=300), StartTime=START + 150, ScanBy="TimestampAscending")
    assert (result["Timestamps"], result["Values"]) == ([START + 120, START + 420], [5.0, 5.0])


def test_a_week_of_minutes_is_read_by_the_hour() -> None:
    clock = VirtualClock(start=START)
    cloudwatch = model(clock)
    for minute in range(7 * 1440):
        cloudwatch.record(errors(0.0, START + 60 * minute), 97)
        cloudwatch.record(errors(1.0, START + 60 * minute), 3)
    result = read(cloudwatch, query(period=3600), EndTime=START + 7 * 86_400)
    assert result["Values"] == [180.0] * 168


def test_a_metric_that_nobody_reports_has_no_values_and_is_complete() -> None:
    result = read(model(VirtualClock(start=START)), query())
    assert (result["Timestamps"], result["Values"], result["StatusCode"]) == ([], [], "Complete")


def test_percentiles_of_negative_values_do_not_exist() -> None:
    cloudwatch = model(VirtualClock(start=START))
    cloudwatch.record(errors(-1.0, START))
    assert read(cloudwatch, query("p50"))["Values"] == read(cloudwatch, query("TC(:3)"))["Values"] == []
    assert read(cloudwatch, query("Sum"))["Values"] == [-1.0]


def test_one_call_records_a_value_that_was_seen_many_times_at_a_given_time() -> None:
    clock = VirtualClock(start=START)
    cloudwatch = model(clock)
    clock.advance(7200)
    cloudwatch.record(errors(0.0, START + 60), 97)
    cloudwatch.record(errors(1.0, START + 60), 3)
    assert read(cloudwatch, query("Sum"))["Timestamps"] == [START + 60]
    assert [read(cloudwatch, query(stat))["Values"] for stat in ("Sum", "SampleCount")] == [[3.0], [100.0]]


def test_results_come_in_the_order_of_the_queries_and_without_those_not_wanted() -> None:
    queries = [query(Id="z"), query(Id="hidden", ReturnData=False), query(Id="a")]
    cloudwatch = model(VirtualClock(start=START))
    answer = ask(cloudwatch, "GetMetricData", MetricDataQueries=queries, StartTime=START, EndTime=START + 60)
    assert [each["Id"] for each in answer["MetricDataResults"]] == ["z", "a"]
    assert "NextToken" not in answer


def pages(cloudwatch: CloudWatchModel, **asked: Any) -> Iterator[dict[str, Any]]:
    """Yield one page after the other of a GetMetricData call over an hour."""
    token: dict[str, str] = {}
    while True:
        page = ask(cloudwatch, "GetMetricData", StartTime=START, EndTime=START + 3600, **asked, **token)
        yield page
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


@pytest.mark.parametrize("scan", ["TimestampAscending", "TimestampDescending"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 9, 10, 100])
def test_pages_joined_by_id_are_the_whole_answer(scan: str, size: int) -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(5):
        cloudwatch.record(errors(minute, START + 60 * minute, "7"))
        cloudwatch.record(errors(10 + minute, START + 60 * minute, "8"))
    queries = [query(Id="seven"), query(Id="none", version="9"), query(Id="eight", version="8")]
    joined: dict[str, list[float]] = {each["Id"]: [] for each in queries}
    for page in pages(cloudwatch, MetricDataQueries=queries, ScanBy=scan, MaxDatapoints=size):
        results = page["MetricDataResults"]
        assert sum(len(each["Values"]) for each in results) <= size
        told = {"Complete"} if "NextToken" not in page else {"PartialData"}
        assert ({each["StatusCode"] for each in results[:-1]}, {results[-1]["StatusCode"]}) in (
            (set(), told),
            ({"Complete"}, told),
        )
        for each in results:
            joined[each["Id"]] += each["Values"]
    order = 1 if scan == "TimestampAscending" else -1
    seven, eight = [0.0, 1.0, 2.0, 3.0, 4.0][::order], [10.0, 11.0, 12.0, 13.0, 14.0][::order]
    assert joined == {"seven": seven, "none": [], "eight": eight}


def test_data_that_comes_between_two_pages_repeats_nothing() -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(5):
        cloudwatch.record(errors(minute, START + 60 * minute))
    values = []
    for page in pages(cloudwatch, MetricDataQueries=[query()], MaxDatapoints=2):
        values += page["MetricDataResults"][0]["Values"]
        cloudwatch.record(errors(99.0, START + 1800 + 60 * len(values)))
    assert values == [4.0, 3.0, 2.0, 1.0, 0.0]


def test_a_call_without_a_limit_returns_at_most_100800_data_points() -> None:
    cloudwatch = model(VirtualClock(start=START))
    for minute in range(1_440):
        cloudwatch.record(errors(0.0, START + 60 * minute))
    queries = [query(Id=f"q{number}") for number in range(71)]
    span = {"StartTime": START, "EndTime": START + 86_400}
    first = ask(cloudwatch, "GetMetricData", MetricDataQueries=queries, **span)
    assert sum(len(each["Values"]) for each in first["MetricDataResults"]) == 100_800
    rest = ask(cloudwatch, "GetMetricData", MetricDataQueries=queries, NextToken=first["NextToken"], **span)
    assert [(each["Id"], len(each["Values"])) for each in rest["MetricDataResults"]] == [("q70", 1_440)]


@pytest.mark.parametrize("token", ["x", "7-0", "0", "0-", "-1-5"])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as refused:
        read(model(VirtualClock(start=START)), query(), NextToken=token)
    assert refused.value.code == "InvalidNextToken"


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
        ("PutInsightRule", {}, "not supported"),
        ("PutMetricData", {"Namespace": "AWS/Lambda", "MetricData": []}, "may not begin with AWS/"),
        ("PutMetricData", {"Namespace": "a", "MetricData": [{"MetricName": "x"}]}, "either Value or Values"),
        ("PutMetricData", {"Namespace": "a", "MetricData": [{"MetricName": "x", "StatisticValues": SET}]}, "Stati"),
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
        (
            "GetMetricData",
            {"MetricDataQueries": [], "StartTime": 1, "EndTime": 2, "LabelOptions": {"Timezone": "+0100"}},
            "does not support LabelOptions",
        ),
        ("GetMetricData", {"MetricDataQueries": [query(Label="${LAST}")], "StartTime": 1, "EndTime": 2}, "Dynamic"),
        ("GetMetricData", {"MetricDataQueries": [query()] * 2, "StartTime": 1, "EndTime": 2}, "an Id of its own"),
        ("GetMetricData", {"MetricDataQueries": [query(Id="Q")], "StartTime": 1, "EndTime": 2}, "lowercase letter"),
        ("GetMetricData", {"MetricDataQueries": [{"MetricStat": {}}], "StartTime": 1, "EndTime": 2}, "not be null"),
        ("GetMetricData", {"MetricDataQueries": [], "StartTime": 1}, "'endTime' .* must not be null"),
        ("GetMetricData", {"MetricDataQueries": [], "StartTime": 1, "EndTime": 2, "ScanBy": "x"}, "satisfy enum"),
        (
            "GetMetricData",
            {"MetricDataQueries": [query()], "StartTime": 1, "EndTime": 2, "MaxDatapoints": 100_801},
            "MaxDatapoints must be between 1 and 100800",
        ),
        (
            "GetMetricStatistics",
            SPAN | {"Namespace": "a", "MetricName": "x", "ExtendedStatistics": ["TC(:3)"]},
            "must be percentiles",
        ),
        ("GetMetricData", {"MetricDataQueries": [query(period=30)], "StartTime": 1, "EndTime": 2}, "Period 30"),
        ("GetMetricData", {"MetricDataQueries": [query(AccountId="1")], "StartTime": 1, "EndTime": 2}, "AccountId"),
    ],
)
def test_what_is_not_supported_is_refused(operation: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        ask(model(VirtualClock(start=START)), operation, **params)


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
