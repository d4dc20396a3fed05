"""Deploying the sample stack: what is asked of AWS, and how it is taken back."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from rampart.embedded.cloudformation.deployer import deploy, package_code, package_controller, remove
from rampart.embedded.cloudformation.resources import physical_name
from rampart.embedded.cloudformation.template import DeployError
from tests.embedded.test_deployer_recorder import RecordingAws

SAMPLE = Path(__file__).parent / "templates" / "sample.yaml"
GREETER = physical_name("app", "Greeter", 64)


@pytest.fixture
def aws() -> RecordingAws:
    return RecordingAws()


def test_a_stack_tells_its_outputs_and_physical_ids(aws: RecordingAws) -> None:
    stack = deploy(aws.target(), SAMPLE, "app", {})
    assert stack.outputs == {
        "AliasArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{GREETER}:live",
        "MachineArn": stack.resources["Machine"],
        "TableName": physical_name("app", "Table", 255),
    }
    assert stack.resources["Greeter"] == GREETER
    assert stack.resources["Bus"] == "app-bus"
    assert stack.resources["DeadLetters"].startswith("https://")
    assert stack.resources["MachineAsked"] == f"app-bus|{physical_name('app', 'MachineAsked', 64)}"


def test_a_function_is_created_as_the_template_says(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    function = aws.asked("CreateFunction")
    assert function["Architectures"] == ["arm64"]
    assert function["Timeout"] == 30
    assert function["Environment"]["Variables"] == {"TABLE": physical_name("app", "Table", 255), "VERBOSE": "true"}
    assert function["Layers"] == ["arn:aws:lambda:eu-west-1:123456789012:layer:Dependencies:1"]
    assert function["Tags"] == {"lambda:createdBy": "SAM", "team": "greetings"}
    assert aws.asked("PutFunctionConcurrency")["ReservedConcurrentExecutions"] == 5
    code = zipfile.ZipFile(io.BytesIO(aws.object(function["Code"]["S3Key"])))
    assert code.namelist() == ["handler.py"]


def test_every_resource_is_made_after_what_it_refers_to(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    order = aws.operations()
    for earlier, later in (
        ("CreateTable", "CreateFunction"),
        ("PublishLayerVersion", "CreateFunction"),
        ("CreateFunction", "PublishVersion"),
        ("function_active_v2", "PublishVersion"),
        ("PublishVersion", "published_version_active"),
        ("published_version_active", "CreateAlias"),
        ("CreateAlias", "PutFunctionEventInvokeConfig"),
        ("CreateFunction", "CreateStateMachine"),
        ("PutMetricAlarm", "PutCompositeAlarm"),
    ):
        assert order.index(earlier) < order.index(later)
    assert order[-1] == "function_active_v2"


def test_a_layer_is_a_note_because_the_host_brings_the_dependencies(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    layer = zipfile.ZipFile(io.BytesIO(aws.object(aws.asked("PublishLayerVersion")["Content"]["S3Key"])))
    assert layer.namelist() == ["NOTE.txt"]


def test_a_definition_gets_its_substitutions(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {"RestSeconds": "7"})
    states = json.loads(aws.asked("CreateStateMachine")["definition"])["States"]
    assert states["Rest"]["Seconds"] == 7
    assert states["Greet"]["Parameters"]["FunctionName"].endswith(f":function:{GREETER}")


def test_a_condition_decides_on_resources_and_values(aws: RecordingAws) -> None:
    dev = deploy(aws.target(), SAMPLE, "app", {"Stage": "dev"})
    assert "OnlyInProd" not in dev.resources
    assert aws.asked("PutMetricAlarm")["AlarmActions"] == []
    production = RecordingAws()
    prod = deploy(production.target(), SAMPLE, "app", {"Stage": "prod"})
    assert prod.outputs["ProdQueue"] == prod.resources["OnlyInProd"]
    assert production.asked("PutMetricAlarm")["AlarmActions"] == [prod.resources["Topic"]]


def test_a_function_may_do_what_its_role_grants_by_every_way_of_attaching(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    role, policies = aws.grants[f"ASIA{GREETER}"]
    actions = {
        action
        for policy in policies
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert role == physical_name("app", "GreeterRole", 64)
    assert {"logs:PutLogEvents", "xray:PutTraceSegments", "dynamodb:GetItem", "sns:Publish"} <= actions
    assert all(policy["Version"] == "2012-10-17" for policy in policies)


def test_the_state_machine_acts_with_its_own_role(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    assert aws.grants["ak"][0] == physical_name("app", "MachineRole", 64)


def test_eventbridge_delivers_in_the_name_of_the_role_of_the_rule(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    role = physical_name("app", "MachineAskedRole", 64)
    name, (policy,) = aws.grants[f"arn:aws:iam::123456789012:role/{role}"]
    assert name == role
    assert policy["Statement"][0]["Action"] == "states:StartExecution"


def test_properties_that_moto_needs_under_other_names_are_renamed(aws: RecordingAws) -> None:
    deploy(aws.target(), SAMPLE, "app", {})
    assert aws.asked("CreateTable")["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert aws.asked("CreateTable")["SSESpecification"] == {"Enabled": True}
    assert aws.asked("CreateQueue")["Attributes"]["SqsManagedSseEnabled"] == "true"
    notified = aws.asked("PutBucketNotificationConfiguration")["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {}}
    assert aws.asked("PutMetricAlarm")["Period"] == 60


def test_removing_a_stack_takes_everything_back_in_reverse(aws: RecordingAws) -> None:
    target = aws.target()
    stack = deploy(target, SAMPLE, "app", {})
    made = len(aws.calls)
    remove(stack)
    taken_back = [operation for operation, _ in aws.calls[made:]]
    assert taken_back.index("DeleteStateMachine") < taken_back.index("DeleteFunction")
    assert taken_back.index("DeleteFunction") < taken_back.index("DeleteTable")
    assert taken_back.index("UpdateTable") + 1 == taken_back.index("DeleteTable")
    assert taken_back[-1] == "DeleteBucket"
    assert target.stacks == {}


def test_deploying_a_stack_again_replaces_it(aws: RecordingAws) -> None:
    target = aws.target()
    deploy(target, SAMPLE, "app", {})
    again = deploy(target, SAMPLE, "app", {"RestSeconds": "9"})
    functions = [operation for operation in aws.operations() if operation.endswith("eFunction")]
    assert functions == ["CreateFunction", "DeleteFunction", "CreateFunction"]
    assert target.stacks == {"app": again}


def test_a_failed_deployment_takes_back_what_it_made(aws: RecordingAws) -> None:
    target = aws.target()
    aws.refuses = "CreateFunction"
    with pytest.raises(DeployError, match=r"^Greeter \(AWS::Lambda::Function\): .*as told"):
        deploy(target, SAMPLE, "app", {})
    assert aws.operations().count("CreateRole") == aws.operations().count("DeleteRole") > 0
    assert aws.operations()[-1] == "DeleteBucket"
    assert target.stacks == {}


def test_a_zip_depends_on_the_code_only(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        package = tmp_path / copy / "controller" / "core"
        package.mkdir(parents=True)
        (package / "plan.py").write_text("steps = []")
        (package.parent / "__init__.py").write_text("")
    (tmp_path / "two" / "README.md").write_text("not shipped")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "plan.pyc").write_bytes(b"\0")
    one, two = package_controller(tmp_path / "one"), package_controller(tmp_path / "two")
    assert one == two == package_code(tmp_path / "two", "Plan")
    assert zipfile.ZipFile(io.BytesIO(one)).namelist() == ["controller/__init__.py", "controller/core/plan.py"]


def test_a_whole_directory_is_packaged_without_tests_and_hidden_files(tmp_path: Path) -> None:
    for name in ("app.py", "tests/test_app.py", ".git/config", ".venv/lib.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    assert zipfile.ZipFile(io.BytesIO(package_code(tmp_path, "App"))).namelist() == ["app.py"]
