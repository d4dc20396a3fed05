"""Measurement: which metrics tell of two versions, and the minutes in which they can be compared.

Time is counted in minutes since the epoch here, as CloudWatch counts it: minute n is the n-th whole minute.
Sources: Lambda developer guide, "Types of metrics for Lambda functions" (the dimensions FunctionName, Resource and
ExecutedVersion, "to compare error rates for two versions of a function that are both targets of a weighted alias");
CloudWatch user guide, "CloudWatch statistics definitions" (TC, the trimmed count).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from controller.core.criteria import CountMetric, Then
from controller.core.evidence import Minute, Usual
from controller.core.weight import FULL_WEIGHT

LAMBDA = "AWS/Lambda"
ERRORS, SLOWNESS = "errors", "slowness"
"""The names of what is compared of every function."""
SHIFT_SECONDS = 5
"""How long after the start of a minute a weight may change without spoiling that minute, in seconds of 60."""
LAG_MINUTES = 2
"""How long after its end a minute's metrics may still grow."""


class Metric(NamedTuple):
    """One statistic of one metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = "Sum"


Series = Mapping[int, float]
"""Values by the minute at which their period starts; a minute without data is not there."""
Measured = Mapping[Metric, Series]


class ShiftMade(BaseModel):
    """A shift as it was really made: when its first write began, when its last one was done, and its weight."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    at: datetime
    until: datetime
    weight: int


class Subject(BaseModel):
    """What is compared of one member: a pair of counts for each version."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    function: str
    name: str
    namespace: str = LAMBDA
    requests: str = "Invocations"
    failures: str = "Errors"
    dimensions: dict[str, str]
    version_dimension: str = "ExecutedVersion"
    slow_ms: float | None = None
    """The duration, in milliseconds, above which a request counts as slow; for slowness alone."""
    then: Then = Then.ROLL_BACK
    """What is done when the candidate is worse."""
    usual_requests: float = 0.0
    usual_failures: float = 0.0

    @property
    def usual(self) -> Usual:
        """What the alias served in the day before."""
        return Usual(self.usual_requests, self.usual_failures)

    def metrics(self, version: str | None) -> tuple[Metric, Metric]:
        """Return the two counts of a version, or of the whole alias."""
        dimensions = self.dimensions | ({self.version_dimension: version} if version else {})
        pairs = tuple(sorted(dimensions.items()))
        if self.slow_ms is None:
            return Metric(self.namespace, self.requests, pairs), Metric(self.namespace, self.failures, pairs)
        quick = f"TC(:{self.slow_ms:g})"
        return Metric(LAMBDA, "Duration", pairs, "SampleCount"), Metric(LAMBDA, "Duration", pairs, quick)

    def minutes(
        self, measured: Measured, baseline: str, candidate: str, numbers: Sequence[int]
    ) -> dict[int, Minute]:
        """Return what both versions served in those of the minutes that can be seen by now."""
        ours, ours_failed = (measured.get(metric, {}) for metric in self.metrics(candidate))
        theirs, theirs_failed = (measured.get(metric, {}) for metric in self.metrics(baseline))
        found = {}
        for number in numbers:
            mine, others = ours.get(number, 0.0), theirs.get(number, 0.0)
            failed = self._failures(mine, ours_failed.get(number))
            others_failed = self._failures(others, theirs_failed.get(number))
            if (mine or others) and failed is not None and others_failed is not None:
                found[number] = Minute(mine, failed, others, others_failed)
        return found

    def _failures(self, requests: float, value: float | None) -> float | None:
        """Return how many of the requests failed; None when that cannot be known, or not yet."""
        if not requests:
            return 0.0
        if value is None:  # Lambda counts 0 errors too; an application may not
            return 0.0 if self.namespace != LAMBDA else None
        failed = value if self.slow_ms is None else requests - value
        return failed if 0 <= failed <= requests else None


def errors_of(function: str, alias: str) -> Subject:
    """Return the errors that Lambda counts, as a thing to compare."""
    return Subject(function=function, name=ERRORS, dimensions=alias_dimensions(function, alias))


def counts_of(function: str, metric: CountMetric) -> Subject:
    """Return the counts that an application keeps, as a thing to compare."""
    return Subject(
        function=function,
        name=metric.name,
        namespace=metric.namespace,
        requests=metric.requests,
        failures=metric.failures,
        dimensions=metric.dimensions,
        version_dimension=metric.version_dimension,
    )


def slowness_of(function: str, alias: str, slow_ms: float, then: Then) -> Subject:
    """Return the requests that take longer than `slow_ms` milliseconds, as a thing to compare."""
    dimensions = alias_dimensions(function, alias)
    return Subject(function=function, name=SLOWNESS, dimensions=dimensions, slow_ms=slow_ms, then=then)


def alias_dimensions(function: str, alias: str) -> dict[str, str]:
    """Return the dimensions under which Lambda counts what comes through an alias."""
    return {"FunctionName": function, "Resource": f"{function}:{alias}"}


def minute_number(moment: datetime, minute_seconds: float) -> int:
    """Return the number of the minute that holds a moment, when a minute takes `minute_seconds` (60 on AWS)."""
    # Rounded, so that the start of a minute that was computed in floats falls into that very minute.
    return math.floor(round(moment.timestamp() / minute_seconds, 4))


def compared_minutes(shifts: Sequence[ShiftMade], now: datetime, minute_seconds: float) -> dict[int, int]:
    """Return the whole minutes so far in which both versions had a constant part of the traffic, with its weight.

    A minute in which the weight changes mixes two shares, and a burst of failures in it would look like the fault
    of the version whose share grew. It is left out, unless the weight changed at its very start, from one part to
    another.
    """
    minutes: dict[int, int] = {}
    before = 0
    for made, following in zip(shifts, (*shifts[1:], None), strict=False):  # of none there is no last one
        if 0 < made.weight < FULL_WEIGHT:
            first = minute_number(made.at, minute_seconds)
            late = made.until.timestamp() / minute_seconds - first
            if not before or late * 60 > SHIFT_SECONDS:
                first = minute_number(made.until, minute_seconds) + 1
            end = minute_number(following.at if following else now, minute_seconds)
            minutes |= dict.fromkeys(range(first, end), made.weight)
        before = made.weight
    return minutes
