"""Ports in memory: records, executions, targets and the bus, as strict as the real ones."""

import threading
from collections.abc import Callable
from typing import Any

from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.deployment import STOPPING_MARKS, Deployment, Event, Mark, MarkDetail, Status
from controller.core.errors import ClaimHeldError, ConflictError, InputError, MissingError
from controller.core.target import Target, parse_target
from controller.ports import Claim, Live, Newest, Stored, Tried


class MemoryDeployments:
    """Records, events, claims and memory in dictionaries; `on_event` stands for the table's stream."""

    def __init__(self, on_event: Callable[[Event], None] = lambda event: None) -> None:
        self.records: dict[str, Deployment] = {}
        self.outbox: dict[str, Event] = {}
        self._events: dict[str, list[Event]] = {}
        self._claims: dict[str, Claim] = {}
        self._live: dict[str, Live] = {}
        self._newest: dict[str, Newest] = {}
        self._tried: dict[tuple[str, str], Tried] = {}
        self._on_event = on_event
        self._lock = threading.RLock()

    def find(self, deployment_id: str) -> Deployment | None:
        """Return the record, or None."""
        return self.records.get(deployment_id)

    def open(self, deployment: Deployment, event: Event, *, newest: bool = False) -> None:
        """Write a new record, its first event and the claims of its members at once."""
        with self._lock:
            self._open(deployment, event, newest)

    def _open(self, deployment: Deployment, event: Event, newest: bool) -> None:
        if deployment.deployment_id in self.records:
            raise ConflictError(f"deployment {deployment.deployment_id} exists")
        members = () if deployment.status.is_over else deployment.members
        for member in members:
            claim = self.claim(member.function)
            if claim.owner:
                raise ClaimHeldError(member.function, claim.owner)
            if claim.fencing != member.fencing - 1:
                raise ConflictError(f"the claim on {member.function} has moved on")
        if newest and deployment.appeared_at:
            before = self.newest(deployment.target)
            if before and before.appeared_at > deployment.appeared_at:
                raise ConflictError("a younger artifact was deployed meanwhile")
            self._newest[deployment.target] = Newest(deployment.what, deployment.appeared_at)
        for member in members:
            self._claims[member.function] = Claim(member.function, deployment.deployment_id, member.fencing)
        if deployment.status.is_over:
            self._remember(deployment)
        self._store(deployment.model_copy(update={"sequence": deployment.sequence + 1, "marks": {}, "token": None}))
        self._append(event)

    def save(self, before: Deployment, after: Deployment, event: Event | None = None) -> Deployment:
        """Write what changed, with its event, if nobody has written since `before`; raises ConflictError."""
        with self._lock:
            return self._write(self._guard(before), before, after, event)

    def close(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write an end, its event, and free the claims, at once; raises ConflictError."""
        with self._lock:
            return self._close(before, after, event)

    def _close(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        stored = self._guard(before)
        if after.status is Status.PROMOTED and any(mark in stored.marks for mark in STOPPING_MARKS):
            raise ConflictError(f"deployment {before.deployment_id} is marked")
        for member in before.members:
            claim = self.claim(member.function)
            if claim.owner not in (None, before.deployment_id):
                raise ClaimHeldError(member.function, claim.owner)
            if (claim.owner, claim.fencing) != (before.deployment_id, member.fencing):
                raise ConflictError(f"the claim on {member.function} is not ours")
        for member in before.members:
            self._claims[member.function] = Claim(member.function, None, member.fencing)
        self._remember(after)
        if after.status is Status.PROMOTED:
            versions = {member.function: str(member.candidate) for member in after.members}
            self._live[after.target] = Live(after.deployment_id, after.what, versions)
        return self._write(stored.model_copy(update={"token": None}), before, after, event)

    def register_token(self, deployment_id: str, token: str) -> Deployment:
        """Leave the token of a bake on the record and return all of it, marks included."""
        return self._annotate(deployment_id, {"token": token})

    def mark(self, deployment_id: str, mark: Mark, detail: MarkDetail) -> Deployment:
        """Leave a mark, unless it is there already, and return all of the record, token included."""
        with self._lock:
            marks = self.records[deployment_id].marks if deployment_id in self.records else {}
            return self._annotate(deployment_id, {"marks": {mark: detail} | marks})

    def claim(self, function: str) -> Claim:
        """Return the claim on a function; one that nobody holds has no owner."""
        return self._claims.get(function, Claim(function, None, 0))

    def live(self, target: str) -> Live | None:
        """Return what the target's last completed deployment left, or None."""
        return self._live.get(target)

    def newest(self, target: str) -> Newest | None:
        """Return the youngest artifact that a target has deployed, however that ended, or None."""
        return self._newest.get(target)

    def tried(self, target: str, artifact: str) -> Tried:
        """Return what the target remembers of an artifact."""
        return self._tried.get((target, artifact), Tried())

    def watching(self, alarm: str) -> list[str]:
        """Return the ids of the live deployments that name an alarm."""
        watches = (d for d in self.records.values() if not d.status.is_over)
        return sorted(d.deployment_id for d in watches if any(a.name == alarm for a in d.alarms))

    def history(self, target: str, limit: int) -> list[Deployment]:
        """Return the latest deployments of a target, the newest first."""
        ours = [d for d in self.records.values() if d.target == target]
        return sorted(ours, key=lambda d: d.started_at, reverse=True)[:limit]

    def events(self, deployment_id: str) -> list[Event]:
        """Return the events of a deployment, the oldest first."""
        return list(self._events.get(deployment_id, []))

    def sent(self, event: Event) -> None:
        """Take an event off the list of those that are still to be sent."""
        self.outbox.pop(event.event_id, None)

    def give_away(self, function: str, owner: str) -> None:
        """Let another deployment have a claim, as nobody but a person with a console does."""
        with self._lock:
            self._claims[function] = Claim(function, owner, self.claim(function).fencing + 1)

    def _guard(self, before: Deployment) -> Deployment:
        stored = self.records.get(before.deployment_id)
        if stored is None or (stored.sequence, stored.status) != (before.sequence, before.status):
            raise ConflictError(f"deployment {before.deployment_id} has changed since it was read")
        return stored

    def _write(self, stored: Deployment, before: Deployment, after: Deployment, event: Event | None) -> Deployment:
        """Write what differs between `before` and `after`, as the table does, and nothing else."""
        apart = ("marks", "token", "sequence")
        changed = [n for n in Deployment.model_fields if n not in apart and getattr(after, n) != getattr(before, n)]
        sequence = before.sequence + (event is not None)
        self._store(stored.model_copy(update={n: getattr(after, n) for n in changed} | {"sequence": sequence}))
        if event:
            self._append(event)
        return after.model_copy(update={"sequence": sequence})

    def _store(self, deployment: Deployment) -> None:
        # Through its stored form, so that what cannot be stored is found out here too.
        self.records[deployment.deployment_id] = Deployment.model_validate(deployment.model_dump(mode="json"))

    def _append(self, event: Event) -> None:
        self._events.setdefault(event.deployment_id, []).append(event)
        self.outbox[event.event_id] = event
        self._on_event(event)

    def _annotate(self, deployment_id: str, changes: dict[str, Any]) -> Deployment:
        with self._lock:
            if deployment_id not in self.records:
                raise MissingError(f"there is no deployment {deployment_id!r}")
            self.records[deployment_id] = self.records[deployment_id].model_copy(update=changes)
            return self.records[deployment_id]

    def _remember(self, ended: Deployment) -> None:
        if ended.artifact is None or ended.status is Status.SKIPPED:
            return
        key = (ended.target, ended.artifact.identity)
        before = self.tried(*key)
        refused_by = ended.deployment_id if ended.refused else before.refused_by
        self._tried[key] = Tried(before.ended + 1, None if ended.status is Status.PROMOTED else refused_by)


class MemoryArtifacts:
    """Zips and images by identity, and what keys and tags name now."""

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}
        self._names: dict[tuple[str, str], str] = {}

    def put(self, artifact: Artifact, stored: Stored, tag: str | None = None) -> None:
        """Keep an artifact; a zip's key, or the tag of an image, names it from now on."""
        self.stored.setdefault(artifact.identity, stored)
        self._names[self._name(artifact, tag)] = artifact.identity

    def forget(self, artifact: Artifact, tag: str | None = None) -> None:
        """Lose the key or the tag, and with a zip's key nothing else."""
        self._names.pop(self._name(artifact, tag), None)

    def find(self, artifact: Artifact) -> Stored:
        """Return what is known of an artifact; raises MissingError."""
        if artifact.identity not in self.stored:
            raise MissingError(f"{artifact.identity} cannot be read: there is no such artifact")
        return self.stored[artifact.identity]

    def current(self, artifact: Artifact, tag: str | None) -> str | None:
        """Return the identity of what the zip's key, or a tag of the image's repository, names now, if anything."""
        return self._names.get(self._name(artifact, tag))

    def _name(self, artifact: Artifact, tag: str | None) -> tuple[str, str]:
        match artifact:
            case ZipArtifact():
                return artifact.bucket, artifact.key
            case ImageArtifact():
                return artifact.repository, str(tag)


class MemoryTargets:
    """Targets as JSON texts by name."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}

    def read(self, name: str) -> Target:
        """Return one target; raises MissingError or InputError."""
        if name not in self.documents:
            raise MissingError(f"there is no target {name!r}")
        return parse_target(name, self.documents[name], f"target {name}")

    def all(self) -> tuple[list[Target], list[str]]:
        """Return every target that can be read, and one line for each that cannot."""
        targets, faults = [], []
        for name in self.documents:
            try:
                targets.append(self.read(name))
            except InputError as fault:
                faults.append(str(fault))
        return targets, faults


class MemoryExecutions:
    """Starts that were asked for, and bakes that were woken."""

    def __init__(self) -> None:
        self.started: dict[str, str] = {}
        self.woken: set[str] = set()
        self.waiting: str | None = None

    def start(self, name: str, request: str) -> bool:
        """Start one; False when one of that name was started before."""
        if name in self.started:
            return False
        self.started[name] = request
        return True

    def wake(self, token: str) -> bool:
        """End a bake now; False when no bake waits under the token."""
        self.woken.add(token)
        return token == self.waiting


class MemoryBus:
    """What was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def send(self, detail: dict[str, Any]) -> None:
        """Put one notification on the bus."""
        self.told.append(detail)
