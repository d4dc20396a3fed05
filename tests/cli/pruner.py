"""Somebody who prunes in a world, and what there is to prune."""

from dataclasses import dataclass, field
from typing import Any

from controller.ports import Deployments, Metrics, Targets
from rampart.cli.prune import prune_functions
from rampart.cli.versions import Versions
from tests.engine.account import zip_of
from tests.engine.model_client import ModelClient
from tests.engine.world import World


@dataclass
class Pruner:
    """Somebody who prunes in a world, by the world's clock."""

    world: World
    deployments: Deployments = field(init=False)
    targets: Targets = field(init=False)
    metrics: Metrics = field(init=False)
    minute_seconds: float = field(init=False)
    versions: Versions = field(init=False)

    def __post_init__(self) -> None:
        self.deployments = self.world.ports.deployments
        self.targets = self.world.ports.targets
        self.metrics = self.world.ports.metrics
        self.minute_seconds = self.world.clock.minute_seconds
        client: Any = ModelClient("lambda", self.world.aws_lambda, self.world._point)
        self.versions = Versions(client)

    def run(self, *, yes: bool = False, keep: int = 2) -> tuple[bool, dict[str, Any]]:
        """Prune the function checkout, and return whether all went well and what came of it."""
        well, (told,) = prune_functions(None, self, ["checkout"], keep, self.world.now(), yes=yes)
        return well, told

    def kept(self, keep: int = 2) -> dict[int, str]:
        """Return why versions are kept."""
        return {each["version"]: "; ".join(each["reasons"]) for each in self.run(keep=keep)[1]["kept"]}


def account() -> World:
    """Return an account with the function checkout, whose target is deployed all at once."""
    world = World()
    world.function()
    world.target(strategy="AllAtOnce", final_bake="1m")
    return world


def publish(world: World, *numbers: int) -> None:
    """Publish versions by hand, which must come to have these numbers."""
    for number in numbers:
        world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of(f"by hand = {number}"))
        world.clock.advance(1)
        assert world.aws("PublishVersion", FunctionName="checkout")["Version"] == str(number)
        world.clock.advance(1)


def deploy(world: World, number: int) -> str:
    """Deploy a version that is there, to its promotion, and return the deployment's id."""
    name = f"to-{number}-{int(world.clock.now())}"
    assert world.run(name, {"target": "checkout", "version": str(number)}).status == "SUCCEEDED"
    return name


def with_a_policy(world: World) -> None:
    """Let others invoke version 2."""
    world.aws(
        "AddPermission",
        FunctionName="checkout",
        Qualifier="2",
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
