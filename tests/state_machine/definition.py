"""The definition in the repository, read once, and the little that the tests ask it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "state_machine" / "deployment.asl.json").read_text()
DEFINITION: dict[str, Any] = json.loads(TEXT)
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
DECIDE = STATES["Decide"]


def snake_case(name: str) -> str:
    """Return the module name of a state: RollBack is roll_back."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def camel_case(decision: str) -> str:
    """Return the state name of a decision: ROLLED_BACK is RolledBack."""
    return "".join(word.capitalize() for word in decision.split("_"))


def targets(state: dict[str, Any]) -> set[str]:
    """Return every state that a state may lead to."""
    branches = [*state.get("Choices", ()), *state.get("Catch", ())]
    found = {state.get("Next"), state.get("Default"), *(branch["Next"] for branch in branches)}
    return {name for name in found if name}


def transient(state: dict[str, Any]) -> dict[str, Any]:
    """Return the retrier of a task that answers AWS's transient errors."""
    retriers = [retrier for retrier in state["Retry"] if "UnavailableError" in retrier["ErrorEquals"]]
    assert len(retriers) == 1
    return dict(retriers[0])


def errors_named() -> set[str]:
    """Return every error name that a Retry or a Catch mentions."""
    handlers = [h for state in TASKS.values() for h in (*state["Retry"], *state["Catch"])]
    return {name for handler in handlers for name in handler["ErrorEquals"]}


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every name and value of every object, however deep."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from members(inner)
