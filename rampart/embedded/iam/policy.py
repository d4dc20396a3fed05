"""The IAM policy language: identity-based policies, parsed strictly and evaluated.

Follows the IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic". An element,
a condition operator or a condition key that is not known is an error when the policy is parsed.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Values = tuple[str, ...]
Lookup = Callable[[str], Values | None]
"""Gives the values of a condition key (in lower case) in a request, or None when the request has no such key."""

CONDITION_KEYS = frozenset(
    {"aws:principalaccount", "aws:resourceaccount", "aws:sourceaccount", "aws:sourcearn"}
    | {"cloudwatch:namespace", "dynamodb:leadingkeys", "events:detail-type", "events:source"}
    | {"iam:passedtoservice", "s3:prefix"}
)
"""Condition keys that a request may carry, in lower case; aws:ResourceTag/... comes on top."""
TAG_KEY = "aws:resourcetag/"

_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@dataclass(frozen=True, slots=True)
class Need:
    """An action that the caller must be allowed on a resource."""

    action: str
    resource: str = "*"
    context: Mapping[str, Values] = field(default_factory=dict)
    """Values of the service's condition keys, whose names are in lower case."""


class PolicyError(ValueError):
    """A policy that uses something the authoriser does not know."""


@cache
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", text))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Tell whether `text` matches `pattern`, in which * and ? are wildcards."""
    return _pattern(pattern, ignore_case).fullmatch(text) is not None


def arn_like(pattern: str, arn: str) -> bool:
    """Tell whether `arn` matches `pattern` part by part (IAM: "each of the six colon-delimited components").

    IAM, "Resource": a wildcard stays within its part, save that a last * reaches to the end of the ARN.
    """
    wanted = pattern.split(":", 5)
    given = arn.split(":", len(wanted) - 1)
    whole = len(wanted) == 6 or pattern.endswith("*")
    return whole and len(wanted) == len(given) and all(map(like, wanted, given))


def _bool(wanted: str, given: str) -> bool:
    return wanted.lower() == given.lower()


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringNotEquals": lambda wanted, given: wanted == given,
    "StringLike": like,
    "ArnEquals": arn_like,  # IAM: "ArnEquals and ArnLike behave identically"
    "ArnLike": arn_like,
    "Bool": _bool,
}
_SETS = ("ForAllValues", "ForAnyValue")
_IN_SETS = ("StringEquals", "StringLike")


@dataclass(frozen=True, slots=True)
class _Condition:
    """One operator applied to one condition key."""

    operator: str
    quantifier: str
    if_exists: bool
    key: str
    wanted: Values

    def holds(self, lookup: Lookup) -> bool:
        """Tell whether the request, whose keys `lookup` knows, meets the condition."""
        given = lookup(self.key)
        if self.operator == "Null":
            return any((given is None) == (value.lower() == "true") for value in self.wanted)
        if self.quantifier == "ForAllValues" and not given:
            return True  # IAM: ForAllValues "also returns true if there are no context keys in the request"
        if given is None:
            return self.if_exists or self.operator == "StringNotEquals"
        matches = _OPERATORS[self.operator]
        each = [any(matches(wanted, value) for wanted in self.wanted) for value in given]
        if self.operator == "StringNotEquals":
            return not any(each)
        return all(each) if self.quantifier == "ForAllValues" else any(each)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    sid: str
    allows: bool
    actions: Values
    resources: Values
    not_action: bool
    not_resource: bool
    conditions: tuple[_Condition, ...]

    def covers(self, action: str, resource: str, lookup: Lookup) -> bool:
        """Tell whether the statement speaks about `action` on `resource` in this request."""
        if any(like(each, action, ignore_case=True) for each in self.actions) == self.not_action:
            return False
        if any(arn_like(each, resource) for each in self.resources) == self.not_resource:
            return False
        return all(condition.holds(lookup) for condition in self.conditions)


def parse_policies(policies: Sequence[Mapping[str, Any]]) -> tuple[Statement, ...]:
    """Parse a role's policy documents; a statement without Sid is named by its place."""
    parsed = []
    for number, policy in enumerate(policies):
        if unknown := set(policy) - {"Version", "Id", "Statement"}:
            raise PolicyError(f"policy element {', '.join(sorted(unknown))} is not known")
        # IAM, "Version": without 2012-10-17 policy variables are plain text, as they are here.
        if policy.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
            raise PolicyError(f"policy version {policy['Version']!r} is not known")
        for place, statement in enumerate(_list(policy["Statement"])):
            parsed.append(_statement(statement, f"policies[{number}].Statement[{place}]"))
    return tuple(parsed)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _statement(given: Mapping[str, Any], place: str) -> Statement:
    """Parse one statement."""
    if unknown := set(given) - _ELEMENTS:
        raise PolicyError(f"{place}: statement element {', '.join(sorted(unknown))} is not known")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"{place}: Effect must be Allow or Deny, not {given.get('Effect')!r}")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in given) == (other in given):
            raise PolicyError(f"{place}: a statement has either {one} or {other}")
    actions = _texts(given.get("Action", given.get("NotAction")), place)
    resources = _texts(given.get("Resource", given.get("NotResource")), place)
    for action in actions:
        if action != "*" and ":" not in action:
            raise PolicyError(f"{place}: action {action!r} names no service")
    conditions = tuple(
        _condition(operator, key, wanted, place)
        for operator, keys in (given.get("Condition") or {}).items()
        for key, wanted in keys.items()
    )
    sid, effect = given.get("Sid") or place, given["Effect"] == "Allow"
    return Statement(sid, effect, actions, resources, "NotAction" in given, "NotResource" in given, conditions)


def _texts(value: Any, place: str) -> Values:
    """Return text or a list of texts as a tuple; a policy variable is not known."""
    texts = _list(value)
    for text in texts:
        if not isinstance(text, str):
            raise PolicyError(f"{place}: {text!r} is not text")
        if "${" in text:
            raise PolicyError(f"{place}: the policy variable in {text!r} is not known")
    return tuple(texts)


def _condition(operator: str, key: str, wanted: Any, place: str) -> _Condition:
    """Parse one operator with one key."""
    quantifier, separator, rest = operator.partition(":")
    if not separator:
        quantifier, rest = "", operator
    base = rest.removesuffix("IfExists")
    known = base == "Null" and rest == "Null" and not quantifier
    known |= base in (_IN_SETS if quantifier else _OPERATORS) and quantifier in ("", *_SETS)
    if not known:
        raise PolicyError(f"{place}: condition operator {operator!r} is not known")
    if key.lower() not in CONDITION_KEYS and not key.lower().startswith(TAG_KEY):
        raise PolicyError(f"{place}: condition key {key!r} is not known")
    texts = [str(each).lower() if isinstance(each, bool) else each for each in _list(wanted)]
    return _Condition(base, quantifier, rest != base, key.lower(), _texts(texts, place))


def denies(statements: Iterable[Statement], action: str, resource: str, lookup: Lookup) -> bool:
    """Tell whether a statement denies the request explicitly, which nothing can override."""
    return any(not each.allows and each.covers(action, resource, lookup) for each in statements)


def allowing(statements: Iterable[Statement], action: str, resource: str, lookup: Lookup) -> tuple[Statement, ...]:
    """Return the statements that allow the request."""
    return tuple(each for each in statements if each.allows and each.covers(action, resource, lookup))
