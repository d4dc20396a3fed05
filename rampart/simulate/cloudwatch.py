"""What CloudWatch shows the controller of a rollout: Lambda's counts by version, and of the alias before."""

from collections.abc import Sequence
from datetime import UTC, datetime

from controller.core.history import DAY_MINUTES, HOUR_MINUTES, WEEK_MINUTES
from controller.core.measurement import LAMBDA, Measured, Metric, minute_number
from rampart.simulate.rollout import Shown
from rampart.simulate.traces import LEAD_MINUTES, Traces

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every trace begins: the start of a minute."""
MINUTE_SECONDS = 60.0
BEGIN_MINUTE = minute_number(BEGIN, MINUTE_SECONDS)
BASELINE, CANDIDATE = "1", "2"
"""The versions of every rollout."""

_OTHER_DAYS = 6


class Before:
    """The metrics of an alias before one rollout, which Plan reads: the last minutes, and a week by the hour.

    A day is shown as one hour with all of its requests, and the six days before it as another.
    """

    def __init__(self, traces: Traces, number: int) -> None:
        """Show what was before rollout `number` of the traces."""
        requests, failures = float(traces.day_requests[number]), float(traces.day_shared[number])
        day, week = BEGIN_MINUTE - DAY_MINUTES, BEGIN_MINUTE - WEEK_MINUTES
        self._hours = {
            "Invocations": {day: requests, week: _OTHER_DAYS * requests},
            "Errors": {day: failures, week: _OTHER_DAYS * failures},
        }
        came = traces.lead_requests[number].tolist()
        first = BEGIN_MINUTE - LEAD_MINUTES
        self._minutes = {"Invocations": {first + index: float(count) for index, count in enumerate(came) if count}}

    @property
    def metrics(self) -> "Before":
        """The port through which Plan reads."""
        return self

    def read(self, metrics: Sequence[Metric], since: int, until: int, minutes: int = 1) -> Measured:
        """Return each metric's values; what is not simulated has none."""
        kept = self._hours if minutes == HOUR_MINUTES else self._minutes
        return {metric: kept.get(metric.name, {}) if metric.namespace == LAMBDA else {} for metric in metrics}


def measured(wanted: Sequence[Metric], shown: Sequence[Shown], since: int, until: int) -> Measured:
    """Return the values of metrics from minute `since` up to before `until`, where there is a value."""
    rows = [seen for seen in shown if since <= BEGIN_MINUTE + seen.minute < until]
    return {metric: _series(metric, rows) if metric.namespace == LAMBDA else {} for metric in wanted}


def _series(metric: Metric, rows: Sequence[Shown]) -> dict[int, float]:
    version = dict(metric.dimensions).get("ExecutedVersion")
    has_candidate, has_baseline = version != BASELINE, version != CANDIDATE
    values: dict[int, float] = {}
    for minute, mine, mine_failed, others, others_failed in rows:
        requests = mine * has_candidate + others * has_baseline
        if not requests:  # Lambda tells of a version only where it ran
            continue
        if metric.name == "Invocations":
            values[BEGIN_MINUTE + minute] = float(requests)
        elif metric.name == "Errors":
            values[BEGIN_MINUTE + minute] = float(mine_failed * has_candidate + others_failed * has_baseline)
    return values
