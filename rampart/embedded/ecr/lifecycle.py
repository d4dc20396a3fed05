"""Lifecycle policies: the form in which ECR takes them.

Source: ECR user guide, "Lifecycle policy properties in Amazon ECR".
"""

import json
from typing import Any

from rampart.embedded.wire import ApiError

_COUNTS = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")


def check_lifecycle(text: str) -> None:
    """Raise InvalidParameterException unless a text is a lifecycle policy."""
    try:
        rules = json.loads(text)["rules"]
        priorities = [rule["rulePriority"] for rule in rules]
        problem = next(filter(None, map(_problem, rules)), None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem, priorities, rules = f"not a policy: {error!r}", [], []
    if problem is None and (not rules or len(set(priorities)) != len(priorities)):
        problem = "each rule has a priority of its own"
    if problem:
        message = f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{problem}'"
        raise ApiError("InvalidParameterException", message)


def _problem(rule: dict[str, Any]) -> str | None:
    selection, action = rule["selection"], rule["action"]["type"]
    status, count = selection["tagStatus"], selection["countType"]
    named = bool(selection.get("tagPrefixList")) + bool(selection.get("tagPatternList"))
    if status not in ("tagged", "untagged", "any") or named != (1 if status == "tagged" else 0):
        return "tagPrefixList or tagPatternList goes with tagStatus tagged, and with no other"
    if count not in _COUNTS or not isinstance(selection["countNumber"], int):
        return f"countType {count!r} is none"
    if (count == "imageCountMoreThan") == ("countUnit" in selection):
        return "countUnit goes with a time"
    if action not in ("expire", "transition") or (count == "sinceImagePulled" and action == "expire"):
        return f"action {action!r} is none, or does not go with {count}"
    return None
