"""What each API call needs: IAM actions, the resources they act on, and the condition keys of the request.

Follows the Service Authorization Reference, "Actions, resources, and condition keys for ..." of each service.
An operation that is not named here is refused to everyone but the operator.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rampart.embedded.iam.dynamodb import ITEM_OPERATIONS, HashKeyOf, item_needs, records_needs, table_arn
from rampart.embedded.iam.policy import Need
from rampart.embedded.wire import ACCOUNT, REGION, ApiError, Call

Params = Mapping[str, Any]


def needs_of(call: Call, hash_key_of: HashKeyOf) -> list[Need]:
    """Return everything that the caller must be allowed; raises ApiError for an operation not known here."""
    name = f"{call.service}:{call.operation}"
    if call.service == "dynamodb" and call.operation in ITEM_OPERATIONS:
        return list(item_needs(call.operation, call.params, hash_key_of))
    if name in _NEEDS:
        return list(_NEEDS[name](call.params))
    raise ApiError("UnknownOperation", f"The authoriser does not know what {name} needs.", 501)


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


# --- Lambda -------------------------------------------------------------------------------------------------

_ON_FUNCTION = (
    *("CreateFunctionUrlConfig", "ListFunctionUrlConfigs"),
    *("AddPermission", "CreateAlias", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency"),
    *("GetAlias", "GetFunction", "GetFunctionConcurrency", "GetFunctionConfiguration", "GetPolicy"),
    *("GetFunctionEventInvokeConfig", "GetProvisionedConcurrencyConfig", "ListAliases"),
    *("ListDurableExecutionsByFunction", "ListProvisionedConcurrencyConfigs", "ListVersionsByFunction"),
    *("PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig", "RemovePermission"),
    "UpdateAlias",
)
_ON_MAPPING = ("DeleteEventSourceMapping", "GetEventSourceMapping", "UpdateEventSourceMapping")


def _function(params: Params) -> str:
    """Return the function's ARN, qualified when the call is (Lambda API: FunctionName, Qualifier)."""
    given = str(params["FunctionName"])
    arn = given if given.startswith("arn:") else _arn("lambda", "function:" + given.rpartition("function:")[2])
    qualifier = params.get("Qualifier")
    return f"{arn}:{qualifier}" if qualifier and arn.count(":") == 6 else arn


def _create_function(params: Params) -> Iterator[Need]:
    yield Need("lambda:CreateFunction", _function(params))
    yield _pass_role(params["Role"])
    yield from _code(params.get("Code") or {})


def _update_function_code(params: Params) -> Iterator[Need]:
    yield Need("lambda:UpdateFunctionCode", _function(params))
    yield from _code(params)


def _update_function_configuration(params: Params) -> Iterator[Need]:
    yield Need("lambda:UpdateFunctionConfiguration", _function(params))
    if params.get("Role"):
        yield _pass_role(params["Role"])


def _pass_role(role: str) -> Need:
    return Need("iam:PassRole", role, {"iam:passedtoservice": ("lambda.amazonaws.com",)})


def _code(params: Params) -> Iterator[Need]:
    """Yield what the caller needs so that Lambda may read the code (Lambda API: UpdateFunctionCode).

    The image actions are those of the Lambda Developer Guide, "Create a function using a container image".
    """
    if params.get("S3Bucket"):
        yield _object("Get", params["S3Bucket"], params["S3Key"], params.get("S3ObjectVersion"))
    if params.get("ImageUri"):
        repository = params["ImageUri"].partition("/")[2].partition("@")[0].partition(":")[0]
        for action in ("BatchGetImage", "GetDownloadUrlForLayer", "GetRepositoryPolicy"):
            yield Need(f"ecr:{action}", _repository(repository))
    if params.get("SourceKMSKeyArn"):
        yield Need("kms:Decrypt", params["SourceKMSKeyArn"])


# --- S3 -----------------------------------------------------------------------------------------------------


def _object(verb: str, bucket: str, key: str, version: str | None, what: str = "") -> Need:
    """Return the need for one object; a version has actions of its own, such as s3:GetObjectVersion."""
    return Need(f"s3:{verb}Object{'Version' if version else ''}{what}", f"arn:aws:s3:::{bucket}/{key}")


