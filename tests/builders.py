"""Things of the core with a default for everything, so that a test names only what its story is about."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from controller.core.alarm_rule import RedAtStart
from controller.core.alias import Alias, Routing
from controller.core.announcement import Announcement
from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.criteria import ComparisonTerms, WhenUnclear
from controller.core.deployment import Deployment, Event, Mark, MarkDetail, Status, Transition
from controller.core.evidence import Minute
from controller.core.measurement import Metric, ShiftMade, Subject, errors_of, minute_number
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from controller.core.plan import Guard, Plan, Step
from controller.core.target import Target
from controller.core.verdict import AlarmState, Reading, Verdict, WatchedAlarm
from controller.core.verification import VerificationEvent

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The moment of every default; a shift at step `at_step` happens then."""

M = TypeVar("M", bound=BaseModel)


def after(seconds: float) -> datetime:
    """Return the moment that many seconds after START."""
    return START + timedelta(seconds=seconds)


def a_kept_alarm(name: str) -> dict[str, Any]:
    """Return what PutMetricAlarm takes for an alarm that keeps its state: its metric never gets data."""
    return {
        "AlarmName": name,
        "Namespace": "Test",
        "MetricName": name,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    }


def a_target_document(**overrides: Any) -> dict[str, Any]:
    """Return a target as a person writes it."""
    document = {
        "version": 1,
        "source": {"bucket": "releases", "key": "orders/*.zip"},
        "members": [{"function": "orders"}],
        "strategy": "Canary10Percent5Minutes",
    }
    return document | overrides


def a_target(**overrides: Any) -> Target:
    """Return a target named orders."""
    return Target.model_validate(a_target_document(**({"name": "orders"} | overrides)))


def events_of(target: Target) -> tuple[VerificationEvent, ...]:
    """Return the test events of a target that lists them itself."""
    assert isinstance(target.test_events, tuple)
    return target.test_events


def an_artifact(**overrides: Any) -> ZipArtifact:
    """Return one version of one zip."""
    return _build(ZipArtifact, {"bucket": "releases", "key": "orders/1.zip", "version_id": "v1"} | overrides)


