"""Deploys a SAM template onto the embedded AWS, through the SAM translator and AWS's own APIs.

moto's CloudFormation is not used: it skips resource types and properties in silence. Here a type, a
property or an intrinsic function without a meaning is an error, before anything is created. A deployment
that fails takes back what it made. Deploying a stack that is there already removes it and makes it anew,
with its data: there are no change sets, and DeletionPolicy and deletion protection keep nothing.
"""

import datetime
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template
from samtranslator.yaml_helper import yaml_parse

from rampart.embedded.cloudformation.resources import MAKERS, Deployment, Resource, check_supported, physical_name
from rampart.embedded.cloudformation.resources.maker import Principals, Roles
from rampart.embedded.cloudformation.template import DeployError, Template, parameter_values
from rampart.embedded.wire import REGION

Package = Callable[[Path, str], bytes]
"""Makes the zip of a function from its code directory and its logical id."""

_ARTIFACTS = "DeploymentArtifacts"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    name: str
    outputs: dict[str, str]
    resources: dict[str, str]
    """Physical ids (what Ref gives) by logical id."""
    parameters: dict[str, str]
    """The values of its parameters, defaults included."""
    undo: ExitStack
    """Removes everything again when it is closed."""


@dataclass(frozen=True)
class DeployTarget:
    """Where stacks are deployed to; keep one per embedded AWS, since it remembers the stacks."""

    client: Callable[[str], Any]
    """Makes the boto3 client of a service, with the operator's credentials at the loopback endpoint."""
    authoriser: Principals
    access_key: Callable[[str], str]
    """Gives the access key id that a function signs its calls with, by the function's name."""
    stacks: dict[str, Stack] = field(default_factory=dict)


def deploy(
    target: DeployTarget,
    template: Path,
    stack_name: str,
    parameters: Mapping[str, str],
    package: Package | None = None,
) -> Stack:
    """Create the stack that the template at a path describes, in place of one that has its name."""
    # CloudFormation API: CreateStack, StackName
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", stack_name):
        raise DeployError(f"{stack_name!r} is no name for a stack: a letter, then letters, digits and hyphens")
    source = read_template(template)
    values = parameter_values(source.get("Parameters", {}), parameters)
    bucket = physical_name(stack_name, _ARTIFACTS, 63, lower=True)
    artifacts = _Artifacts(bucket, template.parent, package or package_code)
    artifacts.collect(source)
    body = Template(stack_name, translate(source, values), values)
    order = body.creation_order()
    for logical_id in order:
        resource = body.resources[logical_id]
        check_supported(logical_id, resource["Type"], resource.get("Properties", {}))

    if stack_name in target.stacks:
        remove(target.stacks[stack_name])
    with ExitStack() as undo:
        deployment = Deployment(stack_name, target.client, target.access_key, Roles(target.authoriser), undo)
        artifacts.upload(deployment)
        for logical_id in order:
            body.attributes[logical_id] = _make(deployment, body, logical_id)
        for settled in deployment.pending:
            settled()
        resources = {logical_id: str(body.attributes[logical_id][""]) for logical_id in order}
        outputs = body.outputs()
        undo.callback(target.stacks.pop, stack_name, None)
        given = {name: ",".join(each) if isinstance(each, list) else str(each) for name, each in values.items()}
        stack = Stack(stack_name, outputs, resources, given, undo.pop_all())
    target.stacks[stack_name] = stack
    return stack


def remove(stack: Stack) -> None:
    """Remove every resource of a stack, with its data, whatever its DeletionPolicy; layers stay."""
    stack.undo.close()


def package_code(code_uri: Path, logical_id: str) -> bytes:
    """Return the zip of a function: its `controller` package if it has one, else the whole directory."""
    if (code_uri / "controller").is_dir():
        return package_controller(code_uri)
    return _zip((path.relative_to(code_uri), path) for path in _code_files(code_uri))


def package_controller(root: Path) -> bytes:
    """Return the package `controller` under `root` as a zip that depends on its files only."""
    return _zip((path.relative_to(root), path) for path in _code_files(root / "controller"))


