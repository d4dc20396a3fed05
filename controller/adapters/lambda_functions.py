"""Functions on AWS Lambda. The only place where a weight is Lambda's float from 0 to 1."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controller.adapters.aws_errors import aws_errors
from controller.core.alias import Alias, Routing
from controller.core.artifact import Artifact, ImageArtifact, ZipArtifact
from controller.core.code import Answer, Code, CodeStorage, Readiness
from controller.core.errors import ArtifactRefusedError, ConflictError, MissingError, RefusedError
from controller.core.handler_file import Runtime
from controller.core.weight import FULL_WEIGHT

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef as Configuration
    from mypy_boto3_lambda.type_defs import GetFunctionResponseTypeDef, ResolvedS3ObjectTypeDef

# Lambda API reference, StateReasonCode and LastUpdateStatusReasonCode: those that another try would meet again.
_ARTIFACTS_FAULT = ("InvalidImage", "InvalidZipFileException", "InvalidRuntime", "FunctionError")
# The variables by which runtimes look for code elsewhere than at the root of a package and in layers.
_SEARCH_PATHS = {"PYTHONPATH", "NODE_PATH", "CLASSPATH", "RUBYLIB", "GEM_PATH", "AWS_LAMBDA_EXEC_WRAPPER"}
_REPORT = re.compile(r"REPORT RequestId: \S+\s+Duration: ([0-9]+(?:\.[0-9]+)?) ms")
# Lambda API, State of EventSourceMappingConfiguration: those of sources that invoke nothing.
_OUT_OF_USE = ("Disabling", "Disabled", "Deleting")
_NOT_THE_ARTIFACTS_FAULT = ("S3 Error Code", "Code storage limit exceeded", "KMS")


class LambdaFunctions:
    """Functions, versions and aliases through a boto3 Lambda client."""

    def __init__(self, client: "LambdaClient", patient: "Callable[[], LambdaClient] | None" = None) -> None:
        """`patient` makes a client that waits as long as a function may run, and repeats nothing."""
        self._lambda = client
        self._patient = patient or (lambda: client)

    def latest(self, function: str) -> Code:
        """Return $LATEST; raises MissingError."""
        with aws_errors(f"function {function}"):
            return _found(self._lambda.get_function(FunctionName=function))

    def update_code(self, latest: Code, artifact: Artifact) -> Code:
        """Put an artifact on $LATEST if it is still as `latest` says; raises ConflictError or RefusedError."""
        with _blame(), aws_errors(f"Lambda refused the code for function {latest.function}"):
            updated = self._patient().update_function_code(  # a large package takes its time
                FunctionName=latest.function,
                **_source(artifact, latest),
                # The documented default is x86_64, whatever the function has now.
                Architectures=[latest.architecture],  # type: ignore[list-item]
                RevisionId=latest.revision_id,
            )
        return _code(updated)

    def publish(self, function: str, code_sha256: str, description: str) -> Code:
        """Publish $LATEST if it still has that code; raises ConflictError."""
        # Of our parameters only CodeSha256 can be invalid: somebody put other code there.
        with aws_errors(f"publishing function {function}", {"InvalidParameterValueException": ConflictError}):
            return _code(
                self._lambda.publish_version(
                    FunctionName=function, CodeSha256=code_sha256, Description=description[:256]
                )
            )

    def version(self, function: str, version: str) -> Code:
        """Return a published version; raises MissingError."""
        with aws_errors(f"function {function} version {version}"):
            return _found(self._lambda.get_function(FunctionName=function, Qualifier=version))

    def ask(self, function: str, version: str, payload: Any) -> Answer:
        """Invoke a version directly and wait for its answer."""
        with aws_errors(f"invoking function {function} version {version}"):
            response = self._patient().invoke(
                FunctionName=function, Qualifier=version, Payload=json.dumps(payload).encode(), LogType="Tail"
            )
            answer = response["Payload"].read().decode(errors="replace")
        error = _spell_error(answer) if response.get("FunctionError") else None
        return Answer(answer, error, _reported_ms(response.get("LogResult", "")))

    def send(self, function: str, payload: Any) -> None:
        """Have a function invoked, and do not wait for it; raises MissingError."""
        with aws_errors(f"invoking function {function}"):
            self._lambda.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode())

    def alias(self, function: str, name: str) -> Alias:
        """Return the alias as it is now; raises MissingError."""
        with aws_errors(f"alias {function}:{name}"):
            return _alias(function, self._lambda.get_alias(FunctionName=function, Name=name))

    def create_alias(self, function: str, name: str, version: str) -> Alias:
        """Make an alias on a version; raises ConflictError when there is one of that name."""
        with aws_errors(f"alias {function}:{name}"):
            created = self._lambda.create_alias(FunctionName=function, Name=name, FunctionVersion=version)
        return _alias(function, created)

    def delete_alias(self, alias: Alias) -> None:
        """Delete an alias if it is still as `alias` says; raises MissingError or ConflictError.

        DeleteAlias takes no RevisionId (Lambda API): what is done between the look and the deletion is lost.
        """
        if self.alias(alias.function, alias.name) != alias:
            raise ConflictError(f"alias {alias} was changed by somebody else")
        with aws_errors(f"alias {alias}"):
            self._lambda.delete_alias(FunctionName=alias.function, Name=alias.name)

    def aliases(self, function: str) -> list[Alias]:
        """Return every alias of a function; raises MissingError."""
        with aws_errors(f"aliases of function {function}"):
            pages = self._lambda.get_paginator("list_aliases").paginate(FunctionName=function)
            return [_alias(function, alias) for page in pages for alias in page["Aliases"]]

    def sources(self, function: str) -> list[str]:
        """Return the ARNs of the event sources that invoke a function past its aliases and versions.

        Lambda API, FunctionArn of EventSourceMappingConfiguration: it ends with the alias or version, if any.
        """
        with aws_errors(f"event sources of function {function}"):
            pages = self._lambda.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
            mappings = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        past = [
            m for m in mappings if m["FunctionArn"].partition(":function:")[2] in (function, f"{function}:$LATEST")
        ]
        return [str(m.get("EventSourceArn", m["UUID"])) for m in past if m.get("State") not in _OUT_OF_USE]

    def provisioned(self, function: str) -> dict[str, int]:
        """Return the provisioned concurrency that a function has, by alias or version."""
        with aws_errors(f"provisioned concurrency of function {function}"):
            pages = self._lambda.get_paginator("list_provisioned_concurrency_configs").paginate(
                FunctionName=function
            )
            configs = [config for page in pages for config in page["ProvisionedConcurrencyConfigs"]]
        return {
            config["FunctionArn"].rpartition(":")[2]: config["RequestedProvisionedConcurrentExecutions"]
            for config in configs
        }

    def storage(self) -> CodeStorage:
        """Return how much code the account stores, and may store."""
        with aws_errors("code storage"):
            found = self._lambda.get_account_settings()
        return CodeStorage(found["AccountUsage"]["TotalCodeSize"], found["AccountLimit"]["TotalCodeSize"])

    def route(self, alias: Alias, routing: Routing) -> Alias:
        """Send the alias's traffic along `routing` if it is still as `alias` says; raises ConflictError.

        The routing map is always sent, because leaving it out leaves the old weights where they are.
        """
        weights = {routing.second: routing.weight / FULL_WEIGHT} if routing.second else {}
        with aws_errors(f"alias {alias}"):
            updated = self._lambda.update_alias(
                FunctionName=alias.function,
                Name=alias.name,
                FunctionVersion=routing.version,
                RoutingConfig={"AdditionalVersionWeights": weights},
                RevisionId=alias.revision_id,
            )
        return _alias(alias.function, updated)


@contextmanager
def _blame() -> Iterator[None]:
    """Raise a refusal as one of the artifact, unless Lambda could not even fetch it, or has no room for it."""
    try:
        yield
    except MissingError:
        raise
    except RefusedError as refusal:
        if any(word in str(refusal) for word in _NOT_THE_ARTIFACTS_FAULT):
            raise
        raise ArtifactRefusedError(str(refusal)) from refusal


def _source(artifact: Artifact, latest: Code) -> dict[str, Any]:
    match artifact:
        case ZipArtifact():
            return {
                "S3Bucket": artifact.bucket,
                "S3Key": artifact.key,
                "S3ObjectVersion": artifact.version_id,
                # Without it, Lambda would encrypt the zip with a key of its own from now on.
                **({"SourceKMSKeyArn": latest.kms_key} if latest.kms_key else {}),
            }
        case ImageArtifact():
            return {"ImageUri": artifact.image}


def _alias(function: str, described: Any) -> Alias:
    weights = described.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    routing = Routing(described["FunctionVersion"])
    for version, share in weights.items():
        weight = round(share * FULL_WEIGHT)
        if weight:
            routing = Routing(described["FunctionVersion"], version, weight)
    return Alias(function, described["Name"], routing, described["RevisionId"])


def _found(function: "GetFunctionResponseTypeDef") -> Code:
    where, configuration = function.get("Code", {}), function["Configuration"]
    code = replace(
        _code(configuration),
        image=where.get("ResolvedImageUri"),
        referenced=_referenced(where.get("ResolvedS3Object")),
        kms_key=where.get("SourceKMSKeyArn"),
        reserved=function.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        # GetFunction answers all the same to who may not list the tags.
        tags=None if "TagsError" in function else function.get("Tags", {}),
    )
    is_lost = configuration.get("State") == "Inactive" and configuration.get("StateReasonCode") != "Idle"
    if code.referenced and is_lost:
        why = f"Lambda has lost access to {code.referenced.identity}, of which it has no copy"
        return replace(code, readiness=Readiness.FAILED, why=why)
    return code


def _referenced(where: "ResolvedS3ObjectTypeDef | None") -> ZipArtifact | None:
    """Source: Lambda developer guide, "Self-managed S3 code storage": told of code that is only referred to.

    "If Lambda loses access to the source object for a function, the function transitions to the Inactive state", in
    which a function that is only idle is too, until it is invoked.
    """
    if not where:
        return None
    return ZipArtifact(bucket=where["S3Bucket"], key=where["S3Key"], version_id=where["S3ObjectVersion"])


def _code(configuration: "Configuration | Any") -> Code:
    readiness, why = _readiness(configuration)
    return Code(
        function=configuration["FunctionName"],
        version=configuration["Version"],
        code_sha256=configuration["CodeSha256"],
        revision_id=configuration["RevisionId"],
        architecture=configuration.get("Architectures", ["x86_64"])[0],
        package_type=configuration.get("PackageType", "Zip"),
        readiness=readiness,
        why=why,
        is_artifact_at_fault=_code_of(configuration).startswith(_ARTIFACTS_FAULT),
        runtime=_runtime(configuration),
        role=configuration.get("Role", ""),
        timeout_seconds=configuration.get("Timeout", 0),
        dead_letters=configuration.get("DeadLetterConfig", {}).get("TargetArn") or None,
    )


def _runtime(configuration: "Configuration | Any") -> Runtime | None:
    if configuration.get("PackageType") == "Image":
        return None
    variables = configuration.get("Environment", {}).get("Variables", {})
    return Runtime(
        name=configuration.get("Runtime", ""),
        handler=configuration.get("Handler", ""),
        architecture=configuration.get("Architectures", ["x86_64"])[0],
        layer_bytes=tuple(layer.get("CodeSize", 0) for layer in configuration.get("Layers", [])),
        searches_elsewhere=bool(_SEARCH_PATHS & variables.keys() or configuration.get("FileSystemConfigs")),
    )


def _code_of(configuration: Any) -> str:
    """Return the code of the reason for which an update, or else the creation, failed."""
    failed_update = configuration.get("LastUpdateStatus") == "Failed"
    return str(configuration.get("LastUpdateStatusReasonCode" if failed_update else "StateReasonCode") or "")


def _readiness(configuration: Any) -> tuple[Readiness, str]:
    """Source: Lambda developer guide, "Lambda function states"; an Inactive one wakes when it is invoked."""
    state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
    if "Failed" in (state, update):
        reason = (
            configuration.get("LastUpdateStatusReason") or configuration.get("StateReason") or "no reason given"
        )
        code = _code_of(configuration)
        return Readiness.FAILED, f"{code}: {reason}" if code else reason
    if state == "Pending" or update == "InProgress":
        return Readiness.NOT_YET, configuration.get("StateReason") or "an update is in progress"
    if state not in ("Active", "Inactive") or configuration.get("StateReasonCode") == "ImageDeleted":
        return Readiness.FAILED, configuration.get("StateReason") or f"it is {state}"
    return Readiness.READY, ""


def _reported_ms(tail: str) -> float | None:
    """Return the duration in the last report of an invocation's log, of which the API gives the end in base64.

    Source: Lambda developer guide, "Viewing CloudWatch logs for Lambda", the report line; and "Telemetry API event
    schema", platform.report, which stands in its place where a function logs JSON.
    """
    lines = base64.b64decode(tail).decode(errors="replace").splitlines()
    for line in reversed(lines):
        plain = _REPORT.match(line)
        if plain:
            return float(plain[1])
        if '"platform.report"' in line:
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                return float(json.loads(line)["record"]["metrics"]["durationMs"])
    return None


def _spell_error(answer: str) -> str:
    try:
        report = json.loads(answer)
        return f"{report.get('errorType', 'Error')}: {report.get('errorMessage', answer)}"
    except (ValueError, RecursionError, AttributeError):
        return answer
