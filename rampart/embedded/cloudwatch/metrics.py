"""CloudWatch metrics: one-minute buckets, statistics over periods, and the calls that write and read them.

Simpler than AWS: the finest period is one minute, nothing expires, answers are never paged, statistic sets,
metric math and trimmed statistics are refused, and a query without a unit merges all units.
"""

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from rampart.embedded.clock import Clock
from rampart.embedded.cloudwatch.checks import epoch, invalid, need, one_of, only
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.wire import ApiError

Dimensions = tuple[tuple[str, str], ...]
SIMPLE_STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")

_PERCENTILE = re.compile(r"p(100|\d{1,2}(?:\.\d{1,10})?)")
_QUERY_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")  # CloudWatch API: MetricDataQuery, Id
_DISTINCT_VALUES = 2_000
_MINUTES_BACK = 14 * 24 * 60
_MINUTES_AHEAD = 120


class Bucket:
    """The values of one metric in one stretch of time.

    Beyond 2,000 distinct values they are kept at three significant digits, which only percentiles notice.
    """

    __slots__ = ("_coarse", "_values", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.minimum = math.inf
        self.maximum = -math.inf
        self._values: dict[float, float] = {}
        self._coarse = False

    def add(self, value: float, count: float = 1.0) -> None:
        """Add `value`, seen `count` times."""
        self.count += count
        self.total += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        self._keep(value, count)

    def merge(self, other: "Bucket") -> None:
        """Add everything that `other` holds."""
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        for value, count in other._values.items():
            self._keep(value, count)

    def statistic(self, name: str) -> float:
        """Return the statistic `name`: one of the simple ones or a percentile such as p95."""
        match name:
            case "Sum":
                return self.total
            case "SampleCount":
                return self.count
            case "Minimum":
                return self.minimum
            case "Maximum":
                return self.maximum
            case "Average":
                return self.total / self.count
        return self._percentile(float(name[1:]))

    def _percentile(self, percent: float) -> float:
        """Return the smallest value that at least `percent` of the samples do not exceed (nearest rank)."""
        wanted, seen = percent / 100 * self.count, 0.0
        for value in sorted(self._values):
            seen += self._values[value]
            if seen >= wanted - 1e-9:
                return value
        return self.maximum

    def _keep(self, value: float, count: float) -> None:
        if self._coarse:
            value = _rounded(value)
        self._values[value] = self._values.get(value, 0.0) + count
        if not self._coarse and len(self._values) > _DISTINCT_VALUES:
            exact, self._values, self._coarse = self._values, {}, True
            for known, times in exact.items():
                self._keep(known, times)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def statistic_name(name: str) -> str:
    """Return `name` when it is a statistic that is supported: a simple one or a percentile such as p95."""
    if name not in SIMPLE_STATISTICS and not _PERCENTILE.fullmatch(name):
        raise invalid(f"The statistic {name!r} is not supported: use {', '.join(SIMPLE_STATISTICS)} or pNN.")
    return name


def dimensions_of(given: Any) -> Dimensions:
    """Return a Dimensions member as sorted pairs."""
    pairs = {}
    for dimension in given or ():
        only("Dimension", dimension, "Name", "Value")
        need("Dimension", dimension, "Name", "Value")
        pairs[dimension["Name"]] = dimension["Value"]
    if len(given or ()) > 30 or len(pairs) != len(given or ()):  # CloudWatch API: MetricDatum, Dimensions
        raise invalid("A metric has at most 30 dimensions, each with a name of its own.")
    return tuple(sorted(pairs.items()))


def period_minutes(period: int) -> int:
    """Return a Period member, in AWS seconds, as a number of whole minutes."""
    if period < 60 or period % 60:
        raise invalid(f"Period {period} is not supported: it must be a multiple of 60.")
    return period // 60


class MetricStore:
    """All metric data; every minute in it is `clock.minute_seconds` long.

    Timestamps are real (epoch seconds) and a Period is in AWS seconds: a bucket of Period 60 is one minute
    of the clock, whatever its length. Buckets start at multiples of their own length since the epoch.
    """

    def __init__(self, clock: Clock, lag_seconds: float) -> None:
        self._clock = clock
        self._lag_seconds = lag_seconds
        self._arriving: deque[tuple[float, Datum, float]] = deque()
        self._series: dict[tuple[str, str, Dimensions], dict[str, dict[int, Bucket]]] = {}

    def minute_of(self, time: float) -> int:
        """Return the number since the epoch of the minute that holds `time`."""
        # Rounded, so that the start of a minute computed in floats falls into that very minute.
        return math.floor(round(time / self._clock.minute_seconds, 4))

    def time_of(self, minute: int) -> float:
        """Return the epoch second at which `minute` starts."""
        return minute * self._clock.minute_seconds

    def record(self, datum: Datum, count: float = 1.0) -> None:
        """Take a datum in; it can be seen once the ingest lag has passed."""
        self._arriving.append((self._clock.now() + self._lag_seconds, datum, count))

    def settle(self, at: float) -> None:
        """Make visible what has arrived by the epoch second `at`."""
        while self._arriving and self._arriving[0][0] <= at:
            _, datum, count = self._arriving.popleft()
            units = self._series.setdefault((datum.namespace, datum.name, datum.dimensions), {})
            minutes = units.setdefault(datum.unit, {})
            minutes.setdefault(self.minute_of(datum.timestamp), Bucket()).add(datum.value, count)

    def window(self, metric: tuple[str, str, Dimensions], unit: str | None, start: int, end: int) -> Bucket | None:
        """Return the data of the minutes from `start` up to but without `end`, or None when there are none."""
        found: Bucket | None = None
        for name, minutes in self._series.get(metric, {}).items():
            if unit not in (None, name):
                continue
            for minute in range(start, end):
                if bucket := minutes.get(minute):
                    found = found or Bucket()
                    found.merge(bucket)
        return found

    def put_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out PutMetricData."""
        only("PutMetricData", params, "Namespace", "MetricData", "StrictEntityValidation")
        need("PutMetricData", params, "Namespace", "MetricData")
        namespace = params["Namespace"]
        if namespace.startswith("AWS/"):  # CloudWatch API: PutMetricData, Namespace
            raise ApiError("InvalidParameterValueException", "A namespace may not begin with AWS/.")
        if len(params["MetricData"]) > 1_000:  # CloudWatch API: PutMetricData, MetricData
            raise invalid("PutMetricData takes at most 1000 metrics.")
        for datum, count in [pair for entry in params["MetricData"] for pair in self._data(namespace, entry)]:
            self.record(datum, count)
        return {}

    def _data(self, namespace: str, entry: Mapping[str, Any]) -> Iterator[tuple[Datum, float]]:
        """Yield the values of one MetricDatum member with how often each was seen."""
        supported = (
            "MetricName",
            "Dimensions",
            "Timestamp",
            "Value",
            "Values",
            "Counts",
            "Unit",
            "StorageResolution",
        )
        only("MetricDatum", entry, *supported)
        need("MetricDatum", entry, "MetricName")
        if entry.get("StorageResolution", 60) != 60:
            raise invalid("High-resolution metrics are not supported: StorageResolution must be 60.")
        if ("Value" in entry) == ("Values" in entry):
            raise invalid("A MetricDatum has either Value or Values.")
        values = entry["Values"] if "Values" in entry else [entry["Value"]]
        counts = entry.get("Counts") or [1.0] * len(values)
        if len(counts) != len(values) or not all(math.isfinite(value) for value in values):
            raise invalid("Values must be finite numbers, with one of Counts for each.")
        now, minute = self._clock.now(), self._clock.minute_seconds
        time = epoch("Timestamp", entry["Timestamp"]) if "Timestamp" in entry else now
        # CloudWatch API: PutMetricData, "as much as two weeks before the current date, ... 2 hours after".
        if not now - _MINUTES_BACK * minute <= time <= now + _MINUTES_AHEAD * minute:
            raise invalid("Timestamp must be within the last two weeks and at most two hours ahead.")
        dimensions = dimensions_of(entry.get("Dimensions"))
        for value, count in zip(values, counts, strict=True):
            unit = entry.get("Unit", "None")
            yield Datum(namespace, entry["MetricName"], dimensions, float(value), unit, time), float(count)

    def get_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out GetMetricData for MetricStat queries."""
        only("GetMetricData", params, "MetricDataQueries", "StartTime", "EndTime", "ScanBy")
        need("GetMetricData", params, "MetricDataQueries", "StartTime", "EndTime")
        queries = params["MetricDataQueries"]
        if len(queries) > 500 or len({query.get("Id") for query in queries}) != len(queries):
            raise invalid("GetMetricData takes at most 500 queries, each with an Id of its own.")
        scan = one_of(
            "ScanBy", params.get("ScanBy", "TimestampDescending"), "TimestampAscending", "TimestampDescending"
        )
        start, end = _span(params)
        results = []
        for query in queries:
            result = self._answer(query, start, end)
            if scan == "TimestampDescending":
                result["Timestamps"].reverse()
                result["Values"].reverse()
            if query.get("ReturnData", True):
                results.append(result)
        return {"MetricDataResults": results, "Messages": []}

    def _answer(self, query: Mapping[str, Any], start: float, end: float) -> dict[str, Any]:
        """Return the result of one query, oldest data point first."""
        if "Expression" in query:
            raise invalid("Metric math is not supported by the embedded CloudWatch: query each metric instead.")
        only("MetricDataQuery", query, "Id", "MetricStat", "Label", "ReturnData")
        need("MetricDataQuery", query, "Id", "MetricStat")
        if not _QUERY_ID.fullmatch(query["Id"]):
            raise invalid(f"The query id {query['Id']!r} must begin with a lowercase letter.")
        wanted = query["MetricStat"]
        only("MetricStat", wanted, "Metric", "Period", "Stat", "Unit")
        need("MetricStat", wanted, "Metric", "Period", "Stat")
        metric, statistic = wanted["Metric"], statistic_name(wanted["Stat"])
        only("Metric", metric, "Namespace", "MetricName", "Dimensions")
        need("Metric", metric, "Namespace", "MetricName")
        key = (metric["Namespace"], metric["MetricName"], dimensions_of(metric.get("Dimensions")))
        points = list(self._points(key, wanted.get("Unit"), wanted["Period"], start, end))
        return {
            "Id": query["Id"],
            "Label": query.get("Label", metric["MetricName"]),
            "Timestamps": [time for time, _ in points],
            "Values": [bucket.statistic(statistic) for _, bucket in points],
            "StatusCode": "Complete",
        }

    def _points(
        self, metric: tuple[str, str, Dimensions], unit: str | None, period: int, start: float, end: float
    ) -> Iterator[tuple[float, Bucket]]:
        """Yield start time and data of each bucket from the one that holds `start` up to before `end`.

        GetMetricData, StartTime: inclusive and rounded down; EndTime: exclusive.
        """
        length = period_minutes(period)
        minute = self.minute_of(start) // length * length
        kept = [at for unit_minutes in self._series.get(metric, {}).values() for at in unit_minutes]
        minute = max(minute, min(kept, default=minute) // length * length)
        last = min(max(kept, default=minute), self.minute_of(end))
        while minute <= last and self.time_of(minute) < end:
            if bucket := self.window(metric, unit, minute, minute + length):
                yield self.time_of(minute), bucket
            minute += length

    def get_metric_statistics(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out GetMetricStatistics; data points come oldest first."""
        names = ("Namespace", "MetricName", "StartTime", "EndTime", "Period")
        only("GetMetricStatistics", params, *names, "Dimensions", "Statistics", "ExtendedStatistics", "Unit")
        need("GetMetricStatistics", params, *names)
        simple, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
        if bool(simple) == bool(extended):  # CloudWatch API: GetMetricStatistics, "but not both"
            raise ApiError("InvalidParameterCombinationException", "Give either Statistics or ExtendedStatistics.")
        for name in simple:
            one_of("Statistics", name, *SIMPLE_STATISTICS)
        for name in extended:
            statistic_name(name)
        metric = (params["Namespace"], params["MetricName"], dimensions_of(params.get("Dimensions")))
        points = list(self._points(metric, params.get("Unit"), params["Period"], *_span(params)))
        if len(points) > 1_440:  # CloudWatch API: GetMetricStatistics, maximum of data points in one call
            raise ApiError("InvalidParameterCombinationException", "More than 1440 data points were requested.")
        units = list(self._series.get(metric, {}))
        unit = params.get("Unit") or (units[0] if len(units) == 1 else "None")
        answers = []
        for time, bucket in points:
            answer = {"Timestamp": time, "Unit": unit} | {name: bucket.statistic(name) for name in simple}
            if extended:
                answer["ExtendedStatistics"] = {name: bucket.statistic(name) for name in extended}
            answers.append(answer)
        return {"Label": params["MetricName"], "Datapoints": answers}

    def list_metrics(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out ListMetrics; everything comes in one page."""
        only("ListMetrics", params, "Namespace", "MetricName", "Dimensions")
        wanted = [(each["Name"], each.get("Value")) for each in params.get("Dimensions") or ()]
        return {
            "Metrics": [
                {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                }
                for namespace, name, dimensions in sorted(self._series)
                if params.get("Namespace") in (None, namespace)
                and params.get("MetricName") in (None, name)
                and all(
                    dict(dimensions).get(key) == (value or dict(dimensions).get(key, "")) for key, value in wanted
                )
            ]
        }


def _span(params: Mapping[str, Any]) -> tuple[float, float]:
    start, end = epoch("StartTime", params["StartTime"]), epoch("EndTime", params["EndTime"])
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, end
