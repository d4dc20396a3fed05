"""CloudWatch embedded metric format: the metrics that a line of a function's log carries.

Follows the CloudWatch User Guide, "Specification: Embedded metric format".
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from rampart.embedded.cloudwatch.datum import Datum

_DIMENSIONS_LIMIT = 30
_VALUES_LIMIT = 100


def data_of(line: str, now: float) -> list[Datum]:
    """Return the metrics in one log line, or nothing when the line is not in embedded metric format.

    `now` (epoch seconds) stands in when the line carries no timestamp. What breaks the specification (a
    dimension without its member, a value that is no number, too many of either) is left out, as CloudWatch
    Logs keeps such a line as plain text. StorageResolution is accepted and one-minute buckets are kept.
    """
    if '"_aws"' not in line:
        return []
    try:
        root = json.loads(line)
    except ValueError:
        return []
    if not isinstance(root, dict) or not isinstance(root.get("_aws"), dict):
        return []
    meta = root["_aws"]
    directives = meta.get("CloudWatchMetrics")
    if not isinstance(directives, list):
        return []
    stamp = meta.get("Timestamp")
    time = stamp / 1000 if isinstance(stamp, int | float) and not isinstance(stamp, bool) else now
    return [datum for each in directives if isinstance(each, dict) for datum in _directive(root, each, float(time))]


def _directive(root: Mapping[str, Any], directive: Mapping[str, Any], time: float) -> Iterator[Datum]:
    """Yield every metric of one MetricDirective once for each of its dimension sets."""
    namespace = directive.get("Namespace")
    if not isinstance(namespace, str):
        return
    for dimensions in _dimension_sets(root, directive.get("Dimensions", [[]])):
        for metric in directive.get("Metrics", []):
            name = metric.get("Name") if isinstance(metric, dict) else None
            if isinstance(name, str):
                for value in _values(root.get(name)):
                    yield Datum(namespace, name, dimensions, value, metric.get("Unit", "None"), time)


def _dimension_sets(root: Mapping[str, Any], sets: Any) -> Iterator[tuple[tuple[str, str], ...]]:
    """Yield each DimensionSet that the root node has members for, as sorted pairs."""
    for names in sets if isinstance(sets, list) else []:
        if not isinstance(names, list) or len(names) > _DIMENSIONS_LIMIT:
            continue
        if all(isinstance(name, str) and isinstance(root.get(name), str) for name in names):
            yield tuple(sorted((name, root[name]) for name in names))


def _values(target: Any) -> list[float]:
    """Return a metric's values: a number, or a list of at most 100 numbers."""
    values = target if isinstance(target, list) else [target]
    if len(values) > _VALUES_LIMIT:
        return []
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        return []
    return [float(each) for each in values if math.isfinite(each)]
