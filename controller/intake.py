"""Intake: an AWS event becomes one execution for each target that wants the artifact."""

import hashlib
from dataclasses import dataclass
from typing import Any

from controller.core.announcement import Announcement, announcement
from controller.core.errors import InputError
from controller.core.request import canonical_request
from controller.core.target import Target
from controller.ports import Ports


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one event."""

    artifact: str
    started: tuple[str, ...]
    """The executions that were started."""
    known: tuple[str, ...]
    """The executions that had been started before: the event is a duplicate."""
    unreadable: tuple[str, ...]
    """One line for each target document that cannot be read."""


def take_in(ports: Ports, event: Any) -> Intake:
    """Start what an event asks for.

    Raises MalformedEventError for an event that says nothing usable, and InputError when no target wants the
    artifact but some cannot be read: one of those may have been meant, so that the event must not be lost.
    """
    found = announcement(event)
    targets, unreadable = ports.targets.all()
    wanted = [target for target in targets if target.source.wants(found)]
    if not wanted:  # it may have been declared within the last minute
        targets, unreadable = ports.targets.all(fresh=True)
        wanted = [target for target in targets if target.source.wants(found)]
    if not wanted and unreadable:
        raise InputError(f"{found.artifact.identity}: no readable target wants it; {unreadable[0]}")
    started: list[str] = []
    known: list[str] = []
    for target in wanted:
        name = execution_name(target, found)
        request = canonical_request(target.name, found.artifact, found.event_id)
        (started if ports.executions.start(name, request) else known).append(name)
    return Intake(found.artifact.identity, tuple(started), tuple(known), tuple(unreadable))


def execution_name(target: Target, found: Announcement) -> str:
    """Return the name by which a repeated event is recognised: target, artifact, event.

    Step Functions keeps a name for 90 days, so that an event that arrives late, or is delivered again when its
    deployment has long ended, starts nothing. At most 80 characters (API reference, StartExecution).
    """
    event = hashlib.sha256(found.event_id.encode()).hexdigest()[:12]
    return f"{target.name}-{found.artifact.fingerprint}-{event}"
