"""Lambda: functions, layers, versions, aliases, permissions and event sources."""

import io
import zipfile
from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes
from rampart.embedded.wire import ACCOUNT, REGION


@makes(
    "AWS::Lambda::Function",
    sent="Architectures DeadLetterConfig Description Environment EphemeralStorage Handler ImageConfig Layers "
    "LoggingConfig MemorySize PackageType Role Runtime SnapStart Timeout TracingConfig",
    used="Code FunctionName KmsKeyArn ReservedConcurrentExecutions Tags",
)
def _function(resource: Resource) -> dict[str, Any]:
    name = resource.name("FunctionName", 64)
    code = dict(resource.required("Code"))
    if "ZipFile" in code:
        code["ZipFile"] = _inline(code["ZipFile"])
    access_key = resource.deployment.access_key(name)
    resource.deployment.roles.assume(resource.required("Role"), "lambda.amazonaws.com", access_key, name)
    answer = resource.call(
        "lambda",
        "CreateFunction",
        FunctionName=name,
        Code=code,
        KMSKeyArn=resource.properties.get("KmsKeyArn"),
        Tags=resource.tags(),
        **resource.sent(),
    )
    resource.on_remove("lambda", "DeleteFunction", FunctionName=name)
    # A new function is Pending, and then neither invoked nor published (Lambda: "Lambda function states").
    resource.wait_at_end("lambda", "function_active_v2", FunctionName=name)
    reserved = resource.properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        resource.call("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)
    return made(name, Arn=answer["FunctionArn"])


@makes(
    "AWS::Lambda::LayerVersion",
    sent="CompatibleArchitectures CompatibleRuntimes Content Description LicenseInfo",
    used="LayerName",
)
def _layer_version(resource: Resource) -> dict[str, Any]:
    name = resource.properties.get("LayerName", resource.logical_id)
    answer = resource.call("lambda", "PublishLayerVersion", LayerName=name, **resource.sent())
    return made(answer["LayerVersionArn"], LayerVersionArn=answer["LayerVersionArn"])


@makes(
    "AWS::Lambda::Permission",
    sent="Action EventSourceToken FunctionName FunctionUrlAuthType Principal PrincipalOrgID SourceAccount "
    "SourceArn",
)
def _permission(resource: Resource) -> dict[str, Any]:
    statement = resource.name("StatementId", 100)
    resource.call("lambda", "AddPermission", StatementId=statement, **resource.sent())
    function = resource.required("FunctionName")
    resource.on_remove("lambda", "RemovePermission", FunctionName=function, StatementId=statement)
    return made(statement, Id=statement)


@makes(
    "AWS::Lambda::EventSourceMapping",
    sent="BatchSize BisectBatchOnFunctionError DestinationConfig Enabled EventSourceArn FilterCriteria "
    "FunctionName FunctionResponseTypes MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds "
    "MaximumRetryAttempts ParallelizationFactor ScalingConfig StartingPosition TumblingWindowInSeconds",
    used="Tags",
)
def _event_source_mapping(resource: Resource) -> dict[str, Any]:
    answer = resource.call("lambda", "CreateEventSourceMapping", Tags=resource.tags(), **resource.sent())
    uuid = answer["UUID"]
    resource.on_remove("lambda", "DeleteEventSourceMapping", UUID=uuid)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid}"
    return made(uuid, Id=uuid, EventSourceMappingArn=arn)


@makes(
    "AWS::Lambda::EventInvokeConfig",
    sent="DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier",
)
def _event_invoke_config(resource: Resource) -> dict[str, Any]:
    resource.call("lambda", "PutFunctionEventInvokeConfig", **resource.sent())  # goes with its function
    return made(resource.name("Id", 255))


@makes("AWS::Lambda::Version", sent="CodeSha256 Description FunctionName")
def _version(resource: Resource) -> dict[str, Any]:
    function = resource.required("FunctionName")
    resource.wait("lambda", "function_active_v2", FunctionName=function)
    answer = resource.call("lambda", "PublishVersion", **resource.sent())  # goes with its function
    arn, number = answer["FunctionArn"], answer["Version"]
    resource.wait(
        "lambda",
        "published_version_active",
        FunctionName=function,
        Qualifier=number,
    )
    return made(arn, FunctionArn=arn, Version=number)


@makes("AWS::Lambda::Alias", sent="Description FunctionName FunctionVersion Name", used="RoutingConfig")
def _alias(resource: Resource) -> dict[str, Any]:
    routing = resource.properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
    weights = {entry["FunctionVersion"]: entry["FunctionWeight"] for entry in routing}
    answer = resource.call(
        "lambda",
        "CreateAlias",
        RoutingConfig={"AdditionalVersionWeights": weights} if weights else None,
        **resource.sent(),
    )
    function = resource.required("FunctionName")
    resource.on_remove("lambda", "DeleteAlias", FunctionName=function, Name=resource.required("Name"))
    return made(answer["AliasArn"], AliasArn=answer["AliasArn"])


def _inline(source: str) -> bytes:
    """Return inline Python code as the zip that CloudFormation makes of it: one file, index.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("index.py"), source)
    return archive.getvalue()
