"""Metrics on Amazon CloudWatch."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import DeniedError, UnavailableError
from controller.core.measurement import Measured, Metric, minute_number

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_AT_ONCE = 500  # GetMetricData takes at most 500 queries
_SECONDS = 60


class CloudWatchMetrics:
    """Metrics through a boto3 CloudWatch client, when a minute takes `minute_seconds` (60 on AWS)."""

    def __init__(self, client: "CloudWatchClient", minute_seconds: float) -> None:
        self._cloudwatch = client
        self._minute_seconds = minute_seconds

    def read(self, metrics: Sequence[Metric], since: int, until: int, minutes: int = 1) -> Measured:
        """Return each metric's values from minute `since` up to before `until`, in periods of so many minutes."""
        found: dict[Metric, dict[int, float]] = {metric: {} for metric in metrics}
        for start in range(0, len(metrics), _AT_ONCE):
            asked = {f"m{number}": metric for number, metric in enumerate(metrics[start : start + _AT_ONCE])}
            for name, moment, value in self._ask(asked, since, until, minutes):
                found[asked[name]][minute_number(moment, self._minute_seconds)] = value
        return found

    def _ask(
        self, asked: dict[str, Metric], since: int, until: int, minutes: int
    ) -> Iterator[tuple[str, datetime, float]]:
        """Yield every value; raises UnavailableError unless all that there is has come."""
        unfinished = set(asked)
        with aws_errors("reading metrics"):
            pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_query(name, metric, minutes) for name, metric in asked.items()],
                StartTime=self._moment(since),
                EndTime=self._moment(until),
                ScanBy="TimestampAscending",
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    name, status = result["Id"], result["StatusCode"]
                    if status == "Forbidden":
                        raise DeniedError(f"reading metric {asked[name].name}: CloudWatch says {status}")
                    if status == "Complete":
                        unfinished.discard(name)
                    for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                        yield name, moment, value
        if unfinished:
            names = ", ".join(sorted({asked[name].name for name in unfinished}))
            raise UnavailableError(f"reading metrics: CloudWatch has not answered for {names}")

    def _moment(self, minute: int) -> datetime:
        return datetime.fromtimestamp(minute * self._minute_seconds, UTC)


def _query(name: str, metric: Metric, minutes: int) -> Any:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
            },
            "Period": _SECONDS * minutes,
            "Stat": metric.statistic,
        },
    }
