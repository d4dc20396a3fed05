"""Embedded metric format: which metrics a log line carries."""

import json
from typing import Any

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.emf import data_of

NOW = 1_800_000_000.0


def line(root: dict[str, Any], **meta: Any) -> str:
    directive = {"Namespace": "shop", "Dimensions": [["version"]], "Metrics": [{"Name": "Failed", "Unit": "Count"}]}
    return json.dumps({"_aws": {"Timestamp": 1_800_000_060_500, "CloudWatchMetrics": [directive | meta]}} | root)


def test_a_line_gives_its_metric_with_dimension_unit_and_time() -> None:
    assert data_of(line({"version": "7", "Failed": 3}), NOW) == [
        Datum("shop", "Failed", (("version", "7"),), 3.0, "Count", 1_800_000_060.5)
    ]


def test_each_dimension_set_gives_the_metric_once() -> None:
    data = data_of(line({"version": "7", "Failed": 1}, Dimensions=[[], ["version"]]), NOW)
    assert [datum.dimensions for datum in data] == [(), (("version", "7"),)]


def test_a_list_of_values_gives_one_datum_each() -> None:
    assert [datum.value for datum in data_of(line({"version": "7", "Failed": [1, 2.5]}), NOW)] == [1.0, 2.5]


def test_a_line_without_a_timestamp_happened_now() -> None:
    root = json.loads(line({"version": "7", "Failed": 1}))
    del root["_aws"]["Timestamp"]
    assert [datum.timestamp for datum in data_of(json.dumps(root), NOW)] == [NOW]


@pytest.mark.parametrize(
    "text",
    [
        "START RequestId: 1 Version: 7",
        "",
        "[1, 2]",
        '{"level": "INFO"}',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": "no"}}',
        '{"_aws": {"CloudWatchMetrics": [1, {"Namespace": 2}]}}',
        'prefix {"_aws": {}}',
        line({"Failed": 1}),
        line({"version": 7, "Failed": 1}),
        line({"version": "7", "Failed": "many"}),
        line({"version": "7", "Failed": True}),
        line({"version": "7", "Failed": list(range(101))}),
        line({"version": "7", "Failed": float("nan")}),
    ],
)
def test_a_line_that_is_not_in_the_format_gives_nothing(text: str) -> None:
    assert data_of(text, NOW) == []


def test_what_powertools_prints_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics(namespace="shop", service="orders")
    metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=2)
    metrics.add_dimension(name="version", value="7")
    metrics.flush_metrics()
    (datum,) = data_of(capsys.readouterr().out, NOW)
    assert (datum.namespace, datum.name, datum.value, datum.unit) == ("shop", "Failed", 2.0, "Count")
    assert datum.dimensions == (("service", "orders"), ("version", "7"))


@given(st.text())
def test_no_line_breaks_the_reader(text: str) -> None:
    assert data_of(text + '"_aws"', NOW) == []
