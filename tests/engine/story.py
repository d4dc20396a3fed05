"""A story of whatever may happen side by side: pushes, crashes, hand edits, alarms, people's words, freezes."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from controller.control import asked_of, on_asked
from controller.core.errors import InputError
from controller.hook_answers import on_said, said_of
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.engine.events import s3_event
from tests.engine.faults import BROKEN, CRASH, KILLED, LOST, THROTTLE, Fault
from tests.engine.invariants import Invariants
from tests.engine.world import World

FUNCTIONS = ("checkout", "basket")
ERRORS = {"throttled": THROTTLE, "broken": BROKEN, "lost": LOST, "crash": CRASH, "killed": KILLED}
LONG = 3 * 24 * 3600.0


@dataclass(frozen=True)
class Happening:
    """One thing that happens, and when."""

    second: int
    what: str
    which: int = 0
    how: str = ""

    def __repr__(self) -> str:
        return f"\n  at {self.second} s: {self.what} {self.which} {self.how}".rstrip()


class Story:
    """A world in which happenings happen."""

    def __init__(
        self, happenings: Sequence[Happening], choose: Callable[[Sequence[str]], int] | None = None
    ) -> None:
        """`choose` decides who goes first at every call, when several could."""
        self.world = world = World()
        world.alarm_events = True
        for function in FUNCTIONS:
            world.function(function)
        world.hook_function()
        world.answer = self._answer
        world.alarm("errors")
        self._declare(0, "")
        members = [{"function": function} for function in FUNCTIONS]
        world.target("both", members=members, strategy="AllAtOnce", final_bake="1m")
        self.invariants = Invariants(world, FUNCTIONS)
        for happening in happenings:
            world.at(happening.second, partial(self._happen, happening))
        for round_ in range(1, 40):
            world.at(300.0 * round_, world.reconcile)
        world.timeline.choose = choose

    def tell(self) -> None:
        """Let everything happen, and all come to rest."""
        self.world.settle(LONG)
        self.world.fault = lambda operation, moment: None
        for _ in range(3):
            self.world.wait(301)
            self.world.reconcile()
        self.world.settle(LONG)
        self.invariants.check_at_rest()

    def _happen(self, happening: Happening) -> None:
        getattr(self, f"_{happening.what}")(happening.which, happening.how)

    def _push(self, which: int, how: str) -> None:
        """Upload a zip; its event comes at once, late, or twice."""
        target = ("checkout", "both")[which % 2]
        artifact = self.world.upload(f"release = {which + 1}", f"{target}/{which}.zip")
        event = s3_event(artifact, f"event-{self.world.clock.now()}-{which}")
        self.world.announce(event, 90.0 if how == "late" else 0.0)
        if how == "twice":
            self.world.announce(event, 45.0)

    def _declare(self, which: int, how: str) -> None:
        """Declare the target anew, for those that are planned from now on: with a gate, hooks, or a freeze soon."""
        fields: dict[str, Any] = {"alarms": ["errors"], "strategy": "Linear50PercentEvery1Minute", "comparison": {}}
        if how == "gate":
            gate = {"within": "10m", "then": ("roll_back", "go_on")[which % 2]}
            steps = [{"weight": "50%", "bake": "1m", "approval": gate}]
            fields |= {"strategy": {"steps": steps}, "final_bake": "1m", "approval": gate}
        elif how == "hooks":
            places = ("before_traffic", "before_each_step", "before_promotion")
            fields["hooks"] = [{"function": "acceptance", "at": at, "timeout": "10m"} for at in places]
        elif how == "freeze":
            opens = self.world.now() + timedelta(minutes=which)
            cron = f"{opens.minute} {opens.hour} {opens.day} {opens.month} *"
            fields["freeze"] = [{"cron": cron, "lasts": "4m"}]
        self.world.target("checkout", **fields)

    def _answer(self, request: RunRequest) -> RunResult:
        """Answer as a hook: at once, after a while, or later; by the second in which it is asked."""
        if request.function != "acceptance":
            return RunResult(b"{}", None, 10.0)
        asked = json.loads(request.payload)
        name, kind = asked["deployment_id"], int(self.world.clock.now()) % 4
        if kind == 0:
            self.world.lambdas.wait(100)
        if kind != 1:
            return RunResult(b'{"outcome": "PASS"}', None, 10.0)
        said = {
            "deployment_id": name,
            "verb": "hook",
            "hook_id": asked["hook_id"],
            "outcome": "PASS",
            "by": "suite",
        }
        self.world.deliveries.send("Control", lambda: on_said(self.world.visit(name), said_of(said)), 50.0)
        return RunResult(b'{"outcome": "WAIT"}', None, 10.0)

    def _hotfix(self, which: int, how: str) -> None:
        artifact = self.world.upload(f"hotfix = {which}", f"hot/{which}.zip")
        hotfix = {"reason": "in a hurry", "by": "kim"}
        request: dict[str, Any] = {"target": "checkout", "artifact": artifact.model_dump(), "hotfix": hotfix}
        self.world.start(f"hotfix-{len(self.world.machine.requests)}", request | {"strategy": "AllAtOnce"})

    def _alarm(self, which: int, how: str) -> None:
        self.world.set_alarm("errors", how)

    def _edit(self, which: int, how: str) -> None:
        """Change an alias by hand: weights, its version, or only what it says of itself."""
        function = FUNCTIONS[which % 2]
        changes: dict[str, Any] = {"Description": "by hand"}
        if how == "version":
            changes = {"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {}}}
        elif how == "weights":
            versions = self.world.aws("ListVersionsByFunction", FunctionName=function)["Versions"]
            newest = str(max(int(v["Version"]) for v in versions if v["Version"] != "$LATEST"))
            alias = self.world.aws("GetAlias", FunctionName=function, Name="live")
            if alias["FunctionVersion"] == newest:
                return
            changes = {"RoutingConfig": {"AdditionalVersionWeights": {newest: 0.3}}}
        self.world.aws("UpdateAlias", FunctionName=function, Name="live", **changes)

    def _stop(self, which: int, how: str) -> None:
        self.world.lose_status_events = how == "unheard"
        for name in self._executions("RUNNING")[which : which + 1]:
            self.world.stop(name)

    def _redrive(self, which: int, how: str) -> None:
        for name in (self._executions("ABORTED") + self._executions("FAILED"))[which : which + 1]:
            self.world.redrive(name)

    def _say(self, which: int, how: str) -> None:
        """Let a person say something to a deployment that runs."""
        for name in self._executions("RUNNING")[which : which + 1]:
            if name in self.world.ports.deployments.records:
                self._ask({"deployment_id": name, "verb": how})

    def _line(self, which: int, how: str) -> None:
        """Let a person stop the line, or release it."""
        self._ask({"verb": f"{how}-the-line"})

    def _ask(self, asked: dict[str, str]) -> None:
        def ask() -> None:
            with suppress(InputError):  # as when there is no traffic yet to have a say in
                on_asked(
                    self.world.visit(asked.get("deployment_id", "")),
                    asked_of(asked | {"by": "kim", "reason": "as I say"}),
                )

        self.world.deliveries.send("Control", ask)

    def _deaf(self, which: int, how: str) -> None:
        """From now on the events of alarms are lost."""
        self.world.alarm_events = False

    def _cut(self, which: int, how: str) -> None:
        """Right after the next write of an alias its function is killed, and its execution stopped unheard."""
        self.world.fault = Fault(1, "after", KILLED, "UpdateAlias")
        self.world.meanwhile("UpdateAlias", lambda: self._stop(0, "unheard"), "after")

    def _trouble(self, which: int, how: str) -> None:
        """From now on the n-th call fails, before or after its effect."""
        moment, _, error = how.partition(" ")
        self.world.fault = Fault(which + 1, moment, ERRORS[error])

    def _executions(self, status: str) -> list[str]:
        return [n for n in self.world.machine.requests if self.world.machine.execution(n).status == status]
