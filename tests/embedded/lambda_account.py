"""An account with the Lambda model on a virtual clock, for the tests of it."""

import io
import itertools
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from rampart.embedded.aws_lambda.asynchronous import QueuedEvent
from rampart.embedded.aws_lambda.images import Behaviour, Images
from rampart.embedded.aws_lambda.model import LambdaModel
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.ecr.build import build_image
from rampart.embedded.ecr.model import EcrModel
from rampart.embedded.ecr.repository import REGISTRY
from rampart.embedded.wire import ApiError, Call

ROLE = "arn:aws:iam::123456789012:role/shop"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop"


def zip_of(**files: str) -> bytes:
    """Return a zip with one Python module per argument; equal content gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py"), text)
    return buffer.getvalue()


def refused(action: Callable[..., object], *args: Any, **params: Any) -> ApiError:
    """Return the error with which calling `action` is refused."""
    with pytest.raises(ApiError) as caught:
        action(*args, **params)
    return caught.value


class ScriptedRunner:
    """Answers with the version that ran, or as `answer` says."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []
        self.answer: Callable[[RunRequest], RunResult] = lambda request: RunResult(
            request.version.encode(), None, 12.5, "hello\n"
        )

    def run(self, request: RunRequest) -> RunResult:
        """Run the script."""
        self.requests.append(request)
        return self.answer(request)


class Account:
    """The model with everything around it recorded."""

    def __init__(self, seed: int = 7) -> None:
        self.clock = VirtualClock()
        self.runner = ScriptedRunner()
        self.data: list[Datum] = []
        self.queued: list[QueuedEvent] = []
        self.objects: dict[tuple[str, str, str | None], bytes] = {}
        self.ecr = EcrModel(self.clock)
        self._images = Images(self.ecr.manifest)
        ids = itertools.count(1)
        self.model = LambdaModel(
            clock=self.clock,
            random=random.Random(seed),  # noqa: S311 - weights, not secrets
            code=self._object,
            runner=self.runner,
            record=self.data.append,
            enqueue=self.queued.append,
            new_id=lambda: f"00000000-0000-0000-0000-{next(ids):012d}",
            images=self._images,
        )

    def ecr_call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make one call to ECR about the repository shop."""
        return self.ecr.handle(Call("ecr", operation, "AKIATEST", {"repositoryName": "shop", **params}))

    def push(self, number: int, tag: str = "latest", architecture: str = "x86_64") -> str:
        """Push image number `number` into the repository shop and return its URI by digest."""
        code = zip_of(shop=f"release = {number}")
        image = build_image(code, "shop.handler", architecture, index=False)
        self._images.remember(image.digest, Behaviour(code, "shop.handler", architecture))
        self.ecr_call("PutImage", imageManifest=image.manifests[-1], imageTag=tag)
        return f"{REGISTRY}/shop@{image.digest}"

    def create_image_function(self, uri: str, **params: Any) -> dict[str, Any]:
        """Create the function shop from an image and wait until it is active."""
        given = {"FunctionName": "shop", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": uri}}
        created = self.call("CreateFunction", **{**given, **params})
        self.clock.advance(1)
        return created

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make one call to Lambda."""
        return self.model.handle(Call("lambda", operation, "AKIATEST", params))

    def create(self, name: str = "shop", *, settled: bool = True, **params: Any) -> dict[str, Any]:
        """Create a function and wait until it is active, if it is to be `settled`."""
        given = {
            "FunctionName": name,
            "Role": ROLE,
            "Handler": "shop.handler",
            "Runtime": "python3.11",
            "Code": {"ZipFile": zip_of(shop="release = 0")},
        }
        created = self.call("CreateFunction", **{**given, **params})
        self.clock.advance(1 if settled else 0)
        return created

    def release(self, number: int) -> str:
        """Put code number `number` into the function and return the version published from it."""
        self.call("UpdateFunctionCode", FunctionName="shop", ZipFile=zip_of(shop=f"release = {number}"))
        self.clock.advance(1)
        version: str = self.call("PublishVersion", FunctionName="shop")["Version"]
        self.clock.advance(1)
        return version

    def counted(self, name: str, **dimensions: str) -> list[float]:
        """Return the values recorded for a metric under exactly these dimensions."""
        wanted = tuple(sorted(dimensions.items()))
        return [each.value for each in self.data if each.name == name and each.dimensions == wanted]

    def _object(self, bucket: str, key: str, version_id: str | None) -> bytes:
        if (bucket, key, version_id) not in self.objects:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        return self.objects[bucket, key, version_id]


def shop_with_two_versions(seed: int = 7) -> Account:
    """Return an account with the function shop, its versions 1 and 2, and the alias live on 1."""
    account = Account(seed)
    account.create()
    assert [account.release(1), account.release(2)] == ["1", "2"]
    account.call("CreateAlias", FunctionName="shop", Name="live", FunctionVersion="1")
    return account
