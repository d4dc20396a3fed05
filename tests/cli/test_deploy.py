"""How a deployment is asked for, and when its end is what was asked for."""

import json
from typing import Any, Literal

import boto3
import pytest
from botocore.stub import Stubber

from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.deployment import Status
from controller.core.errors import DeniedError, InputError
from controller.core.request import canonical_request
from controller.ports import Live
from rampart.cli.deploy import (
    execution_input,
    execution_name,
    image_called,
    is_fine,
    request_of,
    under_way,
    what_is_asked,
    zip_called,
)
from tests.builders import an_artifact, an_image
from tests.cli.records import ended, running, store, waiting

_DIGEST = "sha256:" + "a1" * 32


class Store:
    """S3 or ECR as a test says that they answer."""

    def __init__(self, service: Literal["s3", "ecr"]) -> None:
        self._client: Any = boto3.client(service, region_name="eu-west-1")
        self.stub = Stubber(self._client)
        self.stub.activate()

    def client(self, service: str) -> Any:
        """Return the client."""
        return self._client


def s3(*answers: tuple[str, str | None, str | int]) -> Store:
    """Return S3 with answers for (key, version asked for): a version id, or the status of an error."""
    store = Store("s3")
    for key, version, answer in answers:
        asked = {"Bucket": "releases", "Key": key} | ({"VersionId": version} if version else {})
        if isinstance(answer, int):
            store.stub.add_client_error("head_object", str(answer), http_status_code=answer, expected_params=asked)
        else:
            store.stub.add_response("head_object", {"VersionId": answer} if answer else {}, asked)
    return store


def test_a_zip_is_pinned_to_the_version_that_its_key_names_now() -> None:
    found = zip_called(s3(("checkout/1.zip", None, "v7")), "s3://releases/checkout/1.zip")
    assert found == ZipArtifact(bucket="releases", key="checkout/1.zip", version_id="v7")


def test_a_zip_may_be_called_as_every_command_calls_it() -> None:
    aws = s3(("checkout/1.zip@v3", None, 404), ("checkout/1.zip", "v3", "v3"))
    assert zip_called(aws, "s3://releases/checkout/1.zip@v3").version_id == "v3"


def test_a_key_with_an_at_sign_is_a_key() -> None:
    assert zip_called(s3(("a@b.zip", None, "v1")), "s3://releases/a@b.zip").key == "a@b.zip"


@pytest.mark.parametrize(
    ("uri", "answers", "line"),
    [
        ("checkout.zip", [], "--zip: write s3://BUCKET/KEY, not 'checkout.zip'"),
        ("s3://releases/", [], "--zip: write s3://BUCKET/KEY, not 's3://releases/'"),
        ("s3://releases/1.zip", [("1.zip", None, 404)], "--zip: there is no 's3://releases/1.zip'"),
        (
            "s3://releases/1.zip@x",
            [("1.zip@x", None, 404), ("1.zip", "x", 400)],
            "--zip: there is no 's3://releases/1.zip@x'",
        ),
        (
            "s3://releases/1.zip",
            [("1.zip", None, "")],
            "--zip: 's3://releases/1.zip' has no version id; turn on versioning for the bucket",
        ),
    ],
)
def test_a_zip_that_cannot_be_meant_is_one_line(uri: str, answers: list[Any], line: str) -> None:
    with pytest.raises(InputError) as refused:
        zip_called(s3(*answers), uri)
    assert str(refused.value) == line


def test_who_may_not_read_the_bucket_is_told_so() -> None:
    with pytest.raises(DeniedError, match=r"^s3://releases/1\.zip"):
        zip_called(s3(("1.zip", None, 403)), "s3://releases/1.zip")


def ecr(asked: dict[str, Any], answer: dict[str, Any] | None) -> Store:
    """Return ECR with one answer; without it there is no such image."""
    store = Store("ecr")
    if answer:
        store.stub.add_response("describe_images", {"imageDetails": [answer]}, asked)
    else:
        store.stub.add_client_error("describe_images", "ImageNotFoundException", "not there", 400)
    return store