def an_image(digest: str = "a1", repository: str = "team/orders") -> ImageArtifact:
    """Return an image whose digest starts with these hexadecimal digits."""
    return ImageArtifact(image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{repository}@sha256:{digest:0<64}")


def announced(artifact: Artifact, tag: str | None = None) -> Announcement:
    """Return the announcement of an artifact."""
    return Announcement(event_id="event-1", artifact=artifact, tag=tag)


def a_plan(*steps: tuple[int, int], strategy: str = "Canary10Percent5Minutes") -> Plan:
    """Return a plan of (basis points, bake in seconds); by default 10 % and 100 %, five minutes each."""
    chosen = steps or ((1_000, 300), (10_000, 300))
    return Plan(strategy=strategy, steps=tuple(Step(weight=w, bake_seconds=bake) for w, bake in chosen))


def a_member(**overrides: Any) -> MemberRecord:
    """Return a member whose baseline is version 1 and whose candidate is version 2."""
    values = {"function": "orders", "alias": "live", "baseline": "1", "candidate": "2", "fencing": 1}
    return _build(MemberRecord, values | overrides)


def an_alarm(**overrides: Any) -> WatchedAlarm:
    """Return an armed alarm."""
    values = {"name": "orders-errors", "red_at_start": RedAtStart.BLOCK, "armed": True, "armed_at": START}
    return _build(WatchedAlarm, values | overrides)


def a_reading(
    state: AlarmState = AlarmState.OK,
    *,
    name: str = "orders-errors",
    reason: str = "",
    alarmed_at: datetime | None = None,
) -> Reading:
    """Return a reading of an alarm that is OK."""
    return Reading(name, state, reason, alarmed_at)


def a_verdict(outcome: Outcome = Outcome.PASS, reason: str = "1 alarm is OK") -> Verdict:
    """Return a verdict that passes."""
    return Verdict(outcome=outcome, reason=reason)


def a_mark(mark: Mark, by: str = "ada", reason: str = "wrong build") -> dict[Mark, MarkDetail]:
    """Return the marks of a deployment on which somebody left one."""
    return {mark: MarkDetail(at=START, by=by, reason=reason)}


def a_word(by: str = "ada", reason: str = "wrong build") -> MarkDetail:
    """Return what a person said at START."""
    return MarkDetail(at=START, by=by, reason=reason)


def a_deployment(*, at_step: int = -1, **overrides: Any) -> Deployment:
    """Return a deployment of two steps that shifted to `at_step` at START; -1 has not shifted yet."""
    values: dict[str, Any] = {
        "deployment_id": "orders-abc-1",
        "execution_arn": "arn:aws:states:eu-west-1:123456789012:execution:rampart-dev:orders-abc-1",
        "target": "orders",
        "status": Status.IN_PROGRESS,
        "reason": "planned",
        "started_at": START,
        "artifact": an_artifact(),
        "members": (a_member(),),
        "plan": a_plan(),
        "max_hold_seconds": 600,
        "step_index": at_step,
        "intended_index": at_step,
        "shifted_at": START if at_step >= 0 else None,
    }
    return _build(Deployment, values | overrides)


def a_guarded_plan(*weights: int, finest: int = 10, requests: int | None = None) -> Plan:
    """Return a guarded plan that has come to these basis points so far, of nine minutes at least."""
    steps = tuple(Step(weight=weight, bake_seconds=60) for weight in weights)
    guard = Guard(requests=requests, seconds=1, finest=finest, min_duration_seconds=540)
    return Plan(strategy="guarded", steps=(*steps, Step(weight=10_000, bake_seconds=300)), guard=guard)


def a_shift(second: float, weight: int, took: float = 0.0) -> ShiftMade:
    """Return a shift as it was made, so many seconds after START."""
    return ShiftMade(at=after(second), until=after(second + took), weight=weight)


def a_compared_deployment(*, at_step: int = 0, **overrides: Any) -> Deployment:
    """Return a deployment whose candidate is compared by its errors, and that shifted to `at_step` at START."""
    values = {
        "subjects": (errors_of("orders", "live"),),
        "comparison": ComparisonTerms(),
        "expects_evidence": True,
        "when_unclear": WhenUnclear.APPROVE,
        "approval_seconds": 86_400,
        "shifts": (a_shift(0, 1_000),) if at_step >= 0 else (),
    }
    return a_deployment(at_step=at_step, **(values | overrides))


FIRST_MINUTE = minute_number(START, 60)
"""The number of the minute that begins at START."""


def measured(
    *minutes: tuple[float, float, float, float] | None, subject: Subject | None = None, since: int = 1
) -> dict[Metric, dict[int, float]]:
    """Return what CloudWatch has of candidate 2 and baseline 1, from so many minutes after START on.

    Each minute has candidate's requests and failures, and the baseline's; None is a minute without data.
    """
    of = subject or errors_of("orders", "live")
    series: dict[Metric, dict[int, float]] = {metric: {} for v in ("2", "1") for metric in of.metrics(v)}
    for number, counts in enumerate(minutes, FIRST_MINUTE + since):
        for values, value in zip(series.values(), Minute(*counts) if counts else (), strict=False):
            values[number] = value
    return series


def an_alias(version: str = "1", second: str | None = None, weight: int = 0) -> Alias:
    """Return the alias orders:live with that routing."""
    return Alias("orders", "live", Routing(version, second, weight), "revision-1")


def an_event(**overrides: Any) -> Event:
    """Return the event of a first shift."""
    values = {
        "deployment_id": "orders-abc-1",
        "sequence": 4,
        "target": "orders",
        "transition": Transition.SHIFTED,
        "status": Status.IN_PROGRESS,
        "at": START,
        "reason": "step 1/2: 10% on the candidate",
        "artifact": an_artifact().identity,
        "weight": 1_000,
        "step_index": 0,
        "steps": 2,
    }
    return _build(Event, values | overrides)


def _build(model: type[M], values: dict[str, Any]) -> M:
    # Records pass over unknown fields; a test that misspells one must not go unnoticed.
    unknown = values.keys() - model.model_fields.keys()
    if unknown:
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    return model.model_validate(values)
