"""One look: what alarms, comparison and rules say together, what follows, and the record that remembers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from controller.core.comparison import Comparison, Contest, compare
from controller.core.criteria import ComparisonTerms, RuleMetric, Then
from controller.core.decision import Decision, Ruling, decide
from controller.core.deployment import Deployment, MemberRecord, WatchedAlarm
from controller.core.evidence import Minute, highest_excess
from controller.core.looks import lead, next_look, shift_due_at, start_of_shift
from controller.core.measurement import (
    SLOWNESS,
    Measured,
    Metric,
    Subject,
    compared_minutes,
    minute_number,
    warmed_up,
)
from controller.core.outcome import Outcome
from controller.core.ramp import HALF_WEIGHT, MINUTES_AT_HALF, next_weight
from controller.core.rules import Watched, judge_rule, metrics_of, window
from controller.core.strategy import Plan
from controller.core.target import RedAtStart
from controller.core.verdict import AlarmState, Reading, Verdict, judge_reading, worst

_MOST_TIMES = 4
_RECENT_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to."""

    after: Deployment
    """The record after it."""
    ruling: Ruling
    verdict: Verdict

    @property
    def outcome(self) -> Outcome:
        """What it found."""
        return self.verdict.outcome

    @property
    def evidence(self) -> dict[str, Any]:
        """What it decided, and on what evidence, for the event that tells of it."""
        return {"decision": self.ruling.decision.value, "outcome": self.outcome.value, **self.verdict.evidence}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look sees of the metrics, and when that is."""

    deployment: Deployment
    measured: Measured
    now: datetime
    minute_seconds: float
    minutes: dict[int, int]
    """The minutes in which both versions had a constant part of the traffic, with the candidate's weight."""

    @property
    def needs_evidence(self) -> bool:
        """Whether too little of it is a reason to hold: before the candidate gets all of the traffic.

        A guarded ramp goes by the evidence at every step.
        """
        plan = self.deployment.plan
        if plan is None or not self.deployment.expects_evidence:
            return False
        return plan.guard is not None or self.deployment.step_index >= plan.last_index - 1

    def minutes_of(self, subject: Subject) -> dict[int, Minute]:
        """Return what both versions of a subject served in those minutes."""
        member = member_of(self.deployment, subject.function)
        numbers = warmed_up(self.minutes) if subject.name == SLOWNESS else list(self.minutes)
        return subject.minutes(self.measured, member.baseline, str(member.candidate), numbers)


def look(
    deployment: Deployment,
    readings: Sequence[Reading],
    measured: Measured | str,
    now: datetime,
    minute_seconds: float,
) -> Look:
    """Judge a deployment in the middle of a bake and decide what follows.

    `readings` has one for each alarm, in order; `measured` has what `wanted_metrics` asked for, or says why that
    could not be read. `minute_seconds` is 60 on AWS.
    """
    watched = tuple(_armed(a, r, now) for a, r in zip(deployment.alarms, readings, strict=True))
    minutes = compared_minutes(deployment.shifts, now, minute_seconds) if deployment.is_compared else {}
    seen = _Seen(deployment, {} if isinstance(measured, str) else measured, now, minute_seconds, minutes)
    verdict = _verdict(seen, watched, readings, measured if isinstance(measured, str) else None)
    plan = _next_plan(seen)
    due_at = shift_due_at(deployment, minute_seconds)
    due_look = due_at - lead(deployment, minute_seconds) if due_at else None
    ruling = decide(deployment, verdict, now, due_look, is_paid=plan is not None)
    changes: dict[str, Any] = {
        "alarms": watched,
        "verdict": verdict,
        "reason": ruling.reason,
        "awaits_approval": ruling.awaits_approval,
        "look_at": next_look(deployment, now, minute_seconds),
    }
    if ruling.decision is Decision.SHIFT:
        changes["intended_index"] = deployment.step_index + 1
        changes["not_before"] = start_of_shift(deployment, now, minute_seconds)
        changes["plan"] = plan or _next_plan(seen, is_paid=True)
    after = deployment.model_copy(update=changes)
    return Look(after, replace(ruling, look_seconds=after.seconds_to_look(now)), verdict)


def wanted_metrics(deployment: Deployment, now: datetime, minute_seconds: float) -> tuple[list[Metric], int, int]:
    """Return the metrics that a look needs, each once, and the minutes from which and before which they are."""
    if not deployment.shifts:
        return [], 0, 0
    wanted: list[Metric] = []
    for subject in deployment.subjects if deployment.is_compared else ():
        member = member_of(deployment, subject.function)
        for version in (member.candidate, member.baseline):
            wanted += subject.metrics(version)
    for rule in deployment.rules:
        for watched in _watched(deployment, rule.metric):
            wanted += metrics_of(rule, watched)
    first = minute_number(deployment.shifts[0].at, minute_seconds)
    return list(dict.fromkeys(wanted)), first, minute_number(now, minute_seconds) + 1


