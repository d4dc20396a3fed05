"""What every maker of a resource works with: its properties, AWS's API, names and the way back."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError, WaiterError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from rampart.embedded.cloudformation.template import DeployError

_GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
_POLL_SECONDS = 0.02


class Principals(Protocol):
    """The authoriser, as far as a deployment needs it."""

    def register(
        self,
        access_key_id: str,
        role_name: str,
        policies: list[dict[str, Any]],
        session: str | None = None,
    ) -> None:
        """Give an access key a role, whose policies become `policies`; `session` names the role's user."""
        ...


class Roles:
    """The roles of one stack: who may assume them, what they grant, and which principals use them."""

    def __init__(self, principals: Principals) -> None:
        self._principals = principals
        self._trusted: dict[str, frozenset[str]] = {}
        self._documents: dict[str, list[dict[str, Any]]] = {}
        self._users: dict[str, tuple[str, str | None]] = {}
        """Of each access key the role and the session."""

    def add(self, name: str, trusted: Iterable[str]) -> None:
        """Take note of a role that the services `trusted` may assume."""
        self._trusted[name] = frozenset(trusted)
        self._documents[name] = []

    def grant(self, name: str, document: dict[str, Any]) -> None:
        """Add a policy document to a role, for the principals that use it already too."""
        if name not in self._documents:
            raise DeployError(f"role {name} is not a role of this stack")
        self._documents[name].append(document)
        for access_key, (role, _) in self._users.items():
            if role == name:
                self._register(access_key)

    def assume(self, arn: str, service: str, access_key: str, session: str | None = None) -> None:
        """Check that `service` may assume the role, and give its policies to the principal `access_key`."""
        name = arn.rpartition("/")[2]
        if name not in self._trusted:
            raise DeployError(f"role {arn} is not a role of this stack")
        if service not in self._trusted[name]:
            raise DeployError(f"the trust policy of role {name} does not let {service} assume it")
        role, _ = self._users.setdefault(access_key, (name, session))
        if role != name:
            raise DeployError(f"principal {access_key} has role {role}, and cannot have {name}")
        self._register(access_key)

    def _register(self, access_key: str) -> None:
        role, session = self._users[access_key]
        self._principals.register(access_key, role, list(self._documents[role]), session)


@dataclass(frozen=True)
class Deployment:
    """One deployment of one stack: where to, and how to take it back."""

    stack_name: str
    connect: Callable[[str], Any]
    access_key: Callable[[str], str]
    roles: Roles
    undo: ExitStack
    pending: list[Callable[[], None]] = field(default_factory=list)
    """What the deployment waits for at its end."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return the boto3 client of `service`, made once."""
        if service not in self._clients:
            self._clients[service] = self.connect(service)
        return self._clients[service]


