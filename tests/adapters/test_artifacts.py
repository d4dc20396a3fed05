"""Artifacts, the port: zips that are read by ranges, from S3 and from memory, as strictly."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.response import StreamingBody

from controller.adapters.artifact_store import ArtifactStore
from controller.core.artifact import ZipArtifact
from controller.core.errors import ControllerError, DeniedError, MissingError, UnavailableError
from controller.ports import Artifacts, Stored
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import ACCOUNT
from tests.adapters.clients import answering, refusing
from tests.adapters.lambda_account import BUCKET
from tests.engine.memory_artifacts import MemoryArtifacts

DATA = bytes(range(256)) * 4
Put = Callable[[bytes], ZipArtifact]


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> Artifacts:
    """Return the port, over S3 and in memory."""
    if request.param == "memory":
        return MemoryArtifacts()
    return over(request.getfixturevalue("aws").client("s3"))


@pytest.fixture
def put(store: Artifacts, aws: EmbeddedAws, bucket: str, fresh: Callable[[str], str]) -> Put:
    """Return a function that uploads bytes to one key, and returns them pinned to their version."""
    key = fresh("release") + ".zip"

    def upload(data: bytes) -> ZipArtifact:
        if isinstance(store, MemoryArtifacts):
            artifact = ZipArtifact(bucket=bucket, key=key, version_id=fresh("v"))
            store.put(artifact, Stored(datetime.now(UTC)), data=data)
            return artifact
        version_id = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)["VersionId"]
        return ZipArtifact(bucket=bucket, key=key, version_id=version_id)

    return upload


def over(client: Any, account: str = ACCOUNT) -> ArtifactStore:
    """Return the port over a client of S3."""
    return ArtifactStore(lambda: client, lambda: pytest.fail("no image was asked for"), account)


def test_any_range_of_a_zip_is_read_and_its_size_is_told(store: Artifacts, put: Put) -> None:
    artifact = put(DATA)
    assert store.find(artifact).size_bytes == len(DATA)
    assert store.read(artifact, 0, len(DATA)) == DATA
    assert store.read(artifact, 7, 1) == DATA[7:8]
    assert store.read(artifact, 1_000, 24) == DATA[1_000:]


def test_what_is_read_is_of_the_version_that_was_pinned(store: Artifacts, put: Put) -> None:
    before, after = put(b"before"), put(b"after")
    assert (store.read(before, 0, 3), store.read(after, 0, 3)) == (b"bef", b"aft")


def test_a_range_that_is_not_all_there_is_no_answer(store: Artifacts, put: Put) -> None:
    artifact = put(DATA)
    with pytest.raises(UnavailableError, match="cannot be read"):
        store.read(artifact, 1_000, 25)
    with pytest.raises(ControllerError, match="cannot be read"):
        store.read(artifact, len(DATA), 1)


def test_a_version_that_is_not_there_is_missing(store: Artifacts, put: Put) -> None:
    artifact = put(DATA).model_copy(update={"version_id": "0" * 32})
    with pytest.raises(MissingError):
        store.find(artifact)
    with pytest.raises(MissingError):
        store.read(artifact, 0, 1)


def test_a_bucket_of_another_account_is_not_read(aws: EmbeddedAws, bucket: str) -> None:
    version_id = aws.client("s3").put_object(Bucket=bucket, Key="theirs.zip", Body=DATA)["VersionId"]
    artifact = ZipArtifact(bucket=bucket, key="theirs.zip", version_id=version_id)
    stranger = over(aws.client("s3"), "999988887777")
    with pytest.raises(DeniedError, match=r"cannot be read: Forbidden \(is its bucket of account 999988887777\?\)"):
        stranger.find(artifact)
    with pytest.raises(DeniedError):
        stranger.read(artifact, 0, 1)
    with pytest.raises(DeniedError):
        stranger.current(artifact, None)


A_ZIP = ZipArtifact(bucket=BUCKET, key="a.zip", version_id="v1")


@pytest.mark.parametrize(("code", "status"), [("SlowDown", 503), ("InternalError", 500)])
def test_a_read_that_fails_is_tried_again(aws: EmbeddedAws, code: str, status: int) -> None:
    with pytest.raises(UnavailableError, match=f"{code} from AWS"):
        over(refusing(aws, "s3", "get_object", code, status)).read(A_ZIP, 0, 4)


@pytest.mark.parametrize(
    ("body", "length", "told"),
    [
        (DATA, len(DATA), {}),  # the range was not heeded
        (DATA[:4], 4, {"ContentRange": "bytes 0-3/1024"}),  # another range
        (DATA[:2], 4, {"ContentRange": "bytes 8-11/1024"}),  # the connection broke off
    ],
)
def test_other_bytes_than_were_asked_for_are_no_answer(
    aws: EmbeddedAws, body: bytes, length: int, told: dict[str, str]
) -> None:
    answer = {"Body": StreamingBody(io.BytesIO(body), length), **told}
    with pytest.raises(UnavailableError, match="cannot be read"):
        over(answering(aws, "s3", "get_object", answer)).read(A_ZIP, 8, 4)
