"""Order: of the artifacts that a target is told of, the one that is wanted now is deployed, and no older one."""

import json

import pytest

from controller.core.artifact import ImageArtifact
from controller.core.deployment import Deployment, Status
from controller.intake import take_in
from controller.ports import Stored
from tests.builders import an_image
from tests.engine.world import World, ecr_event, s3_event

OF_IMAGES = pytest.mark.parametrize("world", ["images"], indirect=True)
"""Lets a test have a function of images."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """An account with the function checkout, of zips unless a test says otherwise, and a target of zips."""
    world = World()
    world.image_function() if getattr(request, "param", "zips") == "images" else world.function()
    world.target(strategy="AllAtOnce")
    return world


def appears(world: World, image: ImageArtifact, tag: str) -> None:
    """Push an image under a tag."""
    world.clock.advance(5)
    world.ports.artifacts.put(image, Stored(world.now()), tag)


def ends(world: World, image: ImageArtifact, tag: str, event_id: str) -> Deployment:
    """Return the deployment that the event of a push leads to, once it has ended."""
    (name,) = take_in(world.ports, ecr_event(image, tag, event_id)).started
    world.run(name, json.loads(world.ports.executions.started[name]))
    return world.record(name)


def test_a_zip_whose_key_was_written_again_before_its_event_arrived_is_skipped(world: World) -> None:
    first, second = world.upload("release = 1"), world.upload("release = 2")
    late = world.push(first)
    assert late.status == "SUCCEEDED"
    assert world.record(late.name).status is Status.SKIPPED
    assert (
        world.record(late.name).reason == f"{first.identity} came too late: {second.identity} has taken its place"
    )
    assert world.record(world.push(second).name).status is Status.PROMOTED


def test_a_zip_that_appeared_before_one_that_was_deployed_is_skipped(world: World) -> None:
    older = world.upload("release = 1", "checkout/1.zip")
    world.clock.advance(60)
    younger = world.upload("release = 2", "checkout/2.zip")
    world.push(younger)
    late = world.record(world.push(older).name)
    assert late.status is Status.SKIPPED
    assert late.reason.startswith(f"{older.identity} came too late: it appeared at ")
    assert late.reason.endswith(
        f", before {younger.identity}, which was taken up already; start it by hand to go back to it"
    )
    assert world.alias() == "version 2"


def test_a_person_may_go_back_to_an_older_zip_and_the_order_of_events_stays(world: World) -> None:
    older = world.upload("release = 1", "checkout/1.zip")
    world.clock.advance(60)
    between = world.upload("release = 2", "checkout/2.zip")
    world.clock.advance(60)
    world.push(world.upload("release = 3", "checkout/3.zip"))
    back = world.run("back", {"target": "checkout", "artifact": older.model_dump()})
    assert back.status == "SUCCEEDED"
    assert world.record("back").status is Status.PROMOTED
    assert world.record(world.push(between).name).status is Status.SKIPPED


def test_zips_of_the_same_second_are_deployed_as_their_events_arrive(world: World) -> None:
    first, second = world.upload("release = 1", "checkout/1.zip"), world.upload("release = 2", "checkout/2.zip")
    assert [world.record(world.push(each).name).status for each in (second, first)] == [Status.PROMOTED] * 2


def test_a_zip_whose_key_was_deleted_since_is_deployed_all_the_same(world: World) -> None:
    artifact = world.upload()
    world.ports.artifacts.forget(artifact)
    assert world.record(world.push(artifact).name).status is Status.PROMOTED


def test_an_artifact_that_is_not_there_is_rejected_before_anything_is_published(world: World) -> None:
    ghost = world.upload().model_copy(update={"version_id": "v99"})
    (name,) = take_in(world.ports, s3_event(ghost)).started
    ended = world.run(name, json.loads(world.ports.executions.started[name]))
    assert (ended.status, ended.error) == ("FAILED", "Rejected")
    assert ended.cause == f"{ghost.identity} cannot be read: there is no such artifact"
    assert [
        each["Version"] for each in world.aws("ListVersionsByFunction", FunctionName="checkout")["Versions"]
    ] == [
        "$LATEST",
        "1",
    ]


@OF_IMAGES
def test_an_image_that_the_followed_tag_has_left_is_skipped(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "prod"}, strategy="AllAtOnce")
    first, second = an_image("a1"), an_image("a2")
    appears(world, first, "prod")
    appears(world, second, "prod")
    late = ends(world, first, "prod", "event-1")
    assert late.status is Status.SKIPPED
    assert late.reason == f"{first.identity} came too late: tag prod names {second.identity} by now"


def test_an_image_whose_followed_tag_was_taken_away_is_skipped(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "prod"})
    image = an_image()
    appears(world, image, "prod")
    world.ports.artifacts.forget(image, "prod")
    assert (
        ends(world, image, "prod", "event-1").reason
        == f"{image.identity} came too late: tag prod names nothing by now"
    )


@OF_IMAGES
def test_a_followed_tag_that_is_moved_back_brings_the_older_image_back(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "prod"}, strategy="AllAtOnce")
    first, second = an_image("a1"), an_image("a2")
    for number, image in enumerate([first, second, first]):
        appears(world, image, "prod")
        ended = ends(world, image, "prod", f"event-{number}")
        assert (ended.status, ended.artifact) == (Status.PROMOTED, image)
    assert world.alias() == "version 4"


@OF_IMAGES
def test_among_tags_the_image_that_was_pushed_before_the_newest_is_skipped(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "v*"}, strategy="AllAtOnce")
    first, second = an_image("a1"), an_image("a2")
    appears(world, first, "v1")
    appears(world, second, "v2")
    assert ends(world, second, "v2", "event-2").status is Status.PROMOTED
    late = ends(world, first, "v1", "event-1")
    assert late.status is Status.SKIPPED
    assert f", before {second.identity}, which was taken up already" in late.reason


@OF_IMAGES
def test_a_second_tag_of_an_image_and_its_replication_change_nothing(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "*"}, strategy="AllAtOnce")
    image = an_image()
    appears(world, image, "v1")
    first = ends(world, image, "v1", "event-1")
    assert first.status is Status.PROMOTED
    for tag, event_id in [("v1.0", "event-2"), ("v1", "event-3")]:
        again = ends(world, image, tag, event_id)
        assert again.status is Status.SKIPPED
        assert again.reason == f"{image.identity} is live on checkout since deployment {first.deployment_id}"
    assert world.alias() == "version 2"


@OF_IMAGES
def test_two_tags_of_an_image_whose_events_are_planned_at_once_start_one_deployment(world: World) -> None:
    world.target(source={"repository": "team/orders", "tag": "*"}, strategy="AllAtOnce")
    image = an_image()
    appears(world, image, "v1")
    rivals: list[Deployment] = []

    def other_event(operation: str, moment: str) -> None:
        if (operation, moment) == (
            "ListAliases",
            "before",
        ) and not rivals:  # the first has asked who deploys: nobody
            world.fault = lambda operation, moment: None
            rivals.append(ends(world, image, "v1.0", "event-2"))

    world.fault = other_event
    ended = ends(world, image, "v1", "event-1")
    assert rivals[0].status is Status.PROMOTED
    assert (ended.status, ended.members) == (Status.SKIPPED, ())
