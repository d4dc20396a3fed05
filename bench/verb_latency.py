"""How long a person's word takes: the real template, state machine and handlers on the embedded AWS, in real time.

Each deployment bakes for ten minutes, in minutes of sixty seconds. What is measured runs from the invocation of the
control function to the effect: an alias that has moved, or an execution that has looked and bakes anew. Versions
are not compared here: those that are change their weights when a minute begins, if it does within five seconds.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench.command import count, forget_aws
from bench.rehearsal import EndedOtherwiseError
from bench.rollback_latency import Spread, spread
from bench.waiting import WaitedInVainError, until
from controller.core.deployment import Deployment, Status
from rampart.demo.account import ALIAS, FUNCTION, TARGET, Account
from rampart.demo.releases import Release
from rampart.embedded.aws import EmbeddedAws

MEDIAN_GOAL_SECONDS = 1.0
_BAKE: dict[str, Any] = {"steps": [{"weight": "10%", "bake": "10m"}]}
_GATED: dict[str, Any] = {
    "steps": [{"weight": "10%", "bake": "1s", "approval": True}, {"weight": "50%", "bake": "10m"}]
}
_PAUSE_SECONDS = 0.01
"""How long to wait from one look at the effect to the next."""
_EFFECTS = {
    "pause": "the execution has looked, and holds",
    "resume": "the execution has looked, and bakes on",
    "promote": "the alias is on the candidate",
    "undo": "the alias is back",
    "approve": "the alias has the next weight",
    "abort": "the alias is back",
}


class Report(BaseModel):
    """All that was measured."""

    runs: int
    verbs: dict[str, Spread]

    @property
    def meets_goal(self) -> bool:
        """Say whether the median of every verb is as short as it should be."""
        return all(seen.median < MEDIAN_GOAL_SECONDS for seen in self.verbs.values())


class Person:
    """Somebody who asks for something, and sees when it has come."""

    def __init__(self, aws: EmbeddedAws) -> None:
        """Set function and target up, with one candidate for all deployments."""
        self._aws = aws
        self._account = Account(aws, functions=(FUNCTION,))
        self._declare(_BAKE)
        client = aws.client("lambda")
        client.update_function_code(FunctionName=FUNCTION, ZipFile=Release(2, 0, Status.PROMOTED).zip)
        often = {"Delay": 0.05, "MaxAttempts": 200}
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig=often)
        self._version = client.publish_version(FunctionName=FUNCTION)["Version"]
        waiter = client.get_waiter("published_version_active")
        waiter.wait(FunctionName=FUNCTION, Qualifier=self._version, WaiterConfig=often)

    def run(self, number: int) -> dict[str, float]:
        """Say everything once, in two deployments, and return how many seconds each verb took."""
        taken: dict[str, float] = {}
        self._declare(_BAKE)
        name = self._baking(f"bake-{number}")
        for verb in ("pause", "resume"):
            token = self._record(name).token
            taken[verb] = self._ask(name, verb, lambda token=token: self._record(name).token != token)  # type: ignore[misc]
        taken["promote"] = self._ask(name, "promote", lambda: self._weight() == 1.0)
        until(lambda: self._record(name).status is Status.PROMOTED, f"{name} is promoted")
        taken["undo"] = self._ask(name, "undo", lambda: self._weight() == 0.0)
        self._declare(_GATED)
        name = self._baking(f"gate-{number}", lambda found: found.awaits_approval)
        taken["approve"] = self._ask(name, "approve", lambda: self._weight() == 0.5)
        until(lambda: self._record(name).step_index == 1, f"{name} has shifted")
        taken["abort"] = self._ask(name, "abort", lambda: self._weight() == 0.0)
        until(lambda: self._record(name).status is Status.ROLLED_BACK, f"{name} is rolled back")
        until(lambda: self._aws.wait_until_idle(1), "every event is delivered")
        return taken

    def _declare(self, strategy: dict[str, Any]) -> None:
        member = {"function": FUNCTION, "alias": ALIAS}
        self._account.declare_target(strategy, members=[member], test_events=[], alarms=[], comparison=False)

    def _baking(self, name: str, ready: Callable[[Deployment], bool] = lambda found: True) -> str:
        """Start a deployment and return its id when it bakes, and is as it should be."""
        deployment_id = self._account.start({"target": TARGET, "version": self._version}, name)

        def bakes() -> bool:
            found = self._account.deployments.find(deployment_id)
            if found and found.status is not Status.IN_PROGRESS:
                raise EndedOtherwiseError(f"{deployment_id} ended {found.status} before it baked: {found.reason}")
            return found is not None and found.step_index == 0 and found.token is not None and ready(found)

        until(bakes, f"{deployment_id} bakes")
        time.sleep(1.0)  # a person is not as quick as the state machine, which begins to wait only now
        return deployment_id

    def _ask(self, deployment_id: str, verb: str, is_done: Callable[[], bool]) -> float:
        """Ask for something and return how many seconds its effect took."""
        asked = {"deployment_id": deployment_id, "verb": verb, "by": "kim", "reason": "it is measured"}
        control = self._account.stack.outputs["ControlFunctionName"]
        began = time.monotonic()
        answer = self._aws.client("lambda").invoke(FunctionName=control, Payload=json.dumps(asked))
        said = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise EndedOtherwiseError(f"{verb} of {deployment_id}: {said}")
        until(is_done, f"{verb} of {deployment_id}: {_EFFECTS[verb]}", pause_seconds=_PAUSE_SECONDS)
        return time.monotonic() - began

    def _weight(self) -> float:
        """Return the candidate's share of the alias."""
        alias = self._aws.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        if alias["FunctionVersion"] == self._version:
            return 1.0
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return float(weights.get(self._version, 0.0))

    def _record(self, deployment_id: str) -> Deployment:
        found = self._account.deployments.find(deployment_id)
        if found is None:
            raise EndedOtherwiseError(f"{deployment_id} has no record")
        return found