def member_of(deployment: Deployment, function: str | None) -> MemberRecord:
    """Return the member of a function; the only one for None."""
    return next(member for member in deployment.members if function in (None, member.function))


def _verdict(
    seen: _Seen, watched: Sequence[WatchedAlarm], readings: Sequence[Reading], unread: str | None
) -> Verdict:
    """Return the worst of all verdicts, with the evidence of all of them."""
    deployment = seen.deployment
    verdicts = [_alarm_verdict(watched, readings)]
    if unread is not None:
        reason = f"the metrics could not be read: {unread}"
        verdicts.append(Verdict(outcome=Outcome.INCONCLUSIVE, reason=reason))
    elif deployment.comparison and deployment.is_compared:
        verdicts.append(_comparison_verdict(seen, deployment.comparison))
    if unread is None and deployment.rules:
        verdicts.append(_rule_verdict(seen))
    evidence = {name: value for verdict in verdicts for name, value in verdict.evidence.items()}
    found = worst(verdicts)
    if found.outcome is Outcome.PASS:
        told = [v.reason for v in (verdicts if deployment.alarms or len(verdicts) == 1 else verdicts[1:])]
        found = found.model_copy(update={"reason": "; ".join(told), "when_unclear": deployment.when_unclear})
    return found.model_copy(update={"evidence": evidence})


def _armed(alarm: WatchedAlarm, reading: Reading, now: datetime) -> WatchedAlarm:
    """Arm an alarm that was red at the start from the moment when it recovered, even if it fired again since."""
    if alarm.armed or alarm.red_at_start is not RedAtStart.IGNORE_UNTIL_OK:
        return alarm
    recovered_at = reading.ok_at or (now if reading.state is AlarmState.OK else None)
    return alarm.model_copy(update={"armed": True, "armed_at": recovered_at}) if recovered_at else alarm


def _alarm_verdict(watched: Sequence[WatchedAlarm], readings: Sequence[Reading]) -> Verdict:
    counting = [(a, r) for a, r in zip(watched, readings, strict=True) if a.armed]
    alarms = worst(judge_reading(reading, alarm.armed_at) for alarm, reading in counting)
    states = {
        alarm.name: reading.state.value if alarm.armed else f"{reading.state.value} (not armed)"
        for alarm, reading in zip(watched, readings, strict=True)
    }
    if alarms.outcome is Outcome.PASS and counting:
        told = "1 alarm is OK" if len(counting) == 1 else f"{len(counting)} alarms are OK"
        alarms = alarms.model_copy(update={"reason": told})
    return alarms.model_copy(update={"evidence": {"alarms": states}})


def _comparison_verdict(seen: _Seen, terms: ComparisonTerms) -> Verdict:
    """Return the worst of what the comparisons say.

    At full weight nothing new is left to compare, so that nothing is worth a hold; late counts may still convict.
    """
    deployment = seen.deployment
    deciding = sum(subject.then is Then.ROLL_BACK for subject in deployment.subjects)
    verdicts = []
    for subject in deployment.subjects:
        found = _compared(seen, subject, terms, max(deciding, 1))
        outcome = found.outcome
        if subject.then is Then.OBSERVE or (deployment.is_alone and outcome is Outcome.INCONCLUSIVE):
            outcome = Outcome.PASS
        elif subject.then is Then.HOLD and outcome is Outcome.FAIL:
            outcome = Outcome.INCONCLUSIVE
        verdicts.append(
            Verdict(
                outcome=outcome,
                reason=found.reason,
                when_unclear=deployment.when_unclear,
                evidence={"comparisons": [{"name": subject.name, "outcome": found.outcome.value} | found.evidence]},
            )
        )
    evidence = [each for verdict in verdicts for each in verdict.evidence["comparisons"]]
    return worst(verdicts).model_copy(update={"evidence": {"comparisons": evidence}})


def _compared(seen: _Seen, subject: Subject, terms: ComparisonTerms, comparisons: int) -> Comparison:
    member = member_of(seen.deployment, subject.function)
    minutes = list(seen.minutes_of(subject).values())
    names = f"{subject.function} version {member.candidate}", f"version {member.baseline}"
    if subject.name == SLOWNESS:
        slow = f"took more than {subject.slow_ms:g} ms"
        contest = Contest(*names, "is slower", slow)
        found = compare(contest, minutes, terms.slower_bar, comparisons=comparisons, needs_requests=False)
        # Odds that only ask for patience are none for a comparison that seldom decides.
        return found if found.outcome is Outcome.FAIL else replace(found, outcome=Outcome.PASS)
    failed = "failed" if subject.namespace == "AWS/Lambda" else f"failed ({subject.name})"
    usual = subject.usual if subject.usual_requests else None
    return compare(
        Contest(*names, "fails", failed),
        minutes,
        terms.bar,
        usual=usual,
        comparisons=comparisons,
        needs_requests=seen.needs_evidence,
    )


