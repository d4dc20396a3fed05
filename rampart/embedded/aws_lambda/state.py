"""What Lambda remembers: functions, their versions and aliases, layers and event source mappings."""

import base64
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from rampart.embedded.aws_lambda.images import ImageCode, Images
from rampart.embedded.aws_lambda.runner import Package
from rampart.embedded.clock import Clock
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

LATEST = "$LATEST"
_PAGE = 50  # Lambda API: ListVersionsByFunction, ListAliases, ListFunctions, MaxItems
_NAME = re.compile(
    rf"(?:(?:arn:aws:lambda:{REGION}:)?(?:{ACCOUNT}:)?function:|{ACCOUNT}:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


@dataclass(frozen=True, slots=True)
class VersionConfig:
    """One version's code and configuration: a published one never changes, $LATEST is replaced whole."""

    function: str
    version: str
    settings: Mapping[str, Any]
    """The configuration in the API's own shape (Handler, Runtime, ImageConfig, Environment, ...)."""
    code: Package | ImageCode
    layers: tuple[Package, ...]
    modified: float
    """Seconds since the epoch."""
    busy: Literal["create", "update"]
    """What is going on until `busy_until`."""
    busy_until: float
    busy_revision_id: str
    revision_id: str
    """The RevisionId once `busy_until` has passed."""
    source: Mapping[str, Any] | None = None
    """The configuration of $LATEST that a version was published from, before its own description."""

    def is_busy(self, now: float) -> bool:
        """Tell whether the creation or the update is still in progress."""
        return now < self.busy_until

    def current_revision_id(self, now: float) -> str:
        """Return the RevisionId, which changes once more when a change has settled."""
        return self.busy_revision_id if self.is_busy(now) else self.revision_id

    @property
    def applies_snap_start(self) -> bool:
        """Tell whether a snapshot is made of each version that is published."""
        return bool(self.settings.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions")

    @property
    def dead_letter_target(self) -> str | None:
        """Return the TargetArn of DeadLetterConfig."""
        target: str | None = self.settings.get("DeadLetterConfig", {}).get("TargetArn")
        return target


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for one version, with a share of its traffic for another."""

    name: str
    version: str
    weights: Mapping[str, float]
    description: str
    revision_id: str

    @property
    def versions(self) -> frozenset[str]:
        """Return every version that the alias may invoke."""
        return frozenset({self.version, *self.weights})


@dataclass(slots=True)
class FunctionRecord:
    """One function."""

    name: str
    latest: VersionConfig
    serving: VersionConfig
    """What $LATEST ran before its last change; it runs on while the change is in progress."""
    tags: dict[str, str]
    versions: dict[str, VersionConfig] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    reserved: int | None = None
    running: int = 0
    event_invoke: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: dict[str, int] = field(default_factory=dict)
    """Provisioned concurrency, as it was asked for, by version or alias."""
    policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(slots=True)
class LambdaState:
    """Everything that the parts of the Lambda model share, behind one lock."""

    clock: Clock
    new_id: Callable[[], str]
    update_seconds: float
    publish_seconds: float
    images: Images
    snapshot_seconds: float
    lock: threading.RLock = field(default_factory=threading.RLock)
    functions: dict[str, FunctionRecord] = field(default_factory=dict)
    last_versions: dict[str, int] = field(default_factory=dict)
    """By function name; it outlives the function, since version numbers are never reused."""
    layers: dict[str, Package] = field(default_factory=dict)
    """By LayerVersionArn."""
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Event source mappings by UUID, in the API's own shape."""
    code_limit_bytes: int = 300 * 1024**3
    """Lambda developer guide, "Lambda quotas": storage for uploaded functions and layers."""

    def code_bytes(self) -> int:
        """Return what is stored of code: every version's, and every layer's."""
        records = list(self.functions.values())
        versions = [each for record in records for each in (record.latest, *record.versions.values())]
        return sum(each.size for each in (*(each.code for each in versions), *self.layers.values()))

    def require_room(self, size_bytes: int) -> None:
        """Raise CodeStorageExceededException when so much more code would be too much."""
        if self.code_bytes() + size_bytes > self.code_limit_bytes:
            raise ApiError("CodeStorageExceededException", "Code storage limit exceeded.")

    urls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Function URLs by the ARN of the function or alias, in the API's own shape."""
    durable_executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By their ARN, in the API's own shape."""

    def function(self, name: str, qualifier: str | None = None) -> FunctionRecord:
        """Return the function; `qualifier` only goes into the error."""
        record = self.functions.get(name)
        if record is None:
            raise not_found(name, qualifier)
        return record

    def locate(self, params: Mapping[str, Any]) -> tuple[FunctionRecord, str | None]:
        """Return the function and the qualifier that FunctionName and Qualifier name together."""
        name, qualifier = split_name(params["FunctionName"])
        given = params.get("Qualifier")
        if qualifier and given and qualifier != given:
            message = "The derived qualifier from the function name does not match the specified qualifier."
            raise ApiError("InvalidParameterValueException", message)
        qualifier = qualifier or given
        return self.function(name, qualifier), qualifier

    def locate_unqualified(self, params: Mapping[str, Any]) -> FunctionRecord:
        """Return the function of an operation that does not take a version or an alias."""
        name, qualifier = split_name(params["FunctionName"])
        if qualifier:
            message = f"Unsupported qualifier in the function name: {params['FunctionName']}"
            raise ApiError("InvalidParameterValueException", message)
        return self.function(name)

    def version(self, record: FunctionRecord, version: str) -> VersionConfig:
        """Return a version, $LATEST among them, as the control plane shows it."""
        found = record.latest if version == LATEST else record.versions.get(version)
        if found is None:
            raise not_found(record.name, version)
        return found

    def shown(self, record: FunctionRecord, qualifier: str | None) -> VersionConfig:
        """Return the version that a qualifier names; an alias names its primary one."""
        alias = record.aliases.get(qualifier or "")
        return self.version(record, alias.version if alias else qualifier or LATEST)

    def lost_its_image(self, version: VersionConfig) -> bool:
        """Tell whether a version is of an image that ECR no longer has."""
        return isinstance(version.code, ImageCode) and not self.images.is_there(version.code)

    def page(
        self, rows: Iterable[tuple[str, dict[str, Any]]], params: Mapping[str, Any], member: str
    ) -> dict[str, Any]:
        """Return one page of `rows`, which are in the order of their keys, and the marker of the next."""
        after = _read_marker(params.get("Marker"))
        left = [row for row in rows if row[0] > after]
        size = min(params.get("MaxItems", _PAGE), _PAGE)
        answer: dict[str, Any] = {member: [item for _, item in left[:size]]}
        if len(left) > size:
            answer["NextMarker"] = base64.urlsafe_b64encode(left[size - 1][0].encode()).decode()
        return answer

    def touch(self, record: FunctionRecord, qualifier: str | None) -> str:
        """Give what a qualifier names a new RevisionId and return it."""
        revision_id = self.new_id()
        qualifier = qualifier or LATEST
        if qualifier in record.aliases:
            record.aliases[qualifier] = replace(record.aliases[qualifier], revision_id=revision_id)
            return revision_id
        touched = replace(self.version(record, qualifier), revision_id=revision_id, busy_revision_id=revision_id)
        if qualifier == LATEST:
            record.latest = touched
        else:
            record.versions[qualifier] = touched
        return revision_id

    def revision_id(self, record: FunctionRecord, qualifier: str | None) -> str:
        """Return the RevisionId of what a qualifier names."""
        alias = record.aliases.get(qualifier or "")
        if alias:
            return alias.revision_id
        return self.version(record, qualifier or LATEST).current_revision_id(self.clock.now())


def split_name(text: str) -> tuple[str, str | None]:
    """Return the name and the qualifier in a FunctionName: a name, an ARN or a partial ARN."""
    match = _NAME.fullmatch(text)
    if match is None:
        message = f"Functions outside account {ACCOUNT} and region {REGION} are not reachable: {text}"
        raise ApiError("ResourceNotFoundException", message, 404)
    return match["name"], match["qualifier"]


def function_arn(name: str, qualifier: str | None = None) -> str:
    """Return a function's ARN."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def not_found(name: str, qualifier: str | None = None) -> ApiError:
    """Return the error for a function or a version that does not exist."""
    return ApiError("ResourceNotFoundException", f"Function not found: {function_arn(name, qualifier)}", 404)


def require_revision(given: str | None, current: str) -> None:
    """Raise PreconditionFailedException unless a given RevisionId is the current one."""
    if given is not None and given != current:
        message = (
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
        raise ApiError("PreconditionFailedException", message, 412)


def iso_time(seconds: float) -> str:
    """Return a time the way LastModified of a function shows it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _read_marker(marker: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(marker or "").decode()
    except ValueError as error:
        raise ApiError("InvalidParameterValueException", f"Invalid Marker: {marker}") from error
