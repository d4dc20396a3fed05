"""What doctor finds around targets and around Rampart, from what is there; denied is never fine."""

import json
from typing import Any

import pytest

from controller.core.artifact import ImageArtifact
from controller.core.deployment import Status
from controller.core.errors import RefusedError
from controller.tasks.survey import Survey
from rampart.cli.doctor import findings_document, is_well, print_findings
from rampart.cli.repair import examine_target
from rampart.doctor import members
from rampart.doctor.finding import Check, Severity
from rampart.embedded.wire import ApiError
from tests.cli.paper import WIDE, printed
from tests.doctor.patient import ARN, PARAMETERS, Patient, alarm, served, stack
from tests.engine.account import FIRST_IMAGE
from tests.engine.world import World
from tests.tasks.walks import arrive


def test_where_all_is_well_nothing_is_found(world: World, patient: Patient) -> None:
    alarm(world)
    served(world, 3)
    assert patient.examined() == []
    text = printed(lambda console: print_findings(console, [], ""), WIDE)
    assert text == "Nothing is wrong.\n"


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

    monkeypatch.setattr(members, "surroundings", judged)
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
