"""Our way: the controller's own decisions, driven over a trace as its tasks drive them on AWS.

Plan's part is to measure the traffic before and to choose the first weight, Shift's to write a weight at the start of
a minute, Judge's to read CloudWatch and to look; what they decide by is `controller.core`, imported. A rollout begins
at any second of a minute, as CodeDeploy's does. Alarms that a target names are taken to be quiet, and what CloudWatch
has no simulated metric for has no data.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, MemberRecord, Status
from controller.core.document import parse
from controller.core.history import DAY_MINUTES, WEEK_MINUTES, expects_evidence, subjects_of, with_traffic
from controller.core.look import look, wanted_metrics
from controller.core.looks import next_look
from controller.core.measurement import Measured, Metric, ShiftMade, Subject, errors_of, minute_number
from controller.core.ramp import first_weight
from controller.core.strategy import FULL_WEIGHT, plan_of
from controller.core.target import Target
from rampart.simulate.outcomes import Outcomes
from rampart.simulate.rollout import Rollout, Shown
from rampart.simulate.traces import LEAD_MINUTES, Traces

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every trace begins: the start of a minute."""
MINUTE_SECONDS = 60.0
WRITE_SECONDS = 0.2
"""How long UpdateAlias takes."""
GUARDED: dict[str, Any] = {"guarded": {}}
GUARDED_IN_WHOLE_PERCENTS: dict[str, Any] = {"guarded": {"smallest_weight": "1%"}}
"""Strategies as a target document has them."""

_BEGIN_MINUTE = minute_number(BEGIN, MINUTE_SECONDS)
_BASELINE, _CANDIDATE = "1", "2"
_WEEK_DAYS = 7


def target_with(strategy: str | dict[str, Any]) -> Target:
    """Return a target of one function with defaults for all but its strategy; raises InputError."""
    document = {
        "version": 1,
        "name": "simulated",
        "source": {"bucket": "releases", "key": "*.zip"},
        "members": [{"function": "simulated"}],
        "strategy": strategy,
    }
    return parse(Target, document, "the simulated target")


