"""What a rule lets through and what it makes of an event: patterns, Input, InputPath and InputTransformer."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rampart.embedded.wire import ApiError

# EventBridge user guide: Comparison operators for use in event patterns.
_FILTERS = frozenset(
    {"prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists"}
)
_PLACEHOLDER = re.compile(r"<([\w.-]+)>")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
_MISSING = object()


def check_pattern(pattern: str) -> None:
    """Raise ApiError for a pattern that EventBridge refuses; moto takes unknown filters in silence."""
    try:
        parsed = json.loads(pattern)
    except ValueError:
        raise _invalid("Event pattern is not valid JSON") from None
    if not isinstance(parsed, dict) or not parsed:
        raise _invalid("Event pattern must be a JSON object that is not empty")
    if len(pattern) > 4096:  # PutRule: EventPattern
        raise _invalid("Event pattern is longer than 4096 characters")
    _check_node(parsed, "")


def _check_node(node: Mapping[str, Any], path: str) -> None:
    for key, value in node.items():
        here = f"{path}.{key}".lstrip(".")
        if key == "$or" and isinstance(value, list):
            for each in value:
                _check_node(each, path)
        elif isinstance(value, dict):
            _check_node(value, here)
        elif not isinstance(value, list) or not value:
            raise _invalid(f'"{here}" must be an object or an array that is not empty')
        else:
            for filter_ in value:
                if isinstance(filter_, dict):
                    _check_filter(filter_, here)


def _check_filter(filter_: Mapping[str, Any], path: str) -> None:
    if len(filter_) != 1:
        raise _invalid(f"A filter of {path} must have exactly one operator")
    name, value = next(iter(filter_.items()))
    if name not in _FILTERS:
        raise _invalid(f"Unrecognized match type {name} at {path}")
    if name == "wildcard" and any("**" in text for text in _listed(value)):
        raise _invalid(f"Consecutive wildcard characters at {path}")


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str, ingested: str) -> str:
    """Return what a target receives of an event, as JSON text; `ingested` is the time of ingestion."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(event, target["InputPath"], None))
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        values = {name: _at(event, path, "") for name, path in transformer.get("InputPathsMap", {}).items()}
        # EventBridge user guide: Amazon EventBridge input transformation, predefined variables.
        values |= {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_arn.rpartition("/")[2],
            "aws.events.event.ingestion-time": ingested,
            "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
            "aws.events.event.json": event,
        }
        return _fill(transformer["InputTemplate"], values)
    return json.dumps(event)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template in one pass, so that text of the event is never taken for a placeholder."""

    def value_of(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ApiError("ValidationException", f"InputTemplate has no variable {found[1]}.")
        value = values[found[1]]
        # Inside a string the value is text; elsewhere it is JSON, so a string comes with its quotes.
        quoted = len(re.findall(r'(?<!\\)"', template[: found.start()])) % 2 == 1
        if not quoted:
            return json.dumps(value)
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return _PLACEHOLDER.sub(value_of, template)


def _at(event: Mapping[str, Any], path: str, default: Any) -> Any:
    """Return the value at a path such as $.detail.bucket.name or $.resources[0]."""
    value: Any = event
    end = 1
    for step in _STEP.finditer(path):
        if step.start() != end:
            break
        end = step.end()
        if step[1] is not None:
            value = value.get(step[1], _MISSING) if isinstance(value, Mapping) else _MISSING
        else:
            value = value[int(step[2])] if isinstance(value, list) and int(step[2]) < len(value) else _MISSING
    if not path.startswith("$") or end != len(path):
        raise ApiError("ValidationException", f"The embedded AWS does not know the JSON path {path}.")
    return default if value is _MISSING else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
