"""Our way: the controller's own decisions, driven over a trace as its tasks drive them on AWS.

Plan measures the traffic before and chooses the first weight, Shift writes a weight at the start of a minute, Judge
reads CloudWatch and looks; what they decide by is the controller's, imported. A rollout begins at any second of a
minute, as CodeDeploy's does. Alarms that a target names are taken to be quiet.
"""

import math
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np

from controller.core.comparison import Contest, compare
from controller.core.criteria import ComparisonTerms
from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Status
from controller.core.document import parse
from controller.core.evidence import Minute
from controller.core.look import look, shifted, wanted_metrics
from controller.core.measurement import Metric, Series, ShiftMade, compared_minutes
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from controller.core.target import Target
from controller.core.weight import FULL_WEIGHT
from controller.ports import Ports
from controller.tasks.context import Context
from controller.tasks.history import with_history
from controller.tasks.plan import MAX_APPROVAL_SECONDS
from controller.tasks.survey import target_plan
from rampart.simulate.cloudwatch import BASELINE, BEGIN, BEGIN_MINUTE, CANDIDATE, MINUTE_SECONDS, Before, measured
from rampart.simulate.latency import MINUTES, SlowTraces
from rampart.simulate.outcomes import Outcomes
from rampart.simulate.rollout import Rollout
from rampart.simulate.split import Numbers
from rampart.simulate.traces import Traces

WRITE_SECONDS = 0.2
"""How long UpdateAlias takes."""
GUARDED: dict[str, Any] = {"guarded": {}}
GUARDED_IN_WHOLE_PERCENTS: dict[str, Any] = {"guarded": {"smallest_weight": "1%"}}
"""Strategies as a target document has them."""


def target_with(strategy: str | dict[str, Any], where: str = "the simulated target") -> Target:
    """Return a target of one function with defaults for all but its strategy; raises InputError."""
    document = {
        "version": 1,
        "name": "simulated",
        "source": {"bucket": "releases", "key": "*.zip"},
        "members": [{"function": "simulated"}],
        "strategy": strategy,
    }
    return parse(Target, document, where)


class Policy:
    """What the controller does with a target; of several members the first one is simulated."""

    def __init__(self, target: Target) -> None:
        """Prepare what all of the target's rollouts have in common."""
        member = target.members[0]
        self.plan = target_plan(target.strategy, target, MINUTE_SECONDS)
        self._record = Deployment(
            deployment_id="simulated-1",
            execution_arn="simulated-1",
            target=target.name,
            status=Status.IN_PROGRESS,
            reason="planned",
            started_at=BEGIN,
            members=(
                MemberRecord(
                    function=member.function, alias=member.alias, baseline=BASELINE, candidate=CANDIDATE, fencing=1
                ),
            ),
            plan=self.plan,
            max_hold_seconds=target.max_hold,
            approval_seconds=MAX_APPROVAL_SECONDS,
            when_unclear=target.when_unclear,
            comparison=target.comparison,
            rules=target.rules,
        )

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"Rampart {self.plan.strategy}"

    def play(self, traces: Traces) -> Outcomes:
        """Return what becomes of the rollouts of the traces."""
        driven = [_Driven(self._planned(traces, number), traces, number) for number in range(traces.rollouts)]
        for each in driven:
            each.drive()
        by_minute = np.array([each.rollout.failed_by_minute() for each in driven])
        return Outcomes(
            policy=self.name,
            failed=by_minute.sum(axis=1),
            rolled_back=np.array([each.rolled_back for each in driven]),
            promoted=np.array([each.promoted for each in driven]),
            failed_by_minute=np.cumsum(by_minute.mean(axis=0)),
            reasons=tuple(each.deployment.reason for each in driven),
        )

    def _planned(self, traces: Traces, number: int) -> Deployment:
        """Return the record of a rollout before its first shift, measured as Plan measures."""
        ports = cast(Ports, Before(traces, number))
        return with_history(Context(ports, "simulated-1", BEGIN, "simulated", MINUTE_SECONDS), self._record)


