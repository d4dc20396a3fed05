"""One metric value on its way to CloudWatch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of one metric, as PutMetricData would carry it."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    """Pairs of name and value, sorted by name."""
    value: float
    unit: str
    timestamp: float
    """Seconds since the epoch."""

    @classmethod
    def of(
        cls, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str, timestamp: float
    ) -> Self:
        """Return the value with its dimensions in order."""
        return cls(namespace, name, tuple(sorted(dimensions.items())), value, unit, timestamp)
