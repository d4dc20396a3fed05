"""Images judged before anything is published: what runs is put on the function, and all else is refused."""

import json
from typing import Any

import pytest

from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.artifact import ImageArtifact
from controller.core.deployment import Deployment, Status
from controller.core.scan import Scan
from controller.intake import take_in
from controller.ports import Stored
from tests.builders import an_image
from tests.engine.faults import THROTTLE, Fault
from tests.engine.images import Built, an_index, attestation, built, listed
from tests.engine.model_client import ModelClient
from tests.engine.world import World, ecr_event

PUSHED, ARM, AMD = an_image("1d"), an_image("a64"), an_image("a3d")
"""An index, and the images that it lists."""
SOURCE = {"repository": "team/orders", "tag": "prod"}


@pytest.fixture
def world() -> World:
    """An account with the function checkout, of images for arm64, and a target that follows a tag."""
    world = World()
    world.image_function()
    world.target(source=SOURCE, strategy="AllAtOnce")
    return world


def push(world: World, *pushed: tuple[ImageArtifact, Built]) -> None:
    """Push images, the last of them under the tag that the target follows."""
    world.clock.advance(5)
    for number, (image, what) in enumerate(pushed, 1):
        world.ports.artifacts.put(image, Stored(world.now()), "prod" if number == len(pushed) else None, what)


def push_index(world: World, *entries: dict[str, Any]) -> None:
    """Push an index of these images, which are for arm64 and amd64 themselves."""
    push(world, (ARM, built("arm64")), (AMD, built("amd64")), (PUSHED, an_index(*entries)))


def told(world: World, image: ImageArtifact = PUSHED, event_id: str = "event-1") -> Deployment:
    """Return the deployment that the event of a push leads to, once it has ended."""
    (name,) = take_in(world.ports, ecr_event(image, "prod", event_id)).started
    world.run(name, json.loads(world.ports.executions.started[name]))
    return world.record(name)


def runs(world: World, function: str = "checkout") -> str:
    """Return the image that the alias runs, by its digest."""
    image: str = world.aws("GetFunction", FunctionName=function, Qualifier="live")["Code"]["ResolvedImageUri"]
    return image


def refused(world: World, ended: Deployment, line: str) -> None:
    """See that a deployment was refused with one line before any version was there."""
    assert (ended.status, ended.reason) == (Status.REJECTED, line)
    assert "\n" not in line
    versions = world.aws("ListVersionsByFunction", FunctionName="checkout")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    latest = world.aws("GetFunction", FunctionName="checkout")["Code"]
    assert latest.get("ResolvedImageUri", "").endswith("0" * 64) or "Location" in latest


BOTH = (listed(AMD.digest, "linux/amd64"), listed(ARM.digest), attestation(AMD.digest), attestation(ARM.digest))


def test_of_an_index_the_image_for_the_functions_architecture_is_run_and_the_index_remembered(world: World) -> None:
    push_index(world, *BOTH)
    ended = told(world)
    assert (ended.status, ended.artifact) == (Status.PROMOTED, PUSHED)
    assert runs(world) == ARM.identity
    assert ended.members[0].image == ARM.identity
    reasons = [event.reason for event in world.ports.deployments.events(ended.deployment_id)]
    assert f"published checkout:live version 2 (image {ARM.digest[:19]})" in reasons
    live, newest = world.ports.deployments.live("checkout"), world.ports.deployments.newest("checkout")
    assert live is not None
    assert newest is not None
    assert (live.artifact, newest.artifact) == (PUSHED.identity, PUSHED.identity)
    assert world.ports.deployments.tried("checkout", PUSHED.identity).ended == 1
    assert world.ports.deployments.tried("checkout", ARM.identity).ended == 0


def test_an_index_that_is_live_is_not_deployed_again_by_an_event_or_taken_for_a_lost_push(world: World) -> None:
    push_index(world, *BOTH)
    first = told(world)
    again = told(world, event_id="event-2")
    assert again.status is Status.SKIPPED
    assert again.reason == f"{PUSHED.identity} is live on checkout since deployment {first.deployment_id}"
    world.wait(600)
    assert world.reconcile() == []


def test_an_index_whose_event_was_lost_is_deployed_by_reconcile(world: World) -> None:
    push(world, (an_image("0e"), built()))
    told(world, an_image("0e"))
    push_index(world, *BOTH)
    world.wait(600)
    (line,) = world.reconcile()
    assert line.endswith(f"started, because tag prod names {PUSHED.identity} and no event said so")
    (name,) = [n for n in world.ports.executions.started if n.endswith("-reconciled")]
    world.run(name, json.loads(world.ports.executions.started[name]))
    assert runs(world) == ARM.identity
    world.wait(600)
    assert world.reconcile() == []