def measure(runs: int, say: Callable[[str], None]) -> Report:
    """Return how long each verb took in so many runs, after one that starts the functions' processes."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    with EmbeddedAws(60.0) as aws:
        person = Person(aws)
        for number in range(runs + 1):
            taken = person.run(number)
            say(f"run {number}: " + ", ".join(f"{verb} {each:.3f} s" for verb, each in taken.items()))
            for verb, each in taken.items() if number else ():
                seconds[verb].append(each)
    return Report(runs=runs, verbs={verb: spread(each) for verb, each in seconds.items()})


def table(report: Report) -> Table:
    """Return a report as a table for people."""
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("seconds", "until", "median", "p90", "max"):
        shown.add_column(column, justify="left" if column in ("seconds", "until") else "right")
    for verb, seen in report.verbs.items():
        shown.add_row(verb, _EFFECTS[verb], *(f"{each:.3f}" for each in (seen.median, seen.p90, seen.max)))
    return shown


def main() -> int:
    """Measure and print; the exit code is 0 when the goal is met, else 1."""
    about = "How long a person's word takes, on the embedded AWS and in real time."
    parser = argparse.ArgumentParser(prog="python -m bench.verb_latency", description=about)
    parser.add_argument("--runs", type=count(1_000), default=10, help="how often each verb is said (default 10)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    forget_aws()
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        report = measure(given.runs, progress.print)
    except (EndedOtherwiseError, WaitedInVainError) as error:
        progress.print(f"bench.verb_latency: {error}", markup=False)
        return 1
    out = Console(highlight=False, soft_wrap=True)
    if given.output == "json":
        out.print(report.model_dump_json(indent=2), markup=False)
    else:
        out.print(table(report))
        verdict = "met" if report.meets_goal else "missed"
        out.print(f"goal: median of every verb under {MEDIAN_GOAL_SECONDS:g} s: {verdict}")
    return 0 if report.meets_goal else 1


if __name__ == "__main__":
    sys.exit(main())