class _Artifacts:
    """The local files that a template names, on their way to the bucket where AWS reads them."""

    def __init__(self, bucket: str, root: Path, package: Package) -> None:
        self._bucket = bucket
        self._root = root
        self._package = package
        self._contents: dict[str, bytes] = {}

    def collect(self, source: dict[str, Any]) -> None:
        """Read every local file and directory that `source` names, and put its place in the bucket there."""
        globals_ = source.get("Globals", {}).get("Function", {})
        for logical_id, resource in source["Resources"].items():
            properties = resource.setdefault("Properties", {})
            match resource["Type"]:
                case "AWS::Serverless::Function":
                    self._function(logical_id, properties, globals_)
                case "AWS::Serverless::LayerVersion":
                    # The layer's content is the environment that the host runs in; a layer of files
                    # would shadow it, so what is published only says so.
                    note = {"NOTE.txt": b"On the embedded AWS, dependencies are those of the host.\n"}
                    properties["ContentUri"] = self._add(f"{logical_id}.zip", _zip_contents(note))
                case "AWS::Serverless::StateMachine":
                    uri = properties.get("DefinitionUri")
                    if _is_local(uri):
                        content = self._path(logical_id, "DefinitionUri", uri, Path.is_file).read_bytes()
                        properties["DefinitionUri"] = self._add(f"{logical_id}.json", content)
                case str(kind) if kind.startswith("AWS::Serverless::"):
                    raise DeployError(f"{logical_id}: resource type {kind} is not supported")

    def upload(self, deployment: Deployment) -> None:
        """Create the bucket and put every file there."""
        bucket = Resource(deployment, _ARTIFACTS, "AWS::S3::Bucket", {"BucketName": self._bucket})
        MAKERS[bucket.kind].make(bucket)
        for key, content in self._contents.items():
            bucket.call("s3", "PutObject", Bucket=self._bucket, Key=key, Body=content)

    def _function(self, logical_id: str, properties: dict[str, Any], defaults: Mapping[str, Any]) -> None:
        settings = {**defaults, **properties}
        if "InlineCode" in settings or settings.get("PackageType") == "Image":
            return
        uri = settings.get("CodeUri")
        if _is_local(uri):
            directory = self._path(logical_id, "CodeUri", uri, Path.is_dir)
            properties["CodeUri"] = self._add(f"{logical_id}.zip", self._package(directory, logical_id))
        elif uri is None:
            raise DeployError(f"{logical_id}: CodeUri is missing")

    def _path(self, logical_id: str, key: str, uri: str, is_right: Callable[[Path], bool]) -> Path:
        path = self._root / uri
        if not is_right(path):
            raise DeployError(f"{logical_id}: {key} {uri} is not there")
        return path

    def _add(self, name: str, content: bytes) -> dict[str, str]:
        # The content is in the key, so that SAM sees new code as new (AutoPublishAlias).
        key = f"{hashlib.sha256(content).hexdigest()[:16]}-{name}"
        self._contents[key] = content
        return {"Bucket": self._bucket, "Key": key}


def _make(deployment: Deployment, body: Template, logical_id: str) -> dict[str, Any]:
    declared = body.resources[logical_id]
    kind = declared["Type"]
    try:
        properties = body.resolve(declared.get("Properties", {}))
        return MAKERS[kind].make(Resource(deployment, logical_id, kind, properties))
    except DeployError as error:
        where = f"{logical_id} ({kind}): "
        raise DeployError(where + str(error).removeprefix(where)) from error


def read_template(template: Path) -> dict[str, Any]:
    """Return a SAM template as plain values; raises DeployError when it cannot be read or has no resources."""
    try:
        source = _plain(yaml_parse(template.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise DeployError(f"template {template.name} cannot be read: {error}") from error
    resources = source.get("Resources") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(resources, dict) or not resources:
        raise DeployError(f"template {template.name} has no Resources")
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise DeployError(f"{logical_id}: a resource needs a Type")
    return source


def _plain(node: Any) -> Any:
    """Return YAML as CloudFormation reads it: what looks like a date (a policy's Version) is text."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node.isoformat() if isinstance(node, datetime.date) else node


def translate(source: dict[str, Any], values: Mapping[str, str | list[str]]) -> dict[str, Any]:
    """Return the template with SAM's resources as CloudFormation's; raises DeployError.

    The body of samtranslator's own `transform`, with a session that knows the region: `transform` takes
    the region from the environment alone.
    """
    given = {name: value if isinstance(value, str) else ",".join(value) for name, value in values.items()}
    to_py27_compatible_template(source, given)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    try:
        translated = translator.translate(
            source,
            parameter_values=given,
            feature_toggle=None,
            passthrough_metadata=False,
            get_managed_policy_map=lambda: _MANAGED_POLICIES,
        )
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise DeployError(f"the SAM template is not valid: {causes}") from error
    translator.metrics.publish()  # to nowhere; unpublished, they would be a warning on stderr
    body: dict[str, Any] = undo_mark_unicode_str_in_template(translated)
    return body


def _is_local(uri: Any) -> TypeGuard[str]:
    return isinstance(uri, str) and not uri.startswith("s3://")


def _code_files(directory: Path) -> Iterator[Path]:
    """Yield the files that belong to a function: not tests, not caches, nothing hidden (.git, .venv)."""
    for path in directory.rglob("*"):
        parts = path.relative_to(directory).parts
        skipped = any(part.startswith(".") or part in ("__pycache__", "tests") for part in parts)
        if path.is_file() and not skipped:
            yield path


def _zip(files: Iterable[tuple[Path, Path]]) -> bytes:
    return _zip_contents({name.as_posix(): path.read_bytes() for name, path in files})


def _zip_contents(contents: Mapping[str, bytes]) -> bytes:
    """Return a zip that is the same for the same contents: sorted, with fixed times and modes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.create_system = 3  # Unix, whatever the host is
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            files.writestr(entry, contents[name])
    return archive.getvalue()
