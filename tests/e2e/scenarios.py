"""The smallest runs that, together, need every permission of the template; each fails at the first denial."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from controller.core.deployment import Deployment, Status
from rampart.demo.account import ALARM, BUCKET, FUNCTION, TARGET
from rampart.demo.releases import Release
from tests.e2e.shop import Shop


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run, and how long a minute takes in it."""

    run: Callable[[Shop], None]
    minute_seconds: float = 1.0


def _release(shop: Shop) -> None:
    """Promote an uploaded zip that answers its test event."""
    shop.declare_target("AllAtOnce", final_bake="1m")
    release = Release(2, 0, Status.PROMOTED)
    ended = shop.deployment_of(shop.upload(release.key, release.zip))
    assert ended.status is Status.PROMOTED, ended.reason
    shop.settle()


def _by_hand(shop: Shop) -> None:
    """Promote a version that a person published."""
    deployment = _start(shop, "by-hand", final_bake="1m")
    _ends(shop, deployment, "status", "SUCCEEDED")
    shop.settle()


def _refused_zip(shop: Shop) -> None:
    """Reject an uploaded zip that Lambda cannot read."""
    shop.declare_target("AllAtOnce")
    ended = shop.deployment_of(shop.upload("checkout/no-zip.zip", b"no zip"))
    assert ended.status is Status.REJECTED, ended.reason
    shop.settle()


def _failed_test(shop: Shop) -> None:
    """Reject a version that fails its test event."""
    deployment = _start(shop, "failed-test", final_bake="1m", bug_percent=100)
    _ends(shop, deployment, "error", "Rejected")
    shop.settle()


def _rolled_back(shop: Shop) -> None:
    """Roll back at a look, because the alarm is no longer there to be asked."""
    deployment = _baking(shop, "rolled-back").deployment_id
    shop.aws.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])
    try:
        _ends(shop, deployment, "error", "RolledBack")
    finally:
        shop.make_alarm()
    shop.settle()


def _signalled(shop: Shop) -> None:
    """Roll back because the alarm goes off and says so."""
    deployment = _baking(shop, "signalled").deployment_id
    shop.set_alarm("ALARM")
    _ends(shop, deployment, "error", "RolledBack")
    assert ALARM in shop.record(deployment).reason
    shop.settle()


def _stopped(shop: Shop) -> None:
    """Restore the alias of an execution that a person stops."""
    deployment = _baking(shop, "stopped").deployment_id
    states = shop.aws.client("stepfunctions")
    states.stop_execution(executionArn=shop.execution_arn(deployment), cause="in a hurry")
    ended = shop.wait(lambda: _over(shop, deployment), f"{deployment} is restored")
    assert ended
    assert ended.reason == "the execution ended ABORTED: in a hurry"
    shop.settle()


def _flap(shop: Shop) -> None:
    """Roll back because the alarm went off and recovered between two looks."""
    deployment = _baking(shop, "flap").deployment_id
    shop.set_alarm("ALARM")
    shop.set_alarm("OK")
    _ends(shop, deployment, "error", "RolledBack")
    shop.settle()


def _gave_up(shop: Shop) -> None:
    """Give up a rollback whose baseline somebody has deleted, and end it by hand after mending the alias."""
    baking = _baking(shop, "gave-up")
    shop.aws.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier=baking.members[0].baseline)
    shop.set_alarm("ALARM")
    _ends(shop, baking.deployment_id, "error", "RollbackFailed")
    version = shop.publish(Release(99, 0, Status.PROMOTED).zip)
    shop.aws.client("lambda").update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=version)
    verb = {"deployment_id": baking.deployment_id, "mark": "abort", "by": "kim", "reason": "mended"}
    payload = json.dumps(verb).encode()
    signal = shop.stack.outputs["SignalFunctionName"]
    shop.aws.client("lambda").invoke(FunctionName=signal, Payload=payload)["Payload"].read()
    ended = shop.wait(lambda: _over(shop, baking.deployment_id), "the deployment has ended")
    assert ended
    assert ended.status is Status.DRIFTED, ended.reason
    shop.settle()


def _late_bake(shop: Shop) -> None:
    """Enter Bake when the deployment has ended already, as a redriven execution does."""
    deployment = shop.start({}, "late-bake")
    _ends(shop, deployment, "error", "Rejected")
    payload = json.dumps({"deployment_id": deployment, "token": "of no execution"})
    bake = shop.stack.resources["BakeFunction"]
    answer = shop.aws.client("lambda").invoke(FunctionName=bake, Payload=payload.encode())
    said = answer["Payload"].read()
    shop.settle()
    assert "FunctionError" not in answer, said


def _refused_event(shop: Shop) -> None:
    """Bury an event about an object without a version."""
    shop.set_versioning("Suspended")
    shop.aws.client("s3").put_object(Bucket=BUCKET, Key="checkout/unversioned.zip", Body=b"zip")
    shop.letter("checkout/unversioned.zip")


def _poison_record(shop: Shop) -> None:
    """Bury a record that is no event."""
    item = {"pk": {"S": "deployment#poison"}, "sk": {"S": "event#000001"}}
    shop.aws.client("dynamodb").put_item(TableName=shop.stack.outputs["TableName"], Item=item)
    queue = shop.stack.outputs["NotifyDeadLettersUrl"]
    sqs = shop.aws.client("sqs")
    shop.wait(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the record is a dead letter")


def _ends(shop: Shop, deployment_id: str, field: str, wanted: str) -> None:
    ended = shop.execution(deployment_id)
    assert ended.get(field) == wanted, (
        f"{deployment_id}: {ended.get('status')} {ended.get('error')}: {ended.get('cause')}"
    )


def _over(shop: Shop, deployment_id: str) -> Deployment | None:
    found = shop.record(deployment_id)
    return found if found.status.is_over else None


def _start(shop: Shop, name: str, final_bake: str, bug_percent: int = 0) -> str:
    """Start by hand with a new version that gets all of the traffic at once."""
    shop.declare_target("AllAtOnce", final_bake=final_bake)
    version = shop.publish(Release(len(name), bug_percent, Status.PROMOTED).zip)
    shop.wait(lambda: shop.alarm_state() == "OK", "the alarm is OK")
    return shop.start({"target": TARGET, "version": version}, name)


def _baking(shop: Shop, name: str) -> Deployment:
    """Return a deployment that bakes for longer than the test takes."""
    return shop.shifted(_start(shop, name, final_bake="30m"))


# With a short minute, what Lambda retries for minutes is given up at once.
RELEASE = Scenario(_release)
BY_HAND = Scenario(_by_hand)
REFUSED_ZIP = Scenario(_refused_zip)
FAILED_TEST = Scenario(_failed_test)
ROLLED_BACK = Scenario(_rolled_back)
SIGNALLED = Scenario(_signalled)
STOPPED = Scenario(_stopped)
FLAP = Scenario(_flap)
GAVE_UP = Scenario(_gave_up)
LATE_BAKE = Scenario(_late_bake)
REFUSED_EVENT = Scenario(_refused_event, 0.1)
POISON_RECORD = Scenario(_poison_record, 0.1)
