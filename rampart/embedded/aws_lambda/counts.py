"""What Lambda tells CloudWatch about invocations, and under which dimensions.

Follows the Lambda Developer Guide, "Types of metrics for Lambda functions".
"""

from collections.abc import Iterator

from rampart.embedded.cloudwatch.datum import Datum

NAMESPACE = "AWS/Lambda"


def dimension_sets(function: str, qualifier: str | None, executed: str | None) -> list[dict[str, str]]:
    """Return the dimensions of an invocation; `executed` is the version when `qualifier` is an alias."""
    sets = [{}, {"FunctionName": function}]
    if qualifier:
        sets.append({"FunctionName": function, "Resource": f"{function}:{qualifier}"})
        if executed:
            sets.append({**sets[-1], "ExecutedVersion": executed})
    return sets


def values_of(failed: bool, duration_ms: float) -> dict[str, tuple[float, str]]:
    """Return value and unit of each metric of one invocation; Errors is 0 for one that went well."""
    return {
        "Invocations": (1.0, "Count"),
        "Errors": (1.0 if failed else 0.0, "Count"),
        "Duration": (duration_ms, "Milliseconds"),
    }


def traffic(
    function: str,
    alias: str | None,
    version: str,
    at: float,
    invocations: int,
    errors: int = 0,
    duration_ms: float = 10.0,
) -> Iterator[tuple[Datum, float]]:
    """Yield all that a version's invocations through an alias leave in CloudWatch, each with its count.

    It is for demonstrations and tests that want much traffic and no code that runs; `at` (epoch seconds) is when
    the invocations began.
    """
    for number, failed in ((invocations - errors, False), (errors, True)):
        for dimensions in dimension_sets(function, alias, version) if number else ():
            for name, (value, unit) in values_of(failed, duration_ms).items():
                yield Datum.of(NAMESPACE, name, dimensions, value, unit, at), float(number)
