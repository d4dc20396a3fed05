"""Words: what a plan can detect, member by member, in sentences that a caller only has to print."""

from collections.abc import Iterator
from dataclasses import dataclass

from controller.core.criteria import Then
from controller.core.deployment import Deployment
from controller.core.duration import spell_duration, spell_span
from controller.core.history import expects_evidence, usual_traffic
from controller.core.looks import refuse_long_plan
from controller.core.measurement import ERRORS, LAMBDA, Subject
from controller.core.member_record import MemberRecord
from controller.core.plan import Plan, Step
from controller.core.ramp import HALF_WEIGHT, first_weight
from controller.core.strategy import GUARDED_NAME, plan_of
from controller.core.weight import FULL_WEIGHT, spell_weight
from rampart.detection.played import Case, Ramp, whole_minutes
from rampart.detection.search import OFTEN, Search

BAD = 0.2
"""A bad release: one request in five more fails than before. Nobody needs statistics to see that afterwards."""
THEATRE_FROM = 0.5
"""A plan is theatre when it promotes a bad release more often than not: all at once would be as safe."""

_LONGER = (2, 3, 5, 10, 20, 50, 100)
_ALONE_MINUTES = 10
_BLIND = (
    "Lambda counts exceptions and timeouts as errors: a handler that catches its exception and answers 500 has "
    "none, and no strategy sees it fail; let it count its failures by version, and name them in comparison.metrics "
    "(docs/judging.md)"
)


@dataclass(frozen=True, slots=True)
class StepDetection:
    """What has been detected by the end of a step. Rates are shares of the candidate's requests, from 0 to 1."""

    weight: int
    """In basis points; of a guarded ramp, the one that it starts with."""
    candidate_requests: float
    """How many requests the candidate is expected to get in the step."""
    often: float | None
    """The smallest failure rate that is rolled back by the step's end in nine of ten rollouts; None: none is."""
    half: float | None
    """The same for half of the rollouts."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Detection:
    """What a plan can detect of one member."""

    member: str
    requests_per_minute: float
    failure_rate: float
    """The share of requests that failed in the last day."""
    steps: tuple[StepDetection, ...]
    """One for each step of the plan; none where nothing is compared."""
    is_theatre: bool
    warnings: tuple[str, ...]
    """What the operator ought to know: that the strategy is theatre and what is none, and what is not counted."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything in sentences."""
        if not self.steps:
            return tuple(f"{self.member}: {warning}" for warning in self.warnings)
        traffic = (
            f"{self.member}: about {_number(self.requests_per_minute)} requests a minute, "
            f"of which {_percent(self.failure_rate)} fail"
        )
        return (traffic, *(step.sentence for step in self.steps), *self.warnings)


def detections(planned: Deployment, minute_seconds: float = 60) -> tuple[Detection, ...]:
    """Return what a planned deployment can detect of each member, when a minute takes `minute_seconds`.

    `planned` is the record as `controller.tasks.history.with_history` returns it: with its plan, the members'
    traffic of late and of the last week, and what is compared. Takes about a second for each member, two at most;
    the same for the same record.
    """
    return tuple(_of_member(planned, member, minute_seconds) for member in planned.members)


def _of_member(planned: Deployment, member: MemberRecord, minute_seconds: float) -> Detection:
    plan = planned.plan
    if plan is None:
        raise AssertionError("unreachable")  # pragma: no cover - what is planned has a plan
    mine = [s for s in planned.subjects if s.function == member.function and s.then is Then.ROLL_BACK]
    errors = next((subject for subject in mine if subject.name == ERRORS), None)
    rate = errors.usual.rate if errors else 0.0
    traffic = usual_traffic(member)
    if errors is None or not planned.is_compared:
        return Detection(str(member), traffic, rate, (), False, (_not_compared(planned, plan),))
    search = Search(_case(planned, plan, member, errors, minute_seconds))
    steps = tuple(_steps(plan, search, minute_seconds))
    bad = min(1.0, rate + BAD)
    is_theatre = search.promoted(bad) > THEATRE_FROM
    warnings = []
    if is_theatre:
        warnings.append(_theatre(planned, plan, member, errors, minute_seconds, search))
    elif search.held(bad) > THEATRE_FROM:
        warnings.append(
            f"so few requests decide little: a candidate that fails one request in five more than before is held "
            f"for {spell_span(planned.max_hold_seconds)} and then waits for a person in "
            f"{round(100 * search.held(bad))} of 100 rollouts"
        )
    if all(subject.namespace == LAMBDA for subject in mine):
        warnings.append(_BLIND)
    return Detection(str(member), traffic, rate, steps, is_theatre, tuple(warnings))


def _case(planned: Deployment, plan: Plan, member: MemberRecord, errors: Subject, minute_seconds: float) -> Case:
    if planned.comparison is None:
        raise AssertionError("unreachable")  # pragma: no cover - what is compared has terms
    bar = planned.comparison.bar
    deciding = sum(subject.then is Then.ROLL_BACK for subject in planned.subjects)
    ramp = Ramp(
        steps=tuple((step.weight, step.bake_seconds / minute_seconds) for step in plan.steps[:-1]),
        final_bake=plan.steps[-1].bake_seconds / minute_seconds,
        budget=plan.guard.budget if plan.guard else None,
        min_duration=plan.guard.min_duration_seconds / minute_seconds if plan.guard else 0.0,
    )
    return Case(
        ramp=ramp,
        requests_per_minute=usual_traffic(member),
        failure_rate=errors.usual.rate,
        bar=bar,
        usual=errors.usual if errors.usual_requests else None,
        comparisons=max(deciding, 1),
        expects_evidence=expects_evidence(
            plan, planned.members, bar.min_requests, planned.max_hold_seconds, minute_seconds
        ),
        max_hold=planned.max_hold_seconds / minute_seconds,
        when_unclear=planned.when_unclear,
    )


