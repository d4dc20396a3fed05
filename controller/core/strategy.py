"""Strategies: how traffic moves to a candidate, as a name or as explicit steps, resolved to a plan.

Names and timing are CodeDeploy's: `Canary10Percent5Minutes` shifts 10 % at once and the rest after 5 minutes;
`Linear10PercentEvery1Minute` shifts 10 % at the start of each of ten 1-minute increments. A plan always ends
with a step at full weight whose bake is the final bake, with rollback still armed.
Source: CodeDeploy user guide, "Deployment configurations on an AWS Lambda compute platform".
"""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
)

from controller.core.approval import ApprovalTerms, Gate, parse_approval
from controller.core.document import EXPONENTIAL_FORM, GUARDED_FORM, NAME_FORM, STEPS_FORM, Document, form_of
from controller.core.duration import Duration, parse_duration, scaled
from controller.core.plan import Guard, Plan, Step
from controller.core.ramp import HALF_WEIGHT
from controller.core.weight import FULL_WEIGHT, Weight, spell_weight
from controller.core.wording import shown

DEFAULT_FINAL_BAKE_SECONDS = 300
"""The final bake of a strategy that has no interval of its own."""

MAX_INTERVAL_SECONDS = 9999 * 60
"""The longest interval that a strategy's name may give."""

GUARDED_NAME = "guarded"

_NAME = (
    r"(?:CodeDeployDefault\.)?(?:Lambda)?"
    r"(?:(?P<all>AllAtOnce)"
    r"|Canary(?P<canary>[0-9]{1,9})Percent(?P<canary_minutes>[0-9]{1,9})Minutes?"
    r"|Linear(?P<linear>[0-9]{1,9})PercentEvery(?P<linear_minutes>[0-9]{1,9})Minutes?)"
)
_EXAMPLES = (
    "AllAtOnce",
    *(f"Canary10Percent{m}Minutes" for m in (5, 10, 15, 30)),
    "Linear10PercentEvery1Minute",
    *(f"Linear10PercentEvery{m}Minutes" for m in (2, 3, 10)),
)


class WrittenStep(Document):
    """One step as a person writes it."""

    weight: Weight
    """The candidate's share of the traffic."""
    bake: Duration
    """How long it has it before the next step."""
    approval: Annotated[ApprovalTerms | None, BeforeValidator(parse_approval)] = None
    """A gate behind the bake: `true`, or how long it waits for `rampart approve` and what follows then."""


class Steps(Document):
    """Explicit steps; the weights ascend, and a step at 100 % is added when the last one is below."""

    steps: Annotated[tuple[WrittenStep, ...], Field(min_length=1, max_length=200)]
    """The steps, in ascending order of their weights."""

    @field_validator("steps")
    @classmethod
    def _ascend(cls, steps: tuple[WrittenStep, ...]) -> tuple[WrittenStep, ...]:
        for index in range(1, len(steps)):
            before, here = steps[index - 1].weight, steps[index].weight
            if here <= before:
                raise ValueError(
                    f"[{index}].weight: {spell_weight(here)} does not ascend from {spell_weight(before)}; "
                    "each step needs more weight than the one before it"
                )
        return steps


class ExponentialTerms(Document):
    """How an exponential ramp grows: the first weight, and how long it takes to full weight."""

    factor: Weight
    """The weight of the first step, which each further one doubles."""
    duration: Duration
    """How long it takes to full weight."""

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The steps below full weight, as basis points and seconds: the factor, doubled until it is all.

        Source: AppConfig user guide, "Working with deployment strategies": growth is G*(2^N).
        """
        weights = []
        weight = self.factor
        while weight < FULL_WEIGHT:
            weights.append(weight)
            weight *= 2
        return [(weight, self.duration // len(weights)) for weight in weights]


class Exponential(Document):
    """A ramp that doubles, as AppConfig's exponential one does."""

    exponential: ExponentialTerms
    """How it grows."""


