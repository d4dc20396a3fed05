"""The template grants what the controller needs, action by action, and nothing else."""

from itertools import groupby
from pathlib import Path

import pytest

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.iam.authoriser import Denial, Grant
from tests.e2e import scenarios
from tests.e2e.permissions import Permission, permissions, template_without
from tests.e2e.scenarios import Scenario
from tests.e2e.shop import RunFailedError, Shop

ALL = (
    scenarios.RELEASE,
    scenarios.REFUSED_ZIP,
    scenarios.FAILED_TEST,
    scenarios.ROLLED_BACK,
    scenarios.SIGNALLED,
    scenarios.STOPPED,
    scenarios.FLAP,
    scenarios.LATE_BAKE,
    scenarios.GAVE_UP,  # deletes the baseline, so that it comes after those that need one
    scenarios.REFUSED_EVENT,
    scenarios.POISON_RECORD,
)

_DELIVERY = "Step Functions delivers the execution log with it; the embedded AWS keeps no such log"
UNUSED_HERE = {
    Permission("DeploymentStateMachine", "Logs", f"logs:{action}"): _DELIVERY
    for action in (
        *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery"),
        *("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
    )
}
"""What the template grants and nothing here can use, with the reason."""

UNUSED_OF_SAM = {
    "logs:CreateLogGroup": "Lambda writes a function's log with it; the embedded AWS keeps logs by itself",
    "logs:CreateLogStream": "likewise",
    "logs:PutLogEvents": "likewise",
    "sqs:SendMessage": "Lambda buries with it what Signal and Restore could not do; here they can",
    "xray:PutTraceSegments": "Lambda's X-Ray daemon sends traces with it; there is none here",
    "xray:PutTelemetryRecords": "likewise",
    "xray:GetSamplingRules": "likewise",
    "xray:GetSamplingTargets": "likewise",
    "xray:GetSamplingStatisticSummaries": "likewise",
}
"""What SAM grants unasked (AWSLambdaBasicExecutionRole, AWSXRayDaemonWriteAccess) and nothing here can use."""

_SMALLEST = {
    ("IntakeFunction", "sqs:SendMessage"): scenarios.REFUSED_EVENT,
    ("IntakeFunction", ""): scenarios.RELEASE,
    ("PublishFunction", "lambda:UpdateFunctionCode"): scenarios.RELEASE,
    ("PublishFunction", "lambda:PublishVersion"): scenarios.RELEASE,
    ("PublishFunction", "s3:GetObjectVersion"): scenarios.RELEASE,
    ("PublishFunction", "dynamodb:DeleteItem"): scenarios.REFUSED_ZIP,
    ("VerifyFunction", "dynamodb:DeleteItem"): scenarios.FAILED_TEST,
    ("BakeFunction", "states:SendTaskSuccess"): scenarios.LATE_BAKE,
    ("JudgeFunction", "cloudwatch:DescribeAlarmHistory"): scenarios.FLAP,
    ("RollBackFunction", ""): scenarios.ROLLED_BACK,
    ("SignalFunction", ""): scenarios.SIGNALLED,
    ("SignalFunction", "dynamodb:PutItem"): scenarios.GAVE_UP,
    ("SignalFunction", "dynamodb:DeleteItem"): scenarios.GAVE_UP,
    ("RestoreFunction", ""): scenarios.STOPPED,
    ("GiveUpFunction", ""): scenarios.GAVE_UP,
    ("NotifyFunction", "sqs:SendMessage"): scenarios.POISON_RECORD,
}
"""The shortest run that needs an action of a function, or any of its actions; a release by hand needs the rest."""


def _smallest(taken: Permission) -> Scenario:
    any_action = _SMALLEST.get((taken.owner, ""), scenarios.BY_HAND)
    return _SMALLEST.get((taken.owner, taken.action), any_action)


@pytest.mark.parametrize("taken", [each for each in permissions() if each not in UNUSED_HERE], ids=str)
def test_without_any_one_permission_a_run_fails_and_names_the_function_and_the_action(
    taken: Permission, tmp_path: Path
) -> None:
    template = template_without(taken, tmp_path)
    scenario = _smallest(taken)
    with EmbeddedAws(scenario.minute_seconds) as aws, pytest.raises(RunFailedError) as failed:
        scenario.run(Shop(aws, template))
    line = str(failed.value)
    assert "\n" not in line
    assert taken.owner in line.partition(" was denied ")[0]
    assert line.partition(" was denied ")[2].startswith(taken.action)


def test_with_the_template_nothing_is_denied_and_nothing_is_granted_in_vain() -> None:
    denials: list[Denial] = []
    unused: list[set[Grant]] = []
    owners: dict[str, str] = {}
    for minute_seconds, runs in groupby(ALL, lambda scenario: scenario.minute_seconds):
        with EmbeddedAws(minute_seconds) as aws:
            shop = Shop(aws)
            for scenario in runs:
                scenario.run(shop)
            denials += aws.authoriser.denials
            unused.append(set(aws.authoriser.unused()))
            resources = shop.stack.resources.items()
            owners = {physical: logical.removesuffix("Role") for logical, physical in resources}
    assert denials == []
    granted_in_vain = {Permission(owners[g.role], g.statement, g.action) for g in set.intersection(*unused)}
    declared = set(permissions())
    assert {each for each in granted_in_vain if each in declared} == set(UNUSED_HERE)
    assert {each.action for each in granted_in_vain if each not in declared} == set(UNUSED_OF_SAM)
