"""What the deployer refuses, and that it says where and why before anything is created."""

from pathlib import Path

import pytest

from rampart.embedded.cloudformation.deployer import deploy
from rampart.embedded.cloudformation.template import DeployError
from tests.embedded.test_deployer_recorder import RecordingAws

_ROLE = """
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: %s}}]
"""
_FUNCTION = """
  Function:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Role.Arn, Runtime: python3.13, Handler: index.run, Code: {ZipFile: "run = print"}}
"""
_MACHINE = """
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionString: '%s'
      DefinitionSubstitutions: {Name: Done}
"""


def _refusal(tmp_path: Path, resources: str, rest: str = "") -> tuple[str, RecordingAws]:
    template = tmp_path / "template.yaml"
    template.write_text(f"Transform: AWS::Serverless-2016-10-31\nResources:\n{resources}\n{rest}")
    aws = RecordingAws()
    with pytest.raises(DeployError) as caught:
        deploy(aws.target(), template, "app", {})
    return str(caught.value), aws


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ("  It: {Type: AWS::EC2::Instance}", "It: resource type AWS::EC2::Instance is not supported"),
        ("  It: {Type: AWS::Serverless::Api}", "It: resource type AWS::Serverless::Api is not supported"),
        (
            "  It: {Type: AWS::SQS::Queue, Properties: {Colour: red}}",
            "It (AWS::SQS::Queue): property Colour is not supported",
        ),
        (
            "  It: {Type: AWS::Lambda::Function, Properties: {VpcConfig: {}}}",
            "It (AWS::Lambda::Function): property VpcConfig is not supported",
        ),
        (
            "  It: {Type: AWS::SQS::Queue, UpdatePolicy: {}}",
            "It: resource attribute UpdatePolicy is not supported",
        ),
        (
            "  It: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Missing}}",
            "It: refers to Missing, which is no parameter or resource of this stack",
        ),
        (
            "  It: {Type: AWS::Serverless::Function, Properties: {CodeUri: nowhere}}",
            "It: CodeUri nowhere is not there",
        ),
        (
            "  It: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: no.json}}",
            "It: DefinitionUri no.json is not there",
        ),
    ],
)
def test_what_has_no_meaning_here_is_refused_before_anything_is_created(
    tmp_path: Path, resources: str, message: str
) -> None:
    refusal, aws = _refusal(tmp_path, resources)
    assert refusal == message
    assert aws.calls == []


def test_an_unknown_attribute_is_named(tmp_path: Path) -> None:
    queue = "  It: {Type: AWS::SQS::Queue}"
    refusal, _ = _refusal(tmp_path, queue, "Outputs: {Length: {Value: !GetAtt It.Length}}")
    assert refusal == "It (AWS::SQS::Queue) has no attribute Length"


def test_an_unknown_nested_property_is_refused_by_the_model_of_the_api(tmp_path: Path) -> None:
    rule = "  It: {Type: AWS::Events::Rule, Properties: {Targets: [{Id: a, Arn: b, Colour: red}]}}"
    refusal, _ = _refusal(tmp_path, rule)
    assert refusal.startswith("It (AWS::Events::Rule): ")
    assert 'Unknown parameter in Targets[0]: "Colour"' in refusal


def test_a_function_cannot_use_a_role_that_lambda_may_not_assume(tmp_path: Path) -> None:
    refusal, aws = _refusal(tmp_path, _ROLE % "states.amazonaws.com" + _FUNCTION)
    assert refusal.startswith("Function (AWS::Lambda::Function): the trust policy of role app-Role-")
    assert refusal.endswith("does not let lambda.amazonaws.com assume it")
    assert "CreateFunction" not in aws.operations()


def test_a_managed_policy_whose_document_is_unknown_is_refused(tmp_path: Path) -> None:
    role = (
        _ROLE % "lambda.amazonaws.com" + "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n"
    )
    refusal, _ = _refusal(tmp_path, role)
    expected = "managed policy arn:aws:iam::aws:policy/AdministratorAccess is not known here"
    assert refusal == f"Role (AWS::IAM::Role): {expected}"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ('{"StartAt": "Done"}', "the definition does not use the substitution Name"),
        ('{"StartAt": "${Name}${Other}"}', "the definition needs a substitution for Other"),
        ('{"StartAt": ${Name}}', "the definition is not valid JSON"),
    ],
)
def test_substitutions_and_definition_must_fit(tmp_path: Path, definition: str, message: str) -> None:
    refusal, _ = _refusal(tmp_path, _ROLE % "states.amazonaws.com" + _MACHINE % definition)
    assert refusal.startswith(f"Machine (AWS::StepFunctions::StateMachine): {message}")


def test_a_second_role_for_state_machines_is_refused(tmp_path: Path) -> None:
    one = _ROLE % "states.amazonaws.com" + _MACHINE % '{"StartAt": "${Name}"}'
    other = one.replace("Role:", "Role2:", 1).replace("Machine:", "Machine2:", 1).replace("Role.Arn", "Role2.Arn")
    refusal, _ = _refusal(tmp_path, one + other)
    assert "principal ak has role app-Role" in refusal


def test_a_template_that_is_no_template_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("- a list")
    with pytest.raises(DeployError, match=r"template template\.yaml has no Resources"):
        deploy(RecordingAws().target(), template, "app", {})


def test_a_stack_needs_a_name_that_cloudformation_takes(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="'my_app' is no name for a stack"):
        deploy(RecordingAws().target(), tmp_path / "template.yaml", "my_app", {})
