"""The metrics of two versions behind one alias, as a boto3 client reads them to compare the versions."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.aws_lambda.counts import traffic
from rampart.embedded.aws_lambda.runner import RunResult
from rampart.embedded.cloudwatch.datum import Datum
from tests.embedded.embedded_account import make_function, zipped
from tests.embedded.function_runs import linux_only
from tests.embedded.lambda_account import shop_with_two_versions

SOON = {"Delay": 0.01}

PLAIN = """
def handler(event, context):
    if event["fails"]:
        raise ValueError("no stock")
    return context.function_version
"""

CATCHES = """
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

metrics = Metrics(namespace="shop", service="orders")

@metrics.log_metrics
def handler(event, context):
    metrics.add_dimension(name="version", value=context.function_version)
    metrics.add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=int(event["fails"]))
    return {"statusCode": 500 if event["fails"] else 200}
"""


def query(query_id: str, stat: str, name: str, dimensions: dict[str, str], namespace: str = "AWS/Lambda") -> Any:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def executed(version: str) -> dict[str, str]:
    return {"FunctionName": "shop", "Resource": "shop:live", "ExecutedVersion": version}


def shop(aws: EmbeddedAws, source: str) -> None:
    """Create a function with two versions, and the alias live that gives half of its traffic to each."""
    make_function(aws, "shop", source)
    client = aws.client("lambda")
    client.publish_version(FunctionName="shop")
    client.get_waiter("published_version_active").wait(FunctionName="shop", Qualifier="1", WaiterConfig=SOON)
    client.update_function_code(FunctionName="shop", ZipFile=zipped(source + "# 2"))
    client.get_waiter("function_updated_v2").wait(FunctionName="shop", WaiterConfig=SOON)
    client.publish_version(FunctionName="shop")
    client.get_waiter("published_version_active").wait(FunctionName="shop", Qualifier="2", WaiterConfig=SOON)
    half = {"AdditionalVersionWeights": {"2": 0.5}}
    client.create_alias(FunctionName="shop", Name="live", FunctionVersion="1", RoutingConfig=half)


def serve(aws: EmbeddedAws) -> tuple[Counter[str], Counter[str]]:
    """Invoke the alias forty times, one in four to fail; return how often each version ran, and failed."""
    ran, failed = Counter[str](), Counter[str]()
    for number in range(40):
        payload = b'{"fails": true}' if number % 4 == 0 else b'{"fails": false}'
        version = aws.client("lambda").invoke(FunctionName="shop:live", Payload=payload)["ExecutedVersion"]
        ran[version] += 1
        failed[version] += number % 4 == 0
    assert set(ran) == {"1", "2"}
    return ran, failed


def totals(aws: EmbeddedAws, queries: list[Any], **paging: Any) -> dict[str, float]:
    """Return the sum of the values of each query over the last ten hours, read page by page."""
    now, minute = aws.clock.now(), aws.clock.minute_seconds
    pages: Iterator[dict[str, Any]] = (
        aws.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=now - 600 * minute, EndTime=now + minute, **paging)
    )
    found: dict[str, float] = {each["Id"]: 0.0 for each in queries}
    for result in itertools.chain.from_iterable(page["MetricDataResults"] for page in pages):
        found[result["Id"]] += sum(result["Values"])
    return found


def test_what_the_versions_behind_an_alias_serve_and_fail_is_read_by_version(aws: EmbeddedAws) -> None:
    shop(aws, PLAIN)
    ran, failed = serve(aws)
    queries = []
    for version in ("1", "2"):
        for query_id, stat, name in (
            ("ran", "Sum", "Invocations"),
            ("failed", "Sum", "Errors"),
            ("counted", "SampleCount", "Errors"),
            ("within", "TC(:60000)", "Duration"),
            ("slow", "TC(60000:)", "Duration"),
        ):
            queries.append(query(f"{query_id}{version}", stat, name, executed(version)))
    expected: dict[str, float] = {}
    for version in ("1", "2"):
        served = float(ran[version])
        expected |= {f"{query_id}{version}": served for query_id in ("ran", "counted", "within")}
        expected |= {f"failed{version}": float(failed[version]), f"slow{version}": 0.0}
    assert totals(aws, queries) == expected
    assert totals(aws, queries, PaginationConfig={"PageSize": 1}) == expected


def test_metrics_that_a_handler_reports_with_its_version_are_read_the_same_way(aws: EmbeddedAws) -> None:
    check_reported_metrics(aws)


@linux_only
def test_metrics_of_a_handler_in_a_process_of_its_own_are_read_the_same_way() -> None:
    with EmbeddedAws(0.6, processes=1) as aws:
        check_reported_metrics(aws)


def check_reported_metrics(aws: EmbeddedAws) -> None:
    shop(aws, CATCHES)
    ran, failed = serve(aws)
    queries = [query("errors", "Sum", "Errors", {"FunctionName": "shop"})]
    expected = {"errors": 0.0}
    for version in ("1", "2"):
        dimensions = {"service": "orders", "version": version}
        for name, counted in (("Requests", ran), ("Failed", failed)):
            queries.append(query(f"{name.lower()}{version}", "Sum", name, dimensions, "shop"))
            expected[f"{name.lower()}{version}"] = float(counted[version])
    assert totals(aws, queries) == expected


def test_a_client_reads_minutes_newest_first_and_gets_typed_errors(aws: EmbeddedAws) -> None:
    minute = aws.clock.minute_seconds
    first = int(aws.clock.now() / minute) - 5
    for number in range(3):
        for datum, count in traffic("shop", "live", "2", (first + number + 0.5) * minute, 100, number):
            aws.cloudwatch.record(datum, count)
    client = aws.client("cloudwatch")
    asked: dict[str, Any] = {"StartTime": first * minute, "EndTime": (first + 3) * minute}
    asked["MetricDataQueries"] = [query("errors", "Sum", "Errors", executed("2")), query("no", "p95", "Errors", {})]
    answer = client.get_metric_data(**asked)
    errors, no = answer["MetricDataResults"]
    assert (errors["Values"], errors["StatusCode"]) == ([2.0, 1.0, 0.0], "Complete")
    assert [each.timestamp() for each in errors["Timestamps"]] == pytest.approx(
        [(first + number) * minute for number in (2, 1, 0)], abs=1e-5
    )
    assert (no["Id"], len(no["Values"]), "NextToken" in answer) == ("no", 3, False)
    partial = client.get_metric_data(**asked, MaxDatapoints=2)
    assert [each["StatusCode"] for each in partial["MetricDataResults"]] == ["PartialData"]
    with pytest.raises(client.exceptions.InvalidNextToken):
        client.get_metric_data(**asked, NextToken="mine")


def test_traffic_that_is_written_down_is_what_invocations_leave() -> None:
    account = shop_with_two_versions()
    errors = iter([None, None, "Unhandled"])
    account.runner.answer = lambda _request: RunResult(b"{}", next(errors), 12.5)
    for _ in range(3):
        account.call("Invoke", FunctionName="shop", Qualifier="live")
    left, written = Counter(account.data), Counter[Datum]()
    for datum, count in traffic("shop", "live", "1", account.clock.now(), 3, 1, duration_ms=12.5):
        written[datum] += int(count)
    assert written == left
