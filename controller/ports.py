"""What the tasks need from the world, in the words of the glossary; `adapters` speaks AWS behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from controller.core.memory import Claim as Claim
from controller.core.memory import Live as Live
from controller.core.memory import Newest as Newest
from controller.core.memory import Tried as Tried

if TYPE_CHECKING:  # what the ports speak of is imported by whoever speaks of it
    from collections.abc import Sequence
    from datetime import datetime

    from controller.core.alias import Alias, Routing
    from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
    from controller.core.code import Answer, Code, CodeStorage
    from controller.core.deployment import Deployment, Event, Mark, MarkDetail
    from controller.core.image_manifest import Descriptor, Manifest
    from controller.core.mark import Stop
    from controller.core.measurement import Measured, Metric
    from controller.core.scan import Scan
    from controller.core.target import Target
    from controller.core.verdict import Reading


class Functions(Protocol):
    """Lambda functions, their versions and aliases."""

    def latest(self, function: str) -> Code:
        """Return $LATEST; raises MissingError."""
        ...

    def update_code(self, latest: Code, artifact: Artifact) -> Code:
        """Put an artifact on $LATEST if it is still as `latest` says; raises ConflictError or RefusedError."""
        ...

    def publish(self, function: str, code_sha256: str, description: str) -> Code:
        """Publish $LATEST if it still has that code; raises ConflictError.

        Lambda answers with the last version when nothing has changed since it was published.
        """
        ...

    def version(self, function: str, version: str) -> Code:
        """Return a published version; raises MissingError."""
        ...

    def ask(self, function: str, version: str, payload: Any) -> Answer:
        """Invoke a version directly and wait for its answer."""
        ...

    def send(self, function: str, payload: Any) -> None:
        """Have a function invoked, and do not wait for it; raises MissingError."""
        ...

    def alias(self, function: str, name: str) -> Alias:
        """Return the alias as it is now; raises MissingError."""
        ...

    def create_alias(self, function: str, name: str, version: str) -> Alias:
        """Make an alias on a version; raises ConflictError when there is one of that name."""
        ...

    def delete_alias(self, alias: Alias) -> None:
        """Delete an alias if it is still as `alias` says; raises MissingError or ConflictError."""
        ...

    def aliases(self, function: str) -> list[Alias]:
        """Return every alias of a function; raises MissingError."""
        ...

    def sources(self, function: str) -> list[str]:
        """Return the ARNs of the event sources that invoke a function past its aliases and versions."""
        ...

    def provisioned(self, function: str) -> dict[str, int]:
        """Return the provisioned concurrency that a function has, by alias or version."""
        ...

    def storage(self) -> CodeStorage:
        """Return how much code the account stores, and may store."""
        ...

    def route(self, alias: Alias, routing: Routing) -> Alias:
        """Send the alias's traffic along `routing` if it is still as `alias` says; raises ConflictError."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What its bucket or repository says of an artifact."""

    appeared_at: datetime
    size_bytes: int = 0
    """The size of a zip."""
    tags: tuple[str, ...] = ()
    """The tags of an image."""


class Artifacts(Protocol):
    """The bucket and the repositories in which artifacts appear."""

    def find(self, artifact: Artifact) -> Stored:
        """Return what is known of an artifact; raises MissingError."""
        ...

    def read(self, artifact: ZipArtifact, start: int, size_bytes: int) -> bytes:
        """Return so many bytes of a zip, all of which must be there; raises MissingError or UnavailableError."""
        ...

    def current(self, artifact: Artifact, tag: str | None) -> str | None:
        """Return the identity of what the zip's key, or a tag of the image's repository, names now, if anything."""
        ...

    def manifest(self, image: ImageArtifact) -> Manifest:
        """Return the manifest of an image, or an index; raises MissingError."""
        ...

    def config(self, image: ImageArtifact, config: Descriptor) -> bytes:
        """Return the configuration that an image's manifest names, whole and as it was pushed."""
        ...

    def clean_up(self, image: ImageArtifact) -> str | None:
        """Return the lifecycle policy of an image's repository as its JSON, or None."""
        ...

    def scan(self, image: ImageArtifact) -> Scan:
        """Return what the scan of an image has found so far."""
        ...


class Alarms(Protocol):
    """CloudWatch alarms."""

    def read(self, names: Sequence[str], since: datetime | None = None) -> list[Reading]:
        """Return one reading for each name, in order; a failed read is UNREADABLE.

        With `since`, an alarm that was in ALARM after that moment and has recovered says so.
        """
        ...


class Metrics(Protocol):
    """CloudWatch metrics."""

    def read(self, metrics: Sequence[Metric], since: int, until: int, minutes: int = 1) -> Measured:
        """Return each metric's values from minute `since` up to before `until`, in periods of so many minutes.

        Minutes are counted since the epoch; what has no data is not there. Raises UnavailableError unless all that
        there is could be read.
        """
        ...


class Clock(Protocol):
    """The time, for the one task that waits for a moment."""

    def now(self) -> datetime:
        """Return the time."""
        ...

    def wait_until(self, moment: datetime) -> None:
        """Return when a moment has come; at once when it has passed."""
        ...


class Targets(Protocol):
    """The catalogue of what operators declared."""

    def read(self, name: str) -> Target:
        """Return one target; raises MissingError or InputError."""
        ...

    def all(self, *, fresh: bool = False) -> tuple[list[Target], list[str]]:
        """Return every target that can be read, and one line for each that cannot; `fresh` asks again."""
        ...


