"""What one GetMetricData call asks for, and the tokens by which it is continued."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rampart.embedded.cloudwatch.checks import epoch, invalid, need, only
from rampart.embedded.cloudwatch.statistics import statistic_name
from rampart.embedded.wire import ApiError

Dimensions = tuple[tuple[str, str], ...]
Metric = tuple[str, str, Dimensions]
"""Namespace, name and dimensions."""

_QUERY_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")  # CloudWatch API: MetricDataQuery, Id
_TOKEN = re.compile(r"(\d{1,9})-(\d{1,18})")
_MOST_QUERIES = 500
_MOST_POINTS = 100_800
"""CloudWatch API: GetMetricData, "a total of as many as 100,800 data points"."""


@dataclass(frozen=True, slots=True)
class Query:
    """One MetricDataQuery for one metric."""

    id: str
    label: str
    metric: Metric
    unit: str | None
    period_minutes: int
    statistic: str
    returned: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the query that a MetricDataQuery member makes."""
        if "Expression" in given:
            raise invalid("Metric math is not supported by the embedded CloudWatch: query each metric instead.")
        only("MetricDataQuery", given, "Id", "MetricStat", "Label", "ReturnData")
        need("MetricDataQuery", given, "MetricStat")
        if not _QUERY_ID.fullmatch(given["Id"]):
            raise invalid(f"The query id {given['Id']!r} must begin with a lowercase letter.")
        if "${" in given.get("Label", ""):
            raise invalid("Dynamic labels are not supported by the embedded CloudWatch.")
        wanted = given["MetricStat"]
        only("MetricStat", wanted, "Metric", "Period", "Stat", "Unit")
        metric = wanted["Metric"]
        only("Metric", metric, "Namespace", "MetricName", "Dimensions")
        need("Metric", metric, "Namespace", "MetricName")
        return cls(
            given["Id"],
            given.get("Label", metric["MetricName"]),
            (metric["Namespace"], metric["MetricName"], dimensions_of(metric.get("Dimensions"))),
            wanted.get("Unit"),
            period_minutes(wanted["Period"]),
            statistic_name(wanted["Stat"]),
            given.get("ReturnData", True),
        )

    def result(self, times: Sequence[float], values: Sequence[float], *, complete: bool) -> dict[str, Any]:
        """Return the MetricDataResult with these data points."""
        return {
            "Id": self.id,
            "Label": self.label,
            "Timestamps": list(times),
            "Values": list(values),
            "StatusCode": "Complete" if complete else "PartialData",
        }


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: at which query, and at which minute of it (None is its first data point)."""

    query: int = 0
    minute: int | None = None

    @property
    def token(self) -> str:
        """Return the NextToken that leads here; it holds a minute, as new data would shift a count."""
        return f"{self.query}-{self.minute}"


@dataclass(frozen=True, slots=True)
class DataRequest:
    """One GetMetricData call."""

    queries: tuple[Query, ...]
    start: float
    end: float
    newest_first: bool
    most_points: int
    begin: Position

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Return the request that GetMetricData's parameters make."""
        supported = ("MetricDataQueries", "StartTime", "EndTime", "ScanBy", "NextToken", "MaxDatapoints")
        only("GetMetricData", params, *supported)
        given = params["MetricDataQueries"]
        if len(given) > _MOST_QUERIES or len({each["Id"] for each in given}) != len(given):
            raise invalid(f"GetMetricData takes at most {_MOST_QUERIES} queries, each with an Id of its own.")
        most = params.get("MaxDatapoints", _MOST_POINTS)
        if not 1 <= most <= _MOST_POINTS:
            raise invalid(f"MaxDatapoints must be between 1 and {_MOST_POINTS}.")
        queries = tuple(Query.of(each) for each in given)
        begin = _position(params.get("NextToken"), len(queries))
        newest_first = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        return cls(queries, *span(params), newest_first, most, begin)


def _position(token: str | None, queries: int) -> Position:
    """Return where a NextToken leads."""
    if token is None:
        return Position()
    found = _TOKEN.fullmatch(token)
    if found is None or int(found[1]) >= queries:
        raise ApiError("InvalidNextToken", "The next token specified is invalid.")
    return Position(int(found[1]), int(found[2]))


def dimensions_of(given: Any) -> Dimensions:
    """Return a Dimensions member as sorted pairs."""
    pairs = {}
    for dimension in given or ():
        only("Dimension", dimension, "Name", "Value")
        pairs[dimension["Name"]] = dimension["Value"]
    if len(pairs) != len(given or ()):
        raise invalid("Each dimension of a metric has a name of its own.")
    return tuple(sorted(pairs.items()))


def period_minutes(period: int) -> int:
    """Return a Period member, in AWS seconds, as a number of whole minutes."""
    if period < 60 or period % 60:
        raise invalid(f"Period {period} is not supported: it must be a multiple of 60.")
    return period // 60


def span(params: Mapping[str, Any]) -> tuple[float, float]:
    """Return StartTime and EndTime in seconds since the epoch."""
    start, end = epoch("StartTime", params["StartTime"]), epoch("EndTime", params["EndTime"])
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, end
