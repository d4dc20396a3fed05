"""Images pushed to ECR: which of them are deployed, in whose words the others are refused, and by hand."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status
from controller.core.wording import shown
from rampart.demo.account import repository_of
from rampart.demo.releases import Release
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.eventbridge.ecr_events import replication_event
from tests.e2e.shop import Shop, until

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def account() -> Iterator[Shop]:
    """Return an account whose controller takes images, with a minute of half a second."""
    with EmbeddedAws(0.5) as aws:
        yield Shop(aws, images=["orders"])


@pytest.fixture
def shop(account: Shop) -> Shop:
    """Return a shop whose function is an image, and whose target follows the tag prod of its repository."""
    shop = account.open_image(f"orders-{next(_numbers)}")
    shop.declare_target("AllAtOnce", shop.function, final_bake="1m")
    return shop


def follow_every_tag(shop: Shop) -> None:
    """Declare the shop's target so that it wants whatever is pushed under a tag."""
    source = {"repository": repository_of(shop.function), "tag": "*"}
    shop.declare_target("AllAtOnce", shop.function, source=source, final_bake="1m")


def push(shop: Shop, number: int, *tags: str, **build: Any) -> str:
    """Push the image of a good release under tags; return its identity as an artifact."""
    release = Release(number, 0, Status.PROMOTED, shop.function)
    return shop.aws.push_image(repository_of(shop.function), tags, release.zip, **build)


def live_image(shop: Shop) -> str:
    """Return the image that the alias runs, by its digest."""
    found = shop.aws.client("lambda").get_function(FunctionName=shop.function, Qualifier="live")
    image: str = found["Code"]["ResolvedImageUri"]
    return image


def versions(shop: Shop) -> list[str]:
    """Return the published versions."""
    found = shop.aws.client("lambda").list_versions_by_function(FunctionName=shop.function)["Versions"]
    return [each["Version"] for each in found if each["Version"] != "$LATEST"]


def deployments(shop: Shop, number: int) -> list[Deployment]:
    """Return the shop's deployments, the oldest first, once there are so many and all have ended."""

    def over() -> list[Deployment]:
        found = shop.deployments.history(shop.function, 50)
        return found if len(found) == number and all(each.status.is_over for each in found) else []

    return sorted(shop.wait(over, f"{number} deployments have ended"), key=lambda each: each.started_at)


def refused(shop: Shop, deployment: Deployment, line: str) -> None:
    """See that a deployment ended REJECTED with one line, in its execution too, and that nothing was published."""
    assert deployment.status is Status.REJECTED
    assert deployment.reason == line
    assert "\n" not in line
    assert shop.execution(deployment.deployment_id)["cause"] == line
    assert (versions(shop), shop.routing(shop.function)) == (["1"], Routing("1"))
    assert shop.claims().get(f"function#{shop.function}") is None


def test_an_image_pushed_under_the_followed_tag_is_promoted_and_the_alias_runs_its_digest(shop: Shop) -> None:
    pushed = push(shop, 2, "prod")
    ended = shop.deployment_of(pushed)
    assert (ended.status, ended.what) == (Status.PROMOTED, pushed)
    assert live_image(shop) == pushed
    answer = shop.aws.client("lambda").invoke(FunctionName=shop.function, Qualifier="live", Payload=b'{"order": 7}')
    assert answer["Payload"].read() == b'{"order": 7, "release": 2}'
    assert [each["status"] for each in shop.told(ended.deployment_id)][-1] == "PROMOTED"


def test_an_image_pushed_by_its_digest_alone_starts_nothing(shop: Shop) -> None:
    follow_every_tag(shop)
    intake, executions = shop.stack.resources["IntakeFunction"], shop.executions()
    delivered = len(shop.aws.events.delivered)
    push(shop, 2)
    shop.settle()
    assert [each for each in list(shop.aws.events.delivered)[delivered:] if intake in each.target_arn] == []
    assert shop.executions() == executions


def test_a_push_with_two_tags_deploys_once_and_the_second_event_is_skipped(shop: Shop) -> None:
    follow_every_tag(shop)
    pushed = push(shop, 2, "v2", "latest")
    ended = deployments(shop, 2)
    assert sorted(each.status for each in ended) == [Status.PROMOTED, Status.SKIPPED]
    assert {each.what for each in ended} == {pushed}
    (skipped,) = [each for each in ended if each.status is Status.SKIPPED]
    assert skipped.reason.startswith(f"{pushed} is ")
    assert (versions(shop), live_image(shop)) == (["1", "2"], pushed)


def test_an_index_as_docker_pushes_it_is_promoted_and_the_alias_runs_the_image_that_it_lists(shop: Shop) -> None:
    pushed = push(shop, 2, "prod", index=True)
    child = push(shop, 2)
    ended = shop.deployment_of(pushed)
    assert (ended.status, ended.what) == (Status.PROMOTED, pushed)
    assert live_image(shop) == ended.members[0].image == child != pushed
    answer = shop.aws.client("lambda").invoke(FunctionName=shop.function, Qualifier="live", Payload=b'{"order": 7}')
    assert answer["Payload"].read() == b'{"order": 7, "release": 2}'
    shop.settle()
    assert not any(pushed in line for line in shop.reconcile())


