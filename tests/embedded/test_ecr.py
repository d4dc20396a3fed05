"""ECR keeps images by digest and tags that move, and refuses what ECR refuses."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.clock import VirtualClock
from rampart.embedded.ecr.build import BuiltImage, build_image
from rampart.embedded.ecr.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, digest_of
from rampart.embedded.ecr.model import EcrModel
from rampart.embedded.wire import ACCOUNT, ApiError, Call
from tests.embedded.lambda_account import refused, zip_of

NONE = "sha256:" + "0" * 64


class Registry:
    """A registry with the repository shop, on a virtual clock."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.model = EcrModel(self.clock)
        self.call("CreateRepository", **settings)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.model.handle(Call("ecr", operation, "AKIATEST", {"repositoryName": "shop", **params}))

    def put(self, manifest: str, tag: str | None = None) -> dict[str, Any]:
        tagged = {} if tag is None else {"imageTag": tag}
        image: dict[str, Any] = self.call("PutImage", imageManifest=manifest, **tagged)["image"]
        return image

    def refusal(self, operation: str, **params: Any) -> ApiError:
        return refused(self.call, operation, **params)


def image(number: int = 1, index: bool = False) -> BuiltImage:
    return build_image(zip_of(app=f"release = {number}"), "app.handler", "arm64", index)


def test_an_image_is_found_by_its_digest_and_by_its_tag() -> None:
    registry = Registry()
    (manifest,) = image().manifests
    digest = digest_of(manifest.encode())
    pushed = registry.put(manifest, "v1")
    assert pushed["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
    registry.clock.advance(60)
    registry.put(manifest, "latest")

    parts = json.loads(manifest)
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": "shop",
        "imageDigest": digest,
        "imageTags": ["latest", "v1"],
        "imageSizeInBytes": parts["config"]["size"] + parts["layers"][0]["size"],
        "imagePushedAt": 1_800_000_000.0,  # a new tag does not make an image younger
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": OCI_CONFIG,
        "imageStatus": "ACTIVE",
    }
    for image_id in ({"imageDigest": digest}, {"imageTag": "v1"}, {"imageDigest": digest, "imageTag": "latest"}):
        assert registry.call("DescribeImages", imageIds=[image_id])["imageDetails"] == [expected]
        answer = registry.call("BatchGetImage", imageIds=[image_id], acceptedMediaTypes=[OCI_MANIFEST])
        assert [each["imageManifest"] for each in answer["images"]] == [manifest]


def test_a_tag_moves_to_the_image_that_was_pushed_last() -> None:
    registry = Registry()
    first, second = image(1), image(2)
    registry.put(first.manifests[0], "latest")
    registry.put(second.manifests[0], "latest")
    (found,) = registry.call("DescribeImages", imageIds=[{"imageTag": "latest"}])["imageDetails"]
    assert found["imageDigest"] == second.digest
    (left,) = registry.call("DescribeImages", filter={"tagStatus": "UNTAGGED"})["imageDetails"]
    assert left["imageDigest"] == first.digest
    assert left["imageTags"] is None
    tagged = [{"imageDigest": second.digest, "imageTag": "latest"}]
    assert registry.call("ListImages", filter={"tagStatus": "TAGGED"})["imageIds"] == tagged
    assert {"imageDigest": first.digest} in registry.call("ListImages")["imageIds"]


@pytest.mark.parametrize("tag", ["v1", None])
def test_pushing_what_is_there_already_is_an_error(tag: str | None) -> None:
    registry = Registry()
    registry.put(image().manifests[0], tag)
    error = refused(registry.put, image().manifests[0], tag)
    assert error.code == "ImageAlreadyExistsException"
    assert image().digest in error.message


