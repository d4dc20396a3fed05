"""The commands as they are typed, with a world behind them instead of an account."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from controller.core.errors import DeniedError
from rampart.cli.__main__ import app
from rampart.cli.stack import Place
from tests.cli.operator import Operator
from tests.engine.world import World


class WorldStack(Operator):
    """What a command reaches: the world's records, functions and control."""

    def client(self, service: str) -> Any:
        """Refuse a client; what a test does not say, nobody may do."""
        raise DeniedError(f"nobody may use {service} here")

    def machine(self, given: str | None) -> str:
        """Return the state machine that is given."""
        return given or "arn:machine"

    @property
    def targets(self) -> Any:
        """Return the catalogue."""
        return self._world.ports.targets

    def explain(self, error: Exception) -> Exception:
        """Return an error as it is."""
        return error


class Desk:
    """A place at which commands are typed."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = WorldStack(world)

        def reach(_: Place) -> WorldStack:
            return self.stack

        monkeypatch.setattr("rampart.cli.stack.Stack", reach)

    def type(self, *words: str) -> Result:
        """Type a command and return what came of it."""
        return CliRunner().invoke(app, words)
