"""What API calls need, held against the Service Authorization Reference that cfn-lint ships."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import botocore.session
import pytest

from rampart.embedded.iam.dynamodb import ITEM_OPERATIONS
from rampart.embedded.iam.needs import OPERATIONS, needs_of
from rampart.embedded.wire import ApiError, Call

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
ALARM = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm"
EVENTS = "arn:aws:events:eu-west-1:123456789012"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:m"
REPOSITORY = "arn:aws:ecr:eu-west-1:123456789012:repository/team/shop"
REPOSITORIES = "arn:aws:ecr:eu-west-1:123456789012:repository/*"
ITEM = {"TableName": "t", "Key": {"pk": {"S": "T#1"}}}


def needs(name: str, **params: Any) -> list[tuple[str, str]]:
    service, _, operation = name.partition(":")
    found = needs_of(Call(service, operation, "key", params), lambda table: "pk")
    return [(need.action, need.resource) for need in found]


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        (
            "lambda:UpdateAlias",
            {"FunctionName": "shop", "Name": "live"},
            [("lambda:UpdateAlias", f"{LAMBDA}:shop")],
        ),
        ("lambda:Invoke", {"FunctionName": "shop"}, [("lambda:InvokeFunction", f"{LAMBDA}:shop")]),
        (
            "lambda:Invoke",
            {"FunctionName": "shop", "Qualifier": "live"},
            [("lambda:InvokeFunction", f"{LAMBDA}:shop:live")],
        ),
        ("lambda:Invoke", {"FunctionName": "shop:live"}, [("lambda:InvokeFunction", f"{LAMBDA}:shop:live")]),
        ("lambda:GetFunction", {"FunctionName": f"{LAMBDA}:shop:7"}, [("lambda:GetFunction", f"{LAMBDA}:shop:7")]),
        (
            "lambda:GetFunction",
            {"FunctionName": f"{LAMBDA}:shop:7", "Qualifier": "7"},
            [("lambda:GetFunction", f"{LAMBDA}:shop:7")],
        ),
        (
            "lambda:DeleteFunction",
            {"FunctionName": f"{LAMBDA}:shop", "Qualifier": "7"},
            [("lambda:DeleteFunction", f"{LAMBDA}:shop:7")],
        ),
        (
            "lambda:UpdateFunctionCode",
            {"FunctionName": "shop", "S3Bucket": "b", "S3Key": "k/z.zip", "S3ObjectVersion": "v"},
            [("lambda:UpdateFunctionCode", f"{LAMBDA}:shop"), ("s3:GetObjectVersion", "arn:aws:s3:::b/k/z.zip")],
        ),
        (
            "lambda:UpdateFunctionCode",
            {"FunctionName": "shop", "S3Bucket": "b", "S3Key": "k"},
            [("lambda:UpdateFunctionCode", f"{LAMBDA}:shop"), ("s3:GetObject", "arn:aws:s3:::b/k")],
        ),
        (
            "lambda:UpdateFunctionCode",
            {"FunctionName": "shop", "ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop@sha256:1"},
            [
                ("lambda:UpdateFunctionCode", f"{LAMBDA}:shop"),
                ("ecr:BatchGetImage", REPOSITORY),
                ("ecr:GetDownloadUrlForLayer", REPOSITORY),
                ("ecr:GetRepositoryPolicy", REPOSITORY),
            ],
        ),
        ("ecr:DescribeImages", {"repositoryName": "team/shop"}, [("ecr:DescribeImages", REPOSITORY)]),
        ("ecr:BatchGetImage", {"repositoryName": "team/shop"}, [("ecr:BatchGetImage", REPOSITORY)]),
        ("ecr:DescribeRepositories", {}, [("ecr:DescribeRepositories", REPOSITORIES)]),
        (
            "ecr:DescribeRepositories",
            {"repositoryNames": ["team/shop", "x"]},
            [
                ("ecr:DescribeRepositories", REPOSITORY),
                ("ecr:DescribeRepositories", REPOSITORIES.replace("*", "x")),
            ],
        ),
        (
            "ecr:CreateRepository",
            {"repositoryName": "team/shop", "tags": [{"Key": "rampart:managed", "Value": "dev"}]},
            [("ecr:CreateRepository", REPOSITORY), ("ecr:TagResource", REPOSITORY)],
        ),
        ("dynamodb:GetItem", ITEM, [("dynamodb:GetItem", TABLE)]),
        ("dynamodb:Query", {"TableName": "t"}, [("dynamodb:Query", TABLE)]),
        ("dynamodb:Query", {"TableName": "t", "IndexName": "i"}, [("dynamodb:Query", f"{TABLE}/index/i")]),
        ("dynamodb:BatchGetItem", {"RequestItems": {"t": {"Keys": []}}}, [("dynamodb:BatchGetItem", TABLE)]),
        ("dynamodb:TransactGetItems", {"TransactItems": [{"Get": ITEM}]}, [("dynamodb:GetItem", TABLE)]),
        (
            "dynamodb:TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": {}}},
                    {"Update": ITEM},
                    {"Delete": ITEM},
                    {"ConditionCheck": ITEM},
                ]
            },
            [
                ("dynamodb:PutItem", TABLE),
                ("dynamodb:UpdateItem", TABLE),
                ("dynamodb:DeleteItem", TABLE),
                ("dynamodb:ConditionCheckItem", TABLE),
            ],
        ),
        (
            "dynamodbstreams:GetRecords",
            {"ShardIterator": f"{TABLE}/stream/1|2|x"},
            [("dynamodb:GetRecords", f"{TABLE}/stream/1")],
        ),
        ("stepfunctions:StartExecution", {"stateMachineArn": MACHINE}, [("states:StartExecution", MACHINE)]),
        ("stepfunctions:SendTaskSuccess", {"taskToken": "t"}, [("states:SendTaskSuccess", "*")]),
        (
            "events:PutEvents",
            {"Entries": [{"Source": "a"}, {"EventBusName": "own"}]},
            [("events:PutEvents", f"{EVENTS}:event-bus/default"), ("events:PutEvents", f"{EVENTS}:event-bus/own")],
        ),
        ("events:PutRule", {"Name": "r"}, [("events:PutRule", f"{EVENTS}:rule/r")]),
        ("events:PutTargets", {"Rule": "r", "EventBusName": "b"}, [("events:PutTargets", f"{EVENTS}:rule/b/r")]),
        (
            "cloudwatch:DescribeAlarms",
            {"AlarmNames": ["a", "b"]},
            [("cloudwatch:DescribeAlarms", f"{ALARM}:a"), ("cloudwatch:DescribeAlarms", f"{ALARM}:b")],
        ),
        (
            "cloudwatch:DescribeAlarms",
            {"AlarmNames": ["a"], "AlarmTypes": ["CompositeAlarm", "MetricAlarm"]},
            [("cloudwatch:DescribeAlarms", "*")],
        ),
        ("cloudwatch:DescribeAlarms", {}, [("cloudwatch:DescribeAlarms", f"{ALARM}:*")]),
        ("cloudwatch:GetMetricData", {}, [("cloudwatch:GetMetricData", "*")]),
        ("s3:GetObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3:HeadObject",
            {"Bucket": "b", "Key": "k", "VersionId": "v"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        ("s3:ListObjectsV2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        (
            "s3:CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "a/x/y?versionId=v"},
            [("s3:GetObjectVersion", "arn:aws:s3:::a/x/y"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (
            "ssm:GetParametersByPath",
            {"Path": "/rampart/dev"},
            [("ssm:GetParametersByPath", "arn:aws:ssm:eu-west-1:123456789012:parameter/rampart/dev")],
        ),
        (
            "sqs:SendMessageBatch",
            {"QueueUrl": "http://127.0.0.1:1/123456789012/q"},
            [("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:q")],
        ),
        ("sts:GetCallerIdentity", {}, []),
    ],
)
def test_a_call_needs_its_actions_on_its_resources(
    name: str, params: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert needs(name, **params) == expected


def test_an_operation_that_is_not_known_is_refused() -> None:
    with pytest.raises(ApiError, match="does not know what lambda:PutFunctionCodeSigningConfig needs"):
        needs("lambda:PutFunctionCodeSigningConfig", FunctionName="shop")


@pytest.mark.parametrize(
    ("operation", "params", "keys"),
    [
        ("GetItem", ITEM, ("T#1",)),
        ("PutItem", {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}, ("a",)),
        ("BatchGetItem", {"RequestItems": {"t": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"N": "1"}}]}}}, ("a", "1")),
        (
            "Query",
            {
                "TableName": "t",
                "KeyConditionExpression": "#p = :p AND begins_with(sk, :s)",
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":p": {"S": "a"}, ":s": {"S": "b"}},
            },
            ("a",),
        ),
    ],
)
def test_a_dynamodb_call_tells_its_leading_keys(
    operation: str, params: dict[str, Any], keys: tuple[str, ...]
) -> None:
    (need,) = needs_of(Call("dynamodb", operation, "key", params), lambda table: "pk")
    assert need.context == {"dynamodb:leadingkeys": keys}


def test_each_entry_of_put_events_tells_its_source_and_type() -> None:
    entries = [{"Source": "a", "DetailType": "x"}, {"Source": "b", "DetailType": "y"}]
    found = needs_of(Call("events", "PutEvents", "key", {"Entries": entries}), lambda table: "pk")
    assert [need.context for need in found] == [
        {"events:source": ("a",), "events:detail-type": ("x",)},
        {"events:source": ("b",), "events:detail-type": ("y",)},
    ]


@cache
def reference() -> dict[str, Any]:
    text = (files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json").read_text()
    return dict(json.loads(text))


class _Anything(dict[str, Any]):
    """Parameters of which every member is a plain text that would do as a name."""

    def __missing__(self, key: str) -> Any:
        return {"AlarmNames": ["x"], "Names": ["x"], "Entries": [{}], "Code": {}}.get(key, "x")


PLAIN = sorted(set(OPERATIONS) - {f"dynamodb:{name}" for name in ITEM_OPERATIONS})
# The reference's optional resource type "dataset" is new; without one these are granted on "*".
DATASETS = {"GetMetricData", "ListMetrics", "PutMetricData"}
# Granted on one resource according to the reference, on "*" alone according to the API (PutCompositeAlarm).
ON_ALL = {"PutCompositeAlarm"}


@pytest.mark.parametrize("name", PLAIN)
def test_every_operation_exists_and_needs_actions_that_the_reference_knows(name: str) -> None:
    service, _, operation = name.partition(":")
    assert operation in botocore.session.get_session().get_service_model(service).operation_names
    for need in needs_of(Call(service, operation, "key", _Anything()), lambda table: "pk"):
        prefix, _, action = need.action.partition(":")
        entry = reference()[prefix]["Actions"][action.lower()]
        kinds = [kind.lower() for kind in entry.get("Resources", [])]
        if action in DATASETS | ON_ALL or not kinds:
            assert need.resource == "*"
        elif need.resource != "x":  # "x" stands for an ARN that the caller gave
            formats = [each for kind in kinds for each in reference()[prefix]["Resources"][kind]["ARNFormats"]]
            assert any(re.fullmatch(_regex(each), need.resource) for each in formats), (need, formats)


def _regex(arn_format: str) -> str:
    return re.sub(r"\$\{\w+\}", "[^:]*", arn_format.replace("${Partition}", "aws"))
