"""The smallest runs that, together, need every permission of the template; each fails at the first denial.

Each takes a shop that has just opened, so that nothing that another run has left behind is in its way.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from controller.core.alias import Routing
from controller.core.deployment import Mark, MarkDetail, Status
from rampart.demo.account import BUCKET, STAGE, alarm_of, repository_of
from rampart.demo.releases import Release
from tests.e2e import acts
from tests.e2e.shop import Shop
from tests.engine.account import damaged_zip

Scenario = Callable[[Shop], None]

_TEST_EVENTS = [{"name": "an order", "payload": {"order": 59}}]


def release(shop: Shop) -> None:
    """Promote an uploaded zip that answers its test event."""
    acts.declare(shop, test_events=_TEST_EVENTS)
    acts.promoted(shop, shop.upload(f"{shop.function}/release.zip", acts.GOOD.zip))


def by_hand(shop: Shop) -> None:
    """Promote a version that a person published and that answers its test event."""
    acts.ends(shop, acts.start(shop, test_events=_TEST_EVENTS), "status", "SUCCEEDED")
    shop.settle()


def compared(shop: Shop) -> None:
    """Promote a version that is compared with its baseline while both get traffic."""
    deployment = acts.start(shop, strategy={"steps": [{"weight": "50%", "bake": "1s"}]})
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    assert shop.record(deployment).is_compared
    shop.settle()


def first(shop: Shop) -> None:
    """Promote the first version of a function that has no alias, which is made on it."""
    shop.aws.client("lambda").delete_alias(FunctionName=shop.function, Name="live")
    deployment = acts.start(shop, test_events=_TEST_EVENTS, strategy="AllAtOnce")
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    (member,) = shop.record(deployment).members
    assert member.is_first
    assert shop.routing(shop.function) == Routing(str(member.candidate))
    shop.settle()


def image(shop: Shop) -> None:
    """Promote an image that is pushed under a tag that its target follows."""
    images = acts.with_images(shop)
    acts.promoted(images, images.push(acts.image(images, 2)))


def scanned_image(shop: Shop) -> None:
    """Promote an image whose target asks for its scan."""
    images = acts.with_images(shop)
    repository = repository_of(images.function)
    gated = {"repository": repository, "tag": "prod", "scan": {"block": "CRITICAL"}}
    release = acts.image(images, 2)
    digest = shop.aws.push_image(repository, [], release.zip).partition("@")[2]
    shop.aws.ecr.scanned(repository, digest, "COMPLETE", LOW=3)
    acts.declare(images, source=gated)
    acts.promoted(images, images.push(release))


def refused_zip(shop: Shop) -> None:
    """Reject an uploaded zip that Lambda cannot unpack."""
    acts.declare(shop)
    ended = shop.deployment_of(shop.upload(f"{shop.function}/damaged.zip", damaged_zip()))
    assert ended.status is Status.REJECTED, ended.reason
    shop.settle()


def failed_test(shop: Shop) -> None:
    """Reject a version that fails its test event."""
    acts.ends(
        shop, acts.start(shop, Release(2, 100, Status.REJECTED), test_events=_TEST_EVENTS), "error", "Rejected"
    )
    shop.settle()


def referred_events(shop: Shop) -> None:
    """Promote versions that answer test events of a parameter, and shareable ones of the Lambda console."""
    name = f"/rampart/{STAGE}/test-events/{shop.function}"
    shop.aws.client("ssm").put_parameter(Name=name, Type="String", Value=json.dumps(_TEST_EVENTS))
    examples = {"an-order": {"value": _TEST_EVENTS[0]["payload"]}}
    schemas, registry = shop.aws.client("schemas"), "lambda-testevent-schemas"
    with suppress(schemas.exceptions.ConflictException):
        schemas.create_registry(RegistryName=registry)
    schemas.create_schema(
        RegistryName=registry,
        SchemaName=f"_{shop.function}-schema",
        Type="OpenApi3",
        Content=json.dumps({"openapi": "3.0.0", "components": {"examples": examples}}),
    )
    for number, events in enumerate(({"parameter": shop.function}, {"shareable": "all"}), 2):
        acts.declare(shop, test_events=events)
        deployment = shop.start({"target": shop.function, "version": acts.version(shop, number)})
        acts.ends(shop, deployment, "status", "SUCCEEDED")
        assert [event.payload for event in shop.record(deployment).test_events] == [_TEST_EVENTS[0]["payload"]]
    shop.settle()


def hooked(shop: Shop) -> None:
    """Promote a version that answers its test event and passes its hook, and start the hook after the promotion."""
    hooks = acts.hooks_of(acts.hook(shop, "PASS"))
    acts.ends(shop, acts.start(shop, test_events=_TEST_EVENTS, hooks=hooks), "status", "SUCCEEDED")
    shop.settle()


def late_hook(shop: Shop) -> None:
    """Promote a version whose hook says later that it passed."""
    deployment = acts.start(shop, hooks=acts.hooks_of(acts.hook(shop, "WAIT")))
    shop.wait(lambda: (found := shop.deployments.find(deployment)) and found.hook and found.token, "it waits")
    acts.say(shop, deployment, f"{deployment}.0.0", "PASS")
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    shop.settle()


def lost_promotion(shop: Shop) -> None:
    """Have reconcile tell of a promotion whose telling nobody has noted down, and start the hook after it."""
    hooks = acts.hooks_of(acts.hook(shop, "PASS"))
    deployment = acts.start(shop, hooks=hooks)
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    shop.settle()
    _forget_the_telling(shop, deployment, shop.record(deployment).sequence)
    acts.reconcile(shop, f"{deployment}.")


def rolled_back(shop: Shop) -> None:
    """Roll back at a look, because the alarm is no longer there to be asked."""
    deployment = acts.baking(shop)
    acts.describe_alias(shop)
    shop.aws.client("cloudwatch").delete_alarms(AlarmNames=[alarm_of(shop.function)])
    acts.ends(shop, deployment.deployment_id, "error", "RolledBack")
    shop.settle()


def signalled(shop: Shop) -> None:
    """Roll back because the alarm goes off and says so."""
    deployment = acts.baking(shop).deployment_id
    acts.describe_alias(shop)
    shop.set_alarm("ALARM", shop.function)
    acts.ends(shop, deployment, "error", "RolledBack")
    assert f"alarm {alarm_of(shop.function)} fired" in shop.record(deployment).reason
    shop.settle()


def aborted(shop: Shop) -> None:
    """Roll back because a person says so."""
    deployment = acts.baking(shop).deployment_id
    acts.describe_alias(shop)
    acts.abort(shop, deployment)
    acts.ends(shop, deployment, "error", "RolledBack")
    shop.settle()


def undone(shop: Shop) -> None:
    """Undo a promotion, and let a person have the same version tried again."""
    deployment = acts.start(shop)
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    before = shop.record(deployment).members[0].baseline
    shop.wait(lambda: "is undone" in acts.ask(shop, deployment, "undo"), f"{deployment} is undone")
    assert shop.routing() == Routing(before)
    again = shop.wait(lambda: acts.ask(shop, deployment, "retry").partition(", as ")[2], "it is tried again")
    acts.ends(shop, again, "status", "SUCCEEDED")
    assert {told["transition"] for told in shop.told(deployment)} >= {"UNDONE", "ASKED"}


def line(shop: Shop) -> None:
    """Hold up a start until the line goes on."""
    shop.wait(lambda: "is stopped" in acts.ask(shop, None, "stop-the-line"), "the line is stopped")
    deployment = acts.start(shop)
    shop.wait(lambda: shop.deployments.find(deployment) and shop.record(deployment).token, "it is held up")
    acts.ask(shop, None, "release-the-line")
    acts.ends(shop, deployment, "status", "SUCCEEDED")
    shop.settle()


def stopped(shop: Shop) -> None:
    """Restore the alias of an execution that a person stops."""
    deployment = acts.baking(shop).deployment_id
    acts.describe_alias(shop)
    acts.stop(shop, deployment)
    ended = shop.wait(lambda: acts.over(shop, deployment), f"{deployment} is restored")
    assert ended
    assert ended.reason == "the execution ended ABORTED: in a hurry"
    shop.settle()


def flap(shop: Shop) -> None:
    """Roll back because the alarm went off and recovered between two looks."""
    deployment = acts.baking(shop).deployment_id
    with shop.losing("SignalFunctionAlarmFired"):
        shop.set_alarm("ALARM", shop.function)
        shop.set_alarm("OK", shop.function)
        acts.ends(shop, deployment, "error", "RolledBack")
    shop.settle()


def gave_up(shop: Shop) -> None:
    """Give up a rollback whose baseline somebody has deleted, and end it by hand after mending the alias."""
    baking = acts.baking(shop)
    functions = shop.aws.client("lambda")
    functions.delete_function(FunctionName=shop.function, Qualifier=baking.members[0].baseline)
    shop.set_alarm("ALARM", shop.function)
    acts.ends(shop, baking.deployment_id, "error", "RollbackFailed")
    version = shop.publish(Release(99, 0, Status.PROMOTED).zip)
    functions.update_alias(FunctionName=shop.function, Name="live", FunctionVersion=version)
    acts.abort(shop, baking.deployment_id)
    assert shop.record(baking.deployment_id).status is Status.DRIFTED
    shop.settle()


def give_up_at_once(shop: Shop) -> None:
    """Enter GiveUp without the tries that come before it, which take a while."""
    baking = acts.baking(shop)
    caught = {"error": {"Error": "RefusedError", "Cause": "it cannot be put back"}}
    acts.enter(shop, "GiveUpFunction", {"deployment_id": baking.deployment_id, "state": caught})
    assert shop.record(baking.deployment_id).status is Status.ROLLBACK_FAILED
    acts.abort(shop, baking.deployment_id)
    shop.settle()


def late_bake(shop: Shop) -> None:
    """Enter Bake when the deployment has ended already, as a redriven execution does."""
    deployment = shop.start({}, shop.function)
    acts.ends(shop, deployment, "error", "Rejected")
    acts.enter(shop, "BakeFunction", {"deployment_id": deployment, "token": "of no execution"})


def late_shift(shop: Shop) -> None:
    """Enter Shift when somebody has described the alias since it was left, so that it has to look first."""
    baking = acts.baking(shop, {"steps": [{"weight": "50%", "bake": acts.LONG}]})
    acts.describe_alias(shop)
    shop.deployments.save(baking, baking.model_copy(update={"intended_index": 1}))
    acts.enter(shop, "ShiftFunction", {"deployment_id": baking.deployment_id})
    assert not shop.routing(shop.function).is_split
    acts.abort(shop, baking.deployment_id)


def superseded(shop: Shop) -> None:
    """Promote a version that waits until the one that bakes has given way to it."""
    older = acts.baking(shop).deployment_id
    acts.declare(shop)
    newer = shop.start({"target": shop.function, "version": acts.version(shop, 3)})
    acts.ends(shop, older, "error", "RolledBack")
    acts.ends(shop, newer, "status", "SUCCEEDED")
    shop.settle()


def lost_status(shop: Shop) -> None:
    """Have reconcile put back the alias of an execution of whose death nobody heard."""
    deployment = acts.baking(shop).deployment_id
    with shop.losing("RestoreFunctionExecutionDied"):
        acts.stop(shop, deployment)
        shop.settle()
    acts.reconcile(shop, deployment)
    assert shop.record(deployment).status is Status.ROLLED_BACK


def lost_wake(shop: Shop) -> None:
    """Have reconcile wake a bake whose mark came from somebody who died before waking it."""
    deployment = acts.baking(shop).deployment_id
    shop.wait(lambda: shop.record(deployment).token, "it bakes")
    detail = MarkDetail(at=datetime.now(UTC), by="kim", reason="wrong build")
    shop.deployments.mark(deployment, Mark.ABORT, detail)
    acts.reconcile(shop, deployment)
    acts.ends(shop, deployment, "error", "RolledBack")


def lost_notification(shop: Shop) -> None:
    """Have reconcile tell of an end whose telling nobody has noted down."""
    deployment = shop.start({}, shop.function)
    acts.ends(shop, deployment, "error", "Rejected")
    shop.settle()
    _forget_the_telling(shop, deployment, 1)
    acts.reconcile(shop, f"{deployment}.1")


def _forget_the_telling(shop: Shop, deployment: str, sequence: int) -> None:
    shop.aws.client("dynamodb").update_item(
        TableName=shop.stack.outputs["TableName"],
        Key={"pk": {"S": f"deployment#{deployment}"}, "sk": {"S": f"event#{sequence:06d}"}},
        UpdateExpression="SET unsent = :unsent",
        ExpressionAttributeValues={":unsent": {"S": "unsent"}},
    )


def lost_push(shop: Shop) -> None:
    """Have reconcile start what a followed tag names and of which no event told."""
    images = acts.with_images(shop)
    acts.promoted(images, images.push(acts.image(images, 2)))
    with images.losing("IntakeFunctionImagePushed"):
        lost = images.push(acts.image(images, 3))
    acts.reconcile(images, "-reconciled: started")
    acts.promoted(images, lost)


def refused_event(shop: Shop) -> None:
    """Bury an event about an object without a version."""
    shop.set_versioning("Suspended")
    key = f"{shop.function}/unversioned.zip"
    shop.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"zip")
    shop.letter(key)
    shop.set_versioning("Enabled")


def poison_record(shop: Shop) -> None:
    """Bury a record that is no event."""
    sqs, queue = shop.aws.client("sqs"), shop.stack.outputs["NotifyDeadLettersUrl"]
    sqs.purge_queue(QueueUrl=queue)
    item = {"pk": {"S": f"deployment#{shop.function}"}, "sk": {"S": "event#000001"}}
    shop.aws.client("dynamodb").put_item(TableName=shop.stack.outputs["TableName"], Item=item)
    shop.wait(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the record is a dead letter")


def second_mapping(shop: Shop) -> None:
    """Map the table's stream to Notify again: Lambda asks what Notify may read before it sees that it does."""
    client, notify = shop.aws.client("lambda"), shop.stack.resources["NotifyFunction"]
    (mapping,) = client.list_event_source_mappings(FunctionName=notify)["EventSourceMappings"]
    with suppress(client.exceptions.ResourceConflictException, client.exceptions.InvalidParameterValueException):
        client.create_event_source_mapping(
            FunctionName=notify, EventSourceArn=mapping["EventSourceArn"], StartingPosition="LATEST"
        )
    shop.settle()


_CALM = {signalled, aborted, give_up_at_once, late_shift, superseded, lost_wake}


def minute_seconds(scenario: Scenario) -> float:
    """Return how long a minute takes in a run.

    Long where somebody has to be faster than the next look, short where the patience of reconcile and what AWS
    tries again would take long.
    """
    return 20.0 if scenario in _CALM else 0.2
