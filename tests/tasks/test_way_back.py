"""The way back: it must be there at the start, it is looked for at each look, and without it a person decides."""

import itertools
import json
from typing import Any

import pytest

from controller.core.artifact import ImageArtifact
from controller.core.deployment import Deployment, Mark, Status
from controller.intake import take_in
from controller.ports import Stored
from tests.builders import an_image
from tests.engine.account import FIRST_IMAGE
from tests.engine.faults import DENIED, THROTTLE, Fault, always, no_fault
from tests.engine.walker import Execution
from tests.engine.world import World, ecr_event
from tests.tasks.test_publish import spoil
from tests.tasks.walks import arrive, ask, holder, mark, resume, walk_to

BASELINE = ImageArtifact(image=FIRST_IMAGE)


def image_world(**target: Any) -> World:
    """Return a world with one function of images."""
    world = World()
    world.image_function()
    world.target(source={"repository": "team/orders", "tag": "prod"}, **({"strategy": "AllAtOnce"} | target))
    return world


def pushed(world: World, digest: str = "a64") -> Execution:
    """Push an image and return its execution, held before Plan."""
    world.clock.advance(5)
    image = an_image(digest)
    world.ports.artifacts.put(image, Stored(world.now()), "prod")
    (name,) = take_in(world.ports, ecr_event(image, "prod", f"event-{digest}")).started
    return world.machine.walk_to(name, "Plan")


def ended(world: World, execution: Execution) -> Deployment:
    """Let an execution go on to its end and return its record."""
    resume(execution)
    return world.record(execution.name)


def test_an_image_that_is_gone_is_no_way_back_and_nothing_is_published() -> None:
    world = image_world()
    world.ports.artifacts.lose(BASELINE)
    record = ended(world, pushed(world))
    assert record.status is Status.REJECTED
    assert record.reason.startswith("alias checkout:live is on version 1, and what that runs is gone (")
    assert record.reason.endswith(
        "there is no way back; put it there again, or point the alias at a version that runs"
    )
    assert not record.refused


def test_a_registry_that_may_not_be_asked_is_told_as_unknown() -> None:
    world = image_world()
    execution = pushed(world)
    world.meanwhile(
        "ListAliases", lambda: setattr(world, "fault", Fault(1, error=DENIED, operation="DescribeImages"))
    )
    record = ended(world, execution)
    assert record.status is Status.PROMOTED
    assert record.warnings[0].startswith(
        f"whether {FIRST_IMAGE}, which alias checkout:live is on, is still there is"
    )
    assert record.members[0].runs is None


def test_the_rule_that_will_delete_the_baseline_is_named() -> None:
    world = image_world()
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    rules = [{"rulePriority": 7, "selection": selection, "action": {"type": "expire"}}]
    world.ports.artifacts.clean_ups["team/orders"] = json.dumps({"rules": rules})
    (warning,) = ended(world, pushed(world)).warnings
    assert warning.startswith("version 1 of checkout:live is an image that rule 7 of the lifecycle policy")
    world.ports.artifacts.clean_ups["team/orders"] = "{}"
    (warning,) = ended(world, pushed(world, "b64")).warnings
    assert warning.startswith("whether ECR will take away what alias checkout:live is on is unknown: the lifecycle")


def held(world: World) -> tuple[Execution, Deployment]:
    """Return a deployment that has looked back once in a long bake at half of the traffic."""
    execution = walk_to(pushed(world), "Judge", 2)
    world.machine.release(execution.name)
    return execution, world.record(execution.name)


STEPS = {"steps": [{"weight": "50%", "bake": "30m"}]}


def test_without_a_way_back_a_person_is_asked_as_critical_and_may_let_it_go_on() -> None:
    world = image_world(strategy=STEPS, final_bake="1m")
    execution, _ = held(world)
    world.ports.artifacts.lose(BASELINE)
    world.wait(6 * 60)
    asked = [told for told in world.ports.bus.told if told["severity"] == "CRITICAL"]
    assert [told["transition"] for told in asked] == ["JUDGED"]
    reason = asked[0]["reason"]
    assert reason.startswith(
        "step 1/2: awaits approval: there is no way back: what version 1 of checkout:live runs is"
    )
    world.wait(40 * 60)
    assert "version 1 with 50%" in world.alias()
    assert "is approved at step 1/2 and goes on" in ask(world, execution.name, "approve")
    assert ended(world, execution).status is Status.PROMOTED
    assert len([told for told in world.ports.bus.told if told["severity"] == "CRITICAL"]) == 1