def _on_object(verb: str, what: str = "") -> Callable[[Params], Iterable[Need]]:
    return lambda params: [_object(verb, params["Bucket"], params["Key"], params.get("VersionId"), what)]


def _object_attributes(params: Params) -> Iterator[Need]:
    yield from _on_object("Get")(params)
    yield from _on_object("Get", "Attributes")(params)


def _copy_object(params: Params) -> Iterator[Need]:
    source = params["CopySource"]
    if isinstance(source, str):
        path, _, version = source.lstrip("/").partition("?versionId=")
        bucket, _, key = path.partition("/")
        source = {"Bucket": bucket, "Key": key, "VersionId": version}
    yield _object("Get", source["Bucket"], source["Key"], source.get("VersionId"))
    yield Need("s3:PutObject", f"arn:aws:s3:::{params['Bucket']}/{params['Key']}")


def _on_bucket(action: str) -> Callable[[Params], Iterable[Need]]:
    def needs(params: Params) -> Iterable[Need]:
        context = {"s3:prefix": (params["Prefix"],)} if "Prefix" in params else {}
        return [Need(f"s3:{action}", f"arn:aws:s3:::{params['Bucket']}", context)]

    return needs


# --- ECR ----------------------------------------------------------------------------------------------------

_ON_REPOSITORY = (
    *("BatchDeleteImage", "BatchGetImage", "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImages"),
    *("DescribeImageScanFindings", "GetDownloadUrlForLayer", "GetRepositoryPolicy", "ListImages", "PutImage"),
    *("PutImageTagMutability", "SetRepositoryPolicy", "GetLifecyclePolicy", "PutLifecyclePolicy"),
)


def _repository(name: str) -> str:
    return _arn("ecr", f"repository/{name}")


def _create_repository(params: Params) -> Iterator[Need]:
    yield Need("ecr:CreateRepository", _repository(params["repositoryName"]))
    if params.get("tags"):
        yield Need("ecr:TagResource", _repository(params["repositoryName"]))


# --- CloudWatch and EventBridge -----------------------------------------------------------------------------


def _alarm(name: str) -> str:
    return _arn("cloudwatch", f"alarm:{name}")


def _alarms(action: str) -> Callable[[Params], Iterable[Need]]:
    return lambda params: [Need(f"cloudwatch:{action}", _alarm(name)) for name in params["AlarmNames"]]


def _read_alarms(action: str) -> Callable[[Params], Iterable[Need]]:
    """CloudWatch API: composite and log alarms are told only to who may read them on all resources.

    AWS leaves them out for others without a word; here such a call is refused.
    """

    def needs(params: Params) -> Iterable[Need]:
        if set(params.get("AlarmTypes") or ()) - {"MetricAlarm"}:
            return [Need(f"cloudwatch:{action}")]
        names = params.get("AlarmNames") or [params.get("AlarmName") or "*"]
        return [Need(f"cloudwatch:{action}", _alarm(name)) for name in names]

    return needs


def _put_metric_alarm(params: Params) -> Iterator[Need]:
    yield Need("cloudwatch:PutMetricAlarm", _alarm(params["AlarmName"]))
    if params.get("Tags"):
        yield Need("cloudwatch:TagResource", _alarm(params["AlarmName"]))


def _put_events(params: Params) -> Iterator[Need]:
    """EventBridge: every entry is authorised on its own bus, with its own source and detail type."""
    for entry in params["Entries"]:
        bus = entry.get("EventBusName") or "default"
        arn = bus if bus.startswith("arn:") else _arn("events", f"event-bus/{bus}")
        given = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        yield Need("events:PutEvents", arn, {key: (value,) for key, value in given.items() if value})


def _rule(name: str) -> Callable[[Params], str]:
    def arn(params: Params) -> str:
        bus = str(params.get("EventBusName") or "default").rpartition("/")[2]
        return _arn("events", f"rule/{'' if bus == 'default' else bus + '/'}{params[name]}")

    return arn


# --- SSM, SQS, Logs -----------------------------------------------------------------------------------------


def _schema(params: Params) -> str:
    return _arn("schemas", f"schema/{params['RegistryName']}/{params['SchemaName']}")