@dataclass(frozen=True)
class Resource:
    """A resource to make, with its properties resolved."""

    deployment: Deployment
    logical_id: str
    kind: str
    properties: Mapping[str, Any]

    def name(self, key: str, limit: int, *, lower: bool = False) -> str:
        """Return the name that property `key` gives, or one made from the stack and the logical id."""
        generated = physical_name(self.deployment.stack_name, self.logical_id, limit, lower=lower)
        return str(self.properties.get(key, generated))

    def required(self, key: str) -> Any:
        """Return a property that the resource cannot be made without."""
        if key not in self.properties:
            raise self.error(f"property {key} is missing")
        return self.properties[key]

    def sent(self) -> dict[str, Any]:
        """Return the properties that go into the API call as they are."""
        return {key: value for key, value in self.properties.items() if key in MAKERS[self.kind].sent}

    def tags(self) -> dict[str, str] | None:
        """Return the list of tags as a map, for the APIs that take one."""
        tags = self.properties.get("Tags")
        return None if tags is None else {tag["Key"]: tag["Value"] for tag in tags}

    def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call one API operation, without the parameters that are None, its scalars typed as the API wants."""
        client = self.deployment.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        given = _typed({key: value for key, value in params.items() if value is not None}, shape)
        try:
            return getattr(client, xform_name(operation))(**given)
        except (ClientError, ParamValidationError) as error:
            raise self.error(str(error)) from error

    def wait(self, service: str, waiter: str, **params: Any) -> None:
        """Wait for a state of the resource, as CloudFormation does before it goes on."""
        try:
            poll = self.deployment.client(service).get_waiter(waiter)
            poll.wait(WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": 3000}, **params)
        except WaiterError as error:
            raise self.error(str(error)) from error

    def wait_at_end(self, service: str, waiter: str, **params: Any) -> None:
        """Wait once everything else is made, so that what takes its time does so all at once."""
        self.deployment.pending.append(partial(self.wait, service, waiter, **params))

    def on_remove(self, service: str, operation: str, **params: Any) -> None:
        """Say which call removes the resource again; one that is gone already is no error."""
        self.deployment.undo.callback(partial(self._remove, service, operation, params))

    def error(self, message: str) -> DeployError:
        """Return an error about this resource."""
        return DeployError(f"{self.logical_id} ({self.kind}): {message}")

    def _remove(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        try:
            getattr(self.deployment.client(service), xform_name(operation))(**params)
        except ClientError as error:
            if not _GONE.search(error.response["Error"]["Code"]):
                raise self.error(str(error)) from error


Make = Callable[[Resource], dict[str, Any]]


@dataclass(frozen=True)
class Maker:
    """How one type is made, and what becomes of each of its properties."""

    make: Make
    sent: frozenset[str]
    """Sent to the API under the same name."""
    used: frozenset[str]
    """Read by the maker by name."""
    ignored: Mapping[str, str]
    """Accepted without effect, with the reason."""


MAKERS: dict[str, Maker] = {}
"""The supported resource types."""


def makes(
    kind: str, *, sent: str = "", used: str = "", ignored: Mapping[str, str] | None = None
) -> Callable[[Make], Make]:
    """Register the decorated function as the maker of `kind`, with its properties separated by spaces."""

    def register(make: Make) -> Make:
        MAKERS[kind] = Maker(make, frozenset(sent.split()), frozenset(used.split()), ignored or {})
        return make

    return register


def made(ref: str, **attributes: Any) -> dict[str, Any]:
    """Return what Ref (under "") and Fn::GetAtt give for a resource."""
    return {"": ref, **attributes}


def check_supported(logical_id: str, kind: str, properties: Iterable[str]) -> None:
    """Raise unless the type and every property of it is known here."""
    if kind not in MAKERS:
        raise DeployError(f"{logical_id}: resource type {kind} is not supported")
    maker = MAKERS[kind]
    for key in properties:
        if not (key in maker.sent or key in maker.used or key in maker.ignored):
            raise DeployError(f"{logical_id} ({kind}): property {key} is not supported")


def physical_name(stack_name: str, logical_id: str, limit: int, *, lower: bool = False) -> str:
    """Return `<stack>-<logical id>-<suffix>`, where CloudFormation's suffix is random and ours a hash."""
    suffix = hashlib.sha256(f"{stack_name}/{logical_id}".encode()).hexdigest()[:8]
    name = f"{stack_name}-{logical_id}"[: limit - len(suffix) - 1].rstrip("-") + "-" + suffix
    return name.lower() if lower else name


def _typed(value: Any, shape: Shape | None) -> Any:
    """Return `value` with its scalars as `shape` wants them: templates may write 5 as "5", CloudFormation converts.

    What does not convert stays, so that botocore's own validation speaks about it.
    """
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {key: _typed(item, shape.members.get(key)) for key, item in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _typed(item, shape.value) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(item, shape.member) for item in value]
    kind = "" if shape is None else shape.type_name
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    try:
        if kind in ("integer", "long") and isinstance(value, str):
            return int(value)
        if kind in ("double", "float") and isinstance(value, str):
            return float(value)
    except ValueError:
        return value
    return value
