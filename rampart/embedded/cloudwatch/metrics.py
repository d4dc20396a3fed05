"""CloudWatch metrics: one-minute buckets, periods of them, and the calls that write and read them.

Simpler than AWS: the finest period is one minute, nothing expires, statistic sets and metric math are refused,
and a query without a unit merges all units.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from rampart.embedded.clock import Clock
from rampart.embedded.cloudwatch.checks import epoch, invalid, need, only
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.cloudwatch.queries import DataRequest, Metric, Position, dimensions_of, period_minutes, span
from rampart.embedded.cloudwatch.statistics import Bucket, is_percentile
from rampart.embedded.wire import ApiError

_MINUTES_BACK = 14 * 24 * 60
_MINUTES_AHEAD = 120


class MetricStore:
    """All metric data; every minute in it is `clock.minute_seconds` long.

    Timestamps are real (epoch seconds) and a Period is in AWS seconds: a bucket of Period 60 is one minute
    of the clock, whatever its length. A period begins where the reader's window does.
    """

    def __init__(self, clock: Clock, lag_seconds: float) -> None:
        self._clock = clock
        self._lag_seconds = lag_seconds
        self._arriving: deque[tuple[float, Datum, float]] = deque()
        self._series: dict[Metric, dict[str, dict[int, Bucket]]] = {}
        self._newest: dict[Metric, float] = {}

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
            metric, minute = (datum.namespace, datum.name, datum.dimensions), self.minute_of(datum.timestamp)
            minutes = self._series.setdefault(metric, {}).setdefault(datum.unit, {})
            minutes.setdefault(minute, Bucket()).add(datum.value, count)
            self._newest[metric] = max(minute, self.newest_minute(metric))

    @property
    def is_arriving(self) -> bool:
        """Whether there is data that cannot be seen yet."""
        return bool(self._arriving)

    def newest_minute(self, metric: Metric) -> float:
        """Return the last minute for which a metric has data that can be seen; minus infinity without any."""
        return self._newest.get(metric, -math.inf)

    def periods(self, metric: Metric, unit: str | None, wanted: range, length: int) -> dict[int, Bucket]:
        """Return the data of each period of `length` minutes that has any, by its first minute."""
        series = self._series.get(metric)
        if not series:
            return {}
        found: dict[int, list[Bucket]] = defaultdict(list)
        for name, minutes in series.items():
            if unit not in (None, name):
                continue
            # A week is longer than most series and an hour shorter, so walk the smaller of the two.
            for minute in wanted if len(wanted) < len(minutes) else minutes:
                if minute in wanted and minute in minutes:
                    found[minute - (minute - wanted.start) % length].append(minutes[minute])
        return {first: Bucket.joined(parts) for first, parts in found.items()}

    def put_metric_data(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out PutMetricData."""
        only("PutMetricData", params, "Namespace", "MetricData", "StrictEntityValidation")
        need("PutMetricData", params, "MetricData")
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
        """Carry out GetMetricData for MetricStat queries.

        A page may end amid a query's data points and then says nothing of later queries: whoever reads pages
        joins the results by their Id.
        """
        request = DataRequest.of(params)
        results: list[dict[str, Any]] = []
        room = request.most_points
        for index, query in enumerate(request.queries):
            if index < request.begin.query or not query.returned:
                continue
            points = self._points(query.metric, query.unit, query.period_minutes, request.start, request.end)
            points = [(minute, bucket) for minute, bucket in points if bucket.has(query.statistic)]
            if request.newest_first:
                points.reverse()
            if index == request.begin.query and (begin := request.begin.minute) is not None:
                points = [each for each in points if each[0] == begin or (each[0] < begin) == request.newest_first]
            now, later = points[:room], points[room:]
            times = [self.time_of(minute) for minute, _ in now]
            values = [bucket.statistic(query.statistic) for _, bucket in now]
            results.append(query.result(times, values, complete=not later))
            if later:
                token = Position(index, later[0][0]).token
                return {"MetricDataResults": results, "NextToken": token, "Messages": []}
            room -= len(now)
        return {"MetricDataResults": results, "Messages": []}

    def _points(
        self, metric: Metric, unit: str | None, length: int, start: float, end: float
    ) -> list[tuple[int, Bucket]]:
        """Return the first minute and the data of each period that begins before `end`, oldest first.

        GetMetricData, StartTime: inclusive and rounded down to a minute, at which the first period begins
        (boto/boto3 issue 3457: timestamps are "aligned to the provided StartTime"); EndTime: exclusive.
        """
        first = self.minute_of(start)
        periods = math.ceil((math.ceil(round(end / self._clock.minute_seconds, 4)) - first) / length)
        return sorted(self.periods(metric, unit, range(first, first + periods * length), length).items())

    def get_metric_statistics(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out GetMetricStatistics; data points come oldest first."""
        names = ("Namespace", "MetricName", "StartTime", "EndTime", "Period")
        only("GetMetricStatistics", params, *names, "Dimensions", "Statistics", "ExtendedStatistics", "Unit")
        simple, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
        if bool(simple) == bool(extended):  # CloudWatch API: GetMetricStatistics, "but not both"
            raise ApiError("InvalidParameterCombinationException", "Give either Statistics or ExtendedStatistics.")
        for name in extended:
            if not is_percentile(name):  # CloudWatch API: GetMetricStatistics, ExtendedStatistics
                raise invalid(f"ExtendedStatistics must be percentiles such as p95, not {name!r}.")
        metric = (params["Namespace"], params["MetricName"], dimensions_of(params.get("Dimensions")))
        length = period_minutes(params["Period"])
        points = self._points(metric, params.get("Unit"), length, *span(params))
        if len(points) > 1_440:  # CloudWatch API: GetMetricStatistics, maximum of data points in one call
            raise ApiError("InvalidParameterCombinationException", "More than 1440 data points were requested.")
        units = list(self._series.get(metric, {}))
        unit = params.get("Unit") or (units[0] if len(units) == 1 else "None")
        answers = []
        for minute, bucket in points:
            if not all(map(bucket.has, extended)):
                continue
            answer: dict[str, Any] = {"Timestamp": self.time_of(minute), "Unit": unit}
            answer |= {name: bucket.statistic(name) for name in simple}
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
