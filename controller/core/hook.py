"""Hooks: functions of a target's owner that are asked whether a deployment may go on, and what they answer."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from controller.core.document import Document
from controller.core.duration import Duration, spell_duration
from controller.core.names import FunctionName
from controller.core.wording import one_line, shown

MAX_HOOKS = 10
HOOK_TAG = "rampart:hook"
"""The tag that lets a stage invoke a function as a hook; its value is the stage. IAM requires it."""

_A_SECOND, _A_DAY = 1, 86_400


class At(StrEnum):
    """When a hook is asked."""

    BEFORE_TRAFFIC = "before_traffic"
    """Once, before the candidate gets any traffic."""
    BEFORE_EACH_STEP = "before_each_step"
    """Before every weight, the first one included."""
    BEFORE_PROMOTION = "before_promotion"
    """After the final bake, before the deployment is closed."""
    AFTER_PROMOTION = "after_promotion"
    """When all is done; its answer is told and changes nothing."""


class HookOutcome(StrEnum):
    """What a hook answers."""

    PASS = "PASS"
    FAIL = "FAIL"
    WAIT = "WAIT"
    """It will say later."""


def _a_second_to_a_day(seconds: int) -> int:
    if not _A_SECOND <= seconds <= _A_DAY:
        raise ValueError(f"a hook may take from 1s to 1d, not {spell_duration(seconds)}")
    return seconds


class Hook(Document):
    """A function that is asked whether a deployment may go on."""

    function: FunctionName
    """The function's name, not its ARN. It carries the tag `rampart:hook` with the stage as value."""
    at: At
    """When it is asked."""
    timeout: Annotated[Duration, AfterValidator(_a_second_to_a_day)] = 900
    """How long it may take to say PASS, by its answer or later; 1d at most. After that it has failed."""


class HookRun(BaseModel):
    """One asking of a hook, written before it is asked: whoever asks again asks the same."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    hook_id: str
    """The same however often it is asked, and for no other asking."""
    step: int
    """The index of the step before which it is asked; one more than the last one's for the promotion."""
    number: int
    """Which of the target's hooks it is."""
    function: str
    at: At
    timeout_seconds: int
    until: datetime
    """When it has failed unless it has passed."""
    asked_at: datetime | None = None
    """When a bake last began to ask it; None while that is still to be done."""
    outcome: HookOutcome | None = None
    """What it has answered so far; a FAIL ends the deployment."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not said yet whether the deployment may go on."""
        return self.outcome in (None, HookOutcome.WAIT)


class UselessAnswerError(Exception):
    """A hook said nothing that can be used; the text follows its name."""


class HookAnswer(BaseModel):
    """What a hook says."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    outcome: HookOutcome
    reason: str = Field(default="", max_length=500)


def read_answer(payload: str) -> HookAnswer:
    """Return what a hook answered; raises ValueError that says in one line what is wrong with it."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError(f"answered what is not JSON: {one_line(payload[:400], 200)}") from None
    outcome = answer.get("outcome") if isinstance(answer, dict) else None
    if not isinstance(outcome, str) or outcome not in HookOutcome.__members__:
        told = shown(outcome) if isinstance(answer, dict) else shown(answer)
        raise ValueError(f'answered {told} where {{"outcome": "PASS", "FAIL" or "WAIT"}} is expected')
    reason = answer.get("reason")
    told = one_line(reason[:1000], 300) if isinstance(reason, str) else ""
    return HookAnswer(outcome=HookOutcome(outcome), reason=told)
