"""What ECR tells EventBridge."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.ecr.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from rampart.embedded.eventbridge.ecr_events import replication_event
from tests.embedded.embedded_account import messages, zipped
from tests.embedded.test_events import queue_behind

CODE = zipped("def handler(event, context): return 1")


class Listener:
    """The repository shop, and a queue that gets every event of ECR's."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.ecr = aws.client("ecr")
        self.ecr.create_repository(repositoryName="shop")
        self._queue = queue_behind(aws, {"source": ["aws.ecr"]})

    def push(self, tags: Sequence[str], **params: Any) -> str:
        """Push an image and return its digest."""
        return self.aws.push_image("shop", tags, CODE, "main.handler", **params).partition("@")[2]

    def heard(self) -> list[dict[str, Any]]:
        """Return the events since the last time, in the order of their tags."""
        assert self.aws.wait_until_idle(5)
        bodies = [json.loads(each["Body"]) for each in messages(self.aws, self._queue)]
        return sorted(bodies, key=lambda event: str(event["detail"].get("image-tag", "")))

    def details(self) -> list[dict[str, Any]]:
        return [event["detail"] for event in self.heard()]


@pytest.fixture
def listener(aws: EmbeddedAws) -> Listener:
    return Listener(aws)


def test_a_push_is_told_with_its_tag_and_its_types(listener: Listener) -> None:
    digest = listener.push(["v1"])
    (event,) = listener.heard()
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.ecr", "ECR Image Action", [])
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": "shop",
        "image-digest": digest,
        "action-type": "PUSH",
        "manifest-media-type": OCI_MANIFEST,
        "artifact-media-type": OCI_CONFIG,
        "image-tag": "v1",
    }


def test_a_push_by_digest_alone_has_no_tag(listener: Listener) -> None:
    digest = listener.push([])
    (detail,) = listener.details()
    assert detail["image-digest"] == digest
    assert "image-tag" not in detail


def test_every_tag_of_a_push_is_an_event_of_the_same_digest(listener: Listener) -> None:
    digest = listener.push(["latest", "v1"])
    assert [(each["image-tag"], each["image-digest"]) for each in listener.details()] == [
        ("latest", digest),
        ("v1", digest),
    ]


def test_a_new_tag_and_a_tag_that_moves_are_told_but_what_is_there_already_is_not(listener: Listener) -> None:
    first = listener.push(["v1"])
    assert len(listener.details()) == 1
    assert listener.push(["v1"]) == first
    assert listener.details() == []
    listener.push(["v1", "v2"])
    assert [each["image-tag"] for each in listener.details()] == ["v2"]
    other = listener.push(["v1"], architecture="x86_64")
    assert [(each["image-tag"], each["image-digest"]) for each in listener.details()] == [("v1", other)]


def test_an_index_is_told_after_its_children_and_alone_has_the_tag(listener: Listener) -> None:
    digest = listener.push(["v1"], index=True)
    *children, index = listener.details()
    assert len(children) == 2
    assert all("image-tag" not in each for each in children)
    assert (index["image-digest"], index["image-tag"], index["manifest-media-type"]) == (digest, "v1", OCI_INDEX)
    assert "artifact-media-type" not in index


def test_a_refused_push_is_not_told(listener: Listener) -> None:
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        listener.aws.push_image("other", ["v1"], CODE)
    assert listener.heard() == []


def test_a_deletion_is_told(listener: Listener) -> None:
    digest = listener.push(["v1"])
    assert len(listener.heard()) == 1
    gone = [{"imageDigest": digest}, {"imageTag": "none"}]
    assert len(listener.ecr.batch_delete_image(repositoryName="shop", imageIds=gone)["failures"]) == 1
    assert listener.details() == [
        {
            "result": "SUCCESS",
            "repository-name": "shop",
            "image-digest": digest,
            "action-type": "DELETE",
            "image-tag": "v1",
        }
    ]


def test_a_replication_is_told_as_documented_by_whoever_rehearses_one(listener: Listener) -> None:
    listener.aws.events.publish(replication_event("shop", "sha256:1", "v1", "us-west-2"))
    (event,) = listener.heard()
    assert event["detail-type"] == "ECR Replication Action"
    assert event["resources"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/shop"]
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": "shop",
        "image-digest": "sha256:1",
        "source-account": "123456789012",
        "action-type": "REPLICATE",
        "source-region": "us-west-2",
        "image-tag": "v1",
    }


def test_nobody_else_speaks_for_ecr(listener: Listener) -> None:
    entry = {"Source": "aws.ecr", "DetailType": "ECR Image Action", "Detail": "{}"}
    answer = listener.aws.client("events").put_events(Entries=[entry])
    assert (answer["FailedEntryCount"], answer["Entries"][0]["ErrorCode"]) == (1, "NotAuthorizedForSourceException")
    assert listener.heard() == []