def test_an_immutable_tag_stays_where_it_is_but_a_new_one_may_come() -> None:
    registry = Registry(imageTagMutability="IMMUTABLE")
    registry.put(image(1).manifests[0], "v1")
    for number in (1, 2):  # the same image under the same tag is refused too
        error = refused(registry.put, image(number).manifests[0], "v1")
        assert error.code == "ImageTagAlreadyExistsException"
        assert "cannot be overwritten because the repository is immutable" in error.message
    registry.put(image(1).manifests[0], "v2")
    registry.call("PutImageTagMutability", imageTagMutability="MUTABLE")
    registry.put(image(2).manifests[0], "v1")


def test_an_index_comes_after_its_children_and_keeps_them() -> None:
    registry = Registry()
    built = image(index=True)
    child, attestation, index = built.manifests
    registry.put(child)
    early = refused(registry.put, index, "v1")
    assert early.code == "ReferencedImagesNotFoundException"
    assert digest_of(attestation.encode()) in early.message
    assert built.runnable not in early.message
    registry.put(attestation)
    registry.put(index, "v1")

    (shown,) = registry.call("DescribeImages", imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert (shown["imageManifestMediaType"], shown["artifactMediaType"]) == (OCI_INDEX, None)
    (whole,) = registry.call("DescribeImages", imageIds=[{"imageDigest": built.runnable}])["imageDetails"]
    assert shown["imageSizeInBytes"] == whole["imageSizeInBytes"] > 0

    kept = registry.call("BatchDeleteImage", imageIds=[{"imageDigest": built.runnable}])
    assert kept["imageIds"] == []
    assert kept["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    assert built.digest in kept["failures"][0]["failureReason"]
    gone = registry.call("BatchDeleteImage", imageIds=[{"imageTag": "v1"}, {"imageDigest": built.runnable}])
    assert gone["failures"] == []
    assert [each["imageDigest"] for each in gone["imageIds"]] == [built.digest, built.runnable]


def test_deleting_a_tag_keeps_the_image_until_it_was_the_last() -> None:
    registry = Registry()
    for tag in ("a", "b"):
        registry.put(image().manifests[0], tag)
    first = registry.call("BatchDeleteImage", imageIds=[{"imageTag": "a"}])
    assert first["imageIds"] == [{"imageDigest": image().digest, "imageTag": "a"}]
    assert registry.call("DescribeImages")["imageDetails"][0]["imageTags"] == ["b"]
    registry.call("BatchDeleteImage", imageIds=[{"imageTag": "b"}])
    assert registry.call("DescribeImages")["imageDetails"] == []


def test_deleting_a_digest_takes_all_its_tags() -> None:
    registry = Registry()
    for tag in ("a", "b"):
        registry.put(image().manifests[0], tag)
    gone = registry.call("BatchDeleteImage", imageIds=[{"imageDigest": image().digest}])
    assert [each["imageTag"] for each in gone["imageIds"]] == ["a", "b"]
    assert registry.call("ListImages")["imageIds"] == []


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        ({"imageTag": "v2"}, "ImageNotFound"),
        ({"imageDigest": NONE}, "ImageNotFound"),
        ({"imageDigest": "none"}, "InvalidImageDigest"),
        ({"imageTag": "v2", "imageDigest": image().digest}, "ImageTagDoesNotMatchDigest"),
        ({}, "MissingDigestAndTag"),
    ],
)
def test_an_image_that_is_not_there_fails_by_itself(image_id: dict[str, str], code: str) -> None:
    registry = Registry()
    registry.put(image().manifests[0], "v1")
    for operation in ("BatchGetImage", "BatchDeleteImage"):
        answer = registry.call(operation, imageIds=[image_id])
        assert [each["failureCode"] for each in answer["failures"]] == [code]
    described = registry.refusal("DescribeImages", imageIds=[image_id])
    missing = code in ("ImageNotFound", "ImageTagDoesNotMatchDigest")
    assert described.code == ("ImageNotFoundException" if missing else "InvalidParameterException")
    assert len(registry.call("ListImages")["imageIds"]) == 1


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("PutImage", {"imageManifest": "{"}, "InvalidParameterException"),
        ("PutImage", {"imageManifest": '{"schemaVersion": 2}'}, "InvalidParameterException"),
        ("PutImage", {"imageManifest": json.dumps({"mediaType": OCI_MANIFEST})}, "InvalidParameterException"),
        ("PutImage", {"imageManifest": '{"mediaType": "text/plain"}'}, "NotImplementedException"),
        ("PutImage", {"imageManifest": image().manifests[0], "imageTag": "a b"}, "InvalidParameterException"),
        (
            "PutImage",
            {"imageManifest": image().manifests[0], "imageDigest": NONE},
            "ImageDigestDoesNotMatchException",
        ),
        ("CreateRepository", {}, "RepositoryAlreadyExistsException"),
        ("CreateRepository", {"repositoryName": "Shop"}, "InvalidParameterException"),
        ("CreateRepository", {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "NotImplementedException"),
        ("DescribeImages", {"repositoryName": "other"}, "RepositoryNotFoundException"),
        ("DescribeImages", {"registryId": "210987654321"}, "NotImplementedException"),
        ("DescribeImages", {"imageIds": [{"imageTag": "v1"}], "maxResults": 1}, "InvalidParameterException"),
        ("DescribeImages", {"filter": {"imageStatus": "ARCHIVED"}}, "NotImplementedException"),
        ("GetRepositoryPolicy", {}, "RepositoryPolicyNotFoundException"),
        ("DeleteRepositoryPolicy", {}, "RepositoryPolicyNotFoundException"),
        ("SetRepositoryPolicy", {"policyText": "{}"}, "InvalidParameterException"),
        ("StartImageScan", {"imageId": {}}, "NotImplementedException"),
    ],
)
def test_what_ecr_does_not_take_is_refused(operation: str, params: dict[str, Any], code: str) -> None:
    registry = Registry()
    if operation == "CreateRepository" and params:
        params = {"repositoryName": "new", **params}
    assert registry.refusal(operation, **params).code == code
    assert registry.call("ListImages")["imageIds"] == []


