"""What doctor finds around targets and around Rampart, from what is there; denied is never fine."""

import json
import shlex
from typing import Any

import pytest

from controller.core.artifact import ImageArtifact
from controller.core.deployment import Status
from controller.core.errors import RefusedError
from controller.tasks.survey import Survey
from rampart.cli.doctor import findings_document, is_well, print_findings
from rampart.cli.repair import examine_target
from rampart.doctor import examine
from rampart.doctor.finding import Check, Severity
from rampart.embedded.aws_lambda.counts import traffic
from rampart.embedded.wire import ApiError
from tests.cli.paper import WIDE, printed
from tests.doctor.patient import OUTPUTS, PARAMETERS, Patient, stack
from tests.engine.account import FIRST_IMAGE, zip_of
from tests.engine.world import World
from tests.tasks.walks import arrive

ALARM = {
    "AlarmName": "errors",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
MEANT = [{"Name": "FunctionName", "Value": "checkout"}, {"Name": "Resource", "Value": "checkout:live"}]


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout and its target."""
    world = World()
    world.function()
    world.target()
    return world


@pytest.fixture
def patient(world: World) -> Patient:
    """Return what doctor looks at, with nothing wrong."""
    return Patient(world)


def alarm(world: World, **changes: Any) -> None:
    """Make the alarm errors, which the target names."""
    world.target(alarms=["errors"])
    made = {**ALARM, "Dimensions": MEANT, "TreatMissingData": "notBreaching", **changes}
    world.cloudwatch_call("PutMetricAlarm", **made)
    world.set_alarm("errors", "OK")


def served(world: World, calls: int, qualifier: str | None = "live") -> None:
    """Let calls of checkout be counted, through the alias or past it."""
    if qualifier:
        for datum, count in traffic("checkout", qualifier, "1", world.clock.now(), calls):
            world.cloudwatch.record(datum, count)
        return
    for _ in range(calls):
        world.aws("Invoke", FunctionName="checkout", Payload=b"{}")


def test_where_all_is_well_nothing_is_found(world: World, patient: Patient) -> None:
    alarm(world)
    served(world, 3)
    assert patient.examined() == []
    text = printed(lambda console: print_findings(console, [], ""), WIDE)
    assert text == "Nothing is wrong.\n"


@pytest.mark.parametrize(
    ("breaks", "check", "severity", "said", "command"),
    [
        (
            lambda p: p.world.aws("UntagResource", Resource=ARN, TagKeys=["rampart:managed"]),
            Check.TAG,
            Severity.ERROR,
            "function checkout is not tagged rampart:managed=dev",
            "aws lambda tag-resource --resource arn:aws:lambda:eu-west-1:123456789012:function:checkout --tags "
            "rampart:managed=dev",
        ),
        (
            lambda p: p.world.aws("TagResource", Resource=ARN, Tags={"rampart:managed": "prod"}),
            Check.TAG,
            Severity.ERROR,
            "function checkout is not tagged rampart:managed=dev",
            "aws lambda tag-resource",
        ),
        (
            lambda p: p.world.aws("TagResource", Resource=ARN, Tags={"rampart:controller": "dev"}),
            Check.TAG,
            Severity.ERROR,
            "is a part of Rampart",
            "",
        ),
        (
            lambda p: p.world.aws("DeleteFunction", FunctionName="checkout"),
            Check.TARGET,
            Severity.ERROR,
            "Function not found",
            "",
        ),
        (
            lambda p: p.world.aws("DeleteAlias", FunctionName="checkout", Name="live"),
            Check.ALIAS,
            Severity.WARNING,
            "alias checkout:live does not exist: nobody can call it before the first deployment makes it",
            "",
        ),
        (
            lambda p: (
                p.world.aws("CreateAlias", FunctionName="checkout", Name="prod", FunctionVersion="1"),
                p.world.aws("DeleteAlias", FunctionName="checkout", Name="live"),
            ),
            Check.ALIAS,
            Severity.ERROR,
            "alias checkout:live does not exist (the function has prod: is one of them meant?)",
            "aws lambda create-alias --function-name checkout --name live --function-version VERSION",
        ),
        (
            lambda p: p.world.aws("UpdateAlias", FunctionName="checkout", Name="live", FunctionVersion="$LATEST"),
            Check.ALIAS,
            Severity.ERROR,
            "points at $LATEST",
            "aws lambda update-alias --function-name checkout --name live --function-version $(aws lambda "
            "publish-version --function-name checkout --query Version --output text --region eu-west-1)",
        ),
        (
            lambda p: split(p.world),
            Check.ALIAS,
            Severity.ERROR,
            "is split by somebody else",
            "aws lambda update-alias --function-name checkout --name live --function-version 1 --routing-config "
            "AdditionalVersionWeights={}",
        ),
        (
            lambda p: p.answers.update({("iam", "get_role"): "NoSuchEntity"}),
            Check.ROLE,
            Severity.ERROR,
            "role app of function checkout does not exist",
            "",
        ),
        (
            lambda p: p.world.aws(
                "UpdateFunctionConfiguration", FunctionName="checkout", Role="arn:aws:iam::123456789012:role/other"
            ),
            Check.ROLE,
            Severity.WARNING,
            "differ in execution role (app, other): the next deployment cannot split alias checkout:live",
            "",
        ),
        (
            lambda p: p.world.aws(
                "CreateEventSourceMapping",
                FunctionName="checkout",
                EventSourceArn="arn:aws:sqs:eu-west-1:123456789012:orders",
            ),
            Check.AROUND_THE_ALIAS,
            Severity.WARNING,
            "event source arn:aws:sqs:eu-west-1:123456789012:orders invokes function checkout without its alias",
            "",
        ),
        (
            lambda p: p.world.aws("CreateAlias", FunctionName="checkout", Name="beta", FunctionVersion="$LATEST"),
            Check.AROUND_THE_ALIAS,
            Severity.WARNING,
            "alias beta of function checkout is on $LATEST",
            "",
        ),
        (
            lambda p: p.world.aws(
                "PutProvisionedConcurrencyConfig",
                FunctionName="checkout",
                Qualifier="live",
                ProvisionedConcurrentExecutions=2,
            ),
            Check.AROUND_THE_ALIAS,
            Severity.ERROR,
            "alias checkout:live has provisioned concurrency (2)",
            "aws lambda delete-provisioned-concurrency-config --function-name checkout --qualifier live",
        ),
        (
            lambda p: served(p.world, 12, None),
            Check.CALLERS,
            Severity.WARNING,
            "100 % of the calls of function checkout bypass alias live (12 of 12 in the last week)",
            "",
        ),
        (
            lambda p: p.world.aws("CreateFunctionUrlConfig", FunctionName="checkout", AuthType="NONE"),
            Check.FUNCTION_URL,
            Severity.WARNING,
            "invokes function checkout without alias live",
            "aws lambda create-function-url-config --function-name checkout --qualifier live --auth-type NONE",
        ),
        (
            lambda p: p.world.aws(
                "AddPermission",
                FunctionName="checkout",
                StatementId="gateway",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn="arn:aws:execute-api:eu-west-1:123456789012:api/*",
            ),
            Check.POLICY,
            Severity.WARNING,
            "statement gateway lets apigateway.amazonaws.com invoke function checkout without alias live",
            "aws lambda add-permission --function-name checkout --qualifier live --statement-id gateway --action "
            "lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn "
            "'arn:aws:execute-api:eu-west-1:123456789012:api/*'",
        ),
        (
            lambda p: p.answers.update({("s3", "get_bucket_versioning"): {}}),
            Check.BUCKET,
            Severity.ERROR,
            "bucket artifacts has no versioning",
            "aws s3api put-bucket-versioning --bucket artifacts --versioning-configuration Status=Enabled",
        ),
        (
            lambda p: p.answers.update({("s3", "get_bucket_notification_configuration"): {}}),
            Check.BUCKET_EVENTS,
            Severity.ERROR,
            "bucket artifacts sends no events to EventBridge",
            "aws s3api put-bucket-notification-configuration --bucket artifacts --notification-configuration "
            "'{\"EventBridgeConfiguration\": {}}'",
        ),
        (
            lambda p: p.answers.update(
                {("s3", "get_bucket_notification_configuration"): {"QueueConfigurations": [{}]}}
            ),
            Check.BUCKET_EVENTS,
            Severity.ERROR,
            "add EventBridgeConfiguration to its QueueConfigurations",
            "",
        ),
        (
            lambda p: setattr(p, "stack", stack(parameters=PARAMETERS | {"ArtifactBucket": "-"})),
            Check.SOURCE,
            Severity.ERROR,
            "bucket artifacts is not the stack's ArtifactBucket (-)",
            "sam deploy --parameter-overrides ArtifactBucket=artifacts",
        ),
        (
            lambda p: setattr(p, "stack", stack(parameters=PARAMETERS | {"ArtifactPrefix": "releases/"})),
            Check.SOURCE,
            Severity.ERROR,
            "key checkout/*.zip is not below the stack's ArtifactPrefix (releases/)",
            "",
        ),
        (
            lambda p: setattr(p, "stack", stack(parameters=PARAMETERS | {"FunctionPrefix": "shop-"})),
            Check.SOURCE,
            Severity.ERROR,
            "function checkout does not begin with the stack's FunctionPrefix (shop-)",
            "",
        ),
        (
            lambda p: p.world.target(source={"repository": "team/checkout", "tag": "prod"}),
            Check.SOURCE,
            Severity.ERROR,
            "repository team/checkout is not covered by the stack's ArtifactRepository (-)",
            "sam deploy --parameter-overrides ArtifactRepository=team/checkout",
        ),
        (
            lambda p: setattr(p, "stack", stack(outputs={"TableName": "deployments"})),
            Check.STACK,
            Severity.ERROR,
            "stack rampart-dev lacks the outputs ControlFunctionName, StateMachineArn",
            "sam deploy",
        ),
        (
            lambda p: p.answers.update({("stepfunctions", "describe_state_machine"): {"status": "DELETING"}}),
            Check.STATE_MACHINE,
            Severity.ERROR,
            "state machine rampart is DELETING",
            "",
        ),
        (
            lambda p: p.answers.update(
                {("sqs", "get_queue_attributes"): {"Attributes": {"ApproximateNumberOfMessages": "2"}}}
            ),
            Check.DEAD_LETTERS,
            Severity.ERROR,
            "2 messages wait in the queue of output IntakeDeadLettersUrl: events that could not be turned into",
            f"aws sqs receive-message --queue-url {OUTPUTS['IntakeDeadLettersUrl']}",
        ),
        (
            lambda p: p.answers.update({("events", "describe_event_bus"): {"Policy": STRANGERS}}),
            Check.BUS,
            Severity.WARNING,
            "statement partner lets arn:aws:iam::210987654321:root send events to bus default",
            "aws events remove-permission --event-bus-name default --statement-id partner",
        ),
        (
            lambda p: p.world.ports.targets.documents.update({"broken": "{"}),
            Check.TARGET,
            Severity.ERROR,
            "broken",
            "",
        ),
    ],
)
def test_what_is_wrong_is_found_and_the_command_that_mends_it_is_there(
    patient: Patient, breaks: Any, check: Check, severity: Severity, said: str, command: str
) -> None:
    assert patient.found(check) == []
    breaks(patient)
    found = patient.found(check, severity)
    assert found, [str(each) for each in patient.examined()]
    assert said in found[0].what
    assert found[0].command.startswith(command) if command else found[0].command == ""
    assert "aws " not in found[0].what.removeprefix("aws:")


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
STRANGERS = (
    '{"Statement": [{"Sid": "partner", "Effect": "Allow", "Principal": {"AWS": '
    '"arn:aws:iam::210987654321:root"}, "Action": "events:PutEvents", "Resource": "*"}, {"Sid": "own", "Effect": '
    '"Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "events:PutEvents"}]}'
)


def split(world: World) -> None:
    """Let somebody split the alias."""
    world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of("by hand"))
    world.clock.advance(1)
    world.aws("PublishVersion", FunctionName="checkout")
    world.clock.advance(1)
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    world.aws("UpdateAlias", FunctionName="checkout", Name="live", RoutingConfig=weights)


@pytest.mark.parametrize(
    ("changes", "check", "severity", "said"),
    [
        (
            {"Dimensions": [MEANT[0]]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "has no Resource: it counts all calls of checkout, those past alias live too",
        ),
        (
            {"Dimensions": [MEANT[0], {"Name": "Resource", "Value": f"{ARN}:live"}]},
            Check.ALARM_DIMENSIONS,
            Severity.ERROR,
            "has an ARN as Resource",
        ),
        (
            {"Dimensions": [*MEANT, {"Name": "ExecutedVersion", "Value": "1"}]},
            Check.ALARM_DIMENSIONS,
            Severity.ERROR,
            "is pinned to version 1",
        ),
        (
            {"Dimensions": [MEANT[0], {"Name": "Resource", "Value": "checkout:beta"}]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "watches checkout:beta, and the target moves checkout:live",
        ),
        ({"Dimensions": []}, Check.ALARM_DIMENSIONS, Severity.WARNING, "names no FunctionName"),
        (
            {"Dimensions": [{"Name": "FunctionName", "Value": "other"}]},
            Check.ALARM_DIMENSIONS,
            Severity.WARNING,
            "watches function other, which is no member",
        ),
        (
            {"TreatMissingData": "missing"},
            Check.ALARM_MISSING_DATA,
            Severity.WARNING,
            "treats missing data as missing",
        ),
        (
            {"TreatMissingData": "ignore"},
            Check.ALARM_MISSING_DATA,
            Severity.WARNING,
            "it stays in ALARM when nobody",
        ),
        ({"TreatMissingData": "breaching"}, Check.ALARM_MISSING_DATA, Severity.WARNING, "in ALARM whenever nobody"),
    ],
)
def test_an_alarm_that_cannot_tell_is_found_and_put_right_by_its_command(
    world: World, patient: Patient, changes: dict[str, Any], check: Check, severity: Severity, said: str
) -> None:
    served(world, 3)
    alarm(world, AlarmActions=["arn:aws:sns:eu-west-1:123456789012:people"], **changes)
    (found,) = patient.found(check)
    assert (found.severity, said in found.what) == (severity, True), found
    if found.command:
        typed(world, found.command)
        world.set_alarm("errors", "OK")
        assert patient.found(check) == []
        (made,) = world.cloudwatch_call("DescribeAlarms", AlarmNames=["errors"])["MetricAlarms"]
        assert made["AlarmActions"] == ["arn:aws:sns:eu-west-1:123456789012:people"]


def typed(world: World, command: str) -> None:
    """Carry out a `put-metric-alarm` as the AWS CLI would; the end-to-end run uses the real one."""
    words = shlex.split(command)
    assert words[:3] == ["aws", "cloudwatch", "put-metric-alarm"]
    given: dict[str, list[str]] = {}
    for word in words[3:]:
        if word.startswith("--"):
            given[word[2:]] = []
        else:
            given[list(given)[-1]].append(word)
    params: dict[str, Any] = {
        "".join(part.capitalize() for part in name.split("-")): values[0] for name, values in given.items()
    }
    for name in ("Period", "EvaluationPeriods"):
        params[name] = int(params[name])
    params["Threshold"] = float(params["Threshold"])
    params["Dimensions"] = [dict(pair.split("=", 1) for pair in each.split(",", 1)) for each in given["dimensions"]]
    if "AlarmActions" in params:
        params["AlarmActions"] = given["alarm-actions"]
    world.cloudwatch_call("PutMetricAlarm", **params)


def test_an_alarm_that_is_not_there_is_made_by_its_command(world: World, patient: Patient) -> None:
    world.target(alarms=["errors"])
    (found,) = patient.found(Check.ALARM)
    assert found.severity is Severity.ERROR
    assert "alarm errors does not exist" in found.what
    typed(world, found.command)
    assert patient.found(Check.ALARM) == []


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_a_state_that_holds_or_blocks_is_told(world: World, patient: Patient, state: str) -> None:
    alarm(world)
    world.set_alarm("errors", state)
    (found,) = patient.found(Check.ALARM_STATE)
    assert state in found.what


@pytest.mark.parametrize("minute_seconds", [60.0, 10.0])
def test_an_alarm_without_data_for_a_day_is_told(minute_seconds: float) -> None:
    world = World(minute_seconds)
    world.function()
    alarm(world)
    patient = Patient(world)
    assert len(patient.found(Check.ALARM_WITHOUT_DATA)) == 1
    served(world, 1)
    assert patient.found(Check.ALARM_WITHOUT_DATA) == []
    world.wait(25 * 60 * minute_seconds)
    assert len(patient.found(Check.ALARM_WITHOUT_DATA)) == 1


def test_another_owner_of_the_alias_is_found(world: World, patient: Patient) -> None:
    world.aws("TagResource", Resource=ARN, Tags={"aws:cloudformation:stack-name": "shop"})
    alias = {
        "ResourceType": "AWS::Lambda::Alias",
        "LogicalResourceId": "CheckoutAliaslive",
        "PhysicalResourceId": f"{ARN}:live",
    }
    group = {"ResourceType": "AWS::CodeDeploy::DeploymentGroup", "LogicalResourceId": "CheckoutDeploymentGroup"}
    for resources, severities in (
        ([], []),
        ([group], []),
        ([alias], [Severity.WARNING]),
        ([alias, group], [Severity.WARNING, Severity.ERROR]),
    ):
        patient.answers["cloudformation", "describe_stack_resources"] = {"StackResources": resources}
        assert [each.severity for each in patient.found(Check.OWNER)] == severities


def test_what_is_stuck_is_found_by_repair_and_has_its_command(world: World, patient: Patient) -> None:
    execution = arrive(world, "Judge")
    (found,) = patient.found(Check.STUCK)
    assert found.severity is Severity.ERROR
    assert f"{execution.name} is IN_PROGRESS, but its execution is not running" in found.what
    assert found.command == "rampart repair checkout --yes"
    # The alias is the deployment's business meanwhile.
    assert patient.found(Check.ALIAS) == []
    (stuck,) = examine_target(patient, "checkout")
    assert stuck.mend
    stuck.mend()
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert patient.found(Check.STUCK) == []


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("alarm of nothing: there is no way back; put it there again", Severity.ERROR),
        ("version 1 of checkout:live is an image that a rule deletes, and with it the way back", Severity.WARNING),
        ("whether ECR will take away what alias checkout:live is on is unknown: not allowed", Severity.UNKNOWN),
    ],
)
def test_what_the_preflight_says_of_the_way_back_is_told_as_such(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, text: str, severity: Severity
) -> None:
    def judged(survey: Survey, *_: Any) -> None:
        if severity is Severity.ERROR:
            survey.refusals.append(RefusedError(text))
        else:
            survey.warn(text)

    monkeypatch.setattr(examine, "surroundings", judged)
    (found,) = patient.examined()
    assert (found.check, found.severity, found.what) == (Check.WAY_BACK, severity, text)


READS = [
    ("s3", "get_bucket_versioning", Check.BUCKET),
    ("sqs", "get_queue_attributes", Check.DEAD_LETTERS),
    ("stepfunctions", "describe_state_machine", Check.STATE_MACHINE),
    ("events", "describe_event_bus", Check.BUS),
    ("iam", "get_role", Check.ROLE),
    ("lambda", "list_function_url_configs", Check.FUNCTION_URL),
    ("lambda", "get_policy", Check.POLICY),
    ("cloudwatch", "describe_alarms", Check.ALARM),
]


@pytest.mark.parametrize(("service", "operation", "check"), READS)
def test_what_may_not_be_read_is_unknown_and_not_fine(
    world: World, patient: Patient, service: str, operation: str, check: Check
) -> None:
    alarm(world)
    served(world, 3)
    patient.answers[service, operation] = "AccessDenied"
    findings = patient.examined()
    assert {(each.check, each.severity) for each in findings} == {(check, Severity.UNKNOWN)}
    assert all(" is unknown: " in each.what for each in findings)
    assert not is_well(findings)


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        ("GetFunction", Check.TARGET),
        ("ListAliases", Check.ALIAS),
        ("ListProvisionedConcurrencyConfigs", Check.AROUND_THE_ALIAS),
        ("ListEventSourceMappings", Check.AROUND_THE_ALIAS),
        ("GetMetricData", Check.CALLERS),
    ],
)
def test_what_a_port_may_not_read_is_unknown_and_not_fine(
    world: World, patient: Patient, operation: str, check: Check
) -> None:
    def denied(called: str, moment: str) -> None:
        if called == operation and moment == "before":
            raise ApiError("AccessDeniedException", "not allowed", 403)

    world.fault = denied
    findings = patient.examined()
    assert {(each.check, each.severity) for each in findings} == {(check, Severity.UNKNOWN)}


def test_a_stack_that_cannot_be_read_is_unknown_and_the_targets_are_looked_at_all_the_same(
    patient: Patient,
) -> None:
    patient.stack = None
    patient.answers["s3", "get_bucket_versioning"] = {}
    assert {(f.check, f.severity) for f in patient.examined()} == {
        (Check.STACK, Severity.UNKNOWN),
        (Check.BUCKET, Severity.ERROR),
    }


def test_only_the_targets_that_are_named_are_looked_at(world: World, patient: Patient) -> None:
    world.target("other", members=[{"function": "gone"}])
    assert [f.check for f in patient.examined()] == [Check.TARGET]
    assert patient.examined("checkout") == []
    (missing,) = patient.examined("nowhere")
    assert "nowhere" in missing.what


def test_findings_are_told_the_worst_first_with_their_commands_at_the_operators_place(
    world: World, patient: Patient
) -> None:
    world.target(alarms=["errors"])
    patient.answers["s3", "get_bucket_versioning"] = "AccessDenied"
    world.aws("CreateFunctionUrlConfig", FunctionName="checkout", AuthType="NONE")
    findings = patient.examined()
    document = findings_document(findings, " --region eu-west-1")
    assert [each["severity"] for each in document["findings"]] == ["error", "warning", "unknown"]
    assert document["findings"][0]["command"].endswith(" --region eu-west-1")
    text = printed(lambda console: print_findings(console, findings, " --region eu-west-1"), WIDE)
    assert text.splitlines()[-1] == "1 error, 1 warning, 1 unknown"
    assert text.splitlines()[0].startswith("error    alarm: alarm errors does not exist")


def test_warnings_alone_are_no_reason_for_an_exit_code(world: World, patient: Patient) -> None:
    world.aws("CreateFunctionUrlConfig", FunctionName="checkout", AuthType="NONE")
    assert is_well(patient.examined())


def test_an_image_that_a_rule_deletes_is_a_warning_and_one_that_is_gone_is_an_error(
    world: World, patient: Patient
) -> None:
    world.image_function("images")
    world.target("images", source={"repository": "team/orders", "tag": "prod"}, members=[{"function": "images"}])
    patient.stack = stack(parameters=PARAMETERS | {"ArtifactRepository": "team/*"})

    def found() -> list[tuple[Severity, str]]:
        return [(f.severity, f.what) for f in patient.examined("images") if f.check is Check.WAY_BACK]

    assert found() == []
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    rules = [{"rulePriority": 7, "selection": selection, "action": {"type": "expire"}}]
    world.ports.artifacts.clean_ups["team/orders"] = json.dumps({"rules": rules})
    ((severity, said),) = found()
    assert severity is Severity.WARNING
    assert said.startswith("version 1 of images:live is an image that rule 7 of the lifecycle policy")
    world.ports.artifacts.clean_ups["team/orders"] = "{}"
    assert [severity for severity, _ in found()] == [Severity.UNKNOWN]
    world.ports.artifacts.lose(ImageArtifact(image=FIRST_IMAGE))
    ((severity, said),) = found()
    assert severity is Severity.ERROR
    assert said.startswith("alias images:live is on version 1, and what that runs is gone (")