def _steps(plan: Plan, search: Search, minute_seconds: float) -> Iterator[StepDetection]:
    case = search.case
    for index, (step, found) in enumerate(zip(plan.steps, search.smallest(), strict=True)):
        minutes = 1 if plan.guard and not index else whole_minutes(step.bake_seconds / minute_seconds)
        requests = case.requests_per_minute * minutes * step.weight / FULL_WEIGHT
        where = f"step {index + 1}/{len(plan.steps)} ({spell_weight(step.weight)} for {_bake(step)})"
        told = f"about {_number(requests)} requests reach the candidate"
        if step.weight == FULL_WEIGHT:
            where = "at full weight" if plan.guard else where
            told = "nothing new to compare, but what the last minutes before showed still counts"
        elif plan.guard:
            half = "" if step.weight == HALF_WEIGHT else ", to 50% as the evidence pays for it"
            where, told = f"the ramp (from {spell_weight(step.weight)} on{half})", f"{told} in its first minute"
        rolled = f"rolled back by its end {_chances(found.often, found.half)}"
        yield StepDetection(step.weight, requests, found.often, found.half, f"{where}: {told}; {rolled}")


def _chances(often: float | None, half: float | None) -> str:
    if half is None:
        return "less than half of the time, even if every request fails"
    in_half = f"half of the time if {_percent(half)} fail"
    if often is None:
        return f"{in_half}, and 9 times in 10 not even if all do"
    return f"9 times in 10 if {_percent(often)} fail, {in_half}"


def _not_compared(planned: Deployment, plan: Plan) -> str:
    why = (
        "the comparison is off"
        if plan.is_split
        else f"{plan.strategy} gives the candidate everything at once, so that there is nothing to compare it with"
    )
    judges = [
        f"{len(found)} {name}{'s' * (len(found) != 1)}"
        for name, found in (("alarm", planned.alarms), ("rule", planned.rules))
        if found
    ]
    left = f"{' and '.join(judges)} can stop it, and nothing else" if judges else "no alarm or rule is named either"
    return f"{why}: {left}"


def _theatre(
    planned: Deployment, plan: Plan, member: MemberRecord, errors: Subject, minute_seconds: float, search: Search
) -> str:
    """Say that the strategy promotes what it ought to stop, and what would not."""
    bad = min(1.0, errors.usual.rate + BAD)

    def caught(other: Plan) -> float:
        played = Search(_case(planned, other, member, errors, minute_seconds))
        return played.share(bad, played.case.ramp.last_index)

    traffic = usual_traffic(member)
    better = [(told, caught(other)) for told, other in _others(plan, traffic, minute_seconds)]
    for told, other in _longer(plan, minute_seconds):
        better.append((told, caught(other)))
        if better[-1][1] >= OFTEN:
            break
    offered = [f"{told} in {round(100 * share)}" for told, share in better if share >= OFTEN]
    worse = (
        f"theatre: at {_number(traffic)} requests a minute {plan.strategy} promotes a candidate that fails one "
        f"request in five more than before in {round(100 * search.promoted(bad))} of 100 rollouts"
    )
    if offered:
        return f"{worse}; {'; '.join(offered)}"
    return (
        f"{worse}, and with so few requests no other strategy stops it 9 times in 10: what can protect it are test "
        "events, alarms, rules, and a person who looks"
    )


def _others(plan: Plan, traffic: float, minute_seconds: float) -> Iterator[tuple[str, Plan]]:
    """Yield other ways to full weight in about the same time, with the beginning of a sentence for each."""
    last = plan.steps[-1]
    if not plan.guard:
        guarded = plan_of(GUARDED_NAME, None, minute_seconds)
        if guarded.guard:
            guarded = guarded.starting_at(first_weight(guarded.guard.budget, traffic))
        yield 'the strategy "guarded" would roll it back', guarded
    seconds = max(plan.total_seconds - last.bake_seconds, round(_ALONE_MINUTES * minute_seconds))
    if plan.guard or len(plan.steps) > 2 or plan.steps[0].weight < HALF_WEIGHT:
        alone = Plan(strategy="Steps", steps=(Step(weight=HALF_WEIGHT, bake_seconds=seconds), last))
        yield f"a single step of 50% for {spell_duration(seconds)} would", alone


def _longer(plan: Plan, minute_seconds: float) -> Iterator[tuple[str, Plan]]:
    """Yield the same plan with longer and longer bakes before full weight."""
    *split, last = plan.steps
    for times in () if plan.guard else _LONGER:
        steps = [Step(weight=step.weight, bake_seconds=step.bake_seconds * times) for step in split]
        other = Plan(strategy=plan.strategy, steps=(*steps, last))
        if refuse_long_plan(other, minute_seconds):
            return
        yield f"bakes {times} times as long ({spell_span(other.total_seconds)} in all) would", other


def _bake(step: Step) -> str:
    return spell_duration(step.bake_seconds)


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.995 else "100%"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
