"""First aid with the real command: what is stuck is seen, stopped and mended, and what is a person's is refused."""

import importlib
import itertools
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from controller.core.alias import Routing
from controller.core.deployment import Status
from rampart.cli.stack import Place, Stack
from rampart.demo.account import BUCKET, FUNCTION, STAGE, TARGET
from rampart.demo.releases import Release
from rampart.doctor.examine import examine
from rampart.doctor.finding import Finding
from rampart.embedded.wire import ACCOUNT, REGION
from tests.e2e.command_line import Ran, Terminal, filled_in
from tests.e2e.shop import Shop

PRUNING = Path(__file__).parents[2] / "docs" / "pruning.md"
ALARM_FIELDS = (
    *(
        "AlarmName",
        "Namespace",
        "MetricName",
        "Dimensions",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "Threshold",
    ),
    *("ComparisonOperator", "TreatMissingData"),
)
_SLOW = {"steps": [{"weight": "25%", "bake": "30m"}]}
_numbers = itertools.count(7)
_serialize = TypeSerializer().serialize


class FirstAid:
    """A person at a terminal of the shop's account, who names Rampart's table and function."""

    def __init__(self, shop: Shop, home: Path) -> None:
        self._terminal = Terminal(shop.aws.url, home)
        self.names = {
            "RAMPART_TABLE": shop.stack.outputs["TableName"],
            "RAMPART_CONTROL_FUNCTION": shop.stack.outputs["ControlFunctionName"],
        }

    def run(self, command: str, **environment: str) -> Ran:
        """Run a command with these names, and more, in its environment."""
        names = {**self.names, **environment}
        return self._terminal.run(" ".join(f"{name}={value}" for name, value in names.items()) + f" {command}")


@pytest.fixture
def person(shop: Shop, tmp_path: Path) -> FirstAid:
    """Return somebody who gives first aid to the shop."""
    return FirstAid(shop, tmp_path)


@pytest.fixture
def candidate(running_shop: Shop) -> str:
    """Return a version that somebody published by hand."""
    return running_shop.publish(Release(next(_numbers), 0, Status.PROMOTED).zip)


@pytest.fixture
def split_by_hand(shop: Shop, candidate: str) -> Iterator[str]:
    """Return the version that the alias was on before somebody gave a part of its traffic to the candidate."""
    baseline = shop.routing().version
    client = shop.aws.client("lambda")
    weights = {"AdditionalVersionWeights": {candidate: 0.07}}
    client.update_alias(FunctionName=FUNCTION, Name="live", RoutingConfig=weights)
    yield baseline
    client.update_alias(
        FunctionName=FUNCTION,
        Name="live",
        FunctionVersion=baseline,
        RoutingConfig={"AdditionalVersionWeights": {}},
    )


def test_a_person_has_a_say_in_a_deployment_from_pause_to_undo(
    running_shop: Shop, person: FirstAid, candidate: str
) -> None:
    shop = running_shop
    shop.declare_target(_SLOW)
    baseline = shop.routing()
    name = shop.start({"target": TARGET, "version": candidate})
    shop.shifted(name)
    shop.wait(lambda: shop.record(name).token, "it bakes")
    said = ' checkout --reason "looking"'
    for verb, answer in (
        ("pause", "is paused at 25%"),
        ("pause", "was paused by user/moto already"),
        ("resume", "goes on"),
        ("approve", "is approved at step 1/2"),
        ("promote", "goes to full weight now"),
    ):
        ran = person.run(f"rampart {verb}{said}")
        assert (ran.code, answer in ran.out) == (0, True), ran
    assert shop.execution(name)["status"] == "SUCCEEDED"
    assert shop.routing() == Routing(candidate)
    assert person.run(f"rampart undo{said}").out == (
        f"deployment {name} is undone: checkout:live is back on version {baseline.version}\n"
    )
    assert shop.routing() == baseline
    told = [each["transition"] for each in shop.told(name)]
    assert (told.count("ASKED"), told[-1]) == (4, "UNDONE")
    shop.settle()


