"""Packages that a function cannot run are refused by Plan, before anything is claimed or published."""

import pytest

from controller.core.deployment import Status
from controller.core.errors import UnavailableError
from tests.builders import an_image
from tests.engine.faults import BROKEN, THROTTLE, Fault, always
from tests.engine.walker import Execution
from tests.engine.world import World, s3_event, zip_of
from tests.tasks.walks import holder

ENCRYPTED = zip_of("release = 2").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


def versions(world: World, function: str = "checkout") -> list[str]:
    return [each["Version"] for each in world.aws("ListVersionsByFunction", FunctionName=function)["Versions"]]


def untouched(world: World, execution: Execution) -> None:
    """See that a deployment was refused before anything happened."""
    assert (execution.error, execution.path) == ("Rejected", ["Plan", "Decide", "Rejected"])
    assert (world.alias(), holder(world), versions(world)) == ("version 1", None, ["$LATEST", "1"])


def test_a_zip_that_is_at_fault_is_remembered_and_not_tried_again_by_an_event(world: World) -> None:
    artifact = world.upload(data=ENCRYPTED)
    first = world.push(artifact)
    untouched(world, first)
    assert first.cause.startswith(f"{artifact.identity}: 'app.py' is encrypted, ")
    assert world.record(first.name).refused
    again = world.push(artifact)
    assert world.record(again.name).status is Status.SKIPPED
    assert f"was refused by deployment {first.name}" in world.record(again.name).reason


def test_a_zip_that_the_function_does_not_fit_is_tried_again_when_the_function_does(world: World) -> None:
    artifact = world.upload(data=zip_of("release = 2", "main.py"))
    first = world.push(artifact)
    untouched(world, first)
    assert first.cause == (
        f"{artifact.identity}: it has no app.py at its root, where handler 'app.handler' of function checkout is "
        "looked for; put it there, or change the function"
    )
    assert not world.record(first.name).refused
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Handler="main.handler")
    world.wait(5)
    assert world.push(artifact).status == "SUCCEEDED"


def test_every_member_must_be_able_to_run_the_zip(world: World) -> None:
    world.function("basket")
    world.aws("UpdateFunctionConfiguration", FunctionName="basket", Handler="basket.handler")
    world.wait(5)
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    execution = world.push(world.upload())
    untouched(world, execution)
    assert "handler 'basket.handler' of function basket" in execution.cause
    assert versions(world, "basket") == ["$LATEST", "1"]


def test_an_image_for_a_function_of_zips_is_refused_and_not_blamed(world: World) -> None:
    image = an_image()
    world.ports.artifacts.put(image, world.ports.artifacts.find(world.upload()))
    execution = world.run("by-hand", {"target": "checkout", "artifact": image.model_dump()})
    untouched(world, execution)
    assert execution.cause == (
        "function checkout has package type Zip, which Lambda never changes, and cannot be given an image; "
        "make another function for it"
    )
    assert not world.record("by-hand").refused


def test_a_zip_for_a_function_of_images_is_refused_and_not_blamed(world: World) -> None:
    world.image_function("orders")
    world.target("orders")
    artifact = world.upload(key="orders/1.zip")
    execution = world.push(artifact)
    assert execution.cause.startswith("function orders has package type Image, which Lambda never changes, ")
    assert versions(world, "orders") == ["$LATEST", "1"]
    assert not world.record(execution.name).refused


def test_a_bad_zip_does_not_end_the_deployment_that_is_under_way(world: World) -> None:
    taken = world.announce(s3_event(world.upload(key="checkout/1.zip"), event_id="first"))
    world.go_on(lambda: bool(taken) and world.alias() != "version 1")
    assert world.push(world.upload(key="checkout/2.zip", data=ENCRYPTED)).error == "Rejected"
    assert world.machine.finish(taken[0].started[0]).status == "SUCCEEDED"


@pytest.mark.parametrize("error", [THROTTLE, BROKEN])
def test_a_zip_that_cannot_be_read_for_a_moment_is_read_again(world: World, error: Exception) -> None:
    world.fault = Fault(1, error=error, operation="GetObject")
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_a_zip_that_can_never_be_read_is_never_published(world: World) -> None:
    world.fault = always("GetObject", THROTTLE)
    execution = world.push(world.upload())
    assert execution.status == "FAILED"
    assert (world.alias(), versions(world)) == ("version 1", ["$LATEST", "1"])
    assert not world.record(execution.name).refused


def test_a_zip_of_which_not_all_the_bytes_come_is_never_passed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> bytes:
        raise UnavailableError("3 of 200 bytes came")

    monkeypatch.setattr(world.ports.artifacts, "read", read)
    execution = world.push(world.upload())
    assert execution.status == "FAILED"
    assert versions(world) == ["$LATEST", "1"]


def test_of_a_published_version_no_zip_is_read(world: World) -> None:
    world.fault = always("GetObject")
    world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of("release = 2"), Architectures=["arm64"])
    world.wait(5)
    world.aws("PublishVersion", FunctionName="checkout")
    world.wait(5)
    assert world.run("by-hand", {"target": "checkout", "version": "2"}).status == "SUCCEEDED"
