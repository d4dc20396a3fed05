"""What every CloudWatch call of the embedded AWS checks: known members, required members, times and pages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rampart.embedded.wire import ApiError


def invalid(message: str) -> ApiError:
    """Return the error that CloudWatch answers with when a parameter is wrong."""
    return ApiError("ValidationException", message)


def only(operation: str, given: Mapping[str, Any], *supported: str) -> None:
    """Refuse a member that the embedded CloudWatch does not support."""
    for name in given:
        if name not in supported:
            raise invalid(f"{operation}: the embedded CloudWatch does not support {name}.")


def need(operation: str, given: Mapping[str, Any], *required: str) -> None:
    """Refuse a call that leaves out a required member."""
    for name in required:
        if given.get(name) is None:
            raise invalid(f"{operation}: the parameter {name} is required.")


def one_of(name: str, value: Any, *choices: str) -> str:
    """Return `value` when it is one of `choices`."""
    if value not in choices:
        raise invalid(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return str(value)


def epoch(name: str, value: Any) -> float:
    """Return a timestamp member (epoch seconds, ISO 8601 text or datetime) in seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise invalid(f"{name} is not a timestamp: {value!r}.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def page(items: Sequence[Any], params: Mapping[str, Any]) -> tuple[Sequence[Any], dict[str, str]]:
    """Return one page of `items` as MaxRecords (1 to 100) and NextToken ask, with the next token if any.

    CloudWatch API: DescribeAlarms, DescribeAlarmHistory. Without MaxRecords a page has 100 records.
    """
    size = int(params.get("MaxRecords", 100))
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise ApiError("InvalidNextToken", "The next token specified is invalid.")
    end = int(token) + size
    return items[int(token) : end], {"NextToken": str(end)} if end < len(items) else {}
