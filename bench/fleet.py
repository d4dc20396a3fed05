"""A fleet of functions, released all at once: every third release is bad, and its alarm goes off.

The real template, state machine and handlers on the embedded AWS, each function with its own target, alias and
alarm. Zips are uploaded at once and found through S3's events; alarms are set by the operator, since no customer
calls these functions; minutes are compressed.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import BaseModel
from rich.console import Console

from bench.command import count, forget_aws
from bench.waiting import WaitedInVainError, until
from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status, Transition
from rampart.demo.account import Account, alarm_of
from rampart.demo.releases import Release
from rampart.embedded.aws import EmbeddedAws

MINUTE_SECONDS = 6.0
_GOOD = {"steps": [{"weight": "50%", "bake": "30s"}]}
_BAD = {"steps": [{"weight": "50%", "bake": "6h"}]}
"""A release that nobody stops bakes for longer than anybody waits."""
_LONGEST_SECONDS = 150.0
_PAUSE_SECONDS = 0.3
_AT_ONCE = 32


class Report(BaseModel):
    """What became of a fleet."""

    rollouts: int
    ended: dict[Status, int]
    seconds: float
    """From the first upload until the team has heard of every end."""
    faults: list[str]
    """What is otherwise than it must be, one line each."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One function's release, and how it must end."""

    function: str
    release: Release

    @property
    def is_bad(self) -> bool:
        """Whether its alarm goes off."""
        return self.release.must_end is Status.ROLLED_BACK

    @property
    def key(self) -> str:
        """Where its zip is uploaded."""
        return f"{self.function}/release-2.zip"


class Fleet:
    """Functions that are released at once."""

    def __init__(self, aws: EmbeddedAws, rollouts: int) -> None:
        """Make the functions, with their alarms and targets."""
        ends = [Status.ROLLED_BACK if number % 3 == 2 else Status.PROMOTED for number in range(rollouts)]
        self._rollouts = [Rollout(f"shop-{number:02d}", Release(2, 0, end)) for number, end in enumerate(ends)]
        self._aws = aws
        self._account = Account(aws, functions=[each.function for each in self._rollouts])
        for each in self._rollouts:
            # Without data such an alarm stays as the operator puts it.
            self._account.make_alarm(each.function, TreatMissingData="ignore")
            self._account.set_alarm("OK", each.function)
            strategy = _BAD if each.is_bad else _GOOD
            # The functions are not invoked: what counts here is the controller.
            self._account.declare_target(strategy, each.function, final_bake="30s", test_events=[])

    def release(self) -> Report:
        """Release everything at once, set the alarms of the bad ones off at once, and see how all of it ends.

        Raises WaitedInVainError.
        """
        began = time.monotonic()
        _at_once(lambda each: self._account.upload(each.key, each.release.zip), self._rollouts)
        bad = [each for each in self._rollouts if each.is_bad]
        self._wait_until_told(Transition.SHIFTED, bad)
        _at_once(lambda each: self._account.set_alarm("ALARM", each.function), bad)
        self._wait_until_told(Transition.ENDED, self._rollouts)
        seconds = time.monotonic() - began
        until(lambda: self._aws.wait_until_idle(1), "all is delivered")
        self._account.listen()
        found = {each: self._account.deployments.history(each.function, 10) for each in self._rollouts}
        ended = Counter(deployment.status for deployments in found.values() for deployment in deployments)
        faults = [fault for each in self._rollouts for fault in self._faults(each, found[each])]
        denied = self._account.denied()
        faults += [denied] if denied else []
        faults += [f"an event was lost: {lost.reason}" for lost in self._aws.events.lost]
        return Report(rollouts=len(self._rollouts), ended=dict(ended), seconds=round(seconds, 1), faults=faults)

    def _faults(self, rollout: Rollout, found: list[Deployment]) -> Iterator[str]:
        """Yield what is otherwise than it must be with one function."""
        function, must_end = rollout.function, rollout.release.must_end
        if len(found) != 1:
            yield f"{function} has {len(found)} deployments"
            return
        deployment = found[0]
        if deployment.status is not must_end:
            yield f"{function} ended {deployment.status}, and not {must_end}: {deployment.reason}"
            return
        if rollout.is_bad and f"alarm {alarm_of(function)} " not in deployment.reason:
            yield f"{function} was rolled back for another reason than its alarm: {deployment.reason}"
        member = deployment.members[0]
        wanted = Routing(member.baseline if rollout.is_bad else str(member.candidate))
        routing = self._account.routing(function)
        if routing != wanted:
            yield f"the alias of {function} is on {routing}, and not on {wanted}"
        owner = self._account.deployments.claim(function).owner
        if owner:
            yield f"the claim on {function} is still held by {owner}"
        yield from self._untold(deployment)

    def _untold(self, deployment: Deployment) -> Iterator[str]:
        """Yield which events of a deployment the team has not heard of once."""
        messages = [m for m in self._account.inbox.messages if m["deployment_id"] == deployment.deployment_id]
        told = Counter(message["event_id"] for message in messages)
        for event in self._account.deployments.events(deployment.deployment_id):
            if told.pop(event.event_id, 0) != 1:
                yield f"{event.event_id} ({event.transition}) was not told once"
        for event_id in told:
            yield f"{event_id} was told and is not recorded"

    def _wait_until_told(self, transition: Transition, rollouts: list[Rollout]) -> None:
        wanted = {each.function for each in rollouts}

        def told() -> bool:
            self._account.listen()
            return wanted <= {m["target"] for m in self._account.inbox.messages if m["transition"] == transition}

        until(told, f"all of {len(wanted)} have {transition}", _LONGEST_SECONDS, _PAUSE_SECONDS)


def _at_once(do: Callable[[Rollout], object], rollouts: Iterable[Rollout]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(do, rollouts))


def release_fleet(rollouts: int) -> Report:
    """Release that many functions at once on an account of their own; raises WaitedInVainError."""
    # Two processes for each function of the controller: more would only wait for the same few processors.
    with EmbeddedAws(MINUTE_SECONDS, processes=2) as aws:
        return Fleet(aws, rollouts).release()


def main() -> int:
    """Release a fleet and print what became of it; the exit code is 0 when all is as it must be, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__.splitlines()[0])
    parser.add_argument("--rollouts", type=count(99), default=50, help="how many functions (default 50)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    forget_aws()
    try:
        report = release_fleet(given.rollouts)
    except WaitedInVainError as error:
        Console(stderr=True).print(f"bench.fleet: {error}", markup=False, soft_wrap=True)
        return 1
    out = Console(highlight=False, soft_wrap=True)
    if given.output == "json":
        out.print(report.model_dump_json(indent=2), markup=False)
    else:
        ends = ", ".join(f"{number} {status}" for status, number in sorted(report.ended.items()))
        out.print(f"{report.rollouts} rollouts at once ended after {report.seconds:g} s: {ends}", markup=False)
        for fault in report.faults:
            out.print(f"fault: {fault}", markup=False)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