def _rule_verdict(seen: _Seen) -> Verdict:
    deployment, findings = seen.deployment, []
    now = minute_number(seen.now, seen.minute_seconds)
    made = deployment.shifts[-1] if deployment.is_alone else deployment.shifts[0]
    since = minute_number(made.until, seen.minute_seconds) + 1
    needs_data = deployment.expects_evidence and deployment.plan is not None
    needs_data = needs_data and (deployment.is_alone or seen.needs_evidence)
    for rule in deployment.rules:
        for watched in _watched(deployment, rule.metric):
            minutes = window(rule, since, now)
            findings.append(judge_rule(rule, watched, seen.measured, minutes, needs_data=needs_data))
    verdicts = [Verdict(outcome=f.outcome, reason=f.reason, when_unclear=deployment.when_unclear) for f in findings]
    found = worst(verdicts)
    if found.outcome is Outcome.PASS:
        met = "1 rule is met" if len(deployment.rules) == 1 else f"{len(deployment.rules)} rules are met"
        found = found.model_copy(update={"reason": met})
    return found.model_copy(update={"evidence": {"rules": [f.evidence for f in findings]}})


def _watched(deployment: Deployment, metric: str | RuleMetric) -> list[Watched]:
    """Return the candidates that a rule is about: the member's that it names, or every member's."""
    members = [member_of(deployment, metric.function)] if isinstance(metric, RuleMetric) else deployment.members
    return [Watched(m.function, m.alias, str(m.candidate), deployment.is_alone) for m in members]


def _next_plan(seen: _Seen, *, is_paid: bool = False) -> Plan | None:
    """Return the plan by which to go on; None when a guarded ramp may not rise yet.

    `is_paid` says that it is to rise whatever the evidence pays for, because somebody said so.
    """
    deployment = seen.deployment
    plan = deployment.plan
    if plan is None or plan.guard is None or deployment.is_alone:
        return plan
    weight, index = deployment.weight, deployment.step_index + 1
    if weight >= HALF_WEIGHT:
        is_ready = is_paid or (_minutes_at_half(seen) >= MINUTES_AT_HALF and _is_long_enough(seen, plan))
        return plan if is_ready else None
    wanted = (
        min(HALF_WEIGHT, weight * _MOST_TIMES)
        if is_paid
        else next_weight(plan.guard.budget, weight, _excesses(seen))
    )
    return plan.growing_to(index, wanted, seen.minute_seconds) if wanted > weight else None


def _minutes_at_half(seen: _Seen) -> int:
    """Return how many minutes at half of the traffic can be seen of every member."""
    halves = {number for number, weight in seen.minutes.items() if weight >= HALF_WEIGHT}
    counts = [len(halves & seen.minutes_of(subject).keys()) for subject in _lambda_errors(seen.deployment)]
    return min(counts, default=0)


def _is_long_enough(seen: _Seen, plan: Plan) -> bool:
    """Say whether the ramp will have lasted as long as it must when the shift is made."""
    if plan.guard is None:
        return True
    due = seen.deployment.shifts[0].at + timedelta(seconds=plan.guard.min_duration_seconds)
    return seen.now + lead(seen.deployment, seen.minute_seconds) >= due


def _excesses(seen: _Seen) -> list[tuple[float, float]]:
    """Return each member's requests a minute, and how far its failure rate may plausibly exceed the baseline's."""
    found = []
    for errors in _lambda_errors(seen.deployment):
        member = member_of(seen.deployment, errors.function)
        minutes = list(seen.minutes_of(errors).values())
        recent = [m.candidate_requests + m.baseline_requests for m in minutes[-_RECENT_MINUTES:]]
        traffic = sum(recent) / len(recent) if recent else member.requests_per_minute
        deciding = [
            s for s in seen.deployment.subjects if s.function == errors.function and s.then is Then.ROLL_BACK
        ]
        excess = max(highest_excess(seen.minutes_of(subject).values()) for subject in deciding)
        found.append((traffic, excess))
    return found


def _lambda_errors(deployment: Deployment) -> list[Subject]:
    return [subject for subject in deployment.subjects if subject.name == "errors" and subject.slow_ms is None]