def test_a_running_deployment_is_seen_and_aborted(shop: Shop, person: FirstAid, candidate: str) -> None:
    before = shop.routing()
    shop.declare_target(_SLOW)
    name = shop.start({"target": TARGET, "version": candidate}, "first-aid")
    shop.shifted(name)
    seen = person.run("rampart status")
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.startswith("checkout  IN_PROGRESS  step 1/2: 25% on the candidate\n")
    assert f"checkout:live  {before.version} → {candidate}" in seen.out

    aborted = person.run("rampart abort checkout --reason 'wrong build' --wait")
    assert (aborted.code, aborted.err) == (0, "")
    assert aborted.out.splitlines()[-1] == "ROLLED_BACK: step 1/2: abort by user/moto: wrong build"
    assert shop.routing() == before
    assert person.run("rampart status").out == "No deployment is running or waiting.\n"

    again = person.run("rampart abort first-aid --reason 'wrong build' --by kim")
    assert (again.code, again.out.splitlines()[0]) == (0, "deployment first-aid has ended already")
    shown = json.loads(person.run("rampart show first-aid --output json").out)
    assert shown["deployments"][0]["marks"]["abort"]["by"] == "user/moto"
    assert [each["transition"] for each in shown["events"]][-1] == "ENDED"
    assert "token" not in shown["deployments"][0]
    assert "ROLLED_BACK" in person.run("rampart history checkout --limit 1").out


def test_a_split_by_hand_is_refused_with_a_command_that_heals_it(
    shop: Shop, person: FirstAid, split_by_hand: str, candidate: str
) -> None:
    before = shop.routing()
    refused = person.run(f"rampart repair --function {FUNCTION} --yes")
    assert (refused.code, refused.err) == (1, "")
    assert refused.out.startswith(
        f"1. alias checkout:live is on version {split_by_hand} with 7% on version {candidate}"
    )
    assert shop.routing() == before
    command = refused.out.splitlines()[2].strip()
    assert command.startswith("aws lambda update-alias ")
    assert person.run(command).code == 0
    assert shop.routing() == Routing(split_by_hand)
    assert person.run(command).code != 0, "its revision id is used up"
    assert person.run(f"rampart repair --function {FUNCTION}").out == "Nothing is stuck.\n"


def test_a_claim_whose_owner_is_gone_is_freed_on_a_yes_and_the_next_deployment_runs(
    shop: Shop, person: FirstAid, candidate: str
) -> None:
    owner = {"owner": "gone-1", "execution_arn": shop.execution_arn("gone-1"), "claimed_at": "2026-03-02T09:00:00Z"}
    fencing = shop.deployments.claim(FUNCTION).fencing
    item = {"pk": f"function#{FUNCTION}", "sk": "claim", "fencing": fencing + 1, **owner}
    shop.aws.client("dynamodb").put_item(
        TableName=person.names["RAMPART_TABLE"], Item={name: _serialize(value) for name, value in item.items()}
    )
    planned = person.run(f"rampart repair --function {FUNCTION}")
    assert planned.code == 0
    assert planned.out.splitlines() == [
        "1. function checkout is claimed by gone-1, which has no record and no running execution",
        "   repair can: free the claim",
        "Nothing has been changed; --yes does what repair can.",
    ]
    assert shop.claims()[f"function#{FUNCTION}"] == "gone-1"
    done = person.run(f"rampart repair --function {FUNCTION} --yes")
    assert (done.code, done.out.splitlines()[-2:]) == (0, ["1. function checkout is free", "Nothing is stuck."])
    assert shop.claims()[f"function#{FUNCTION}"] is None
    name = shop.start({"target": TARGET, "version": candidate}, "after-first-aid")
    assert shop.execution(name)["status"] == "SUCCEEDED"


