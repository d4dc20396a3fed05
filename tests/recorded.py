"""Events as AWS documents them, recorded in tests/events, and what may be wrong with one."""

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent / "events"
ABSENT = "(left out)"


def event(name: str) -> dict[str, Any]:
    """Return a recorded event."""
    value: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return value


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    """Return a recorded event with another value, or without one, at a dotted path."""
    whole = event(name)
    *parents, last = path.split(".")
    place = whole
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return whole
