"""What must hold whatever happens: the invariants, watched at every call and looked at when all is at rest."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from controller.core.alias import Alias, Routing
from controller.core.deployment import STOPPING_MARKS, Deployment, Mark, Status
from controller.core.freeze import freeze_at
from controller.core.looks import LEAD_SECONDS
from controller.core.outcome import Outcome
from rampart.embedded.wire import Call
from tests.engine.world import World

MOST_OF_A_ROLLBACK = timedelta(minutes=11)
"""Two rounds of reconcile: nothing holds a rollback up, only what dies in the middle of it."""
CONTROLLER = "ASIACONTROLLER"


class InvariantError(AssertionError):
    """An invariant was broken; the text begins with its name."""


class Invariants:
    """Watches a world from now on."""

    def __init__(self, world: World, functions: tuple[str, ...]) -> None:
        self._world = world
        self._functions = functions
        self._handle = world.aws_lambda.handle
        world.aws_lambda.handle = self._watched  # type: ignore[method-assign]
        self._edited: dict[str, Routing] = {}
        """Where a person has put an alias, while it is there."""
        self._edited_during: dict[str, str | None] = {}
        """Who held the function when a person moved its alias."""

    def _watched(self, call: Call) -> dict[str, Any]:
        is_controllers = call.principal == CONTROLLER
        function = str(call.params.get("FunctionName", ""))
        if is_controllers and call.operation == "UpdateAlias":
            self._may_move(function, call.params)
            self._may_rise(function, call.params)
        if is_controllers and call.operation == "DeleteFunction":
            raise InvariantError("I6: a version was deleted")
        answer = self._handle(call)
        if call.operation == "UpdateAlias":
            if is_controllers:
                self._edited.pop(function, None)
            elif "FunctionVersion" in call.params or "RoutingConfig" in call.params:
                self._edited[function] = self._alias(function).routing
                self._edited_during[function] = self._claim_owner(function)
        self.check_always()
        return answer

    def _may_move(self, function: str, params: Mapping[str, Any]) -> None:
        if not params.get("RevisionId"):
            raise InvariantError(f"I5: alias {function} was written without its RevisionId")
        edited = self._edited.get(function)
        owner = self._claim_owner(function)
        if edited is None or owner is None or owner != self._edited_during[function]:
            return
        if params["RevisionId"] != self._alias(function).revision_id:
            return  # Lambda refuses it
        deployment, alias = self._records[owner], self._alias(function)
        (member,) = (member for member in deployment.members if member.function == function)
        is_as_planned = edited in {member.routing(weight) for weight in (0, *(s.weight for s in deployment.steps))}
        is_red = Mark.ALARM in deployment.marks or (
            deployment.verdict and deployment.verdict.outcome is Outcome.FAIL
        )
        if not is_as_planned and not (is_red and deployment.reweighted(member, alias)):
            raise InvariantError(f"DRIFT: {owner} overwrote what a person did to {function}: {edited}")

    def _may_rise(self, function: str, params: Mapping[str, Any]) -> None:
        """Check that a freeze that had begun when a shift was decided has kept it from being made."""
        deployment = self._records.get(self._claim_owner(function) or "")
        if deployment is None or deployment.hotfix or not deployment.shift_at:
            return
        (member,) = (member for member in deployment.members if member.function == function)
        weights = (params.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if member.candidate not in (params.get("FunctionVersion"), *weights):
            return
        decided_at = deployment.shift_at - timedelta(seconds=LEAD_SECONDS)  # it may wait for a minute to begin
        stop = self._world.ports.line.stopped()
        is_frozen = all(freeze_at(deployment.freeze, None, at) for at in (decided_at, deployment.shift_at))
        if (stop and stop.at < decided_at) or is_frozen:
            raise InvariantError(f"FREEZE: {deployment.deployment_id} gave its candidate {weights or 'everything'}")

    def check_always(self) -> None:
        """Check what holds at every moment."""
        for function in self._functions:
            live = [
                d.deployment_id
                for d in self._records.values()
                if d.status in (Status.IN_PROGRESS, Status.ROLLBACK_FAILED)
                and any(member.function == function for member in d.members)
            ]
            if len(live) > 1:
                raise InvariantError(f"I2: {' and '.join(live)} deploy to {function} at once")

    def check_at_rest(self) -> None:
        """Check what holds once nothing is under way any more."""
        self.check_always()
        for deployment in self._records.values():
            self._check_record(deployment)
        for function in self._functions:
            self._check_function(function)

    def _check_record(self, deployment: Deployment) -> None:
        name = deployment.deployment_id
        if not deployment.status.is_over and deployment.status is not Status.ROLLBACK_FAILED:
            raise InvariantError(f"REST: {name} is {deployment.status}: {deployment.reason}")
        told = [n for n in self._world.ports.bus.told if n["deployment_id"] == name]
        contents = {n["event_id"]: n for n in told}
        if any(contents[n["event_id"]] != n for n in told):
            raise InvariantError(f"I7: two transitions of {name} were told under one event id")
        ends = {n["event_id"] for n in told if n["transition"] == "ENDED" and n["status"] == deployment.status}
        if len(ends) != 1:
            raise InvariantError(
                f"I7: {name} ended {deployment.status}, which was told under {len(ends)} event ids"
            )
        if deployment.status is Status.PROMOTED:
            self._check_promoted(deployment)
        since = min((d.at for m, d in deployment.marks.items() if m in STOPPING_MARKS), default=None)
        if since and deployment.ended_at and deployment.ended_at - since > MOST_OF_A_ROLLBACK:
            raise InvariantError(f"HELD: {name} was to be stopped at {since} and ended at {deployment.ended_at}")

    def _check_promoted(self, deployment: Deployment) -> None:
        events = self._world.ports.deployments.events(deployment.deployment_id)
        red = [e.event_id for e in events if "ALARM" in e.evidence.get("alarms", {}).values()]
        marks = {m: detail for m, detail in deployment.marks.items() if m in STOPPING_MARKS}
        stopped = [m for m, detail in marks.items() if detail.at < (deployment.ended_at or detail.at)]
        if red or stopped:
            raise InvariantError(
                f"I4: {deployment.deployment_id} was promoted, but had been stopped: {red or stopped}"
            )

    def _check_function(self, function: str) -> None:
        alias = self._alias(function)
        claim = self._world.ports.deployments.claim(function)
        if claim.owner and self._records[claim.owner].status is not Status.ROLLBACK_FAILED:
            raise InvariantError(f"REST: {function} is still claimed by {claim.owner}")
        if claim.waiters:
            raise InvariantError(f"REST: {claim.waiters} still wait for {function}")
        versions = {alias.routing.version, alias.routing.second} - {None}
        there = self._handle(Call("lambda", "ListVersionsByFunction", "AKIAPERSON", {"FunctionName": function}))
        if not versions <= {each["Version"] for each in there["Versions"]}:
            raise InvariantError(f"I1: alias {alias} is on {alias.routing}, which is not there")
        if function in self._edited or claim.owner:
            return
        if alias.routing.is_split:
            raise InvariantError(f"I3: alias {alias} is left on {alias.routing}")
        expected = self._expected(function)
        if alias.routing.version != expected:
            raise InvariantError(f"I1: alias {alias} is on {alias.routing}, and must be on version {expected}")

    def _expected(self, function: str) -> str:
        """Return the version on which the last deployment that moved a function must have left it."""
        moved = [
            (d.ended_at, d.status, member)
            for d in self._records.values()
            for member in d.members
            if member.function == function and d.ended_at and d.status is not Status.DRIFTED
        ]
        if not moved:
            return self._alias(function).routing.version
        _, status, member = max(moved, key=lambda end: (end[0], end[2].fencing))
        return str(member.candidate if status is Status.PROMOTED else member.baseline)

    @property
    def _records(self) -> dict[str, Deployment]:
        return self._world.ports.deployments.records

    def _claim_owner(self, function: str) -> str | None:
        return self._world.ports.deployments.holder(function)

    def _alias(self, function: str) -> Alias:
        return self._world._eyes.alias(function, "live")
