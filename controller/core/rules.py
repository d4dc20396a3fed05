"""Rules: thresholds for the candidate's own numbers, over a window that ends before the metrics' lag."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.core.criteria import LONGEST_WINDOW_SECONDS, Rule, RuleMetric, Then
from controller.core.measurement import LAG_MINUTES, LAMBDA, Measured, Metric, alias_dimensions
from controller.core.outcome import Outcome

_COUNTED = ("Sum", "SampleCount")
_UNITS = {"duration": " ms"}


@dataclass(frozen=True, slots=True)
class Watched:
    """A version that rules are about, and the dimensions under which its numbers are found."""

    function: str
    alias: str
    version: str
    is_alone: bool
    """Whether it gets all of the alias's traffic, so that the alias's numbers are its own."""

    def lambda_metric(self, name: str, statistic: str) -> Metric:
        """Return one of the metrics that Lambda keeps of it.

        Whether Lambda tells versions apart by ExecutedVersion while the alias has no weights is not documented.
        """
        dimensions = alias_dimensions(self.function, self.alias)
        if not self.is_alone:
            dimensions["ExecutedVersion"] = self.version
        return Metric(LAMBDA, name, tuple(sorted(dimensions.items())), statistic)

    def __str__(self) -> str:
        return f"{self.function} version {self.version}"


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """What a rule found."""

    outcome: Outcome
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


def metrics_of(rule: Rule, watched: Watched) -> list[Metric]:
    """Return the metrics that a rule needs of a version: its own, and how many requests there were."""
    requests = watched.lambda_metric("Invocations", "Sum")
    return [_value_metric(rule, watched), requests]


def window(rule: Rule, since: int, now: int) -> range:
    """Return the minutes that a rule looks at: the last ones whose metrics have settled, from `since` on."""
    end = now - LAG_MINUTES
    return range(max(since, end - rule.over // 60), end)


def oldest_minute(now: int) -> int:
    """Return the first minute that any rule looks at."""
    return now - LAG_MINUTES - LONGEST_WINDOW_SECONDS // 60


def judge_rule(
    rule: Rule, watched: Watched, measured: Measured, minutes: Sequence[int], *, needs_data: bool
) -> RuleFinding:
    """Return what a rule says of a version; `needs_data` says whether too few requests are a reason to hold."""
    series = measured.get(_value_metric(rule, watched), {})
    served = measured.get(watched.lambda_metric("Invocations", "Sum"), {})
    requests = sum(served.get(minute, 0.0) for minute in minutes)
    values = [series[minute] for minute in minutes if minute in series]
    is_known: bool = bool(values) if isinstance(rule.metric, RuleMetric) else requests >= rule.min_requests
    if rule.below is not None and _adds_up(rule) and len(minutes) < rule.over // 60:
        is_known = False  # a window that is still short has too little of what is counted
    if rule.metric == "throttles" and any(values):  # what is throttled is no invocation
        is_known = True
    evidence = {"rule": str(rule), "requests": requests, "minutes": len(minutes)}
    if not is_known:
        outcome = Outcome.INCONCLUSIVE if needs_data and rule.then is not Then.OBSERVE else Outcome.PASS
        return RuleFinding(outcome, f"rule {rule}: too few requests of {watched} to tell", evidence)
    value = _value(rule, values, requests)
    if value is None:
        return RuleFinding(Outcome.PASS, f"rule {rule}: {watched} has no such value", evidence)
    evidence["value"] = float(f"{value:.4g}")
    if not rule.is_broken_by(value):
        return RuleFinding(Outcome.PASS, f"rule {rule} is met", evidence)
    outcome = {Then.ROLL_BACK: Outcome.FAIL, Then.HOLD: Outcome.INCONCLUSIVE, Then.OBSERVE: Outcome.PASS}[rule.then]
    shown = f"{100 * value:.3g}%" if rule.metric == "error_rate" else f"{value:,.6g}{_unit(rule)}"
    reason = f"rule {rule} is broken: {watched} has {shown} over {len(minutes)} minutes, {requests:,.0f} requests"
    return RuleFinding(outcome, reason, evidence)


def _value_metric(rule: Rule, watched: Watched) -> Metric:
    match rule.metric:
        case "error_rate":
            return watched.lambda_metric("Errors", "Sum")
        case "throttles":
            return watched.lambda_metric("Throttles", "Sum")
        case RuleMetric() as own:
            dimensions = own.dimensions | {own.version_dimension: watched.version}
            return Metric(own.namespace, own.name, tuple(sorted(dimensions.items())), own.statistic)
        case _:
            return watched.lambda_metric("Duration", rule.statistic)


def _value(rule: Rule, values: Sequence[float], requests: float) -> float | None:
    """Return the value of a window: counts add up; of what does not, the minute that is least against the rule.

    Percentiles and averages of minutes do not add up to those of the window, so that such a rule is broken when
    every minute of it is.
    """
    if rule.metric == "error_rate":
        return sum(values) / requests
    if _adds_up(rule):
        return sum(values)
    if not values:
        return None
    statistic = rule.metric.statistic if isinstance(rule.metric, RuleMetric) else rule.statistic
    if statistic == "Maximum":
        return max(values)
    if statistic == "Minimum":
        return min(values)
    return min(values) if rule.below is None else max(values)


def _adds_up(rule: Rule) -> bool:
    """Say whether a rule's values of the minutes add up to that of the window."""
    statistic = rule.metric.statistic if isinstance(rule.metric, RuleMetric) else rule.statistic
    return rule.metric == "throttles" or statistic in _COUNTED


def _unit(rule: Rule) -> str:
    return _UNITS.get(rule.metric, "") if isinstance(rule.metric, str) else ""
