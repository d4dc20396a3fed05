"""Verdicts: what alarms, comparison and rules say of a candidate. The worst one wins, unknown is never success."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from controller.core.alarm_rule import RedAtStart
from controller.core.criteria import WhenUnclear
from controller.core.outcome import Outcome

_RANK = {Outcome.PASS: 0, Outcome.INCONCLUSIVE: 1, Outcome.FAIL: 2}
_STRICTNESS = {WhenUnclear.PROMOTE: 0, WhenUnclear.APPROVE: 1, WhenUnclear.ROLL_BACK: 2}


class Verdict(BaseModel):
    """What a look found, why, and on what evidence."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    outcome: Outcome
    reason: str
    blames: bool = True
    """Whether a FAIL is the candidate's own fault."""
    when_unclear: WhenUnclear = WhenUnclear.ROLL_BACK
    """What follows when it is INCONCLUSIVE for as long as a step may be held."""
    asks_at_once: bool = False
    """Whether a person is asked at once when it is INCONCLUSIVE, and not only when a step has been held."""
    is_starved: bool = False
    """Whether it is INCONCLUSIVE for nothing but too few requests so far, which is no news."""
    evidence: dict[str, Any] = Field(default_factory=dict)


class AlarmState(StrEnum):
    """The state of an alarm; MISSING and UNREADABLE are ours."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    MISSING = "MISSING"
    """CloudWatch knows no such alarm, which CloudFormation would take for OK."""
    UNREADABLE = "UNREADABLE"
    """CloudWatch could not be asked."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An alarm at one moment."""

    name: str
    state: AlarmState
    reason: str = ""
    alarmed_at: datetime | None = None
    """The last time it went into ALARM since the look-back began, even if it has recovered."""
    ok_at: datetime | None = None
    """The first time it became OK since the look-back began, even if it fired again."""


class WatchedAlarm(BaseModel):
    """An alarm that this deployment watches."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str
    red_at_start: RedAtStart
    armed: bool
    """Whether ALARM rolls the deployment back; an alarm that was red at the start arms when it recovers."""
    armed_at: datetime


def judge_reading(reading: Reading, armed_at: datetime) -> Verdict:
    """Return the verdict on one alarm that counts since `armed_at`."""
    name = reading.name
    match reading.state:
        case AlarmState.ALARM:
            because = f": {reading.reason}" if reading.reason else ""
            return Verdict(outcome=Outcome.FAIL, reason=f"alarm {name} is in ALARM{because}")
        case AlarmState.MISSING:
            return Verdict(outcome=Outcome.FAIL, blames=False, reason=f"alarm {name} does not exist any more")
        case AlarmState.OK | AlarmState.INSUFFICIENT_DATA if reading.alarmed_at and reading.alarmed_at > armed_at:
            at = reading.alarmed_at.isoformat(timespec="seconds")
            return Verdict(outcome=Outcome.FAIL, reason=f"alarm {name} was in ALARM at {at} and recovered")
        case AlarmState.INSUFFICIENT_DATA:
            return Verdict(outcome=Outcome.INCONCLUSIVE, reason=f"alarm {name} has INSUFFICIENT_DATA")
        case AlarmState.UNREADABLE:
            return Verdict(outcome=Outcome.INCONCLUSIVE, reason=f"alarm {name} could not be read: {reading.reason}")
        case AlarmState.OK:
            return Verdict(outcome=Outcome.PASS, reason=f"alarm {name} is OK")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict, the strictest of unclear ones, the first of equals; PASS when there is none.

    That requests are still to come is told only when nothing else is unclear.
    """
    ranked = sorted(verdicts, key=lambda v: (-_RANK[v.outcome], -_STRICTNESS[v.when_unclear], v.is_starved))
    return ranked[0] if ranked else Verdict(outcome=Outcome.PASS, reason="no alarm is named; time alone decides")