def _parameter(name: str) -> str:
    """Return a parameter's ARN, in which the leading slash of its name is not doubled."""
    return name if name.startswith("arn:") else _arn("ssm", f"parameter/{name.removeprefix('/')}")


def _queue(params: Params) -> str:
    return _arn("sqs", str(params.get("QueueName") or params["QueueUrl"].rstrip("/").rpartition("/")[2]))


def _logs(params: Params) -> str:
    """CloudWatch Logs: the ARN of a log stream; a log group's own actions match it with an empty stream."""
    group = params["logGroupName"]
    return _arn("logs", f"log-group:{group}:log-stream:{params.get('logStreamName', '')}")


def _stack(name: str) -> str:
    return name if name.startswith("arn:") else _arn("cloudformation", f"stack/{name}/*")


_ON_TABLE = ("CreateTable", "DeleteTable", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive")
_ON_STREAM = ("DescribeStream", "GetShardIterator")

# --- the table ----------------------------------------------------------------------------------------------


def _on(prefix: str, operations: Iterable[str], resource: Callable[[Params], str]) -> dict[str, Any]:
    """Return table rows for operations whose action bears their name."""

    def row(operation: str) -> Callable[[Params], Iterable[Need]]:
        return lambda params: [Need(f"{prefix}:{operation}", resource(params))]

    return {operation: row(operation) for operation in operations}


def _member(name: str) -> Callable[[Params], str]:
    return lambda params: str(params[name])


def _everything(params: Params) -> str:
    return "*"


_NEEDS_BY_SERVICE: dict[str, dict[str, Callable[[Params], Iterable[Need]]]] = {
    "lambda": {
        **_on("lambda", _ON_FUNCTION, _function),
        **_on("lambda", ("ListTags", "TagResource", "UntagResource"), _member("Resource")),
        **_on("lambda", _ON_MAPPING, lambda params: _arn("lambda", f"event-source-mapping:{params['UUID']}")),
        **_on("lambda", ("CreateEventSourceMapping", "GetAccountSettings"), _everything),
        **_on("lambda", ("ListEventSourceMappings", "ListFunctions"), _everything),
        **_on("lambda", ("PublishLayerVersion",), lambda params: _arn("lambda", f"layer:{params['LayerName']}")),
        "Invoke": lambda params: [Need("lambda:InvokeFunction", _function(params))],
        "CreateFunction": _create_function,
        "UpdateFunctionCode": _update_function_code,
        "UpdateFunctionConfiguration": _update_function_configuration,
    },
    "dynamodb": {
        **_on("dynamodb", _ON_TABLE, table_arn),
        **_on("dynamodb", ("ListTables",), _everything),
    },
    "dynamodbstreams": {
        **_on("dynamodb", _ON_STREAM, _member("StreamArn")),
        **_on("dynamodb", ("ListStreams",), _everything),
        "GetRecords": records_needs,
    },
    "stepfunctions": {
        **_on("states", ("DescribeStateMachine", "ListExecutions", "StartExecution"), _member("stateMachineArn")),
        **_on("states", ("DescribeExecution", "GetExecutionHistory"), _member("executionArn")),
        **_on("states", ("RedriveExecution", "StopExecution"), _member("executionArn")),
        # The reference names no resource type for these three, so a policy must grant them on "*".
        **_on("states", ("SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"), _everything),
        **_on("states", ("ListStateMachines",), _everything),
    },
    "events": {
        **_on("events", ("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "PutRule"), _rule("Name")),
        **_on("events", ("ListTargetsByRule", "PutTargets", "RemoveTargets"), _rule("Rule")),
        "PutEvents": _put_events,
    },
    "cloudwatch": {
        **{name: _alarms(name) for name in ("DeleteAlarms", "DisableAlarmActions", "EnableAlarmActions")},
        **{name: _read_alarms(name) for name in ("DescribeAlarmHistory", "DescribeAlarms")},
        **_on("cloudwatch", ("GetMetricData", "GetMetricStatistics", "ListMetrics"), _everything),
        **_on("cloudwatch", ("PutCompositeAlarm",), _everything),  # CloudWatch API: "scoped to *"
        **_on("cloudwatch", ("SetAlarmState",), lambda params: _alarm(params["AlarmName"])),
        **_on("cloudwatch", ("ListTagsForResource",), _member("ResourceARN")),
        "PutMetricAlarm": _put_metric_alarm,
        "PutMetricData": lambda params: [
            Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": (params["Namespace"],)})
        ],
    },
    "s3": {
        "GetObject": _on_object("Get"),
        "HeadObject": _on_object("Get"),
        "GetObjectAttributes": _object_attributes,
        "GetObjectTagging": _on_object("Get", "Tagging"),
        "PutObject": lambda params: [Need("s3:PutObject", f"arn:aws:s3:::{params['Bucket']}/{params['Key']}")],
        "DeleteObject": _on_object("Delete"),
        "CopyObject": _copy_object,
        "HeadBucket": _on_bucket("ListBucket"),
        "ListObjects": _on_bucket("ListBucket"),
        "ListObjectsV2": _on_bucket("ListBucket"),
        "ListObjectVersions": _on_bucket("ListBucketVersions"),
        "GetBucketLocation": _on_bucket("GetBucketLocation"),
        "GetBucketNotificationConfiguration": _on_bucket("GetBucketNotification"),
        "GetBucketVersioning": _on_bucket("GetBucketVersioning"),
        "ListBuckets": lambda params: [Need("s3:ListAllMyBuckets")],
    },
    "ssm": {
        **_on("ssm", ("GetParameter", "GetParameterHistory"), lambda params: _parameter(params["Name"])),
        **_on("ssm", ("DeleteParameter", "PutParameter"), lambda params: _parameter(params["Name"])),
        **_on("ssm", ("GetParametersByPath",), lambda params: _parameter(params["Path"])),
        **_on("ssm", ("DescribeParameters",), _everything),
        "GetParameters": lambda params: [Need("ssm:GetParameters", _parameter(name)) for name in params["Names"]],
    },
    "schemas": {
        **_on("schemas", ("CreateRegistry",), lambda params: _arn("schemas", f"registry/{params['RegistryName']}")),
        **_on("schemas", ("CreateSchema", "DescribeSchema", "UpdateSchema"), _schema),
    },
    "sqs": {
        **_on("sqs", ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"), _queue),
        **_on("sqs", ("PurgeQueue", "ReceiveMessage", "SendMessage"), _queue),
        "ChangeMessageVisibilityBatch": lambda params: [Need("sqs:ChangeMessageVisibility", _queue(params))],
        "DeleteMessageBatch": lambda params: [Need("sqs:DeleteMessage", _queue(params))],
        "SendMessageBatch": lambda params: [Need("sqs:SendMessage", _queue(params))],
    },
    "sns": {
        **_on("sns", ("Publish",), _member("TopicArn")),
        "PublishBatch": lambda params: [Need("sns:Publish", params["TopicArn"])],
    },
    "logs": {
        **_on("logs", ("CreateLogGroup", "DescribeLogStreams", "FilterLogEvents"), _logs),
        **_on("logs", ("CreateLogStream", "GetLogEvents", "PutLogEvents"), _logs),
        **_on("logs", ("DescribeLogGroups",), _everything),
    },
    "ecr": {
        **_on("ecr", _ON_REPOSITORY, lambda params: _repository(params["repositoryName"])),
        "CreateRepository": _create_repository,
        "DescribeRepositories": lambda params: [
            Need("ecr:DescribeRepositories", _repository(name)) for name in params.get("repositoryNames") or ["*"]
        ],
    },
    "cloudformation": {
        **_on("cloudformation", ("DescribeStacks",), lambda params: _stack(params.get("StackName") or "*")),
    },
    "resourcegroupstaggingapi": {**_on("tag", ("GetResources",), _everything)},
    "xray": {**_on("xray", ("PutTelemetryRecords", "PutTraceSegments"), _everything)},
    # STS API: GetCallerIdentity, "No permissions are required to perform this operation."
    "sts": {"GetCallerIdentity": lambda params: []},
}
_NEEDS = {
    f"{service}:{operation}": needs
    for service, operations in _NEEDS_BY_SERVICE.items()
    for operation, needs in operations.items()
}
OPERATIONS = frozenset(_NEEDS) | {f"dynamodb:{operation}" for operation in ITEM_OPERATIONS}
"""Every operation that is known, as service:Operation with botocore's name of the service."""
