"""Findings: what is wrong, how bad that is, and the command that mends it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from controller.core.errors import ControllerError


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Deployments are refused, or go wrong."""
    WARNING = "warning"
    """They work, and protect less than one thinks."""
    UNKNOWN = "unknown"
    """It could not be read, which is not to say that it is fine."""


class Check(StrEnum):
    """What is looked at; docs/doctor.md has a line for each."""

    TARGET = "target"
    TAG = "tag"
    ALIAS = "alias"
    ROLE = "role"
    RESERVED_CONCURRENCY = "reserved-concurrency"
    AROUND_THE_ALIAS = "around-the-alias"
    CALLERS = "callers"
    FUNCTION_URL = "function-url"
    POLICY = "policy"
    OWNER = "owner"
    WAY_BACK = "way-back"
    ALARM = "alarm"
    ALARM_STATE = "alarm-state"
    ALARM_DIMENSIONS = "alarm-dimensions"
    ALARM_WITHOUT_DATA = "alarm-without-data"
    ALARM_MISSING_DATA = "alarm-missing-data"
    SOURCE = "source"
    BUCKET = "bucket"
    BUCKET_EVENTS = "bucket-events"
    STUCK = "stuck"
    STACK = "stack"
    STATE_MACHINE = "state-machine"
    DEAD_LETTERS = "dead-letters"
    BUS = "bus"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or unknown."""

    check: Check
    severity: Severity
    what: str
    """What is wrong and why that matters, in one line."""
    command: str = ""
    """What mends it, to be copied; empty where no single command does."""


_COMMAND = re.compile(r"(?P<what>.*?)(?: with)?: (?P<command>aws [a-z].*?)(?P<rest>, or .*)?", re.DOTALL)


def error(check: Check, what: str, command: str = "") -> Finding:
    """Return a finding that keeps deployments from working."""
    return Finding(check, Severity.ERROR, what, command)


def warning(check: Check, what: str, command: str = "") -> Finding:
    """Return a finding that deployments live with."""
    return Finding(check, Severity.WARNING, what, command)


def unknown(check: Check, what: str, why: ControllerError) -> Finding:
    """Return the finding that something could not be read."""
    return Finding(check, Severity.UNKNOWN, f"{what} is unknown: {why}")


def told(check: Check, severity: Severity, text: str, command: str = "") -> Finding:
    """Return a finding in the words of the preflight, whose text may end with the command that mends it."""
    found = _COMMAND.fullmatch(text)
    if found and not command:
        return Finding(check, severity, found["what"] + (found["rest"] or ""), found["command"])
    return Finding(check, severity, text, command)
