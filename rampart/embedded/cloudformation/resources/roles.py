"""IAM roles and the policies attached to them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes

_VERSION = "2012-10-17"
_WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_WRITE_TRACES = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
]
# AWS Managed Policy Reference Guide. SAM attaches the queue's and the stream's role by itself.
_MANAGED_ACTIONS = {
    "service-role/AWSLambdaBasicExecutionRole": _WRITE_LOGS,
    "service-role/AWSLambdaDynamoDBExecutionRole": [
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        *_WRITE_LOGS,
    ],
    "service-role/AWSLambdaSQSQueueExecutionRole": [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        *_WRITE_LOGS,
    ],
    "AWSXRayDaemonWriteAccess": _WRITE_TRACES,
    "AWSXrayWriteOnlyAccess": _WRITE_TRACES,
}


@makes(
    "AWS::IAM::Role",
    sent="Path Description MaxSessionDuration Tags",
    used="RoleName AssumeRolePolicyDocument Policies ManagedPolicyArns",
)
def _role(resource: Resource) -> dict[str, Any]:
    name = resource.name("RoleName", 64)
    trust = resource.required("AssumeRolePolicyDocument")
    managed = [_managed(resource, arn) for arn in resource.properties.get("ManagedPolicyArns", [])]
    answer = resource.call(
        "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **resource.sent()
    )
    resource.on_remove("iam", "DeleteRole", RoleName=name)
    resource.deployment.roles.add(name, _trusted_services(trust))
    for document in managed:
        # moto knows no managed policies, so these are known to the authoriser only.
        resource.deployment.roles.grant(name, document)
    for policy in resource.properties.get("Policies", []):
        _put(resource, name, policy["PolicyName"], policy["PolicyDocument"])
    return made(name, Arn=answer["Role"]["Arn"], RoleId=answer["Role"]["RoleId"])


@makes("AWS::IAM::Policy", used="PolicyName PolicyDocument Roles")
def _policy(resource: Resource) -> dict[str, Any]:
    name = resource.required("PolicyName")
    for role in resource.properties.get("Roles", []):
        _put(resource, role, name, resource.required("PolicyDocument"))
    return made(name)


def _put(resource: Resource, role: str, name: str, document: dict[str, Any]) -> None:
    # IAM defaults Version to 2008-10-17, moto demands it, and SAM's generated policies lack it.
    document = {"Version": _VERSION, **document}
    resource.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    resource.on_remove("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)
    resource.deployment.roles.grant(role, document)


def _managed(resource: Resource, arn: str) -> dict[str, Any]:
    actions = _MANAGED_ACTIONS.get(arn.removeprefix("arn:aws:iam::aws:policy/"))
    if actions is None:
        raise resource.error(f"managed policy {arn} is not known here")
    return {"Version": _VERSION, "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}


def _trusted_services(trust: Mapping[str, Any]) -> Iterator[str]:
    """Yield the services that a trust policy lets in; its conditions (a source account) are not evaluated."""
    for statement in _listed(trust.get("Statement", [])):
        principal = statement.get("Principal", {})
        if (
            statement.get("Effect") == "Allow"
            and "sts:AssumeRole" in _listed(statement.get("Action"))
            and isinstance(principal, dict)
        ):
            yield from _listed(principal.get("Service", []))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
