"""The Lambda entry points as Lambda and the state machine call them: over JSON, with what they write kept."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.engine.walker import Execution
from tests.engine.world import World

ROOT = Path(__file__).parents[2]
RESOURCES: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]


@dataclass
class LambdaContext:
    """What Lambda gives a handler beside the event."""

    function_name: str = "rampart-plan"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:rampart-plan"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"


class Stdout:
    """Whatever stdout is at the moment; pytest puts another one there for each phase of a test."""

    def write(self, text: str) -> None:
        """Write text."""
        sys.stdout.write(text)

    def flush(self) -> None:
        """Write what has been held back."""
        sys.stdout.flush()


class Output:
    """What was written to stdout, which is where Lambda's logs come from."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._lines: list[dict[str, Any]] = []

    def _read(self) -> list[dict[str, Any]]:
        self._lines += [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]
        return self._lines

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [line for line in self._read() if "_aws" not in line]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines in embedded metric format."""
        return [line for line in self._read() if "_aws" in line]


def entry_point(resource: str) -> Callable[[Any, Any], Any]:
    """Return the entry point that the template names for a function."""
    module, _, name = RESOURCES[resource]["Properties"]["Handler"].rpartition(".")
    found: Callable[[Any, Any], Any] = getattr(import_module(module), name)
    return found


class Machine:
    """Runs each state's task as Step Functions would: through the function's entry point, over JSON."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, dict[str, Any]]] = []

    def invoke(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function of a state."""
        answer = entry_point(f"{state}Function")(json.loads(json.dumps(payload)), LambdaContext())
        self.answers.append((state, answer))
        document: dict[str, Any] = json.loads(json.dumps(answer))
        return document


def deploy(world: World, name: str = "by-hand") -> tuple[Execution, Machine]:
    """Deploy through the entry points."""
    machine = Machine()
    world.tasks = machine.invoke
    return world.run(name, {"target": "checkout", "artifact": world.upload().model_dump()}), machine
