"""Announcements: the events of AWS that tell of an artifact, as AWS documents them."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.announcement import announcement
from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.errors import MalformedEventError
from tests.recorded import ABSENT, changed, event

UPLOAD = "s3_object_created"
SHAPE = "event is not of the shape that EventBridge documents:"
WHERE = "event 17793124-05d4-b198-2fde-7ededc63b103:"


def refusal(malformed: Any) -> str:
    """Return why an event is refused."""
    with pytest.raises(MalformedEventError) as refused:
        announcement(malformed)
    return str(refused.value)


def test_an_upload_announces_its_object_pinned_to_its_version() -> None:
    found = announcement(event(UPLOAD))
    assert found.event_id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert found.artifact == ZipArtifact(
        bucket="releases", key="orders/été 1+2%20.zip", version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    )
    assert found.tag is None


def test_fields_that_aws_adds_are_none_of_our_business() -> None:
    found = announcement(event("s3_object_created_with_more_fields"))
    assert found.artifact.identity == "s3://releases/orders/2.zip@Zt9vQ3x.QaZ"


@pytest.mark.parametrize("version_id", [ABSENT, None, "", "null"], ids=["absent", "null", "empty", "the text null"])
def test_an_upload_without_a_version_cannot_be_pinned(version_id: Any) -> None:
    assert refusal(changed(UPLOAD, "detail.object.version-id", version_id)) == (
        "event 17793124-05d4-b198-2fde-7ededc63b103: s3://releases/orders/été 1+2%20.zip has no version id; "
        "turn on versioning for the bucket, so that what was tested is what is deployed"
    )


def test_an_upload_to_an_unversioned_bucket_is_refused_with_what_to_do() -> None:
    assert refusal(event("s3_object_created_unversioned")) == (
        "event 6a7e8feb-b491-4cf7-a9f1-bf3703467718: s3://releases/orders/3.zip has no version id; "
        "turn on versioning for the bucket, so that what was tested is what is deployed"
    )


TAKES = "this controller takes aws.s3 'Object Created' and aws.ecr 'ECR Image Action' or 'ECR Replication Action'"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ecr_image_scan", "event 85fc3613-e913-7fc4-a80c-a3753e4aa9ae: {}, not aws.ecr 'ECR Image Scan'"),
        ("s3_object_deleted", "event 2ee9cc15-d022-99ea-1fb8-1b1bac4850f9: {}, not aws.s3 'Object Deleted'"),
    ],
)
def test_an_event_of_another_kind_is_refused(name: str, line: str) -> None:
    assert refusal(event(name)) == line.format(TAKES)


@pytest.mark.parametrize("source", ["aws.S3", "my.s3", ""])
def test_only_s3_itself_announces_uploads(source: str) -> None:
    assert refusal(changed(UPLOAD, "source", source)).startswith(f"{WHERE} {TAKES}, not ")


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("id", ABSENT, f"{SHAPE} id: field required"),
        ("id", 5, f"{SHAPE} id: input should be a valid string"),
        ("source", ABSENT, f"{SHAPE} source: field required"),
        ("detail-type", ABSENT, f"{SHAPE} detail-type: field required"),
        ("detail", ABSENT, f"{SHAPE} detail: field required"),
        ("detail", [], f"{SHAPE} detail: write an object, not a list"),
        ("detail", None, f"{SHAPE} detail: write an object, not null"),
        ("detail.bucket", ABSENT, f"{WHERE} detail.bucket: field required"),
        ("detail.bucket", "releases", f"{WHERE} detail.bucket: write an object, not 'releases'"),
        ("detail.bucket.name", ABSENT, f"{WHERE} detail.bucket.name: field required"),
        ("detail.bucket.name", None, f"{WHERE} detail.bucket.name: input should be a valid string"),
        ("detail.object", ABSENT, f"{WHERE} detail.object: field required"),
        ("detail.object.key", ABSENT, f"{WHERE} detail.object.key: field required"),
        ("detail.object.key", 1, f"{WHERE} detail.object.key: input should be a valid string"),
        ("detail.object.version-id", 1, f"{WHERE} detail.object.version-id: input should be a valid string"),
    ],
    ids=lambda value: "absent" if value is ABSENT else "" if str(value).startswith("event ") else str(value),
)
def test_an_event_that_lacks_what_aws_documents_is_refused_with_the_place(path: str, value: Any, line: str) -> None:
    assert refusal(changed(UPLOAD, path, value)) == line


@pytest.mark.parametrize("nothing", [None, [], "x", 5, True, [event(UPLOAD)]], ids=str)
def test_what_is_no_object_is_no_event(nothing: Any) -> None:
    assert refusal(nothing).startswith(f"{SHAPE} write an object, not ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("detail.bucket.name", ""),
        ("detail.bucket.name", "ab"),
        ("detail.bucket.name", "b" * 64),
        ("detail.object.key", ""),
        ("detail.object.key", "k" * 1025),
        ("detail.object.version-id", "v" * 1025),
    ],
    ids=["no bucket", "short bucket", "long bucket", "no key", "long key", "long version"],
)
def test_a_name_that_s3_could_not_give_is_refused_as_malformed_with_its_place(path: str, value: str) -> None:
    line = refusal(changed(UPLOAD, path, value))
    assert line.startswith(f"{WHERE} {path}: ")
    assert len(line.splitlines()) == 1


def test_a_refusal_is_one_line_even_when_the_key_is_not() -> None:
    odd = changed(UPLOAD, "detail.object.version-id", ABSENT)
    odd["detail"]["object"]["key"] = "orders/a\nb.zip"
    assert len(refusal(odd).splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["id", "detail", "detail.bucket", "detail.object"]))
def test_an_event_is_either_understood_or_malformed(value: Any, path: str) -> None:
    with suppress(MalformedEventError):
        assert announcement(changed(UPLOAD, path, value)).event_id


@given(JSON)
def test_a_field_that_is_not_read_is_never_a_reason_to_refuse(value: Any) -> None:
    assert announcement(changed(UPLOAD, "detail.object.size", value)) == announcement(event(UPLOAD))


IMAGE = (
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/orders"
    "@sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12340000"
)


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("ecr_image_action", "v7"),
        ("ecr_image_action_by_digest", None),
        ("ecr_image_action_of_index", "v7"),
        ("ecr_replication_action", "v7"),
    ],
)
def test_a_push_announces_its_image_pinned_to_its_digest(name: str, tag: str | None) -> None:
    found = announcement(event(name))
    assert found.artifact == ImageArtifact(image=IMAGE)
    assert (found.event_id, found.tag) == (event(name)["id"], tag)


def test_two_tags_of_one_push_announce_the_same_artifact() -> None:
    first, second = event("ecr_image_action"), event("ecr_image_action")
    second["detail"]["image-tag"] = "latest"
    assert announcement(first).artifact == announcement(second).artifact


def test_an_image_of_a_chinese_region_has_that_partitions_host() -> None:
    pushed = event("ecr_image_action") | {"region": "cn-north-1"}
    assert announcement(pushed).artifact.identity.startswith(
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/orders@sha256:"
    )


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("repository-name", "Team/Orders", "detail.repository-name: string should match pattern"),
        ("image-digest", "sha256:7f", "detail.image-digest: string should match pattern"),
        ("image-digest", None, "detail.image-digest: input should be a valid string"),
        ("image-tag", "x" * 301, "detail.image-tag: string should have at most 300 characters"),
        ("action-type", "DELETE", "detail.action-type: input should be 'PUSH'"),
        ("result", "FAILURE", "detail.result: input should be 'SUCCESS'"),
    ],
)
def test_a_push_that_lacks_what_aws_documents_is_refused_with_the_place(place: str, value: Any, line: str) -> None:
    pushed = event("ecr_image_action")
    pushed["detail"][place] = value
    assert refusal(pushed).startswith(f"event {pushed['id']}: {line}")


def test_a_deletion_announces_nothing() -> None:
    assert "detail.action-type: input should be 'PUSH'" in refusal(event("ecr_image_deleted"))
