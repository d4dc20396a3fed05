"""Artifacts, the port, and images: manifests, configurations and scans as ECR has them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from controller.adapters.artifact_store import ArtifactStore
from controller.core.artifact import ImageArtifact
from controller.core.errors import ControllerError, DeniedError, MissingError, RefusedError, UnavailableError
from controller.core.image_manifest import Descriptor, check_platform, child_of, config_of
from controller.core.scan import Scan
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import answering, refusing, restricted
from tests.adapters.lambda_account import zipped


@pytest.fixture
def repository(aws: EmbeddedAws, fresh: Callable[[str], str]) -> str:
    """Make a repository and return its name."""
    name = fresh("images")
    aws.client("ecr").create_repository(repositoryName=name)
    return name


def store(client: Any) -> ArtifactStore:
    """Return the port over a client of ECR."""
    return ArtifactStore(lambda: None, lambda: client, "123456789012")  # type: ignore[arg-type, return-value]


def pushed(aws: EmbeddedAws, repository: str, **build: Any) -> ImageArtifact:
    """Push an image or an index under a tag, and return it."""
    return ImageArtifact(image=aws.push_image(repository, ["v1"], zipped(1), "main.handler", **build))


def test_of_an_index_the_image_and_its_configuration_are_read(aws: EmbeddedAws, repository: str) -> None:
    artifacts = store(aws.client("ecr"))
    index = pushed(aws, repository, index=True)
    child = child_of(artifacts.manifest(index), "shop", "arm64")
    assert child is not None
    image = ImageArtifact(image=index.at(child))
    manifest = artifacts.manifest(image)
    assert manifest.what == image.identity
    assert child_of(manifest, "shop", "arm64") is None
    check_platform(manifest, artifacts.config(image, config_of(manifest)), "shop", "arm64")


def test_an_image_or_a_repository_that_is_not_there_is_missing(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    artifacts = store(aws.client("ecr"))
    nothing = ImageArtifact(image=image.at("sha256:" + "0" * 64))
    with pytest.raises(MissingError, match="cannot be read: Requested image not found"):
        artifacts.manifest(nothing)
    with pytest.raises(MissingError, match="does not exist"):
        artifacts.manifest(ImageArtifact(image=image.image.replace(repository, "none")))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ImageNotFound", MissingError),
        ("ImageInaccessible", RefusedError),
        ("KmsError", RefusedError),
        ("UpstreamUnavailable", UnavailableError),
    ],
)
def test_what_ecr_says_of_one_image_is_told_in_its_words(
    aws: EmbeddedAws, repository: str, code: str, error: type[ControllerError]
) -> None:
    image = pushed(aws, repository)
    failure = {"imageId": {"imageDigest": image.digest}, "failureCode": code, "failureReason": "so it is"}
    with pytest.raises(error, match="cannot be read: so it is") as failed:
        store(answering(aws, "ecr", "batch_get_image", {"images": [], "failures": [failure]})).manifest(image)
    assert type(failed.value) is error


def test_a_configuration_that_no_image_refers_to_is_refused(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    other = Descriptor(digest="sha256:" + "0" * 64, size=10)
    with pytest.raises(RefusedError, match="could not be found"):
        store(aws.client("ecr")).config(image, other)


def test_a_configuration_that_is_longer_than_the_manifest_says_is_not_read_and_not_believed(
    aws: EmbeddedAws, repository: str
) -> None:
    artifacts = store(aws.client("ecr"))
    image = pushed(aws, repository)
    config = config_of(artifacts.manifest(image))
    with pytest.raises(UnavailableError, match="what came is not what the manifest names"):
        artifacts.config(image, config.model_copy(update={"size": config.size - 10}))


@pytest.mark.parametrize("path", ["/ecr-layers/none", "/nothing"])
def test_a_download_that_is_refused_is_tried_again(aws: EmbeddedAws, repository: str, path: str) -> None:
    image = pushed(aws, repository)
    config = config_of(store(aws.client("ecr")).manifest(image))
    for url in (f"{aws.url}{path}", "http://127.0.0.1:9/closed"):
        client = answering(aws, "ecr", "get_download_url_for_layer", {"downloadUrl": url})
        with pytest.raises(UnavailableError):
            store(client).config(image, config)


def test_the_signed_url_of_a_download_that_fails_is_told_to_nobody(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    config = config_of(store(aws.client("ecr")).manifest(image))
    url = "http://127.0.0.1:9/layer?X-Amz-Signature=5ec3e7"  # whoever has it may read the layer for an hour
    client = answering(aws, "ecr", "get_download_url_for_layer", {"downloadUrl": url})
    with pytest.raises(UnavailableError, match=f"the configuration of {image.identity} cannot be read: ") as failed:
        store(client).config(image, config)
    assert "5ec3e7" not in str(failed.value)


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("batch_get_image", lambda port, image: port.manifest(image)),
        (
            "get_download_url_for_layer",
            lambda port, image: port.config(image, Descriptor(digest=image.digest, size=1)),
        ),
        ("describe_image_scan_findings", lambda port, image: port.scan(image)),
    ],
)
@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("ServerException", 500)])
def test_what_ecr_cannot_answer_now_is_tried_again(
    aws: EmbeddedAws,
    repository: str,
    method: str,
    call: Callable[[ArtifactStore, ImageArtifact], object],
    code: str,
    status: int,
) -> None:
    image = pushed(aws, repository)
    with pytest.raises(UnavailableError):
        call(store(refusing(aws, "ecr", method, code, status)), image)


def test_who_may_not_read_images_is_denied(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    artifacts = store(restricted(aws, "ecr", "blind", "ecr:DescribeImages"))
    with pytest.raises(DeniedError):
        artifacts.manifest(image)
    with pytest.raises(DeniedError):
        artifacts.scan(image)


def test_a_scan_is_told_with_its_findings_and_none_as_none(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    artifacts = store(aws.client("ecr"))
    assert artifacts.scan(image) == Scan(None, {})
    aws.ecr.scanned(repository, image.digest, "IN_PROGRESS")
    assert artifacts.scan(image) == Scan("IN_PROGRESS", {})
    aws.ecr.scanned(repository, image.digest, "COMPLETE", HIGH=2, LOW=1)
    assert artifacts.scan(image) == Scan("COMPLETE", {"HIGH": 2, "LOW": 1})


def test_the_lifecycle_policy_of_a_repository_is_told_if_there_is_one(aws: EmbeddedAws, repository: str) -> None:
    image, artifacts = pushed(aws, repository), store(aws.client("ecr"))
    assert artifacts.clean_up(image) is None
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
    policy = json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
    aws.client("ecr").put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=policy)
    assert artifacts.clean_up(image) == policy


def test_an_image_is_told_with_its_tags_and_refused_when_it_is_archived(aws: EmbeddedAws, repository: str) -> None:
    image = pushed(aws, repository)
    found = store(aws.client("ecr")).find(image)
    assert found.tags == ("v1",)
    detail = {"imageDigest": image.digest, "imagePushedAt": found.appeared_at, "imageStatus": "ARCHIVED"}
    with pytest.raises(RefusedError, match="is ARCHIVED in ECR; restore it first"):
        store(answering(aws, "ecr", "describe_images", {"imageDetails": [detail]})).find(image)
