"""Reach: what doctor may read, with the operator's own rights, and its notes of what it found or could not read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import ControllerError
from controller.core.history import HOUR_MINUTES
from controller.core.measurement import Measured, Metric, minute_number
from controller.ports import Artifacts, Metrics, Targets
from rampart.cli.repair import Reach as RepairReach
from rampart.doctor.finding import Check, Finding, unknown

T = TypeVar("T")


class Reach(RepairReach, Protocol):
    """What doctor looks at, with the operator's own rights; it changes nothing."""

    @property
    def stage(self) -> str:
        """The stage of this Rampart."""
        ...

    @property
    def targets(self) -> Targets:
        """The catalogue."""
        ...

    @property
    def artifacts(self) -> Artifacts:
        """The bucket and the repositories, in which the baseline's code is looked for."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Metrics."""
        ...

    @property
    def minute_seconds(self) -> float:
        """How long a minute takes: 60 in an account."""
        ...

    @property
    def account(self) -> str:
        """The number of the account; raises ControllerError."""
        ...

    @property
    def stack_name(self) -> str:
        """The name of Rampart's stack."""
        ...

    def described(self) -> Mapping[str, Any]:
        """Return Rampart's stack as CloudFormation describes it; raises ControllerError."""
        ...

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        ...


@dataclass
class Notes:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings += findings

    def read(self, check: Check, what: str, read: Callable[[], T]) -> T | None:
        """Return what is read; None where it cannot be, which is a finding."""
        try:
            return read()
        except ControllerError as fault:
            self.findings.append(unknown(check, what, fault))
            return None


def read_by_the_hour(reach: Reach, metrics: Sequence[Metric], now: datetime, minutes: int) -> Measured:
    """Return metrics of the last so many minutes, by the hour."""
    minute = minute_number(now, reach.minute_seconds)
    this_hour = minute - minute % HOUR_MINUTES
    return reach.metrics.read(metrics, this_hour - minutes, this_hour + HOUR_MINUTES, HOUR_MINUTES)


def call(reach: Reach, service: str, operation: str, **params: Any) -> Any:
    """Return what a service answers; raises ControllerError."""
    with aws_errors(f"{service} {operation}"):
        return getattr(reach.client(service), operation)(**params)
