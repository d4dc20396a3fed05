"""What keeps data: DynamoDB tables, S3 buckets, SSM parameters and ECR repositories."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes
from rampart.embedded.wire import ACCOUNT, REGION

_LOOPBACK = "nothing outside this machine reaches the store"


@makes(
    "AWS::DynamoDB::Table",
    sent="AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes KeySchema "
    "LocalSecondaryIndexes OnDemandThroughput ProvisionedThroughput TableClass Tags",
    used="PointInTimeRecoverySpecification SSESpecification StreamSpecification TableName TimeToLiveSpecification",
)
def _table(resource: Resource) -> dict[str, Any]:
    properties = resource.properties
    name = resource.name("TableName", 255)
    stream, encryption = properties.get("StreamSpecification"), properties.get("SSESpecification")
    answer = resource.call(
        "dynamodb",
        "CreateTable",
        TableName=name,
        StreamSpecification=None if stream is None else {"StreamEnabled": True, **stream},
        SSESpecification=None if encryption is None else _renamed(encryption, SSEEnabled="Enabled"),
        **resource.sent(),
    )
    resource.on_remove("dynamodb", "DeleteTable", TableName=name)
    if properties.get("DeletionProtectionEnabled"):
        resource.on_remove("dynamodb", "UpdateTable", TableName=name, DeletionProtectionEnabled=False)
    ttl, recovery = properties.get("TimeToLiveSpecification"), properties.get("PointInTimeRecoverySpecification")
    if ttl is not None:
        resource.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=ttl)
    if recovery is not None:
        resource.call(
            "dynamodb",
            "UpdateContinuousBackups",
            TableName=name,
            PointInTimeRecoverySpecification=recovery,
        )
    description = answer["TableDescription"]
    attributes = {"Arn": description["TableArn"]}
    if stream is not None:
        attributes["StreamArn"] = description["LatestStreamArn"]
    return made(name, **attributes)


@makes(
    "AWS::S3::Bucket",
    used="BucketName NotificationConfiguration Tags VersioningConfiguration",
    ignored={
        "BucketEncryption": "nothing is written to a disk here",
        "LifecycleConfiguration": "nothing here lives for days",
        "OwnershipControls": "there is one account only",
        "PublicAccessBlockConfiguration": _LOOPBACK,
    },
)
def _bucket(resource: Resource) -> dict[str, Any]:
    name = resource.name("BucketName", 63, lower=True)
    place = {"LocationConstraint": REGION}
    resource.call("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=place)
    resource.on_remove("s3", "DeleteBucket", Bucket=name)
    resource.deployment.undo.callback(partial(_empty, resource, name))
    for key, operation, parameter, value in (
        ("VersioningConfiguration", "PutBucketVersioning", "VersioningConfiguration", None),
        ("NotificationConfiguration", "PutBucketNotificationConfiguration", "NotificationConfiguration", _notified),
        ("Tags", "PutBucketTagging", "Tagging", _tag_set),
    ):
        given = resource.properties.get(key)
        if given is not None:
            given = given if value is None else value(resource, given)
            resource.call("s3", operation, Bucket=name, **{parameter: given})
    return made(
        name,
        Arn=f"arn:aws:s3:::{name}",
        DomainName=f"{name}.s3.amazonaws.com",
        RegionalDomainName=f"{name}.s3.{REGION}.amazonaws.com",
    )


@makes(
    "AWS::SSM::Parameter",
    sent="AllowedPattern DataType Description Tier Type Value",
    used="Name Tags",
)
def _parameter(resource: Resource) -> dict[str, Any]:
    name = resource.name("Name", 1011)
    tags = resource.properties.get("Tags")  # of all types, this one alone has a map here and a list in the API
    resource.call(
        "ssm",
        "PutParameter",
        Name=name,
        Tags=None if tags is None else [{"Key": key, "Value": value} for key, value in tags.items()],
        **resource.sent(),
    )
    resource.on_remove("ssm", "DeleteParameter", Name=name)
    return made(name, Type=resource.required("Type"), Value=resource.required("Value"))


@makes(
    "AWS::ECR::Repository",
    sent="ImageTagMutability Tags",
    used="RepositoryName RepositoryPolicyText",
    ignored={
        "EmptyOnDelete": "a rehearsal keeps nothing",
        "EncryptionConfiguration": "nothing is written to a disk here",
        "ImageScanningConfiguration": "nothing here scans",
        "LifecyclePolicy": "nothing here lives for days",
    },
)
def _repository(resource: Resource) -> dict[str, Any]:
    name = resource.name("RepositoryName", 256, lower=True)
    answer = resource.call("ecr", "CreateRepository", repositoryName=name, **_lower(resource.sent()))
    resource.on_remove("ecr", "DeleteRepository", repositoryName=name, force=True)
    policy = resource.properties.get("RepositoryPolicyText")
    if policy is not None:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        resource.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=text)
    repository = answer["repository"]
    return made(
        name,
        Arn=repository["repositoryArn"],
        RepositoryUri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}",
    )


def _notified(resource: Resource, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notifications as the API has them, where EventBridge is on by being there."""
    if set(configuration) != {"EventBridgeConfiguration"}:
        raise resource.error("only NotificationConfiguration.EventBridgeConfiguration is supported")
    enabled = str(configuration["EventBridgeConfiguration"].get("EventBridgeEnabled", True)).lower()
    return {"EventBridgeConfiguration": {}} if enabled == "true" else {}


def _tag_set(_resource: Resource, tags: list[dict[str, str]]) -> dict[str, Any]:
    return {"TagSet": tags}


def _empty(resource: Resource, bucket: str) -> None:
    """Delete every object and version, since a bucket with objects cannot be deleted."""
    listing = resource.call("s3", "ListObjectVersions", Bucket=bucket)
    while entries := [*listing.get("Versions", []), *listing.get("DeleteMarkers", [])]:
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        resource.call("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        listing = resource.call("s3", "ListObjectVersions", Bucket=bucket)


def _renamed(properties: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in properties.items()}


def _lower(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key[:1].lower() + key[1:]: value for key, value in properties.items()}
