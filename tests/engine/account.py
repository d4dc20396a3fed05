"""An AWS account: functions, alarms and objects, in the strict models and on a clock that stands still."""

import io
import itertools
import random
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

from rampart.embedded.aws_lambda.asynchronous import QueuedEvent
from rampart.embedded.aws_lambda.images import Images
from rampart.embedded.aws_lambda.model import LambdaModel
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.ecr.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from rampart.embedded.ecr.repository import REGISTRY
from rampart.embedded.wire import ApiError, Call
from tests.builders import a_kept_alarm

BUCKET = "artifacts"
STAGE = "dev"
FIRST_IMAGE = f"{REGISTRY}/team/orders@sha256:{'0' * 64}"
"""The image of version 1 of a function of images."""


@cache
def zip_of(code: str, name: str = "app.py") -> bytes:
    """Return a zip with one file, a module `app` at its root; equal code gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o644 << 16  # else nobody may read it
        archive.writestr(entry, code)
    return buffer.getvalue()


def damaged_zip(code: str = "release = 1") -> bytes:
    """Return a zip whose directory is whole and whose content is not, as Lambda alone finds out."""
    data = bytearray(zip_of(code))
    data[30 + len("app.py")] ^= 1  # the first byte after the local header
    return bytes(data)


class Account:
    """What is there before anything is deployed, and what others than the controller do to it."""

    def __init__(self, minute_seconds: float, chance: random.Random) -> None:
        """`chance` decides which version of a weighted alias is invoked."""
        self.clock = VirtualClock(minute_seconds)
        self.objects: dict[tuple[str, str, str | None], bytes] = {}
        self.answer: Callable[[RunRequest], RunResult] = lambda request: RunResult(b"{}", None, 10.0)
        self.sent: list[QueuedEvent] = []
        """The events with which functions are to be invoked without anybody waiting for it."""
        self._ids = itertools.count(1)
        self.cloudwatch = CloudWatchModel(self.clock, self._alarm_changed, self._new_id)
        self.aws_lambda = LambdaModel(
            clock=self.clock,
            random=chance,
            code=self._object,
            runner=_Runner(self),
            record=self.cloudwatch.record,
            enqueue=self.sent.append,
            new_id=self._new_id,
            images=Images(_manifest),
        )

    def function(self, name: str = "checkout", stage: str = STAGE) -> None:
        """Create a function with version 1, and the alias live on it."""
        self.aws(
            "CreateFunction",
            FunctionName=name,
            Role="arn:aws:iam::123456789012:role/app",
            Handler="app.handler",
            Runtime="python3.13",
            Architectures=["arm64"],
            Code={"ZipFile": zip_of("release = 0")},
            Tags={"rampart:managed": stage},
        )
        self._make_live(name)

    def hook_function(self, name: str = "acceptance", stage: str = STAGE) -> None:
        """Create a function that a stage may ask as a hook."""
        self.function(name)
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
        self.aws("UntagResource", Resource=arn, TagKeys=["rampart:managed"])
        self.aws("TagResource", Resource=arn, Tags={"rampart:hook": stage})

    def image_function(self, name: str = "checkout", stage: str = STAGE, architecture: str = "arm64") -> None:
        """Create a function of images with version 1, and the alias live on it."""
        self.aws(
            "CreateFunction",
            FunctionName=name,
            Role="arn:aws:iam::123456789012:role/app",
            PackageType="Image",
            Architectures=[architecture],
            Code={"ImageUri": FIRST_IMAGE},
            Tags={"rampart:managed": stage},
        )
        self._make_live(name)

    def _make_live(self, function: str) -> None:
        self.clock.advance(1)
        version = self.aws("PublishVersion", FunctionName=function)["Version"]
        self.clock.advance(1)
        self.aws("CreateAlias", FunctionName=function, Name="live", FunctionVersion=version)

    def alarm(self, name: str = "errors", state: str | None = "OK") -> None:
        """Create an alarm on a metric that never gets data, so that it keeps the state it is set to."""
        self.cloudwatch_call("PutMetricAlarm", **a_kept_alarm(name))
        if state:
            self.set_alarm(name, state)

    def set_alarm(self, name: str, state: str) -> None:
        """Put an alarm into a state."""
        self.cloudwatch_call("SetAlarmState", AlarmName=name, StateValue=state, StateReason="as the story goes")

    def aws(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call Lambda as somebody else than the controller."""
        return self.aws_lambda.handle(Call("lambda", operation, "AKIAPERSON", params))

    def cloudwatch_call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call CloudWatch as somebody else than the controller."""
        return self.cloudwatch.handle(Call("cloudwatch", operation, "AKIAPERSON", params))

    def _alarm_changed(self, event: dict[str, Any]) -> None:
        """Hear of an alarm that changed."""

    def _object(self, bucket: str, key: str, version_id: str | None) -> bytes:
        if (bucket, key, version_id) not in self.objects:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        return self.objects[bucket, key, version_id]

    def _new_id(self) -> str:
        return f"id-{next(self._ids)}"


def _manifest(_: str, digest: str) -> Manifest:
    """Return the manifest of any image that is named by its digest: they are all there."""
    return Manifest("", digest, OCI_MANIFEST, {"config": {"mediaType": OCI_CONFIG}})


class _Runner:
    """The model's runner: whatever the account says at that moment."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def run(self, request: RunRequest) -> RunResult:
        """Answer for a function's code."""
        return self._account.answer(request)
