"""What doctor finds wrong with targets, functions, sources and Rampart itself, and the command that mends it."""

from typing import Any

import pytest

from rampart.doctor.finding import Check, Severity
from tests.doctor.patient import ARN, OUTPUTS, PARAMETERS, Patient, served, stack
from tests.engine.account import zip_of
from tests.engine.world import World

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
            lambda p: p.world.aws(
                "PutFunctionConcurrency", FunctionName="checkout", ReservedConcurrentExecutions=0
            ),
            Check.RESERVED_CONCURRENCY,
            Severity.ERROR,
            "function checkout is stopped: its reserved concurrency is 0, so that no version of it answers",
            "aws lambda delete-function-concurrency --function-name checkout",
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
