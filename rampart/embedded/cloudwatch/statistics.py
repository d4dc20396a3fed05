"""Statistics: what is kept of the values of one stretch of time, and what can be computed from it.

Names and bounds follow the CloudWatch User Guide, "CloudWatch statistics definitions". Simpler than AWS:
trimmed means, trimmed sums, winsorized means and the interquartile mean are refused. No page says what a
percentile is between two samples, or where equal values fall that a percent bound divides: here a percentile
is one of the samples (nearest rank), and equal values stay together.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context

from rampart.embedded.cloudwatch.checks import invalid

SIMPLE_STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")

_DISTINCT_VALUES = 2_000
_THREE_DIGITS_UP = Context(prec=3, rounding=ROUND_CEILING)
_PERCENT = r"100|\d{1,2}(?:\.\d{1,10})?"  # "up to 10 decimal places"
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"p({_PERCENT})")
_SHORT_COUNT = re.compile(rf"tc({_PERCENT})")
_COUNT_BY_PERCENT = re.compile(rf"TC\((?:({_PERCENT})%)?:(?:({_PERCENT})%)?\)")
_BY_VALUE = re.compile(rf"(?:TC|PR)\(({_NUMBER})?:({_NUMBER})?\)")


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a trimmed count or a percentile rank counts: above `lower`, up to and with `upper`."""

    lower: float
    upper: float
    percent: bool
    """Whether the bounds are percentiles instead of values."""


class Bucket:
    """The values of one metric in one stretch of time.

    Beyond 2,000 distinct values they are kept at three significant digits, rounded up. A count up to a bound
    of three significant digits is exact all the same; percentiles and finer bounds are less than 1 % off.
    """

    __slots__ = ("_coarse", "_unmerged", "_values", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.minimum = math.inf
        self.maximum = -math.inf
        self._values: dict[float, float] = {}
        self._unmerged: list[Bucket] = []
        self._coarse = False

    def add(self, value: float, count: float = 1.0) -> None:
        """Add `value`, seen `count` times."""
        self.count += count
        self.total += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        self._keep(value, count)

    @classmethod
    def joined(cls, parts: Sequence["Bucket"]) -> "Bucket":
        """Return all that `parts` hold, to be read before any of them changes."""
        if len(parts) == 1:
            return parts[0]
        whole = cls()
        whole.count = math.fsum(part.count for part in parts)
        whole.total = math.fsum(part.total for part in parts)
        whole.minimum = min(part.minimum for part in parts)
        whole.maximum = max(part.maximum for part in parts)
        whole._unmerged = list(parts)  # few readers of a long stretch want more than its sum
        return whole

    def has(self, name: str) -> bool:
        """Return whether the statistic `name` exists (the guide: no percentiles "when any ... are negative")."""
        return name in SIMPLE_STATISTICS or self.minimum >= 0

    def statistic(self, name: str) -> float:
        """Return the statistic `name`, one that `statistic_name` accepts."""
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
        if is_percentile(name):
            return self._percentile(float(name[1:]))
        inside = self._count_within(_bounds(name))
        return 100 * inside / self.count if name.startswith("PR") else inside

    def _count_within(self, bounds: _Bounds) -> float:
        """Return how many samples are within `bounds`."""
        lower, upper = bounds.lower, bounds.upper
        if bounds.percent:
            lower = -math.inf if lower == 0 else self._percentile(lower)
            upper = self._percentile(upper)
        return math.fsum(count for value, count in self._samples().items() if lower < value <= upper)

    def _percentile(self, percent: float) -> float:
        """Return the smallest value that at least `percent` of the samples do not exceed (nearest rank)."""
        wanted, seen, samples = percent / 100 * self.count, 0.0, self._samples()
        for value in sorted(samples):
            seen += samples[value]
            if seen >= wanted - 1e-9:
                return value
        return self.maximum

    def _samples(self) -> dict[float, float]:
        """Return each value that is kept and how often it was seen."""
        while self._unmerged:
            for value, count in self._unmerged.pop()._samples().items():
                self._keep(value, count)
        return self._values

    def _keep(self, value: float, count: float) -> None:
        if self._coarse:
            value = _rounded_up(value)
        self._values[value] = self._values.get(value, 0.0) + count
        if not self._coarse and len(self._values) > _DISTINCT_VALUES:
            exact, self._values, self._coarse = self._values, {}, True
            for known, times in exact.items():
                self._keep(known, times)


def _rounded_up(value: float) -> float:
    """Return the next number of three significant digits: at most a bound of three digits when `value` is."""
    return float(_THREE_DIGITS_UP.create_decimal(repr(value)))


def is_percentile(name: str) -> bool:
    """Return whether `name` is that of a percentile, such as p95."""
    return _PERCENTILE.fullmatch(name) is not None


def statistic_name(name: str) -> str:
    """Return `name` when it is a statistic that is supported."""
    if name not in SIMPLE_STATISTICS and not is_percentile(name):
        bounds = _bounds(name)
        if bounds.lower >= bounds.upper:
            raise invalid(f"The statistic {name!r} has no values between its bounds.")
    return name


def _bounds(name: str) -> _Bounds:
    """Return the bounds in the name of a trimmed count or a percentile rank.

    The guide's "Syntax": a bound may be left out; "include values equal to the higher boundary, but ... not
    ... equal to the lower boundary"; tc90 is the same as TC(:90%). A percentile rank has no percent bounds.
    """
    if short := _SHORT_COUNT.fullmatch(name):
        return _Bounds(0.0, float(short[1]), percent=True)
    by_percent, by_value = _COUNT_BY_PERCENT.fullmatch(name), _BY_VALUE.fullmatch(name)
    found = by_percent or by_value
    if found is None or not any(found.groups()):
        known = f"{', '.join(SIMPLE_STATISTICS)}, p95, tc95, TC(10%:90%), TC(:300) or PR(100:300)"
        raise invalid(f"The statistic {name!r} is not supported: use one such as {known}.")
    first, last = (0.0, 100.0) if by_percent else (-math.inf, math.inf)
    lower, upper = found.groups()
    return _Bounds(float(lower or first), float(upper or last), percent=by_percent is not None)
