"""An operator in the world of the stories: what its commands reach, with the controller's own control behind."""

import dataclasses

from controller.control import asked_of, on_asked
from controller.core.errors import ConflictError
from controller.ports import Deployments, Executions, Functions, Line
from controller.tasks.context import Context
from rampart.cli.claims import HeldClaim
from tests.engine.memory import MemoryDeployments, MemoryExecutions
from tests.engine.world import STAGE, World


class Running(MemoryExecutions):
    """Executions of which those that a test names are running."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: set[str] = set()

    def is_alive(self, execution_arn: str) -> bool:
        """Say whether an execution goes on."""
        return execution_arn in self.alive


class MemoryClaims:
    """Claims in memory; the execution of an owner without record is `arn:OWNER`."""

    def __init__(self, deployments: MemoryDeployments) -> None:
        self._deployments = deployments

    def held(self, function: str) -> HeldClaim | None:
        """Return the claim on a function, if somebody holds it."""
        claim = self._deployments.claim(function)
        if claim.owner is None:
            return None
        return HeldClaim(function, claim.owner, claim.fencing, f"arn:{claim.owner}", claim.waiters)

    def free(self, claim: HeldClaim) -> None:
        """Free a claim if it is still as it was read; raises ConflictError."""
        now = self._deployments.claim(claim.function)
        if (now.owner, now.fencing) != (claim.owner, claim.fencing):
            raise ConflictError(f"claim on function {claim.function}: it has changed")
        self._deployments._claims[claim.function] = dataclasses.replace(now, owner=None)


class Operator:
    """A person at the command line of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.executions: Executions = Running()
        self.deployments: Deployments = world.ports.deployments
        self.functions: Functions = world.ports.functions
        self.line: Line = world.ports.line
        self.claims = MemoryClaims(world.ports.deployments)
        self.aws_options = " --region eu-west-1"

    def caller(self) -> str:
        """Return who asks."""
        return "user/kim"

    def ask(self, verb: str, deployment_id: str | None, by: str, reason: str) -> str:
        """Let the controller's control do what is asked and return its answer."""
        world = self._world
        visit = Context(world.ports, deployment_id or "", world.now(), STAGE, world.clock.minute_seconds)
        asked = {"deployment_id": deployment_id, "verb": verb, "by": by, "reason": reason}
        return on_asked(visit, asked_of(asked))
