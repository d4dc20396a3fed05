"""Artifacts, and the events of AWS that announce them; the events are as AWS documents them."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.artifact import artifact_event
from controller.core.errors import MalformedEventError
from tests.builders import an_artifact

EVENTS = Path(__file__).parents[1] / "events"
ABSENT = "(left out)"
SHAPE = "event is not of the shape that EventBridge documents:"
WHERE = "event 17793124-05d4-b198-2fde-7ededc63b103:"


def event(name: str = "s3_object_created") -> dict[str, Any]:
    """Return a recorded event."""
    value: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return value


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the event of an upload with another value, or without one, at a dotted path."""
    whole = copy.deepcopy(event())
    *parents, last = path.split(".")
    place = whole
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return whole


def refusal(malformed: Any) -> str:
    """Return why an event is refused."""
    with pytest.raises(MalformedEventError) as refused:
        artifact_event(malformed)
    return str(refused.value)


def test_an_upload_announces_its_object_pinned_to_its_version() -> None:
    found = artifact_event(event())
    assert found.event_id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert found.artifact.bucket == "releases"
    assert found.artifact.version_id == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


def test_the_key_of_an_event_is_taken_as_it_is() -> None:
    assert artifact_event(event()).artifact.key == "orders/été 1+2%20.zip"


def test_fields_that_aws_adds_are_none_of_our_business() -> None:
    found = artifact_event(event("s3_object_created_with_more_fields"))
    assert found.artifact.identity == "s3://releases/orders/2.zip@Zt9vQ3x.QaZ"


@pytest.mark.parametrize("version_id", [ABSENT, None, "", "null"], ids=["absent", "null", "empty", "the text null"])
def test_an_upload_without_a_version_cannot_be_pinned(version_id: Any) -> None:
    assert refusal(changed("detail.object.version-id", version_id)) == (
        "event 17793124-05d4-b198-2fde-7ededc63b103: s3://releases/orders/été 1+2%20.zip has no version id; "
        "turn on versioning for the bucket, so that what was tested is what is deployed"
    )


def test_an_upload_to_an_unversioned_bucket_is_refused_with_what_to_do() -> None:
    assert refusal(event("s3_object_created_unversioned")) == (
        "event 6a7e8feb-b491-4cf7-a9f1-bf3703467718: s3://releases/orders/3.zip has no version id; "
        "turn on versioning for the bucket, so that what was tested is what is deployed"
    )


TAKES = "this controller takes aws.s3 'Object Created'"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ecr_image_action", "event 13cde686-328b-6117-af20-0e5566167482: {}, not aws.ecr 'ECR Image Action'"),
        ("s3_object_deleted", "event 2ee9cc15-d022-99ea-1fb8-1b1bac4850f9: {}, not aws.s3 'Object Deleted'"),
    ],
)
def test_an_event_of_another_kind_is_refused(name: str, line: str) -> None:
    assert refusal(event(name)) == line.format(TAKES)


@pytest.mark.parametrize("source", ["aws.S3", "my.s3", ""])
def test_only_s3_itself_announces_uploads(source: str) -> None:
    assert refusal(changed("source", source)).startswith(f"{WHERE} {TAKES}, not ")


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
    assert refusal(changed(path, value)) == line


@pytest.mark.parametrize("nothing", [None, [], "x", 5, True, [event()]], ids=str)
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
    line = refusal(changed(path, value))
    assert line.startswith(f"{WHERE} {path}: ")
    assert len(line.splitlines()) == 1


def test_a_refusal_is_one_line_even_when_the_key_is_not() -> None:
    odd = changed("detail.object.version-id", ABSENT)
    odd["detail"]["object"]["key"] = "orders/a\nb.zip"
    assert len(refusal(odd).splitlines()) == 1


def test_an_identity_is_one_line_even_when_the_key_is_not() -> None:
    assert len(an_artifact(key="a\nb").identity.splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["id", "detail", "detail.bucket", "detail.object"]))
def test_an_event_is_either_understood_or_malformed(value: Any, path: str) -> None:
    with suppress(MalformedEventError):
        assert artifact_event(changed(path, value)).artifact.bucket == "releases"


@given(JSON)
def test_a_field_that_is_not_read_is_never_a_reason_to_refuse(value: Any) -> None:
    assert artifact_event(changed("detail.object.size", value)) == artifact_event(event())


def test_equal_artifacts_have_equal_identities_and_digests_and_others_have_not() -> None:
    assert an_artifact().identity == "s3://releases/orders/1.zip@v1"
    assert an_artifact().digest == an_artifact().digest == "65f833bc3bff"
    others = [an_artifact(bucket="releases-2"), an_artifact(key="orders/2.zip"), an_artifact(version_id="v2")]
    assert len({artifact.digest for artifact in [an_artifact(), *others]}) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\nb", "a\tb"),
        ("a\nb", "a b"),
        ("a\x00b", "a\x01b"),
        ("a\u200bb", "ab"),
        ("a\u00a0b", "a b"),
        ("a\u2028b", "a\u2029b"),
        ("a\ufffdb", "a\x00b"),
        ("a\nb", "a\\nb"),
        ("a\nb", r"a\u000ab"),
        ("\U000e0001", "\ue0001"),
    ],
    ids=ascii,
)
def test_keys_that_differ_in_what_cannot_be_printed_have_different_identities(one: str, other: str) -> None:
    artifacts = an_artifact(key=one), an_artifact(key=other)
    assert len({artifact.identity for artifact in artifacts}) == 2
    assert len({artifact.digest for artifact in artifacts}) == 2


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_identity_is_one_line_that_names_one_key(one: str, other: str) -> None:
    identities = [an_artifact(key=key).identity for key in (one, other)]
    assert all(identity.isprintable() for identity in identities)
    assert (identities[0] == identities[1]) is (one == other)


def test_a_digest_fits_into_the_name_of_an_execution() -> None:
    assert len(an_artifact(key="k" * 1024).digest) == 12
