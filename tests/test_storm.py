"""A storm: Lambda's control plane answers few of the calls that a fleet makes of it. Rollbacks go first."""

import random
from dataclasses import dataclass, field

from controller.core.deployment import Deployment, Status
from rampart.embedded.clock import VirtualClock
from tests.engine.faults import THROTTLE
from tests.engine.world import World

CONTROL_PLANE = ("GetAlias", "ListTags", "PublishVersion", "UpdateAlias", "UpdateFunctionCode")
"""What shares fifteen calls a second (Lambda quotas); GetFunction has a hundred of its own."""


@dataclass
class Quota:
    """Throttles whatever goes beyond so many calls a second, and by chance some that do not."""

    clock: VirtualClock
    per_second: int = 15
    share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(3))  # noqa: S311 - a chance that repeats
    second: int = 0
    taken: int = 0
    throttled: int = 0

    def __call__(self, operation: str, moment: str) -> None:
        """Let a call pass, or throttle it."""
        if operation not in CONTROL_PLANE or moment != "before":
            return
        if int(self.clock.now()) != self.second:
            self.second, self.taken = int(self.clock.now()), 0
        if self.taken >= self.per_second or self.chance.random() < self.share:
            self.throttled += 1
            raise THROTTLE.with_traceback(None)
        self.taken += 1


def fleet(world: World, size: int, **fields: object) -> list[str]:
    """Make functions with an alarm and a target each, and return their names."""
    names = [f"f{number}" for number in range(size)]
    for name in names:
        world.function(name)
        world.alarm(f"{name}-errors")
        world.target(name, alarms=[f"{name}-errors"], **fields)
    world.alarm_events = True
    return names


def pushed(world: World, names: list[str]) -> dict[str, str]:
    """Push a release to each, and return the name of each deployment."""
    return {name: world.take_in(world.upload("release = 1", f"{name}/1.zip")).started[0] for name in names}


def is_over(world: World, name: str) -> bool:
    """Say whether a deployment has ended."""
    record = world.ports.deployments.records.get(name)
    return record is not None and record.status.is_over


def started(deployment: Deployment) -> float:
    """Return when a deployment began, in seconds since the epoch."""
    return deployment.started_at.timestamp()


def seconds(deployment: Deployment) -> float:
    """Return how long a deployment took."""
    assert deployment.ended_at
    return deployment.ended_at.timestamp() - started(deployment)


def test_three_hundred_rollbacks_at_once_are_done_within_25_seconds() -> None:
    world = World()
    names = fleet(world, 300, strategy="Canary10Percent60Minutes")
    deployments = pushed(world, names)
    world.wait(600)
    assert {world.alias(name) for name in names} == {"version 1 with 10% on version 2"}
    world.fault = Quota(world.clock)
    began = world.clock.now()
    for name in names:
        world.set_alarm(f"{name}-errors", "ALARM")
    world.go_on(lambda: all(world.record(d).status.is_over for d in deployments.values()))
    seconds = world.clock.now() - began
    assert {world.record(d).status for d in deployments.values()} == {Status.ROLLED_BACK}
    assert {world.alias(name) for name in names} == {"version 1"}
    assert seconds <= 25


def test_in_a_storm_forward_steps_wait_and_rollbacks_go_first() -> None:
    world = World()
    names = fleet(world, 100)
    world.fault = Quota(world.clock, share=0.9)
    deployments = pushed(world, names)
    bad = set(names[::3])
    turned: dict[str, float] = {}
    while not all(is_over(world, deployments[name]) for name in names):
        world.wait(1)
        for name in sorted(bad - turned.keys()):
            record = world.ports.deployments.records.get(deployments[name])
            if record and record.step_index >= 0:
                turned[name] = world.clock.now()
                world.set_alarm(f"{name}-errors", "ALARM")
    ended = {name: world.record(deployments[name]) for name in names}
    assert {name for name in names if ended[name].status is Status.ROLLED_BACK} == bad
    assert {ended[name].status for name in set(names) - bad} == {Status.PROMOTED}
    assert {world.alias(name) for name in bad} == {"version 1"}
    assert {world.alias(name) for name in set(names) - bad} == {"version 2"}
    assert all(world.ports.deployments.claim(name).owner is None for name in names)
    assert all(world.told(d)[-1] in ("PROMOTED", "ROLLED_BACK") for d in deployments.values())
    back = sorted(seconds(ended[name]) - (turned[name] - started(ended[name])) for name in bad)
    forth = sorted(seconds(ended[name]) for name in set(names) - bad)
    assert back[-1] < forth[0]
