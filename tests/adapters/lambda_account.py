"""One function of an embedded AWS, as somebody else than the controller handles it."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

from controller.core.artifact import ZipArtifact
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.clock import VirtualClock

BUCKET = "releases"
HANDLER = """
def handler(event, context):
    if event == "fail":
        raise KeyError("price")
    return {"echo": event, "release": RELEASE}
"""


def zipped(release: int) -> bytes:
    """Return the package of a release; equal releases give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), f"RELEASE = {release}\n{HANDLER}")
    return buffer.getvalue()


@dataclass
class Function:
    """A function with version 1 and the alias live on it."""

    aws: EmbeddedAws
    clock: VirtualClock
    name: str

    def create(self) -> "Function":
        """Make the function."""
        self.client.create_function(
            FunctionName=self.name,
            Runtime="python3.12",
            Role="arn:aws:iam::123456789012:role/app",
            Handler="main.handler",
            Architectures=["arm64"],
            Code={"ZipFile": zipped(1)},
            Tags={"rampart:managed": "dev", "team": "shop"},
        )
        self.settle()
        self.publish()
        self.client.create_alias(FunctionName=self.name, Name="live", FunctionVersion="1")
        return self

    @property
    def client(self) -> Any:
        """The operator's client."""
        return self.aws.client("lambda")

    def settle(self) -> None:
        """Let Lambda finish whatever it is about."""
        self.clock.advance(1)

    def put(self, release: int) -> None:
        """Put the code of a release on $LATEST by hand."""
        self.client.update_function_code(FunctionName=self.name, ZipFile=zipped(release), Architectures=["arm64"])
        self.settle()

    def publish(self) -> str:
        """Publish $LATEST by hand and return the version."""
        version: str = self.client.publish_version(FunctionName=self.name)["Version"]
        self.settle()
        return version

    def release(self, number: int) -> str:
        """Put and publish a release by hand and return its version."""
        self.put(number)
        return self.publish()

    def upload(self, data: bytes) -> ZipArtifact:
        """Put a package into the bucket and return it, pinned."""
        key = f"{self.name}.zip"
        version_id = self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)["VersionId"]
        return ZipArtifact(bucket=BUCKET, key=key, version_id=version_id)


def make_bucket(aws: EmbeddedAws) -> None:
    """Make the versioned bucket of releases."""
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