def test_an_index_without_the_functions_architecture_is_refused_with_the_flags_that_mend_it(shop: Shop) -> None:
    pushed = push(shop, 2, "prod", index=True, architecture="x86_64")
    (ended,) = deployments(shop, 1)
    refused(
        shop,
        ended,
        f"{pushed} is an index of linux/amd64, without an image for function {shop.function}, which is arm64; "
        "push one with: docker buildx build --platform linux/arm64 --push",
    )


def test_an_image_for_another_architecture_is_refused_before_it_is_published(shop: Shop) -> None:
    pushed = push(shop, 2, "prod", architecture="x86_64")
    (ended,) = deployments(shop, 1)
    refused(
        shop,
        ended,
        f"{pushed} is built for linux/amd64, and function {shop.function} is arm64; build it with: "
        "docker buildx build --platform linux/arm64 --push",
    )


def test_an_image_in_which_a_scan_finds_what_the_target_blocks_is_refused(shop: Shop) -> None:
    repository = repository_of(shop.function)
    source = {"repository": repository, "tag": "prod", "scan": {"block": "HIGH"}}
    shop.declare_target("AllAtOnce", shop.function, source=source, final_bake="1m")
    digest = push(shop, 2).partition("@")[2]
    shop.aws.ecr.scanned(repository, digest, "COMPLETE", CRITICAL=1, LOW=12)
    pushed = push(shop, 2, "prod")
    (ended,) = deployments(shop, 1)
    refused(
        shop,
        ended,
        f"{pushed} has findings of its scan: 1 CRITICAL; mend them, or raise the target's scan.block from HIGH",
    )


def test_the_replication_of_an_image_that_is_live_is_skipped(shop: Shop) -> None:
    pushed = push(shop, 2, "prod")
    (first,) = deployments(shop, 1)
    event = replication_event(repository_of(shop.function), pushed.partition("@")[2], "prod", "us-west-2")
    shop.aws.events.publish(event)
    _, again = deployments(shop, 2)
    assert again.status is Status.SKIPPED
    assert again.reason == f"{pushed} is live on {shop.function} since deployment {first.deployment_id}"
    assert versions(shop) == ["1", "2"]


def test_a_tag_that_is_moved_back_brings_the_older_image_back(shop: Shop) -> None:
    older = live_image(shop)
    newer = push(shop, 2, "prod")
    assert shop.deployment_of(newer).status is Status.PROMOTED
    assert push(shop, 1, "prod") == older
    back = deployments(shop, 2)[-1]
    assert (back.status, back.what) == (Status.PROMOTED, older)
    assert live_image(shop) == older


def by_hand(shop: Shop, image: str) -> Deployment:
    """Start a hotfix with an image and return its deployment, once it has ended."""
    request: dict[str, Any] = {
        "target": shop.function,
        "artifact": {"image": image},
        "hotfix": {"reason": "checkout is down", "by": "kim"},
    }
    deployment_id = shop.start(request)
    shop.execution(deployment_id)
    return shop.record(deployment_id)


def test_a_hotfix_deploys_an_image_by_its_digest(shop: Shop) -> None:
    pushed = push(shop, 2)
    assert by_hand(shop, pushed).status is Status.PROMOTED
    assert live_image(shop) == pushed


def test_a_hotfix_with_a_tag_is_refused_because_a_tag_may_move(shop: Shop) -> None:
    tagged = push(shop, 2).partition("@")[0] + ":prod"
    refused(
        shop,
        by_hand(shop, tagged),
        "execution input: artifact.image: write an image of ECR by its digest, "
        f'"ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:…" (a tag may move), not {shown(tagged)}',
    )


def test_a_hotfix_with_an_image_that_is_not_there_is_refused_by_its_name(shop: Shop) -> None:
    missing = live_image(shop).partition("@")[0] + "@sha256:" + "0" * 64
    ended = by_hand(shop, missing)
    assert ended.reason.startswith(f"{missing} cannot be read: The image with imageId ")
    refused(shop, ended, ended.reason)


def test_a_repository_that_does_not_let_lambda_read_is_refused_in_lambdas_words(shop: Shop) -> None:
    """The controller may not write a repository's policy, as Lambda would for whoever may."""
    shop.aws.client("ecr").delete_repository_policy(repositoryName=repository_of(shop.function))
    pushed = push(shop, 2, "prod")
    until(shop.denied, "somebody is denied something")
    assert (shop.denied() or "").startswith("PublishFunction was denied ecr:SetRepositoryPolicy on ")
    shop.pardon()
    (ended,) = deployments(shop, 1)
    refused(
        shop,
        ended,
        f"{pushed}: Lambda refused the code for function {shop.function}: "
        "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
    )