class Policy:
    """What the controller does with a target; of several members the first one is simulated."""

    def __init__(self, target: Target) -> None:
        """Prepare what all of the target's rollouts have in common."""
        self._target = target
        member = target.members[0]
        self._member = MemberRecord(
            function=member.function, alias=member.alias, baseline=_BASELINE, candidate=_CANDIDATE, fencing=1
        )
        self._errors = errors_of(member.function, member.alias)
        self._plan = plan_of(target.strategy, target.final_bake, MINUTE_SECONDS)
        self._record = Deployment(
            deployment_id="simulated-1",
            execution_arn="simulated-1",
            target=target.name,
            status=Status.IN_PROGRESS,
            reason="planned",
            started_at=BEGIN,
            members=(self._member,),
            plan=self._plan,
            max_hold_seconds=target.max_hold,
            when_unclear=target.when_unclear,
            comparison=target.comparison,
            rules=target.rules,
        )

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"Rampart {self._plan.strategy}"

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
        """Return the record of a rollout before its first shift, with its traffic measured as Plan measures it."""
        terms = self._target.comparison
        hours, minutes = _before(self._errors, traces, number)
        member = with_traffic(self._member, hours, minutes, _BEGIN_MINUTE)
        changes: dict[str, Any] = {"members": (member,)}
        if terms is not None:
            changes["subjects"] = tuple(subjects_of(member, terms, hours, _BEGIN_MINUTE))
            plan = self._plan
            if plan.guard:
                plan = plan.starting_at(first_weight(plan.guard.budget, member.requests_per_minute))
            changes["plan"] = plan
            changes["expects_evidence"] = expects_evidence(
                plan, [member], terms.min_requests, self._target.max_hold, MINUTE_SECONDS
            )
        return self._record.model_copy(update=changes)


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
        self._horizon = traces.minutes * MINUTE_SECONDS

    def drive(self) -> None:
        """Carry the rollout to its end, or to the horizon."""
        now = self._shift(0, self._first)
        while now < self._horizon:
            seen = self._look(now)
            match seen.decision:
                case Decision.HOLD:
                    now += seen.look_seconds
                case Decision.SHIFT:
                    deployment = self.deployment
                    at = now if deployment.not_before is None else _seconds(deployment.not_before)
                    now = self._shift(deployment.intended_index, at)
                case Decision.ROLL_BACK:
                    step = self._traces.scenario.step_seconds
                    back = (math.floor(now / step) + 1) * step
                    self.rollout.write_weight(0.0, back)
                    self.rolled_back, self.promoted = (back - self._first) / 60, math.nan
                    return
                case _:
                    return

    def _look(self, now: float) -> Ruling:
        moment = BEGIN + timedelta(seconds=now)
        wanted, since, until = wanted_metrics(self.deployment, moment, MINUTE_SECONDS)
        measured = _measured(wanted, list(self.rollout.shown(now)), since - _BEGIN_MINUTE, until - _BEGIN_MINUTE)
        seen = look(self.deployment, [], measured, moment, MINUTE_SECONDS)
        self.deployment = seen.after
        return seen.ruling

    def _shift(self, index: int, meant: float) -> float:
        """Write the weight of a step as Shift does, and return when to look next, in seconds."""
        minute = min(round(meant // MINUTE_SECONDS), self._traces.minutes - 1)
        at = meant + self._traces.shift_late_seconds[self._number, minute]
        weight = self.deployment.weight_at(index)
        effect = at + self._traces.propagation_seconds[self._number, minute]
        self.rollout.write_weight(weight / FULL_WEIGHT, effect)
        began, done = (BEGIN + timedelta(seconds=moment) for moment in (at, at + WRITE_SECONDS))
        made = ShiftMade(at=began, until=done, weight=weight)
        after = self.deployment.model_copy(
            update={
                "step_index": index,
                "intended_index": index,
                "shifts": (*self.deployment.shifts, made),
                "shifted_at": began,
                "not_before": None,
            }
        )
        look_at = min(next_look(after, done, MINUTE_SECONDS), after.due_at or done)
        self.deployment = after.model_copy(update={"look_at": look_at})
        if weight == FULL_WEIGHT:
            self.promoted = (at - self._first) / 60
        return at + WRITE_SECONDS + self.deployment.seconds_to_look(done)


def _before(errors: Subject, traces: Traces, number: int) -> tuple[Measured, Measured]:
    """Return what CloudWatch has of the alias before the rollout: of a week, and of the last minutes."""
    requests, failures = errors.metrics(None)
    day, failed = float(traces.day_requests[number]), float(traces.day_shared[number])
    at_day, at_week = _BEGIN_MINUTE - DAY_MINUTES, _BEGIN_MINUTE - WEEK_MINUTES
    others = _WEEK_DAYS - 1
    hours = {requests: {at_day: day, at_week: others * day}, failures: {at_day: failed, at_week: others * failed}}
    lead = traces.lead_requests[number].tolist()
    minutes = {_BEGIN_MINUTE - LEAD_MINUTES + index: float(came) for index, came in enumerate(lead) if came}
    return hours, {requests: minutes}


def _measured(wanted: Sequence[Metric], shown: Sequence[Shown], since: int, until: int) -> Measured:
    """Return the values of metrics in minutes from `since` up to before `until`, where there is a value."""
    rows = [seen for seen in shown if since <= seen.minute < until]
    return {metric: _series(metric, rows) for metric in wanted}


def _series(metric: Metric, rows: Sequence[Shown]) -> dict[int, float]:
    version = dict(metric.dimensions).get("ExecutedVersion")
    has_candidate, has_baseline = version != _BASELINE, version != _CANDIDATE
    values: dict[int, float] = {}
    for minute, mine, mine_failed, others, others_failed in rows:
        requests = mine * has_candidate + others * has_baseline
        if not requests:  # Lambda tells of a version only where it ran
            continue
        if metric.name == "Invocations":
            values[_BEGIN_MINUTE + minute] = float(requests)
        elif metric.name == "Errors":
            values[_BEGIN_MINUTE + minute] = float(mine_failed * has_candidate + others_failed * has_baseline)
    return values


def _seconds(moment: datetime) -> float:
    return (moment - BEGIN).total_seconds()
