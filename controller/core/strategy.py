"""Strategies: how traffic moves to a candidate, as a name or as explicit steps, resolved to a plan.

Names and timing are CodeDeploy's: `Canary10Percent5Minutes` shifts 10 % at once and the rest after 5 minutes;
`Linear10PercentEvery1Minute` shifts 10 % at the start of each of ten 1-minute increments. A plan always ends
with a step at full weight whose bake is the final bake, with rollback still armed.
Source: CodeDeploy user guide, "Deployment configurations on an AWS Lambda compute platform".
"""

import difflib
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    field_validator,
)

from controller.core.document import NAME_FORM, STEPS_FORM, Document
from controller.core.duration import Duration, scaled, spell_duration
from controller.core.wording import shown

FULL_WEIGHT = 10_000
"""All of the traffic, in basis points."""

DEFAULT_FINAL_BAKE_SECONDS = 300
"""The final bake of a strategy that has no interval of its own."""

MAX_INTERVAL_SECONDS = 9999 * 60
"""The longest interval that a strategy's name may give."""

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%")
_NAME = re.compile(
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


def parse_weight(text: Any) -> int:
    """Return the basis points of a percentage such as "10%"; raises ValueError that shows how to write one."""
    found = _PERCENT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f'write a percentage such as "10%" or "0.5%", not {shown(text)}')
    weight = round(float(found[1]) * 100)
    if not 0 < weight <= FULL_WEIGHT:
        raise ValueError(f"write a percentage above 0% and up to 100%, not {shown(text)}")
    return weight


def spell_weight(weight: int) -> str:
    """Return basis points as a percentage: 1000 is "10%"."""
    return f"{weight / 100:g}%"


Weight = Annotated[int, BeforeValidator(parse_weight), PlainSerializer(spell_weight, when_used="json")]
"""Basis points, written by people as a percentage."""


class WrittenStep(Document):
    """One step as a person writes it."""

    weight: Weight
    bake: Duration


class Steps(Document):
    """Explicit steps; the weights ascend, and a step at 100 % is added when the last one is below."""

    steps: Annotated[tuple[WrittenStep, ...], Field(min_length=1, max_length=200)]

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


class Step(BaseModel):
    """One weight and its bake, in real seconds."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    weight: int
    bake_seconds: int


class Plan(BaseModel):
    """A strategy resolved to steps, fixed when the deployment starts; the last step has full weight."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    strategy: str
    steps: tuple[Step, ...]

    @property
    def last_index(self) -> int:
        """The index of the step at full weight."""
        return len(self.steps) - 1

    @property
    def total_seconds(self) -> int:
        """The seconds from the first shift to the promotion when every verdict is PASS."""
        return sum(step.bake_seconds for step in self.steps)


def _known_name(name: str) -> str:
    _named_steps(name)
    return name


def _form(value: Any) -> str | None:
    match value:
        case str():
            return NAME_FORM
        case dict() | Steps():
            return STEPS_FORM
        case _:
            return None


Strategy = Annotated[
    Annotated[str, AfterValidator(_known_name), Tag(NAME_FORM)] | Annotated[Steps, Tag(STEPS_FORM)],
    Discriminator(
        _form,
        custom_error_type="strategy_form",
        custom_error_message='write a strategy\'s name, such as "Linear10PercentEvery1Minute", or {"steps": [...]}',
    ),
]
"""A strategy as people write it: CodeDeploy's name, or explicit steps."""


def plan_of(strategy: str | Steps, final_bake_seconds: int | None, minute_seconds: float) -> Plan:
    """Return the plan of a strategy, in real seconds when a minute takes `minute_seconds` (60 on AWS).

    `final_bake_seconds`, in seconds of a 60-second minute, is the target's own final bake; None leaves the
    strategy's: its interval for CodeDeploy's names, five minutes where there is none. Raises ValueError for a
    name that is not a strategy.
    """
    if isinstance(strategy, str):
        name, steps, default_bake = strategy, *_named_steps(strategy)
    else:
        name = "Steps"
        steps = [(step.weight, step.bake) for step in strategy.steps]
        default_bake = DEFAULT_FINAL_BAKE_SECONDS
    if steps and steps[-1][0] == FULL_WEIGHT:
        default_bake = steps.pop()[1]
    steps.append((FULL_WEIGHT, default_bake if final_bake_seconds is None else final_bake_seconds))
    return Plan(
        strategy=name,
        steps=tuple(Step(weight=w, bake_seconds=scaled(bake, minute_seconds)) for w, bake in steps),
    )


def spell_plan(plan: Plan) -> str:
    """Return a plan in one line, such as "10% for 60s, 100% for 60s"."""
    return ", ".join(f"{spell_weight(s.weight)} for {spell_duration(s.bake_seconds)}" for s in plan.steps)


def _named_steps(name: str) -> tuple[list[tuple[int, int]], int]:
    """Return the steps below full weight (basis points, seconds) and the default final bake of a named strategy."""
    found = _NAME.fullmatch(name)
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
    close = [bare] if _NAME.fullmatch(bare) else difflib.get_close_matches(bare, _EXAMPLES, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"try one of {', '.join(_EXAMPLES[:2])}, {_EXAMPLES[5]}"
    return f"there is no strategy {shown(name)}; {hint}"