def test_a_way_back_that_is_there_again_lets_the_deployment_go_on() -> None:
    world = image_world(strategy=STEPS, final_bake="1m")
    execution, _ = held(world)
    world.ports.artifacts.lose(BASELINE)
    world.wait(10 * 60)
    assert world.record(execution.name).awaits_approval
    world.ports.artifacts.put(BASELINE, Stored(world.now()))
    record = ended(world, execution)
    assert (record.status, record.way_back.why) == (Status.PROMOTED, None)


def test_an_approval_from_before_is_none_for_going_on_without_a_way_back() -> None:
    world = image_world(strategy=STEPS, final_bake="1m")
    execution, _ = held(world)
    ask(world, execution.name, "approve")
    world.wait(60)
    world.ports.artifacts.lose(BASELINE)
    world.wait(45 * 60)
    assert world.record(execution.name).awaits_approval
    assert "is approved at step 1/2 and goes on" in ask(world, execution.name, "approve")
    assert ended(world, execution).status is Status.PROMOTED


def test_nobody_answering_rolls_back_to_what_lambda_can_still_run() -> None:
    world = image_world(strategy=STEPS, max_hold="10m")
    execution, _ = held(world)
    world.ports.artifacts.lose(BASELINE)
    record = ended(world, execution)
    assert (record.status, world.alias()) == (Status.ROLLED_BACK, "version 1")
    assert "nobody has approved within 1d" in record.reason


def test_an_alias_is_never_put_back_on_a_version_that_lambda_cannot_run(world: World) -> None:
    world.target(alarms=["errors"], strategy=STEPS)
    execution = arrive(world, "Judge")
    spoil(world, "1", State="Failed", StateReason="its key is gone")
    walk_to(execution, "Bake")
    world.wait(3 * 60)
    record = world.record(execution.name)
    assert record.way_back.dead == ("checkout",)
    assert record.awaits_approval
    mark(world, execution, Mark.ALARM, by="errors")
    assert resume(execution).error == "RollbackFailed"
    assert world.alias() == "version 1 with 50% on version 2"
    assert holder(world) == execution.name
    told = world.ports.bus.told[-1]
    assert told["severity"] == "CRITICAL"
    assert (
        "is left on version 1 with 50% on version 2: Lambda cannot run checkout version 1 any more"
        in told["reason"]
    )


def test_a_zip_that_lambda_only_refers_to_and_that_is_lost_in_the_middle_is_noticed_at_the_next_look(
    world: World,
) -> None:
    where = {"ResolvedS3Object": {"S3Bucket": "our-code", "S3Key": "f.zip", "S3ObjectVersion": "v1"}}
    world.target(strategy=STEPS)
    execution = arrive(world, "Judge")
    spoil(world, "1", where, State="Inactive")
    walk_to(execution, "Bake")
    world.wait(2 * 60)
    record = world.record(execution.name)
    assert record.awaits_approval
    assert record.way_back.why == (
        "Lambda cannot run checkout version 1 any more (Lambda has lost access to s3://our-code/f.zip@v1, of which "
        "it has no copy)"
    )


def test_a_baseline_that_is_deleted_in_the_final_bake_is_noticed_at_the_next_look(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="30m")
    execution = arrive(world, "Judge")
    world.aws("DeleteFunction", FunctionName="checkout", Qualifier="1")
    walk_to(execution, "Bake")
    world.wait(2 * 60)
    record = world.record(execution.name)
    assert record.awaits_approval
    assert "there is no way back: function checkout version 1: Function not found" in record.reason


@pytest.mark.parametrize("error", [DENIED, THROTTLE], ids=["denied", "throttled"])
def test_what_cannot_be_read_at_a_look_stays_as_it_was_known(error: Exception) -> None:
    world = image_world(strategy=STEPS, final_bake="1m")
    execution, before = held(world)
    world.fault = always("GetFunction", error)
    world.wait(15 * 60)
    record = world.record(execution.name)
    assert (record.way_back, record.awaits_approval) == (before.way_back, False)
    world.fault = no_fault
    assert ended(world, execution).status is Status.PROMOTED


def test_an_image_is_looked_for_every_five_minutes_and_not_at_every_look() -> None:
    world = image_world(strategy=STEPS)
    execution, _ = held(world)
    finds: list[float] = []
    world.fault = lambda operation, moment: (
        finds.append(world.clock.now()) if (operation, moment) == ("DescribeImages", "before") else None
    )
    world.wait(20 * 60)
    assert 2 <= len(finds) <= 4
    assert min(b - a for a, b in itertools.pairwise(finds)) >= 300
    assert world.record(execution.name).status is Status.IN_PROGRESS