class _Driven:
    """One rollout under the controller."""

    def __init__(self, deployment: Deployment, traces: Traces, number: int) -> None:
        self.deployment = deployment
        self.rollout = Rollout(traces, number)
        self.rolled_back = math.nan
        self.promoted = math.nan
        self._traces = traces
        self._number = number
        self._first = float(traces.begin_steps[number] * traces.scenario.step_seconds)

    def drive(self) -> None:
        """Carry the rollout to its end, or to the horizon."""
        now = self._shift(0, self._first)
        while now < self._traces.minutes * MINUTE_SECONDS:
            ruling = self._look(now)
            match ruling.decision:
                case Decision.HOLD:
                    now += ruling.look_seconds
                case Decision.SHIFT:
                    due = self.deployment.shift_at
                    now = self._shift(self.deployment.intended_index, _seconds(due) if due else now)
                case Decision.ROLL_BACK:
                    step = self._traces.scenario.step_seconds
                    back = (math.floor(now / step) + 1) * step
                    self.rollout.write_weight(0.0, back)
                    self.rolled_back, self.promoted = (back - self._first) / 60, math.nan
                    return
                case _:
                    return

    def _look(self, now: float) -> Ruling:
        """Look as Judge does."""
        moment = BEGIN + timedelta(seconds=now)
        shown: dict[Metric, Series] = {}
        for wanted in wanted_metrics(self.deployment, moment, MINUTE_SECONDS):
            shown |= measured(wanted.metrics, list(self.rollout.shown(now)), wanted.since, wanted.until)
        seen = look(self.deployment, [], shown, moment, MINUTE_SECONDS)
        self.deployment = seen.after
        return seen.ruling

    def _shift(self, index: int, meant: float) -> float:
        """Write the weight of a step as Shift does, and return when to look next."""
        minute = min(round(meant // MINUTE_SECONDS), self._traces.minutes - 1)
        at = meant + float(self._traces.shift_late_seconds[self._number, minute])
        weight = self.deployment.weight_at(index)
        effect = at + float(self._traces.propagation_seconds[self._number, minute])
        self.rollout.write_weight(weight / FULL_WEIGHT, effect)
        began, done = (BEGIN + timedelta(seconds=moment) for moment in (at, at + WRITE_SECONDS))
        made = ShiftMade(at=began, until=done, weight=weight)
        intended = self.deployment.model_copy(update={"intended_index": index})
        self.deployment = shifted(intended, made, MINUTE_SECONDS)
        if weight == FULL_WEIGHT:
            self.promoted = (at - self._first) / 60
        return at + WRITE_SECONDS + self.deployment.seconds_to_look(done)


def slow_minutes(traces: SlowTraces) -> Numbers:
    """Return after how many minutes of data the comparison tells that answers are slower; not a number for never.

    On CodeDeploy's linear ramp, with the minutes that are compared of such a ramp and the bar of a target's
    defaults.
    """
    bar, contest = ComparisonTerms().slower_bar, Contest("the candidate", "the baseline", "is slower", "slow")
    made = [
        ShiftMade(at=at, until=at + timedelta(seconds=WRITE_SECONDS), weight=FULL_WEIGHT * (minute + 1) // MINUTES)
        for minute in range(MINUTES)
        for at in [BEGIN + timedelta(minutes=minute)]
    ]
    compared = compared_minutes(made, BEGIN + timedelta(minutes=MINUTES), MINUTE_SECONDS)
    numbers = [number - BEGIN_MINUTE for number in compared]
    found = np.full(len(traces.candidate_requests), np.nan)
    counts = np.stack(
        [traces.candidate_requests, traces.candidate_slow, traces.baseline_requests, traces.baseline_slow], axis=-1
    )
    for rollout, rows in enumerate(counts.tolist()):
        minutes: list[Minute] = []
        for number in numbers:
            minutes.append(Minute(*map(float, rows[number])))
            if compare(contest, minutes, bar, needs_requests=False).outcome is Outcome.FAIL:
                found[rollout] = number + 1
                break
    return found


def _seconds(moment: datetime) -> float:
    return (moment - BEGIN).total_seconds()
