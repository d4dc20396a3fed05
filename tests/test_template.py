"""The SAM template and its stages: what runs, with which rights, and how carefully it is rolled out."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from controller.tasks.preflight import CONTROLLER_TAG
from tests.sam_template import FUNCTIONS, GLOBALS, RESOURCES, ROOT, TEMPLATE, actions, get_att, statements
from tests.state_machine.definition import DEFINITION, TEXT

CFN_LINT = Path(sys.executable).with_name("cfn-lint")
STATEMENTS = statements()

# What may be allowed on every resource, and why nothing narrower would do.
ON_ANY_RESOURCE = {
    **dict.fromkeys(
        ["lambda:ListEventSourceMappings", "lambda:GetAccountSettings"],
        "Service authorization reference, Actions defined by AWS Lambda: they take no resource",
    ),
    **dict.fromkeys(
        [
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ],
        "Step Functions developer guide, Logging using CloudWatch Logs: they take no resource",
    ),
    "states:SendTaskSuccess": "service authorization reference: it takes no resource; the token is the secret",
    "cloudwatch:DescribeAlarms": "API reference: composite alarms are answered only to those who may see all",
    "cloudwatch:DescribeAlarmHistory": "the same alarms are asked for as DescribeAlarms answers",
    "cloudwatch:GetMetricData": "service authorization reference: it takes no resource that is required",
}
FORBIDDEN = {
    "iam:PassRole",
    "lambda:UpdateFunctionConfiguration",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:AddPermission",
    "lambda:DeleteFunction",
}
LAMBDA_WRITES = {
    "lambda:UpdateFunctionCode",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:CreateAlias",
    "lambda:DeleteAlias",
    "lambda:InvokeFunction",
}
OWN_STAGE = {"StringEquals": {"aws:ResourceTag/rampart:managed": {"Ref": "Stage"}}}
HOOK_OF_STAGE = {"StringEquals": {"aws:ResourceTag/rampart:hook": {"Ref": "Stage"}}}


def lint(*templates: Path) -> tuple[int, str]:
    """Return how cfn-lint ends on templates, and what it says."""
    done = subprocess.run(
        [CFN_LINT, "--format", "parseable", *templates], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


def with_definition_inlined(definition: dict[str, Any], path: Path) -> Path:
    """Write a template that holds a state machine's definition, which cfn-lint does not read from a file."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/machine", "Definition": definition},
    }
    path.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}))
    return path


def filled_in() -> dict[str, Any]:
    """Return the definition with every placeholder replaced."""
    text = TEXT
    for name in RESOURCES["DeploymentStateMachine"]["Properties"]["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", f"arn:aws:lambda:eu-west-1:123456789012:function:{name}")
    definition: dict[str, Any] = json.loads(text)
    return definition


def test_the_template_and_the_definition_satisfy_cfn_lint(tmp_path: Path) -> None:
    wrapper = with_definition_inlined(filled_in(), tmp_path / "machine.json")
    assert lint(ROOT / "template.yaml", wrapper) == (0, "")


def test_cfn_lint_would_notice_a_misspelt_field_of_the_definition(tmp_path: Path) -> None:
    misspelt = filled_in()
    misspelt["States"]["Plan"]["TimeoutSecond"] = misspelt["States"]["Plan"].pop("TimeoutSeconds")
    code, said = lint(with_definition_inlined(misspelt, tmp_path / "machine.json"))
    assert code == 2
    assert "TimeoutSecond" in said


def test_the_definition_comes_from_the_file_that_the_tests_read() -> None:
    assert RESOURCES["DeploymentStateMachine"]["Properties"]["DefinitionUri"] == "state_machine/deployment.asl.json"
    assert json.loads((ROOT / "state_machine/deployment.asl.json").read_text()) == DEFINITION


