"""CloudWatch Logs Insights, as much of it as the saved queries need, over log lines that are JSON objects.

Follows the CloudWatch Logs user guide, "CloudWatch Logs Insights query syntax": fields, filter, sort, limit, stats.
Whatever else a query says is refused.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

Line = dict[str, Any]
Rows = list[Line]
Test = Callable[[Line], bool]

_WORD = r"[@\w]+"
_TESTS: tuple[tuple[str, Callable[..., Test]], ...] = (
    (rf"({_WORD}) = \"([^\"]*)\"", lambda name, text: lambda line: value(line, name) == text),
    (rf"({_WORD}) like /([^/]*)/", lambda name, like: lambda line: bool(re.search(like, str(value(line, name))))),
    (rf"ispresent\(({_WORD})\)", lambda name: lambda line: value(line, name) is not None),
    (rf"({_WORD}) in (\[[^\]]*\])", lambda name, among: lambda line: value(line, name) in json.loads(among)),
)


def value(line: Line, name: str) -> Any:
    """Return a field of a line; @timestamp and @message are those that CloudWatch Logs makes."""
    match name:
        case "@timestamp":
            return line["timestamp"]
        case "@message":
            return json.dumps(line)
        case _:
            return line.get(name)


def run(query: str, lines: Sequence[Line]) -> Rows:
    """Return what a query finds."""
    rows, shown = list(lines), None
    for command in query.replace("\n", " ").split("| "):
        name, _, rest = command.strip().partition(" ")
        match name:
            case "fields":
                shown = names(rest)
            case "filter":
                tests = [_test(each) for each in rest.split(" and ")]
                rows = [row for row in rows if all(test(row) for test in tests)]
            case "sort":
                field, order = rest.split(" ")
                rows.sort(key=lambda row: value(row, field), reverse={"asc": False, "desc": True}[order])
            case "limit":
                rows = rows[: int(rest)]
            case "stats":
                found = re.fullmatch(rf"count\(\*\) as ({_WORD}) by (.*)", rest)
                assert found, f"no such statistic: {rest}"
                by = names(found[2])
                counted = Counter(tuple(value(row, each) for each in by) for row in rows)
                rows = [{**dict(zip(by, key, strict=True)), found[1]: number} for key, number in counted.items()]
            case _:
                raise AssertionError(f"no such command: {command}")
    return [{each: value(row, each) for each in shown} for row in rows] if shown else rows


def names(text: str) -> list[str]:
    """Return the names of fields between commas."""
    found = [each.strip() for each in text.split(",")]
    assert all(re.fullmatch(_WORD, each) for each in found), text
    return found


def _test(text: str) -> Test:
    for pattern, made in _TESTS:
        if found := re.fullmatch(pattern, text.strip()):
            return made(*found.groups())
    raise AssertionError(f"no such test: {text}")
