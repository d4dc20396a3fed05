"""One look: what alarms, comparison and rules say together, what follows, and the record that remembers it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from controller.core.alarm_rule import RedAtStart
from controller.core.comparison import HOLD_FROM, HOLD_FROM_BEFORE_ALL, Comparison, Contest, compare
from controller.core.criteria import ComparisonTerms, Rule, RuleMetric, Then, WhenUnclear
from controller.core.decision import Decision, Ruling, decide
from controller.core.deployment import Deployment
from controller.core.evidence import Minute
from controller.core.freeze import Freeze
from controller.core.guarded import next_plan
from controller.core.history import usual_traffic
from controller.core.hooks_due import BEFORE_TRAFFIC_LOOK_MINUTES, decide_before_traffic, run_here, with_hooks
from controller.core.looks import lead, next_look, shift_due_at, start_of_shift
from controller.core.measurement import LAMBDA, SLOWNESS, Measured, Metric, ShiftMade, Subject, minute_number
from controller.core.observation import Observation, member_of, observe
from controller.core.outcome import Outcome
from controller.core.rules import Watched, judge_rule, metrics_of, oldest_minute, window
from controller.core.verdict import AlarmState, Reading, Verdict, WatchedAlarm, judge_reading, worst
from controller.core.way_back import WayBack
from controller.core.weight import FULL_WEIGHT, spell_weight


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


def look(
    deployment: Deployment,
    readings: Sequence[Reading],
    measured: Measured | str,
    now: datetime,
    minute_seconds: float,
    freeze: Freeze | None = None,
) -> Look:
    """Judge a deployment in the middle of a bake and decide what follows.

    `readings` has one for each alarm, in order; `measured` has what `wanted_metrics` asked for, or says why that
    could not be read. `minute_seconds` is 60 on AWS; `freeze` is what holds up everything that goes forward.
    """
    deployment = _suspended(deployment, now)
    watched = tuple(_armed(a, r, now) for a, r in zip(deployment.alarms, readings, strict=True))
    if deployment.step_index < 0:
        return _before_traffic(deployment, watched, readings, now, minute_seconds, freeze)
    seen = observe(deployment, {} if isinstance(measured, str) else measured, now, minute_seconds)
    verdict = _verdict(seen, watched, readings, measured if isinstance(measured, str) else None)
    way_back = _accepted(deployment)
    if way_back.why and not way_back.is_accepted and verdict.outcome is not Outcome.FAIL:
        verdict = _no_way_back(way_back.why, verdict)
    plan = next_plan(seen)
    due_at = shift_due_at(deployment, minute_seconds)
    due_look = due_at - lead(deployment, minute_seconds) if due_at else None
    ruling = decide(deployment, verdict, now, due_look, is_paid=plan is not None, freeze=freeze)
    ruling = with_hooks(deployment, ruling, now)
    changes: dict[str, Any] = {
        "suspended_since": deployment.suspended_since,
        "suspended_seconds": deployment.suspended_seconds,
        "asked_at": (deployment.asked_at or now) if ruling.at_gate else deployment.asked_at,
        "frozen_since": (deployment.frozen_since or now) if ruling.is_frozen else None,
        "alarms": watched,
        "verdict": verdict,
        "way_back": way_back,
        "reason": ruling.reason,
        "awaits_approval": ruling.awaits_approval,
        "look_at": _until_news(deployment, next_look(deployment, now, minute_seconds), freeze),
    }
    if ruling.decision is Decision.SHIFT and deployment.plan and deployment.promotion:
        changes |= {"intended_index": deployment.plan.last_index, "shift_at": now}
    elif ruling.decision is Decision.SHIFT:
        changes["intended_index"] = deployment.step_index + 1
        changes["shift_at"] = start_of_shift(deployment, now, minute_seconds)
        changes["plan"] = plan or next_plan(seen, is_paid=True)
    if ruling.decision is Decision.ROLL_BACK:
        changes["failed_at"] = deployment.failed_at or now
    after = deployment.model_copy(update=changes)
    return Look(after, replace(ruling, look_seconds=after.seconds_to_look(now)), verdict)


def _suspended(deployment: Deployment, now: datetime) -> Deployment:
    """Return a deployment that remembers how long something other than evidence has held its step."""
    run = run_here(deployment)
    waits = deployment.pause or deployment.frozen_since or (run and run.is_waiting)
    held = waits or (deployment.asked_at and not deployment.approval)
    since, seconds = deployment.suspended_since, deployment.suspended_seconds
    if since:  # up to this look, so that what is unclear now has all of its time
        seconds += (now - since).total_seconds()
    since = now if held else None
    return deployment.model_copy(update={"suspended_since": since, "suspended_seconds": seconds})


def _before_traffic(
    deployment: Deployment,
    watched: Sequence[WatchedAlarm],
    readings: Sequence[Reading],
    now: datetime,
    minute_seconds: float,
    freeze: Freeze | None,
) -> Look:
    """Judge a deployment that is held before any traffic: by its alarms, which is all that there is."""
    verdict = _alarm_verdict(watched, readings)
    soon = now + timedelta(seconds=BEFORE_TRAFFIC_LOOK_MINUTES * minute_seconds)
    ruling = decide_before_traffic(deployment, verdict, now, freeze)
    changes: dict[str, Any] = {
        "frozen_since": deployment.frozen_since if ruling.is_frozen else None,
        "alarms": tuple(watched),
        "verdict": verdict,
        "reason": ruling.reason,
        "look_at": _until_news(deployment, soon, freeze),
    }
    if ruling.decision is Decision.SHIFT:
        changes |= {"intended_index": 0, "shift_at": now}
    after = deployment.model_copy(update=changes)
    return Look(after, replace(ruling, look_seconds=after.seconds_to_look(now)), verdict)


def _until_news(deployment: Deployment, look_at: datetime, freeze: Freeze | None) -> datetime:
    """Return when to look next: a hook fails by its timeout, and a window closes when it says."""
    run = run_here(deployment)
    known = [run.until] if run and run.is_waiting else []
    known += [freeze.until] if freeze and freeze.until else []
    return min([look_at, *known])


def shifted(deployment: Deployment, made: ShiftMade, minute_seconds: float) -> Deployment:
    """Return the record of a deployment whose intended shift was made, with the time of the next look."""
    index = deployment.intended_index
    after = deployment.model_copy(
        update={
            "step_index": index,
            "shifts": (*deployment.shifts, made),
            "shifted_at": made.until,
            "shift_at": None,
            "approval": None,  # it was for the step before
            "asked_at": None,
            "suspended_since": None,
            "suspended_seconds": 0.0,
            "reason": f"{deployment.spell_step(index)}: {spell_weight(made.weight)} on the candidate",
        }
    )
    due_at = shift_due_at(after, minute_seconds) or made.until
    look_at = min(next_look(after, made.until, minute_seconds), due_at)  # a bake of no time is over at once
    if after.promotion:
        look_at = made.until
    return after.model_copy(update={"look_at": look_at})


class Wanted(NamedTuple):
    """Metrics that a look needs, and the minutes from which and before which it does."""

    metrics: list[Metric]
    since: int
    until: int


def wanted_metrics(deployment: Deployment, now: datetime, minute_seconds: float) -> list[Wanted]:
    """Return the metrics that a look needs, each once.

    What is compared is needed for as long as both versions had traffic, and what rules are about for their windows
    alone: of a bake of days all the rest would only take the look's time.
    """
    if not deployment.shifts:
        return []
    compared, ruled = set[Metric](), set[Metric]()
    for subject in deployment.subjects if deployment.is_compared else ():
        member = member_of(deployment, subject.function)
        for version in (member.candidate, member.baseline):
            compared.update(subject.metrics(version))
    for rule in deployment.rules:
        for watched in _watched(deployment, rule.metric):
            ruled.update(metrics_of(rule, watched))
    first, this = (minute_number(at, minute_seconds) for at in (deployment.shifts[0].at, now))
    alone = minute_number(deployment.shifts[-1].at, minute_seconds) if deployment.is_alone else this + 1
    ranges: dict[tuple[int, int], list[Metric]] = {}
    for metric in sorted(compared | ruled):
        since = first if metric in compared else max(first, oldest_minute(this))
        until = this + 1 if metric in ruled else alone
        ranges.setdefault((since, until), []).append(metric)
    return [Wanted(metrics, *minutes) for minutes, metrics in ranges.items() if minutes[0] < minutes[1]]


def _verdict(
    seen: Observation, watched: Sequence[WatchedAlarm], readings: Sequence[Reading], unread: str | None
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


def _accepted(deployment: Deployment) -> WayBack:
    """Return what is known of the way back; an approval from before it was lost is none for going on without."""
    way_back, approval = deployment.way_back, deployment.approval
    if approval and way_back.since and approval.at >= way_back.since:
        return way_back.model_copy(update={"is_accepted": True})
    return way_back


def _no_way_back(why: str, verdict: Verdict) -> Verdict:
    """Return the verdict on a candidate that is not known to fail, but whose baseline is gone: a person decides."""
    return Verdict(
        outcome=Outcome.INCONCLUSIVE,
        reason=f"there is no way back: {why}",
        when_unclear=WhenUnclear.APPROVE,
        asks_at_once=True,
        evidence={"way_back": why} | verdict.evidence,
    )


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


def _comparison_verdict(seen: Observation, terms: ComparisonTerms) -> Verdict:
    """Return the worst of what the comparisons say.

    At full weight nothing new is left to compare, so that nothing is worth a hold; late counts may still convict.
    """
    deployment = seen.deployment
    deciding = sum(subject.then is Then.ROLL_BACK for subject in deployment.subjects)
    verdicts = []
    for subject, minutes in seen.counts:
        found = _compared(seen, subject, list(minutes.values()), terms, max(deciding, 1))
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
                is_starved=found.is_starved,
                evidence={"comparisons": [{"name": subject.name, "outcome": found.outcome.value} | found.evidence]},
            )
        )
    evidence = [each for verdict in verdicts for each in verdict.evidence["comparisons"]]
    return worst(verdicts).model_copy(update={"evidence": {"comparisons": evidence}})


def _compared(
    seen: Observation, subject: Subject, minutes: list[Minute], terms: ComparisonTerms, comparisons: int
) -> Comparison:
    member = member_of(seen.deployment, subject.function)
    names = f"{subject.function} version {member.candidate}", f"version {member.baseline}"
    if subject.name == SLOWNESS:
        slow = f"took more than {subject.slow_ms:g} ms"
        contest = Contest(*names, "is slower than", slow)
        found = compare(contest, minutes, terms.slower_bar, comparisons=comparisons, needs_requests=False)
        # Odds that only ask for patience are none for a comparison that seldom decides.
        return found if found.outcome is Outcome.FAIL else replace(found, outcome=Outcome.PASS)
    failed = "failed" if subject.namespace == LAMBDA else f"failed ({subject.name})"
    usual = subject.usual if subject.usual_requests else None
    return compare(
        Contest(*names, failures=failed),
        minutes,
        terms.bar,
        usual=usual,
        comparisons=comparisons,
        needs_requests=seen.is_deciding and seen.deployment.expects_evidence,
        hold_from=HOLD_FROM_BEFORE_ALL if seen.is_before_all else HOLD_FROM,
    )


def _rule_verdict(seen: Observation) -> Verdict:
    deployment, findings = seen.deployment, []
    now = minute_number(seen.now, seen.minute_seconds)
    made = deployment.shifts[-1] if deployment.is_alone else deployment.shifts[0]
    since = minute_number(made.until, seen.minute_seconds) + 1
    for rule in deployment.rules:
        for watched in _watched(deployment, rule.metric):
            minutes = window(rule, since, now)
            needs_data = seen.is_deciding and _expects_data(deployment, rule, watched)
            findings.append(judge_rule(rule, watched, seen.measured, minutes, needs_data=needs_data))
    verdicts = [Verdict(outcome=f.outcome, reason=f.reason, when_unclear=deployment.when_unclear) for f in findings]
    found = worst(verdicts)
    if found.outcome is Outcome.PASS:
        met = "1 rule is met" if len(deployment.rules) == 1 else f"{len(deployment.rules)} rules are met"
        found = found.model_copy(update={"reason": met})
    return found.model_copy(update={"evidence": {"rules": [f.evidence for f in findings]}})


def _expects_data(deployment: Deployment, rule: Rule, watched: Watched) -> bool:
    """Say whether the usual traffic gives a rule enough requests in its window, at the candidate's weight."""
    traffic = usual_traffic(member_of(deployment, watched.function))
    return traffic * rule.over / 60 * deployment.weight / FULL_WEIGHT >= rule.min_requests


def _watched(deployment: Deployment, metric: str | RuleMetric) -> list[Watched]:
    """Return the candidates that a rule is about: the member's that it names, or every member's."""
    members = [member_of(deployment, metric.function)] if isinstance(metric, RuleMetric) else deployment.members
    return [Watched(m.function, m.alias, str(m.candidate), deployment.is_alone) for m in members if m.changes]