def _budget(value: Any) -> Any:
    """Return a budget as it is written; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000:
        return value
    if isinstance(value, str):
        parse_duration(value)
        return value
    raise ValueError(
        f'write how many requests may fail, or the traffic of how long, such as "1s", not {shown(value)}'
    )


class GuardedTerms(Document):
    """What bounds the ramp of the guarded strategy."""

    budget: Annotated[int | str, BeforeValidator(_budget)] = "1s"
    """What a bad release may cost: a number of requests, or the requests of a time, of which 20 always may fail."""
    min_duration: Duration = 540
    """How long the ramp takes at least, to the nearest minute; nine minutes, as a linear one of ten steps."""
    smallest_weight: Weight = 1
    """The finest step of a weight; Lambda documents none."""

    def guard(self, minute_seconds: float) -> "Guard":
        """Return the same for a plan, when a minute takes `minute_seconds`."""
        written = self.budget
        requests, seconds = (written, 0) if isinstance(written, int) else (None, parse_duration(written))
        return Guard(
            requests=requests,
            seconds=seconds,
            finest=self.smallest_weight,
            min_duration_seconds=scaled(self.min_duration, minute_seconds),
        )


class Guarded(Document):
    """The ramp that gives the candidate as much traffic as the evidence pays for."""

    guarded: GuardedTerms
    """What bounds it; `{}` is the same as the name `guarded`."""


def _known_name(name: str) -> str:
    if name != GUARDED_NAME:
        _named_steps(name)
    return name


_FORMS: dict[str, type[Document]] = {STEPS_FORM: Steps, EXPONENTIAL_FORM: Exponential, GUARDED_FORM: Guarded}


def _form(value: Any) -> str | None:
    match value:
        case str():
            return NAME_FORM
        case dict() | Steps() | Exponential() | Guarded():
            return form_of(value, _FORMS)
        case _:
            return None


Strategy = Annotated[
    Annotated[str, AfterValidator(_known_name), Tag(NAME_FORM)]
    | Annotated[Steps, Tag(STEPS_FORM)]
    | Annotated[Exponential, Tag(EXPONENTIAL_FORM)]
    | Annotated[Guarded, Tag(GUARDED_FORM)],
    Discriminator(
        _form,
        custom_error_type="strategy_form",
        custom_error_message='write a strategy\'s name, such as "Linear10PercentEvery1Minute", or {"steps": [...]}',
    ),
]
"""A strategy as people write it: a name of CodeDeploy's, "guarded", or an object with its one field."""


def is_guarded(strategy: str | Steps | Exponential | Guarded) -> bool:
    """Say whether a strategy goes by the evidence."""
    return strategy == GUARDED_NAME or isinstance(strategy, Guarded)


def plan_of(
    strategy: str | Steps | Exponential | Guarded,
    final_bake_seconds: int | None,
    minute_seconds: float,
    least_final_bake_seconds: int = 0,
    approval: ApprovalTerms | None = None,
) -> Plan:
    """Return the plan of a strategy, in real seconds when a minute takes `minute_seconds` (60 on AWS).

    `final_bake_seconds`, in seconds of a 60-second minute, is the target's own final bake; None leaves the
    strategy's: its interval for CodeDeploy's names, five minutes where there is none, and never less than
    `least_final_bake_seconds` where the versions get traffic side by side. A guarded plan starts at half
    of the traffic until it is told otherwise (`starting_at`). `approval` is the gate before the promotion. Raises
    ValueError for a name that is not a strategy.
    """
    guard, default_bake, gates = None, DEFAULT_FINAL_BAKE_SECONDS, dict[int, Gate]()
    match Guarded(guarded=GuardedTerms()) if strategy == GUARDED_NAME else strategy:
        case str(name):
            steps, default_bake = _named_steps(name)
        case Exponential(exponential=terms):
            name, steps = "Exponential", terms.steps
        case Guarded(guarded=guarded):
            name, steps, guard = GUARDED_NAME, [(HALF_WEIGHT, 60)], guarded.guard(minute_seconds)
        case Steps(steps=written):
            name, steps = "Steps", [(step.weight, step.bake) for step in written]
            gates = {step.weight: step.approval.gate(minute_seconds) for step in written if step.approval}
    if steps and steps[-1][0] == FULL_WEIGHT:
        default_bake = steps.pop()[1]
    if steps:
        default_bake = max(default_bake, least_final_bake_seconds)
    steps.append((FULL_WEIGHT, default_bake if final_bake_seconds is None else final_bake_seconds))
    if approval:
        gates.setdefault(FULL_WEIGHT, approval.gate(minute_seconds))
    return Plan(
        strategy=name,
        steps=tuple(
            Step(weight=w, bake_seconds=scaled(bake, minute_seconds), approval=gates.get(w)) for w, bake in steps
        ),
        guard=guard,
    )


def _named_steps(name: str) -> tuple[list[tuple[int, int]], int]:
    """Return the steps below full weight (basis points, seconds) and the default final bake of a named strategy."""
    found = re.fullmatch(_NAME, name)
    if not found:
        raise ValueError(_no_such_strategy(name))
    if found["all"]:
        return [], DEFAULT_FINAL_BAKE_SECONDS
    percent = int(found["canary"] or found["linear"])
    interval = int(found["canary_minutes"] or found["linear_minutes"]) * 60
    if not 1 <= percent <= 99 or not 0 < interval <= MAX_INTERVAL_SECONDS:
        raise ValueError(f"{shown(name)}: a step shifts 1 to 99 percent and takes 1 to 9999 minutes")
    if found["canary"]:
        return [(percent * 100, interval)], interval
    return [(weight * 100, interval) for weight in range(percent, 100, percent)], interval


def _no_such_strategy(name: str) -> str:
    bare = name[:100].removeprefix("CodeDeployDefault.").removeprefix("Lambda").removeprefix("ECS")
    known = (*_EXAMPLES, GUARDED_NAME)
    import difflib  # only a fault needs it

    close = [bare] if re.fullmatch(_NAME, bare) else difflib.get_close_matches(bare, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"try one of {', '.join(_EXAMPLES[:2])}, {_EXAMPLES[5]}"
    return f"there is no strategy {shown(name)}; {hint}"
