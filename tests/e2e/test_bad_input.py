"""Bad input from people and from AWS: one clear line where the sender looks, and nothing changed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from controller.core.deployment import Status
from rampart.demo.account import ALIAS, BUCKET, FUNCTION, STAGE
from rampart.demo.releases import Release
from tests.e2e.shop import Shop
from tests.engine.account import damaged_zip, zip_of

_NOBODYS = {"bucket": BUCKET, "key": "checkout/never.zip", "version_id": "no-such-version"}
_STEPS = {"steps": [{"weight": "50%", "bake": "1m"}, {"weight": "20%", "bake": "1m"}]}


@pytest.fixture
def broken_target(shop: Shop) -> Iterator[str]:
    """Return the name of a target whose document is not JSON, once nobody remembers that it was not there."""
    path = f"/rampart/{STAGE}/targets/basket"
    ssm = shop.aws.client("ssm")
    ssm.put_parameter(Name=path, Type="String", Value='{"version": 1,\n "source" {}}')
    _minute_passes(shop)
    yield "basket"
    ssm.delete_parameter(Name=path)
    _minute_passes(shop)


def _minute_passes(shop: Shop) -> None:
    """Wait until intake reads the targets anew, which it keeps for a minute."""
    clock = shop.aws.clock
    fresh_at = clock.now() + clock.minute_seconds
    shop.wait(lambda: clock.now() > fresh_at, "a minute is over")


def _refused(shop: Shop, deployment_id: str, line: str) -> None:
    """See that a deployment ended REJECTED with one line: in the execution, in the record, and for the team."""
    ended = shop.execution(deployment_id)
    assert (ended["status"], ended["error"]) == ("FAILED", "Rejected")
    assert ended["cause"].startswith(line)
    assert "\n" not in ended["cause"]
    record = shop.record(deployment_id)
    assert (record.status, record.reason) == (Status.REJECTED, ended["cause"])
    last = shop.told(deployment_id)[-1]
    assert (last["transition"], last["status"], last["severity"]) == ("ENDED", "REJECTED", "WARNING")
    assert last["reason"] == ended["cause"]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (
            {"target": "checkout", "artefact": _NOBODYS},
            "execution input: artefact: unknown field; did you mean 'artifact'?",
        ),
        (
            {"target": "chekout", "version": "1"},
            "there is no target 'chekout'; declare it in the SSM parameter /rampart/dev/targets/chekout",
        ),
        (
            {"target": "checkout", "version": "1", "strategy": "Linear10PercentEvery1Minut"},
            "execution input: strategy: there is no strategy 'Linear10PercentEvery1Minut'; did you mean",
        ),
        (
            {"target": "checkout", "version": "1", "strategy": _STEPS},
            "execution input: strategy.steps[1].weight: 20% does not ascend from 50%",
        ),
        (
            {"target": "checkout", "version": "1", "artifact": _NOBODYS},
            "execution input: say what to deploy: either artifact or version, and not both",
        ),
        (["checkout"], "execution input: write a JSON object, not a list"),
    ],
    ids=["typo in a field", "unknown target", "unknown strategy", "descending steps", "two things", "a list"],
)
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_bad_input_by_hand_is_rejected_with_one_line_and_changes_nothing(
    shop: Shop, request: pytest.FixtureRequest, request_: Any, line: str, named: bool
) -> None:
    before = shop.belongings()
    name = "".join(c if c.isalnum() else "-" for c in request.node.callspec.id) if named else None
    deployment_id = shop.start(request_, name)
    _refused(shop, deployment_id, line)
    assert deployment_id == name or not named
    assert [each["transition"] for each in shop.told(deployment_id)] == ["ENDED"]
    assert shop.belongings() == before


def test_a_target_that_is_not_json_is_rejected_by_hand_with_the_place_of_the_fault(
    shop: Shop, broken_target: str
) -> None:
    before = shop.belongings()
    deployment_id = shop.start({"target": broken_target, "version": "1"})
    _refused(shop, deployment_id, "target /rampart/dev/targets/basket is not JSON: ")
    assert "at line 2 column 11" in shop.record(deployment_id).reason
    assert shop.belongings() == before


def test_a_version_that_cannot_start_takes_no_traffic_and_leaves_the_alias_untouched(shop: Shop) -> None:
    client = shop.aws.client("lambda")
    before = client.get_alias(FunctionName=FUNCTION, Name=ALIAS)
    code = zip_of("raise RuntimeError('there is no licence')\n")
    ended = shop.deployment_of(shop.upload("checkout/release-that-cannot-start.zip", code))
    candidate = ended.members[0].candidate
    _refused(shop, ended.deployment_id, f"{FUNCTION} version {candidate} failed test event 'an order': ")
    assert "there is no licence" in ended.reason
    after = client.get_alias(FunctionName=FUNCTION, Name=ALIAS)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}  # its RevisionId, too
    dimensions = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:{ALIAS}", "ExecutedVersion": str(candidate)}
    listed = shop.aws.client("cloudwatch").list_metrics(
        Namespace="AWS/Lambda", Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()]
    )
    assert listed["Metrics"] == []


def test_an_upload_that_only_an_unreadable_target_may_want_is_not_lost(shop: Shop, broken_target: str) -> None:
    before, executions = shop.belongings(), shop.executions()
    artifact = shop.upload("basket/release-1.zip", Release(1, 0, Status.PROMOTED).zip)
    reason = shop.letter("basket/release-1.zip")["responsePayload"]["errorMessage"]
    assert reason.startswith(f"{artifact}: no readable target wants it; target /rampart/dev/targets/basket is not")
    assert reason.endswith("at line 2 column 11")
    assert (shop.belongings(), shop.executions()) == (before, executions)


def test_malformed_events_are_dead_letters_with_their_reason_and_start_nothing(shop: Shop) -> None:
    before, executions = shop.belongings(), shop.executions()
    shop.set_versioning("Suspended")
    shop.aws.client("s3").put_object(Bucket=BUCKET, Key="checkout/unversioned.zip", Body=b"zip")
    shop.set_versioning("Enabled")
    detail = {"bucket": {"name": BUCKET}, "object": {"key": "checkout/broken.zip", "version-id": 7}}
    event_id = shop.aws.events.publish({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
    unversioned, broken = shop.letter("checkout/unversioned.zip"), shop.letter("checkout/broken.zip")
    assert unversioned["responsePayload"]["errorMessage"].endswith(
        "s3://shop-artifacts/checkout/unversioned.zip has no version id; "
        "turn on versioning for the bucket, so that what was tested is what is deployed"
    )
    assert broken["responsePayload"]["errorMessage"] == (
        f"event {event_id}: detail.object.version-id: input should be a valid string"
    )
    for letter in (unversioned, broken):
        assert letter["responsePayload"]["errorType"] == "MalformedEventError"
        assert letter["requestContext"]["condition"] == "RetriesExhausted"
        assert letter["requestPayload"]["source"] == "aws.s3"
    assert (shop.belongings(), shop.executions()) == (before, executions)


def test_a_zip_that_is_wrapped_in_a_folder_is_rejected_with_the_folder_and_nothing_is_published(shop: Shop) -> None:
    before = shop.belongings()
    ended = shop.deployment_of(shop.upload("checkout/wrapped.zip", zip_of("release = 2", "release-2/app.py")))
    _refused(
        shop,
        ended.deployment_id,
        f"{ended.what}: everything in it is inside the folder 'release-2', so that Lambda finds no app.py at its "
        "root; zip what is in the folder: cd 'release-2' && zip -r /tmp/package.zip .",
    )
    assert [each["transition"] for each in shop.told(ended.deployment_id)] == ["ENDED"]
    assert shop.belongings() == before


def test_an_object_that_is_no_zip_is_rejected_before_anything_is_claimed(shop: Shop) -> None:
    before = shop.belongings()
    ended = shop.deployment_of(shop.upload("checkout/no-zip.zip", b"no zip"))
    _refused(shop, ended.deployment_id, f"{ended.what}: it is no zip that can be read (its end is missing); ")
    assert shop.belongings() == before


def test_a_zip_that_lambda_cannot_unpack_is_rejected_in_its_words_and_frees_its_claim(shop: Shop) -> None:
    before = shop.belongings()
    ended = shop.deployment_of(shop.upload("checkout/damaged.zip", damaged_zip()))
    _refused(shop, ended.deployment_id, f"{ended.what}: Lambda refused the code for function checkout: ")
    assert "Could not unzip uploaded file" in ended.reason
    after = shop.belongings()
    assert after.pop("claims")["function#checkout"] is None
    assert after == {name: value for name, value in before.items() if name != "claims"}


def test_an_object_version_that_does_not_exist_is_rejected_and_changes_nothing(shop: Shop) -> None:
    before = shop.belongings()
    deployment_id = shop.start({"target": "checkout", "artifact": _NOBODYS})
    _refused(shop, deployment_id, "s3://shop-artifacts/checkout/never.zip@no-such-version cannot be read: ")
    assert shop.belongings() == before


def test_a_function_without_the_tag_is_rejected_with_the_tag_to_set(shop: Shop) -> None:
    client = shop.aws.client("lambda")
    arn = client.get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    client.untag_resource(Resource=arn, TagKeys=["rampart:managed"])
    try:
        before = shop.belongings()
        deployment_id = shop.start({"target": "checkout", "version": "1"})
        _refused(shop, deployment_id, "function checkout is not tagged rampart:managed=dev; tag it to let this")
        assert shop.belongings() == before
    finally:
        client.tag_resource(Resource=arn, Tags={"rampart:managed": STAGE})


def test_a_missing_alarm_is_rejected_by_its_name(shop: Shop) -> None:
    shop.declare_target("AllAtOnce", alarms=["checkout-latency"])
    before = shop.belongings()
    deployment_id = shop.start({"target": "checkout", "version": "1"})
    _refused(shop, deployment_id, "alarm checkout-latency of target checkout does not exist; create it or drop it")
    assert shop.belongings() == before


def test_an_upload_that_no_target_wants_starts_nothing(shop: Shop) -> None:
    before, executions = shop.belongings(), shop.executions()
    artifact = shop.upload("elsewhere/release-1.zip", Release(1, 0, Status.PROMOTED).zip)
    line = shop.wait(lambda: shop.taken_in(artifact), "intake has read the event")[0]
    assert (line["started"], line["known"]) == ([], [])
    assert (shop.belongings(), shop.executions()) == (before, executions)


def test_the_same_event_twice_starts_one_execution(shop: Shop) -> None:
    """EventBridge delivers at least once."""
    key = "checkout/twice.zip"
    artifact = shop.upload(key, Release(7, 0, Status.PROMOTED).zip)
    started = shop.wait(lambda: shop.taken_in(artifact), "intake has read the event")[0]["started"]
    version = artifact.partition("@")[2]
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "version-id": version}}
    event_id = json.loads(shop.execution(started[0])["input"])["event_id"]
    event = {"id": event_id, "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    shop.aws.events.publish(event)
    again = shop.wait(lambda: shop.taken_in(artifact)[1:], "intake has read the event again")[0]
    assert (again["started"], again["known"]) == ([], started)
    assert shop.deployment_of(artifact).deployment_id == started[0]
    assert shop.executions(started[0].rpartition("-")[0]) == set(started)