def test_old_versions_are_pruned_with_no_more_rights_than_the_page_says(shop: Shop, person: FirstAid) -> None:
    numbers = [shop.publish(Release(next(_numbers), 0, Status.PROMOTED).zip) for _ in range(3)]
    (policy,) = re.findall(r"^```json\n(.*?)^```$", PRUNING.read_text(), re.DOTALL | re.MULTILINE)
    places = {"REGION": REGION, "ACCOUNT": ACCOUNT, "STAGE": STAGE, "TABLE": person.names["RAMPART_TABLE"]}
    mine = json.loads(filled_in(policy, NAME=FUNCTION, **places))
    shop.aws.authoriser.register("ASIA-pruner", "pruner", [mine])

    def run(options: str) -> tuple[Ran, dict[str, Any]]:
        ran = person.run(f"rampart prune {options} -o json", AWS_ACCESS_KEY_ID="ASIA-pruner", RAMPART_STAGE=STAGE)
        assert ran.err == ""
        return ran, json.loads(ran.out)["functions"][0]

    shop.declare_target(_SLOW)
    said, planned = run(f"{TARGET} --keep 1")
    assert (said.code, planned["deleted"]) == (0, [])
    assert int(numbers[0]) in planned["unneeded"]
    done, told = run(f"--function {FUNCTION} --keep 1 --yes")
    assert (done.code, told["deleted"], told["failures"]) == (0, planned["unneeded"], [])
    there = shop.aws.client("lambda").list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    assert {each["Version"] for each in there} == {"$LATEST", *(str(each["version"]) for each in told["kept"])}
    assert shop.aws.authoriser.denials == []
    # The policy itself keeps the function: it names versions only.
    (deleting,) = [each for each in mine["Statement"] if "lambda:DeleteFunction" in each["Action"]]
    assert deleting["Resource"].endswith(f":function:{FUNCTION}:*")


class DoctorsOrders:
    """A person who asks doctor, and types what it says into the AWS CLI, all in this process, which is quicker."""

    def __init__(self, shop: Shop, environment: pytest.MonkeyPatch) -> None:
        for name, value in Terminal(shop.aws.url, Path()).environment.items():
            if name.startswith(("AWS_", "NO_PROXY")):
                environment.setenv(name, value)
        cli = importlib.import_module("awscli.clidriver")
        environment.setenv("AWS_DATA_PATH", str(Path(str(cli.__file__)).parent / "data"))
        self._cli = cli.create_clidriver()
        self._stack = Stack(Place(STAGE))

    def found(self, target: str) -> dict[str, Finding]:
        """Return what doctor finds around a target, by its check."""
        findings = examine(self._stack, [target], datetime.now(UTC))
        return {finding.check.value: finding for finding in findings}

    def types(self, finding: Finding, **places: str) -> None:
        """Type a finding's command, with a value for each of its placeholders."""
        words = [places.get(word, word) for word in shlex.split(finding.command)]
        assert words[0] == "aws"
        assert self._cli.main(words[1:]) == 0, finding