def test_an_image_started_by_hand_and_then_its_index_by_reconcile_change_the_alias_once(
    world: World,
) -> None:
    push(world, (an_image("0e"), built()))
    told(world, an_image("0e"))
    push(world, (ARM, built("arm64")))
    world.run("by-hand", {"target": "checkout", "artifact": ARM.model_dump()})
    push(world, (PUSHED, an_index(listed(ARM.digest))))
    world.wait(600)
    world.reconcile()
    (name,) = [n for n in world.ports.executions.started if n.endswith("-reconciled")]
    world.run(name, json.loads(world.ports.executions.started[name]))
    again = world.record(name)
    assert again.status is Status.SKIPPED
    assert again.reason == f"{PUSHED.identity} is live already: checkout version 3"
    assert runs(world) == ARM.identity
    world.wait(600)
    assert world.reconcile() == []


def test_functions_of_different_architectures_get_different_images_of_one_index(world: World) -> None:
    world.image_function("basket", architecture="x86_64")
    members = [{"function": "checkout"}, {"function": "basket"}]
    world.target(source=SOURCE, strategy="AllAtOnce", members=members)
    push_index(world, *BOTH)
    ended = told(world)
    assert ended.status is Status.PROMOTED
    assert (runs(world), runs(world, "basket")) == (ARM.identity, AMD.identity)


def test_one_image_for_functions_of_different_architectures_is_refused(world: World) -> None:
    world.image_function("basket", architecture="x86_64")
    members = [{"function": "checkout"}, {"function": "basket"}]
    world.target(source=SOURCE, strategy="AllAtOnce", members=members)
    push(world, (PUSHED, built("arm64")))
    refused(
        world,
        told(world),
        f"{PUSHED.identity} is built for linux/arm64, and function basket is x86_64; build it with: "
        "docker buildx build --platform linux/amd64 --push",
    )


def test_an_index_without_the_architecture_is_refused_with_the_flags_that_mend_it(world: World) -> None:
    push_index(world, listed(AMD.digest, "linux/amd64"), attestation(AMD.digest))
    refused(
        world,
        told(world),
        f"{PUSHED.identity} is an index of linux/amd64, without an image for function checkout, which is arm64; "
        "push one with: docker buildx build --platform linux/arm64 --push",
    )


def test_what_was_refused_is_judged_anew_when_the_function_has_become_another(world: World) -> None:
    push_index(world, listed(AMD.digest, "linux/amd64"))
    assert told(world).status is Status.REJECTED
    image = world.aws("GetFunction", FunctionName="checkout")["Code"]["ImageUri"]
    world.aws("UpdateFunctionCode", FunctionName="checkout", ImageUri=image, Architectures=["x86_64"])
    world.clock.advance(5)
    assert told(world, event_id="event-2").status is Status.PROMOTED
    assert runs(world) == AMD.identity


def test_an_image_whose_index_lies_about_its_architecture_is_refused(world: World) -> None:
    push_index(world, listed(AMD.digest, "linux/arm64"))
    refused(
        world,
        told(world),
        f"{AMD.identity} is built for linux/amd64, and function checkout is arm64; build it with: "
        "docker buildx build --platform linux/arm64 --push",
    )


def test_an_index_whose_image_was_deleted_is_refused_by_the_images_name(world: World) -> None:
    push(world, (PUSHED, an_index(*BOTH)))
    refused(world, told(world), f"{ARM.identity} cannot be read: there is no such image")


@pytest.mark.parametrize("operation", ["BatchGetImage", "GetDownloadUrlForLayer"])
def test_what_cannot_be_read_for_now_is_read_again_and_never_passes(world: World, operation: str) -> None:
    push_index(world, *BOTH)
    world.fault = Fault(1, error=THROTTLE, operation=operation)
    assert told(world).status is Status.PROMOTED
    assert runs(world) == ARM.identity


def test_an_image_for_a_function_of_zips_is_refused_and_the_other_way_round() -> None:
    world = World()
    world.function()
    world.target(source=SOURCE, strategy="AllAtOnce")
    push(world, (PUSHED, built()))
    line = "function checkout has package type {}, which Lambda never changes, and cannot be given {}; "
    line += "make another function for it"
    refused(world, told(world), line.format("Zip", "an image"))

    world = World()
    world.image_function()
    world.target(strategy="AllAtOnce")
    refused(world, world.record(world.push(world.upload()).name), line.format("Image", "a zip"))


