"""The template grants what the controller needs: without any one action, a run fails."""

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from rampart.demo.account import STAGE
from rampart.demo.releases import FIRST
from rampart.embedded.aws import EmbeddedAws
from tests.e2e import acts, scenarios
from tests.e2e.permissions import UNUSED_HERE, Permission, permissions, taken_away
from tests.e2e.scenarios import Scenario
from tests.e2e.shop import RunFailedError, Shop, until

_SMALLEST: dict[tuple[str, str], Scenario] = {
    ("IntakeFunction", ""): scenarios.release,
    ("PlanFunction", "ssm:GetParameter"): scenarios.referred_events,
    ("PlanFunction", "schemas:DescribeSchema"): scenarios.referred_events,
    ("PlanFunction", "s3:GetObject"): scenarios.release,
    ("PlanFunction", "s3:GetObjectVersion"): scenarios.release,
    ("PlanFunction", "ecr:DescribeImages"): scenarios.image,
    ("PlanFunction", "ecr:BatchGetImage"): scenarios.image,
    ("PlanFunction", "ecr:GetDownloadUrlForLayer"): scenarios.image,
    ("PlanFunction", "ecr:DescribeImageScanFindings"): scenarios.scanned_image,
    ("PlanFunction", "ecr:GetLifecyclePolicy"): scenarios.image,
    ("PlanFunction", "lambda:GetAccountSettings"): scenarios.release,
    ("PlanFunction", "cloudwatch:GetMetricData"): scenarios.compared,
    ("PublishFunction", "lambda:UpdateFunctionCode"): scenarios.release,
    ("PublishFunction", "lambda:PublishVersion"): scenarios.release,
    ("PublishFunction", "s3:GetObjectVersion"): scenarios.release,
    ("PublishFunction", "ecr:BatchGetImage"): scenarios.image,
    ("PublishFunction", "ecr:GetDownloadUrlForLayer"): scenarios.image,
    ("PublishFunction", "ecr:GetRepositoryPolicy"): scenarios.image,
    ("PublishFunction", "dynamodb:DeleteItem"): scenarios.refused_zip,
    ("VerifyFunction", "dynamodb:DeleteItem"): scenarios.failed_test,
    ("VerifyFunction", "lambda:InvokeFunction"): scenarios.hooked,
    ("ShiftFunction", "lambda:GetAlias"): scenarios.late_shift,
    ("ShiftFunction", "lambda:CreateAlias"): scenarios.first,
    ("BakeFunction", "dynamodb:GetItem"): scenarios.superseded,
    ("BakeFunction", "lambda:InvokeFunction"): scenarios.hooked,
    ("BakeFunction", "states:SendTaskSuccess"): scenarios.late_bake,
    ("JudgeFunction", "cloudwatch:DescribeAlarmHistory"): scenarios.flap,
    ("JudgeFunction", "cloudwatch:GetMetricData"): scenarios.compared,
    ("JudgeFunction", "ecr:DescribeImages"): scenarios.image,
    ("RollBackFunction", ""): scenarios.rolled_back,
    ("GiveUpFunction", ""): scenarios.give_up_at_once,
    ("SignalFunction", ""): scenarios.signalled,
    ("ControlFunction", ""): scenarios.aborted,
    ("ControlFunction", "lambda:GetFunction"): scenarios.undone,
    ("ControlFunction", "dynamodb:Query"): scenarios.line,
    ("ControlFunction", "states:StartExecution"): scenarios.undone,
    ("RestoreFunction", ""): scenarios.stopped,
    ("ReconcileFunction", ""): scenarios.lost_status,
    ("ReconcileFunction", "states:SendTaskSuccess"): scenarios.lost_wake,
    ("ReconcileFunction", "events:PutEvents"): scenarios.lost_notification,
    ("ReconcileFunction", "lambda:InvokeFunction"): scenarios.lost_promotion,
    ("ReconcileFunction", "states:StartExecution"): scenarios.lost_push,
    ("ReconcileFunction", "ecr:DescribeImages"): scenarios.lost_push,
    ("NotifyFunction", "lambda:InvokeFunction"): scenarios.hooked,
    ("NotifyFunction", "states:SendTaskSuccess"): scenarios.superseded,
    ("NotifyFunction", "sqs:SendMessage"): scenarios.poison_record,
    ("NotifyFunction", "dynamodb:DescribeStream"): scenarios.second_mapping,
    ("NotifyFunction", "dynamodb:GetRecords"): scenarios.second_mapping,
    ("NotifyFunction", "dynamodb:GetShardIterator"): scenarios.second_mapping,
    ("NotifyFunction", "dynamodb:ListStreams"): scenarios.second_mapping,
}
"""The shortest run that needs an action of a function, or any of its actions; a release by hand needs the rest."""


def _smallest(taken: Permission) -> Scenario:
    any_action = _SMALLEST.get((taken.owner, ""), scenarios.by_hand)
    return _SMALLEST.get((taken.owner, taken.action), any_action)


def _each_with_its_minute() -> list[ParameterSet]:
    """Return every permission that a run here needs, those with the same minute one after the other."""
    needed = [each for each in permissions() if each not in UNUSED_HERE]
    minutes = [scenarios.minute_seconds(_smallest(each)) for each in needed]
    ordered = sorted(zip(minutes, needed, strict=True), key=lambda pair: pair[0])
    return [pytest.param(minute, taken, id=str(taken)) for minute, taken in ordered]


@pytest.fixture(scope="module")
def account(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Return an account whose controller is there for many runs with minutes of the same length."""
    with EmbeddedAws(request.param) as aws:
        yield Shop(aws, images=["orders"])


@pytest.fixture
def shop(account: Shop, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Return a shop for one run; whatever the run leaves behind is ended."""
    number = permissions().index(request.node.callspec.params["taken"])
    shop = account.open(f"shop-{number}", ZipFile=FIRST.zip)
    yield shop
    _end_all(shop)


def _end_all(shop: Shop) -> None:
    """Let no execution and no deployment of a run be there when the next one begins."""
    states, ssm = shop.aws.client("stepfunctions"), shop.aws.client("ssm")
    for target in ssm.get_parameters_by_path(Path=f"/rampart/{STAGE}/targets/")["Parameters"]:
        ssm.delete_parameter(Name=target["Name"])  # lest an event that is tried again finds it
    machine = shop.stack.outputs["StateMachineArn"]
    for running in states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        states.stop_execution(executionArn=running["executionArn"])

    def over() -> bool:
        for deployment in shop.deployments.unfinished():
            acts.abort(shop, deployment.deployment_id)
        return not shop.deployments.unfinished() and shop.aws.wait_until_idle(0.05)

    until(over, "every deployment is over")


@pytest.mark.parametrize(("account", "taken"), _each_with_its_minute(), indirect=["account"], scope="module")
def test_without_any_one_permission_a_run_fails_and_names_the_function_and_the_action(
    shop: Shop, taken: Permission
) -> None:
    with taken_away(shop, taken), pytest.raises(RunFailedError) as failed:
        _smallest(taken)(shop)
    line = str(failed.value)
    assert "\n" not in line
    who, _, what = line.partition(" was denied ")
    assert (who, what.partition(" on ")[0]) == (taken.owner, taken.action)