class StoredEvents(Protocol):
    """Where test events stand that a target refers to."""

    def parameter(self, name: str) -> str:
        """Return the text of a parameter of test events; raises MissingError."""
        ...

    def shareable(self, function: str) -> str | None:
        """Return the document that holds the shareable test events of a function; None when it has none."""
        ...


class Deployments(Protocol):
    """Deployment records, their events, the claims, and what is live; every read sees the last write."""

    def find(self, deployment_id: str) -> Deployment | None:
        """Return the record, or None."""
        ...

    def open(
        self, deployment: Deployment, event: Event, *, newest: bool = False, waited: Deployment | None = None
    ) -> None:
        """Write a record, its event and the claims of its members at once.

        The record is new, or `waited` is how it was while it waited for its claims. A PENDING one becomes a waiter
        of the function that it waits for. `newest` says that its artifact is the youngest that the target has
        taken up. Raises ClaimHeldError when another deployment holds a function, ConflictError when a new record
        exists, somebody wrote since `waited`, a claim has moved on, nobody holds the function that is waited for,
        or a younger artifact was taken up meanwhile.
        """
        ...

    def save(self, before: Deployment, after: Deployment, event: Event | None = None) -> Deployment:
        """Write what changed, with its event, if nobody has written since `before`; raises ConflictError.

        Leaves marks and token alone, and returns `after` with its new sequence: marks left meanwhile are not in it.
        """
        ...

    def close(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write an end, its event, and free the claims, at once; raises ConflictError.

        A promotion is also refused when a mark that stops deployments is there, and makes the artifact live.
        A failed rollback keeps its claims.
        """
        ...

    def undo(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write that a promotion was undone, with its event, at once; raises ConflictError.

        It must be the last one of its target. What is live then are the baselines, and its artifact is refused.
        """
        ...

    def register_token(self, deployment_id: str, token: str) -> Deployment:
        """Leave the token of a bake on the record and return all of it, marks included."""
        ...

    def mark(self, deployment_id: str, mark: Mark, detail: MarkDetail) -> Deployment:
        """Leave a mark, unless it is there already, and return all of the record, token included."""
        ...

    def answer(self, deployment_id: str, hook_id: str, detail: MarkDetail) -> Deployment:
        """Leave what a hook says if it was asked last and has said nothing yet; return the record."""
        ...

    def claim(self, function: str) -> Claim:
        """Return the claim on a function; one that nobody holds has no owner."""
        ...

    def live(self, target: str) -> Live | None:
        """Return what the target's last completed deployment left, or None."""
        ...

    def newest(self, target: str) -> Newest | None:
        """Return the youngest artifact that a target has deployed, however that ended, or None."""
        ...

    def tried(self, target: str, artifact: str) -> Tried:
        """Return what the target remembers of an artifact."""
        ...

    def watching(self, alarm: str) -> list[str]:
        """Return the ids of the live deployments that name an alarm."""
        ...

    def unfinished(self) -> list[Deployment]:
        """Return the deployments that have not ended, the oldest first; may miss the last second."""
        ...

    def unsent(self, before: datetime) -> list[Event]:
        """Return the events from before a moment that are still to be sent, the oldest first."""
        ...

    def history(self, target: str, limit: int) -> list[Deployment]:
        """Return the latest deployments of a target, the newest first; may miss the last second."""
        ...

    def events(self, deployment_id: str) -> list[Event]:
        """Return the events of a deployment, the oldest first."""
        ...

    def sent(self, event: Event) -> None:
        """Take an event off the list of those that are still to be sent."""
        ...


class Line(Protocol):
    """The switch by which a person holds up everything that goes forward on a stage."""

    def stopped(self) -> Stop | None:
        """Return who has stopped the line and why, or None."""
        ...

    def last(self) -> Stop | None:
        """Return who stopped the line last, and who has released it since; None when nobody ever stopped it."""
        ...

    def stop(self, detail: MarkDetail) -> None:
        """Stop the line."""
        ...

    def release(self, detail: MarkDetail) -> None:
        """Let everything go forward again, and keep who says so; harmless when the line is not stopped."""
        ...


class Executions(Protocol):
    """Executions of the state machine."""

    def start(self, name: str, request: str) -> bool:
        """Start one, or find it running with the same request; False when one of that name was started before."""
        ...

    def wake(self, token: str) -> bool:
        """End a bake now; False when it has ended already."""
        ...

    def is_alive(self, execution_arn: str) -> bool:
        """Say whether an execution goes on; one that is forgotten does not."""
        ...


class Bus(Protocol):
    """The event bus that teams listen to."""

    def send(self, detail: dict[str, Any]) -> None:
        """Put one notification on the bus; raises UnavailableError."""
        ...


class Ports(Protocol):
    """Everything a task may touch."""

    @property
    def functions(self) -> Functions:
        """Lambda functions."""
        ...

    @property
    def artifacts(self) -> Artifacts:
        """Buckets and repositories."""
        ...

    @property
    def alarms(self) -> Alarms:
        """CloudWatch alarms."""
        ...

    @property
    def metrics(self) -> Metrics:
        """CloudWatch metrics."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def targets(self) -> Targets:
        """The catalogue."""
        ...

    @property
    def stored_events(self) -> StoredEvents:
        """Test events that targets refer to."""
        ...

    @property
    def deployments(self) -> Deployments:
        """Records, events, claims."""
        ...

    @property
    def line(self) -> Line:
        """The switch that holds everything up."""
        ...

    @property
    def executions(self) -> Executions:
        """The state machine."""
        ...

    @property
    def bus(self) -> Bus:
        """The teams' bus."""
        ...