def test_a_manifest_is_not_converted_into_a_type_that_the_caller_prefers() -> None:
    registry = Registry()
    registry.put(image().manifests[0], "v1")
    error = registry.refusal("BatchGetImage", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[OCI_INDEX])
    assert error.code == "NotImplementedException"


def configuration(built: BuiltImage) -> bytes:
    """Return the configuration of the image that runs."""
    return built.configs[0]


def test_a_configuration_is_downloaded_from_a_signed_address_for_an_hour(aws: EmbeddedAws) -> None:
    client = aws.client("ecr")
    client.create_repository(repositoryName="downloads")
    aws.push_image("downloads", ["v1"], zip_of(app="release = 1"))
    digest = digest_of(configuration(image()))
    url = client.get_download_url_for_layer(repositoryName="downloads", layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:  # noqa: S310 (an address of this machine)
        assert answer.read() == configuration(image())
    forged = url.replace(digest, digest_of(b"another"))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(forged)  # noqa: S310


def test_only_what_an_image_of_the_repository_refers_to_has_an_address() -> None:
    registry = Registry()
    digest = digest_of(configuration(image()))
    assert registry.refusal("GetDownloadUrlForLayer", layerDigest=digest).code == "LayersNotFoundException"
    registry.model.blobs.keep(image().configs)
    assert registry.refusal("GetDownloadUrlForLayer", layerDigest=digest).code == "LayerInaccessibleException"
    registry.put(image().manifests[0])
    assert digest in registry.call("GetDownloadUrlForLayer", layerDigest=digest)["downloadUrl"]
    layer = json.loads(image().manifests[0])["layers"][0]["digest"]  # which nobody uploads here
    assert registry.refusal("GetDownloadUrlForLayer", layerDigest=layer).code == "NotImplementedException"


def test_a_scan_tells_its_findings_once_it_has_a_result() -> None:
    registry = Registry()
    registry.put(image().manifests[0], "v1")
    image_id = {"imageTag": "v1"}
    missing = registry.refusal("DescribeImageScanFindings", imageId=image_id)
    assert missing.code == "ScanNotFoundException"
    registry.model.scanned("shop", image().digest, "IN_PROGRESS")
    assert "imageScanFindings" not in registry.call("DescribeImageScanFindings", imageId=image_id)
    registry.model.scanned("shop", image().digest, "COMPLETE", HIGH=2)
    found = registry.call("DescribeImageScanFindings", imageId=image_id)
    assert found["imageScanStatus"] == {"status": "COMPLETE"}
    assert found["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 2}
    other = registry.refusal("DescribeImageScanFindings", imageId={"imageTag": "v2"})
    assert other.code == "ImageNotFoundException"


def test_a_manifest_may_leave_its_type_to_the_request() -> None:
    registry = Registry()
    bare = {key: value for key, value in json.loads(image().manifests[0]).items() if key != "mediaType"}
    pushed = registry.call("PutImage", imageManifest=json.dumps(bare), imageManifestMediaType=OCI_MANIFEST)
    assert pushed["image"]["imageManifestMediaType"] == OCI_MANIFEST


def test_a_listing_comes_in_pages() -> None:
    registry = Registry()
    for number in range(5):
        registry.put(image(number).manifests[0])
    seen: list[str] = []
    token: dict[str, str] = {}
    for size in (2, 2, 1):
        page = registry.call("DescribeImages", maxResults=2, **token)
        assert len(page["imageDetails"]) == size
        seen += [each["imageDigest"] for each in page["imageDetails"]]
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert (len(set(seen)), token) == (5, {})


def test_a_repository_with_images_goes_only_by_force(aws: EmbeddedAws) -> None:
    client = aws.client("ecr")
    made = client.create_repository(repositoryName="team/shop")["repository"]
    assert made["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/shop"
    client.put_image(repositoryName="team/shop", imageManifest=image().manifests[0])
    with pytest.raises(client.exceptions.RepositoryNotEmptyException):
        client.delete_repository(repositoryName="team/shop")
    client.delete_repository(repositoryName="team/shop", force=True)
    assert client.describe_repositories()["repositories"] == []
    with pytest.raises(client.exceptions.RepositoryNotFoundException):
        client.describe_repositories(repositoryNames=["team/shop"])


def test_the_tags_of_a_repository_decide_who_may_look_into_it(aws: EmbeddedAws) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "ecr:DescribeImages",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/rampart:managed": "dev"}},
    }
    aws.authoriser.register("ASIA-looker", "looker", [{"Version": "2012-10-17", "Statement": statement}])
    operator = aws.client("ecr")
    operator.create_repository(repositoryName="ours", tags=[{"Key": "rampart:managed", "Value": "dev"}])
    operator.create_repository(repositoryName="theirs")
    aws.authoriser.check(Call("ecr", "DescribeImages", "ASIA-looker", {"repositoryName": "ours"}))
    denied = refused(
        aws.authoriser.check, Call("ecr", "DescribeImages", "ASIA-looker", {"repositoryName": "theirs"})
    )
    assert denied.code == "AccessDeniedException"


def test_an_error_of_ecr_reaches_boto3_as_its_typed_exception(aws: EmbeddedAws) -> None:
    client = aws.client("ecr")
    client.create_repository(repositoryName="shop")
    with pytest.raises(client.exceptions.ImageNotFoundException, match="imageDigest:'null', imageTag:'v1'"):
        client.describe_images(repositoryName="shop", imageIds=[{"imageTag": "v1"}])
    with pytest.raises(ClientError, match="does not support ecr:StartImageScan"):
        client.start_image_scan(repositoryName="shop", imageId={"imageTag": "v1"})