def test_every_function_runs_on_the_same_runtime_with_json_logs_and_traces() -> None:
    assert GLOBALS["Runtime"] == "python3.13"
    assert GLOBALS["Architectures"] == ["arm64"]
    assert GLOBALS["Tracing"] == "Active"
    assert GLOBALS["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": {"Ref": "LogLevel"},
        "LogGroup": {"Ref": "ControllerLogs"},
    }
    same = ("Runtime", "Architectures", "Tracing", "LoggingConfig", "CodeUri", "Layers", "PackageType")
    assert [name for name, properties in FUNCTIONS.items() if properties.keys() & set(same)] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_described_and_has_an_entry_point(name: str) -> None:
    assert RESOURCES[name]["Metadata"] == {"BuildMethod": "makefile"}
    assert FUNCTIONS[name]["Description"].endswith(".")
    assert FUNCTIONS[name]["Handler"].startswith("controller.handlers.")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_ends_before_its_state_gives_up_on_it(name: str) -> None:
    state = DEFINITION["States"].get(name.removesuffix("Function"), {})
    timeout = FUNCTIONS[name].get("Timeout", GLOBALS["Timeout"])
    assert timeout < state.get("TimeoutSeconds", 901)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_rights_of_its_own(name: str) -> None:
    properties = FUNCTIONS[name]
    assert "Role" not in properties
    assert all(isinstance(policy, dict) and policy["Version"] == "2012-10-17" for policy in properties["Policies"])
    sids = [statement["Sid"] for policy in properties["Policies"] for statement in policy["Statement"]]
    assert sids
    assert len(sids) == len(set(sids))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_allows_named_actions_on_named_resources(name: str) -> None:
    statement = STATEMENTS[name]
    assert statement["Effect"] == "Allow"
    assert not [action for action in actions(statement) if "*" in action]
    if statement["Resource"] == "*":
        assert set(actions(statement)) <= ON_ANY_RESOURCE.keys()


def test_every_exception_to_named_resources_is_still_needed() -> None:
    needed = {action for s in STATEMENTS.values() if s["Resource"] == "*" for action in actions(s)}
    assert needed == ON_ANY_RESOURCE.keys()


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_lets_the_controller_change_more_than_code_and_aliases(name: str) -> None:
    assert not FORBIDDEN & set(actions(STATEMENTS[name]))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_write_to_a_function_needs_the_tag_of_this_stage(name: str) -> None:
    statement = STATEMENTS[name]
    lambda_actions = {action for action in actions(statement) if action.startswith("lambda:")}
    reads = {action for action in lambda_actions if action.removeprefix("lambda:").startswith(("Get", "List"))}
    writes = lambda_actions - reads
    assert writes <= LAMBDA_WRITES
    if name == "DeploymentStateMachine.Tasks":  # the controller's own functions, by their exact ARNs
        assert statement["Resource"] == [get_att(n, "Arn") for n in FUNCTIONS if f"{n}Arn" in TEXT]
    elif name.endswith(".AskHooks"):
        assert writes == {"lambda:InvokeFunction"}
        assert statement["Condition"] == HOOK_OF_STAGE
    elif writes:
        assert statement["Condition"] == OWN_STAGE
        assert not reads


def test_only_those_who_shift_or_put_back_may_move_traffic() -> None:
    movers = {name.split(".")[0] for name, s in STATEMENTS.items() if "lambda:UpdateAlias" in actions(s)}
    back = {"RollBackFunction", "SignalFunction", "ControlFunction", "RestoreFunction", "ReconcileFunction"}
    assert {"ShiftFunction", "RollBackFunction"} <= movers <= {"ShiftFunction", *back}
    for action in ("lambda:CreateAlias", "lambda:DeleteAlias"):
        assert [name for name, s in STATEMENTS.items() if action in actions(s)] == ["ShiftFunction.MakeAliases"]


def test_records_outlive_the_stack_and_can_be_restored() -> None:
    table = RESOURCES["Deployments"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("queue", [name for name, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"])
def test_somebody_is_told_when_a_queue_of_dead_letters_fills(queue: str) -> None:
    alarms = [r["Properties"] for r in RESOURCES.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    dimension = {"Name": "QueueName", "Value": get_att(queue, "QueueName")}
    assert [alarm for alarm in alarms if dimension in alarm["Dimensions"]]


def test_the_state_machine_traces_and_logs_its_errors() -> None:
    machine = RESOURCES["DeploymentStateMachine"]["Properties"]
    assert machine["Type"] == "STANDARD"
    assert machine["Tracing"] == {"Enabled": True}
    assert machine["Logging"]["Level"] == "ERROR"


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_a_stage_is_deployed_under_its_own_name(stage: str) -> None:
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text())
    deploy = samconfig[stage]["deploy"]["parameters"]
    overrides = dict(pair.split("=") for pair in deploy["parameter_overrides"].split())
    assert samconfig[stage]["global"]["parameters"]["stack_name"] == f"rampart-{stage}"
    assert overrides["Stage"] == stage
    assert overrides.keys() <= TEMPLATE["Parameters"].keys()
    assert deploy["capabilities"] == "CAPABILITY_IAM"


def test_a_person_confirms_what_changes_in_production() -> None:
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert samconfig["prod"]["deploy"]["parameters"]["confirm_changeset"] is True


def test_every_function_says_that_it_is_a_part_of_rampart() -> None:
    assert GLOBALS["Tags"] == {CONTROLLER_TAG: {"Ref": "Stage"}}
    assert not [name for name, function in FUNCTIONS.items() if "Tags" in function]