def test_an_image_is_pinned_to_the_digest_that_its_tag_names_now() -> None:
    details = {"registryId": "123456789012", "imageDigest": _DIGEST}
    by_tag = {"repositoryName": "team/orders", "imageIds": [{"imageTag": "prod"}]}
    expected = ImageArtifact(image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/orders@{_DIGEST}")
    assert image_called(ecr(by_tag, details), "team/orders:prod") == expected
    by_digest = {"repositoryName": "team/orders", "imageIds": [{"imageDigest": _DIGEST}]}
    assert image_called(ecr(by_digest, details), f"team/orders@{_DIGEST}") == expected
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert (
        image_called(ecr(by_tag | {"registryId": "123456789012"}, details), f"{host}/team/orders:prod") == expected
    )
    assert image_called(Store("ecr"), expected.image) == expected, "nobody is asked"


@pytest.mark.parametrize("uri", ["team/orders", "Team/Orders:prod", "team/orders:", "x@sha256:12", "a b:c"])
def test_what_is_no_image_is_one_line(uri: str) -> None:
    with pytest.raises(InputError, match=r"^--image: write REPOSITORY:TAG or REPOSITORY@sha256:…, not '"):
        image_called(Store("ecr"), uri)


def test_an_image_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^--image: image team/orders:prod: not there$"):
        image_called(ecr({}, None), "team/orders:prod")


def test_the_input_of_an_execution_is_canonical() -> None:
    artifact = an_artifact()
    request = request_of("orders", artifact, None, None, None)
    event = json.loads(canonical_request("orders", artifact, "e-1"))
    del event["event_id"]
    assert json.loads(execution_input(request)) == event
    assert execution_input(request) == json.dumps(event, sort_keys=True, separators=(",", ":"))


def test_a_strategy_is_a_name_or_json() -> None:
    hotfix = {"reason": "down", "by": "kim"}
    written = '{"steps": [{"weight": "5%", "bake": "1m"}]}'
    document = json.loads(execution_input(request_of("orders", None, "41", written, hotfix)))
    assert document == {"target": "orders", "version": "41", "strategy": json.loads(written), "hotfix": hotfix}
    named = request_of("orders", None, "41", "AllAtOnce", None)
    assert json.loads(execution_input(named))["strategy"] == "AllAtOnce"


@pytest.mark.parametrize(
    ("target", "version", "strategy", "hotfix", "line"),
    [
        (
            "Orders",
            "1",
            None,
            None,
            "request: target: write a target's name (a-z, 0-9",
        ),
        ("orders", "0", None, None, 'request: version: write a version number such as "41"'),
        ("orders", "1", "Linear", None, "request: strategy: there is no strategy 'Linear'"),
        ("orders", "1", "{", None, "--strategy"),
        ("orders", "1", None, {"reason": "", "by": "kim"}, "request: hotfix.reason"),
    ],
)
def test_a_typo_starts_nothing(
    target: str, version: str, strategy: str | None, hotfix: dict[str, str] | None, line: str
) -> None:
    with pytest.raises(InputError) as refused:
        request_of(target, None, version, strategy, hotfix)
    assert str(refused.value).startswith(line)


def test_an_execution_is_named_after_its_target_within_what_step_functions_takes() -> None:
    request = request_of("t" * 50, None, "1234567890123456789", None, None)
    name = execution_name(request, "0123456789abcdef")
    assert len(name) <= 80
    assert name.startswith("t" * 50 + "-version-")
    assert name.endswith("-0123456789ab")
    of_image = request_of("orders", an_image(), None, None, None)
    assert execution_name(of_image, "0" * 32) == f"orders-{an_image().fingerprint}-000000000000"


@pytest.mark.parametrize("status", [s for s in Status if s.is_over or s is Status.ROLLBACK_FAILED])
def test_only_a_promotion_is_what_was_asked_for(status: Status) -> None:
    over = ended(status=status, members=())
    assert is_fine(store(over), over) is (status is Status.PROMOTED)


def test_a_deployment_that_was_skipped_is_fine_when_the_same_is_live() -> None:
    skipped = ended(status=Status.SKIPPED, members=(), version="2", artifact=None)
    memory = store(skipped)
    assert not is_fine(memory, skipped)
    memory._live[skipped.target] = Live("orders-1", "version 2", {"orders": "2"})
    assert is_fine(memory, skipped)
    memory._live[skipped.target] = Live("orders-1", "version 3", {"orders": "3"})
    assert not is_fine(memory, skipped)
    assert is_fine(memory, ended(status=Status.SKIPPED)), "it had its functions, and found the same code there"


def test_what_an_event_has_started_of_the_same_artifact_is_found() -> None:
    memory = store(running(), waiting())
    assert under_way(memory, "checkout", running().what) == running().deployment_id
    assert under_way(memory, "basket", running().what) is None
    assert under_way(memory, "checkout", "s3://releases/other.zip@v1") is None
    assert under_way(memory, waiting().target, waiting().what) is None, "a version may be deployed twice"
    assert what_is_asked(request_of("checkout", running().artifact, None, None, None)) == running().what
