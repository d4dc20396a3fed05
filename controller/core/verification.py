"""Verification: the test events of a target, which a candidate must answer before it gets traffic."""

import math
from typing import Any

from pydantic import Field

from controller.core.document import Document
from controller.core.expectation import Expectation

MAX_EVENTS = 20
MAX_DEPTH = 24
"""DynamoDB keeps 32 levels of nesting (service quotas), of which the record uses some itself."""

_MOST_DIGITS = 38
_LARGEST, _SMALLEST = 1e125, 1e-130
"""DynamoDB, data types: up to 38 digits, from 1E-130 to 9.99E+125."""


def check_payload(payload: Any) -> None:
    """Raise ValueError unless a payload can be sent as JSON and kept in a record."""
    level, depth = [payload], 0
    while level:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep, which no record can keep")
        for value in level:
            _check_number(value)
        level = [inner for value in level for inner in _inside(value)]
        depth += 1


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list() | tuple():
            return list(value)
        case _:
            return []


def _check_number(value: Any) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value:g} is no number of JSON; write one that is finite and not so large")
        if value and not _SMALLEST <= abs(value) <= _LARGEST:
            raise ValueError(f"the number {value:g} is too large or too small to be kept; write it as text")
    elif isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        raise ValueError(f"a number of more than {_MOST_DIGITS} digits cannot be kept; write it as text")


class VerificationEvent(Document):
    """A test event that the candidate must answer without an error, and as expected, before it gets traffic."""

    name: str = Field(min_length=1, max_length=64)
    """What the event is called when it is told that the candidate did not answer it."""
    payload: Any
    """What the candidate is invoked with: any JSON."""
    expect: Expectation | None = None
    """What is expected of the answer; left out: no error, and no statusCode of 500 or more."""