@pytest.fixture
def doctors(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> DoctorsOrders:
    """Return somebody who does what doctor says."""
    return DoctorsOrders(shop, monkeypatch)


def test_what_doctor_finds_its_own_commands_mend(shop: Shop, person: FirstAid, doctors: DoctorsOrders) -> None:
    before = doctors.found(TARGET).keys()
    clients = {name: shop.aws.client(name) for name in ("lambda", "s3", "cloudwatch", "sqs", "events")}
    (alarm,) = clients["cloudwatch"].describe_alarms(AlarmNames=[f"{FUNCTION}-errors"])["MetricAlarms"]
    kept = {name: alarm[name] for name in ALARM_FIELDS if name in alarm}
    arn = clients["lambda"].get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    pinned = [*alarm["Dimensions"], {"Name": "ExecutedVersion", "Value": "1"}]
    clients["cloudwatch"].put_metric_alarm(**kept | {"Dimensions": pinned, "TreatMissingData": "ignore"})
    clients["lambda"].untag_resource(Resource=arn, TagKeys=["rampart:managed"])
    clients["lambda"].create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")
    gateway = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    clients["lambda"].add_permission(FunctionName=FUNCTION, StatementId="gateway", **gateway)
    clients["s3"].put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    clients["s3"].put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    letters = shop.stack.outputs["NotifyDeadLettersUrl"]
    clients["sqs"].send_message(QueueUrl=letters, MessageBody="a transition that could not be told")
    stranger = {"Action": "events:PutEvents", "Principal": "210987654321", "StatementId": "partner"}
    clients["events"].put_permission(EventBusName="default", **stranger)

    left_to_people = {"function-url", "policy", "dead-letters"}
    mended = {"alarm-dimensions", "alarm-missing-data", "tag", "bucket", "bucket-events", "bus"}
    broken = mended | left_to_people
    after = doctors.found(TARGET)
    assert broken <= after.keys() - before
    for check in sorted(broken - {"dead-letters"}):  # the AWS CLI asks a queue at its URL, which is on AWS
        doctors.types(after[check])
    # Where callers go is not for a command to say, and neither is what becomes of a letter that was read.
    ran = person.run(f"rampart doctor {TARGET} -o json", RAMPART_STAGE=STAGE)
    assert (ran.code, ran.err) == (1, "")
    left = {each["check"] for each in json.loads(ran.out)["findings"]}
    assert left & broken == left_to_people
    clients["sqs"].purge_queue(QueueUrl=letters)
    clients["cloudwatch"].put_metric_alarm(**kept)
    clients["lambda"].remove_permission(FunctionName=FUNCTION, StatementId="gateway")


def test_an_alias_that_is_missing_unpublished_split_or_provisioned_is_mended_by_doctors_commands(
    shop: Shop, person: FirstAid, doctors: DoctorsOrders
) -> None:
    name = "doctored"
    shop.open(name, ZipFile=Release(next(_numbers), 0, Status.PROMOTED).zip)
    shop.declare_target("Linear50PercentEvery1Minute", name)
    client = shop.aws.client("lambda")
    live = {"FunctionName": name, "Name": "live"}
    version = client.get_alias(**live)["FunctionVersion"]
    publish = {"FunctionName": name, "ZipFile": Release(next(_numbers), 0, Status.PROMOTED).zip, "Publish": True}
    other = client.update_function_code(**publish)["Version"]

    amount = {"Qualifier": "live", "ProvisionedConcurrentExecutions": 1}
    client.put_provisioned_concurrency_config(FunctionName=name, **amount)
    doctors.types(doctors.found(name)["around-the-alias"])
    client.create_alias(FunctionName=name, Name="spare", FunctionVersion=version)  # without one, it were the first
    client.delete_alias(**live)
    doctors.types(doctors.found(name)["alias"], VERSION=version)
    weights = {"AdditionalVersionWeights": {other: 0.1}}
    client.update_alias(**live, RoutingConfig=weights)
    doctors.types(doctors.found(name)["alias"])
    client.update_alias(**live, FunctionVersion="$LATEST")
    ran = person.run(doctors.found(name)["alias"].command)  # which publishes, and takes the number, in a shell
    assert ran.code == 0, ran.err
    assert client.get_alias(**live)["FunctionVersion"] == other
    assert not doctors.found(name).keys() & {"alias", "around-the-alias"}


def test_what_is_wrong_with_the_way_there_is_one_line(shop: Shop, person: FirstAid) -> None:
    no_table = person.run("rampart status --table nowhere")
    assert (no_table.code, no_table.out) == (2, "")
    assert no_table.err == (
        "rampart status: there is no table nowhere in eu-west-1; check --stage, --stack, --region and --profile\n"
    )
    no_stack = person.run("rampart status --stage nowhere", RAMPART_TABLE="''")
    assert (no_stack.code, no_stack.out, no_stack.err.count("\n")) == (2, "", 1)
    assert "Stack with id rampart-nowhere does not exist; check --stage, --stack" in no_stack.err
    nothing = person.run("rampart abort checkout --reason ''")
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err.startswith("rampart abort: there is no live deployment 'checkout'")
    shop.aws.authoriser.register("ASIA-reader", "reader", [])
    denied = person.run("rampart status", AWS_ACCESS_KEY_ID="ASIA-reader")
    assert (denied.code, denied.out, denied.err.count("\n")) == (1, "", 1)
    assert "reader" in denied.err
    assert "dynamodb:Query" in denied.err
    shop.aws.authoriser.denials.clear()
