"""Ports in memory: records, executions, targets and the bus, as strict as the real ones."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from controller.core.deployment import STOPPING_MARKS, Deployment, Event, Mark, MarkDetail, Status
from controller.core.errors import (
    ClaimHeldError,
    ConflictError,
    InputError,
    MissingError,
)
from controller.core.target import Target, parse_target
from controller.ports import Claim, Live, Newest, Tried


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

    def open(
        self, deployment: Deployment, event: Event, *, newest: bool = False, waited: Deployment | None = None
    ) -> None:
        """Write a record, its event and the claims of its members at once."""
        with self._lock:
            if waited is None and deployment.deployment_id in self.records:
                raise ConflictError(f"deployment {deployment.deployment_id} exists")
            before = self._guard(waited) if waited else deployment.model_copy(update={"marks": {}, "token": None})
            self._check_claims(deployment)
            if newest and deployment.appeared_at:
                self._make_newest(deployment.target, Newest(deployment.what, deployment.appeared_at))
            if deployment.status is Status.IN_PROGRESS:
                for member in deployment.members:
                    claim = self.claim(member.function)
                    self._claims[member.function] = dataclasses.replace(
                        claim,
                        owner=deployment.deployment_id,
                        fencing=member.fencing,
                        targets=tuple(sorted({*claim.targets, deployment.target})),
                    )
            if deployment.status.is_over:
                self._remember(deployment)
            self._wait(deployment.deployment_id, waited.waits_for if waited else None, deployment.waits_for)
            kept = {"sequence": before.sequence + 1, "marks": before.marks, "token": before.token}
            self._store(deployment.model_copy(update=kept))
            self._append(event)

    def _check_claims(self, deployment: Deployment) -> None:
        is_waiter = deployment.status is Status.PENDING and not deployment.is_frozen
        if is_waiter and self.claim(str(deployment.waits_for)).owner is None:
            raise ConflictError(f"nobody holds the claim on {deployment.waits_for}")
        for member in deployment.members if deployment.status is Status.IN_PROGRESS else ():
            claim = self.claim(member.function)
            if claim.owner:
                raise ClaimHeldError(member.function, claim.owner)
            if claim.fencing != member.fencing - 1:
                raise ConflictError(f"the claim on {member.function} has moved on")

    def _make_newest(self, target: str, newest: Newest) -> None:
        before = self.newest(target)
        if before and before.appeared_at > newest.appeared_at:
            raise ConflictError("a younger artifact was taken up meanwhile")
        self._newest[target] = newest

    def _wait(self, deployment_id: str, no_more: str | None, now: str | None) -> None:
        for function in filter(None, {no_more, now}):
            claim = self.claim(function)
            waiters = {*claim.waiters} - {deployment_id} | ({deployment_id} if function == now else set())
            self._claims[function] = dataclasses.replace(claim, waiters=tuple(sorted(waiters)))

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
        if before.status.is_over:
            raise ConflictError(f"deployment {before.deployment_id} has ended already")
        if after.status is Status.PROMOTED and any(mark in stored.marks for mark in STOPPING_MARKS):
            raise ConflictError(f"deployment {before.deployment_id} is marked")
        for member in before.members:
            claim = self.claim(member.function)
            if claim.owner not in (None, before.deployment_id):
                raise ClaimHeldError(member.function, claim.owner)
            if claim.fencing != member.fencing:
                raise ConflictError(f"the claim on {member.function} is not ours")
        for member in before.members:
            self._claims[member.function] = dataclasses.replace(self.claim(member.function), owner=None)
        self._wait(before.deployment_id, before.waits_for, None)
        self._remember(after)
        if after.status is Status.PROMOTED:
            versions = {member.function: str(member.candidate) for member in after.members}
            self._live[after.target] = Live(after.deployment_id, after.what, versions)
        return self._write(stored.model_copy(update={"token": None}), before, after, event)

    def undo(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write that a promotion was undone, with its event, at once; raises ConflictError."""
        with self._lock:
            stored, live = self._guard(before), self.live(before.target)
            if live is None or live.deployment_id != before.deployment_id:
                raise ConflictError(f"deployment {before.deployment_id} is not live")
            versions = {member.function: member.baseline for member in after.members}
            self._live[before.target] = Live(before.deployment_id, after.baselines, versions)
            if before.artifact:
                key = (before.target, before.artifact.identity)
                self._tried[key] = dataclasses.replace(self.tried(*key), refused_by=before.deployment_id)
            return self._write(stored, before, after, event)

    def register_token(self, deployment_id: str, token: str) -> Deployment:
        """Leave the token of a bake on the record and return all of it, marks included."""
        return self._annotate(deployment_id, {"token": token})

    def mark(self, deployment_id: str, mark: Mark, detail: MarkDetail) -> Deployment:
        """Leave a mark, unless it is there already, and return all of the record, token included."""
        with self._lock:
            marks = self.records[deployment_id].marks if deployment_id in self.records else {}
            return self._annotate(deployment_id, {"marks": {mark: detail} | marks})

    def answer(self, deployment_id: str, hook_id: str, detail: MarkDetail) -> Deployment:
        """Leave what a hook says if it was asked last and has said nothing yet; return the record."""
        with self._lock:
            record = self.records.get(deployment_id)
            said = record.marks.get(Mark.HOOK) if record else None
            if (
                record is None
                or not record.hook
                or record.hook.hook_id != hook_id
                or (said and said.hook_id == hook_id)
            ):
                return self._annotate(deployment_id, {})
            return self._annotate(deployment_id, {"marks": record.marks | {Mark.HOOK: detail}})

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

    def unfinished(self) -> list[Deployment]:
        """Return the deployments that have not ended, the oldest first."""
        return sorted((d for d in self.records.values() if not d.status.is_over), key=lambda d: d.started_at)

    def unsent(self, before: datetime) -> list[Event]:
        """Return the events from before a moment that are still to be sent, the oldest first."""
        return sorted((e for e in self.outbox.values() if e.at < before), key=lambda e: (e.at, e.sequence))

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

    def holder(self, function: str) -> str | None:
        """Return who holds a claim; to look is no call of AWS."""
        return self._claims[function].owner if function in self._claims else None

    def free(self, function: str) -> None:
        """Take a claim from its holder, as a person with a console does."""
        with self._lock:
            self._claims[function] = dataclasses.replace(self.claim(function), owner=None)

    def give_away(self, function: str, owner: str) -> None:
        """Let another deployment have a claim, as nobody but a person with a console does."""
        with self._lock:
            claim = self.claim(function)
            self._claims[function] = dataclasses.replace(claim, owner=owner, fencing=claim.fencing + 1)

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
        self.records[deployment.deployment_id] = Deployment.read(deployment.model_dump(mode="json"))

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


class MemoryTargets:
    """Targets as JSON texts by name."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}

    def read(self, name: str) -> Target:
        """Return one target; raises MissingError or InputError."""
        if name not in self.documents:
            raise MissingError(f"there is no target {name!r}")
        return parse_target(name, self.documents[name], f"target {name}")

    def all(self, *, fresh: bool = False) -> tuple[list[Target], list[str]]:
        """Return every target that can be read, and one line for each that cannot; nothing is kept here."""
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
        self.dead: set[str] = set()
        self.waiting: str | None = None

    def start(self, name: str, request: str) -> bool:
        """Start one; False when one of that name was started before."""
        if name in self.started:
            return False
        self.started[name] = request
        return True

    def is_alive(self, execution_arn: str) -> bool:
        """Say whether an execution goes on; the world says which do not."""
        return execution_arn.rpartition(":")[2] not in self.dead

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