@pytest.mark.parametrize(
    ("registry", "line"),
    [
        ("123456789012.dkr.ecr.us-east-1", "is in us-east-1, and Lambda takes images of eu-west-1 here; "),
        (
            "210987654321.dkr.ecr.eu-west-1",
            "is in account 210987654321, and this stack deploys images of account 123456789012; ",
        ),
    ],
)
def test_an_image_of_another_region_or_account_is_refused(world: World, registry: str, line: str) -> None:
    image = ImageArtifact(image=PUSHED.image.replace("123456789012.dkr.ecr.eu-west-1", registry))
    world.run("by-hand", {"target": "checkout", "artifact": image.model_dump()})
    refused(world, world.record("by-hand"), f"{image.identity} {line}push it there, or let ECR replicate it")


class _AnotherImage:
    """Lambda's model, which says that $LATEST is another image than the one that was put there."""

    def __init__(self, world: World) -> None:
        self._model = world.aws_lambda

    def handle(self, call: Any) -> dict[str, Any]:
        """Answer as the model, but for the image."""
        answer = self._model.handle(call)
        if call.operation == "GetFunction":
            answer["Code"] = answer["Code"] | {"ResolvedImageUri": AMD.identity}
        return answer


def test_an_image_that_lambda_resolved_to_another_one_is_refused_before_it_is_published(world: World) -> None:
    push_index(world, *BOTH)
    world.ports.functions = LambdaFunctions(ModelClient("lambda", _AnotherImage(world)))  # type: ignore[arg-type]
    ended = told(world)
    assert ended.status is Status.REJECTED
    assert ended.reason == (
        f"{PUSHED.identity}: Lambda says that function checkout is {AMD.identity}, and not {ARM.identity}, which "
        "was put there; deploy again"
    )
    versions = world.aws("ListVersionsByFunction", FunctionName="checkout")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]


GATED = SOURCE | {"scan": {"block": "HIGH"}}


@pytest.fixture
def gated(world: World) -> World:
    """The account whose target lets no image through in which a scan finds what is HIGH or worse."""
    world.target(source=GATED, strategy="AllAtOnce")
    push_index(world, *BOTH)
    return world


def test_the_scan_of_the_image_that_will_run_decides_and_not_that_of_its_index(gated: World) -> None:
    scans = gated.ports.artifacts.scans
    scans[ARM.identity] = Scan("COMPLETE", {"CRITICAL": 1, "HIGH": 3, "LOW": 40})
    scans[AMD.identity] = scans[PUSHED.identity] = Scan("COMPLETE", {})
    refused(
        gated,
        told(gated),
        f"{ARM.identity} has findings of its scan: 1 CRITICAL, 3 HIGH; mend them, or raise the target's "
        "scan.block from HIGH",
    )


def test_milder_findings_pass(gated: World) -> None:
    gated.ports.artifacts.scans[ARM.identity] = Scan("ACTIVE", {"MEDIUM": 7, "UNDEFINED": 2})
    assert told(gated).status is Status.PROMOTED


def test_a_scan_that_is_under_way_is_waited_for(gated: World) -> None:
    scans = gated.ports.artifacts.scans
    gated.at(20, lambda: scans.update({ARM.identity: Scan("IN_PROGRESS", {})}))
    gated.at(90, lambda: scans.update({ARM.identity: Scan("COMPLETE", {"LOW": 1})}))
    before = gated.now()
    ended = told(gated)
    assert ended.status is Status.PROMOTED
    assert ended.ended_at is not None
    assert (ended.ended_at - before).total_seconds() >= 90


@pytest.mark.parametrize(
    ("scan", "line"),
    [
        (None, "has not been scanned; turn on scanning for its repository, or "),
        ("PENDING", "has no result of its scan, which is PENDING; scan it again and start again, or "),
    ],
)
def test_a_scan_that_does_not_come_is_no_pass(gated: World, scan: str | None, line: str) -> None:
    gated.ports.artifacts.scans[ARM.identity] = Scan(scan, {})
    before = gated.now()
    ended = told(gated)
    refused(gated, ended, f'{ARM.identity} {line}drop "scan" from the target')
    assert ended.ended_at is not None
    assert 590 <= (ended.ended_at - before).total_seconds() <= 620


def test_a_scan_that_failed_is_no_pass_and_not_waited_for(gated: World) -> None:
    gated.ports.artifacts.scans[ARM.identity] = Scan("UNSUPPORTED_IMAGE", {})
    before = gated.now()
    ended = told(gated)
    assert ended.reason.startswith(f"{ARM.identity} has no result of its scan, which is UNSUPPORTED_IMAGE; ")
    assert ended.ended_at is not None
    assert (ended.ended_at - before).total_seconds() < 10
