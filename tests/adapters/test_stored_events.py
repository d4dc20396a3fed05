"""Stored test events, the port: in SSM and the schema registry, and the same in memory."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from controller.adapters.stored_events import REGISTRY, AwsStoredEvents
from controller.core.errors import DeniedError, MissingError, UnavailableError
from controller.ports import StoredEvents
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import refusing, restricted
from tests.engine.stored_events import MemoryStoredEvents

Put = Callable[[str, str], None]


@pytest.fixture
def path(fresh: Callable[[str], str]) -> str:
    """Return the path of a stage of its own."""
    return f"/rampart/{fresh('stage')}/test-events/"


@pytest.fixture(params=["memory", "aws"])
def stored(request: pytest.FixtureRequest) -> StoredEvents:
    """Return a store of nothing."""
    if request.param == "memory":
        return MemoryStoredEvents()
    aws: EmbeddedAws = request.getfixturevalue("aws")
    path = request.getfixturevalue("path")
    return AwsStoredEvents(lambda: aws.client("ssm"), lambda: aws.client("schemas"), path)


@pytest.fixture
def declare(stored: StoredEvents, request: pytest.FixtureRequest) -> Put:
    """Return a function that puts a text into a parameter."""
    if isinstance(stored, MemoryStoredEvents):
        return stored.parameters.__setitem__
    aws, path = request.getfixturevalue("aws"), request.getfixturevalue("path")
    return lambda name, text: aws.client("ssm").put_parameter(Name=path + name, Value=text, Type="String")


@pytest.fixture
def share(stored: StoredEvents, request: pytest.FixtureRequest) -> Put:
    """Return a function that keeps a document as the shareable test events of a function."""
    if isinstance(stored, MemoryStoredEvents):
        return stored.schemas.__setitem__
    aws = request.getfixturevalue("aws")

    def put(function: str, content: str) -> None:
        schemas = aws.client("schemas")
        with suppress(schemas.exceptions.ConflictException):
            schemas.create_registry(RegistryName=REGISTRY)
        name = f"_{function}-schema"
        schemas.create_schema(RegistryName=REGISTRY, SchemaName=name, Type="OpenApi3", Content=content)

    return put


def test_a_parameter_is_read_as_it_is(stored: StoredEvents, declare: Put) -> None:
    declare("checkout", '[{"name": "prêt"}]')
    assert stored.parameter("checkout") == '[{"name": "prêt"}]'


def test_a_parameter_that_is_not_there_is_missing(stored: StoredEvents) -> None:
    with pytest.raises(
        MissingError, match=r"there is no SSM parameter .*checkout, which is to hold the test events"
    ):
        stored.parameter("checkout")


def test_shareable_events_are_read_as_they_are(
    stored: StoredEvents, share: Put, fresh: Callable[[str], str]
) -> None:
    function = fresh("function")
    share(function, '{"openapi": "3.0.0", "é": 1}')
    assert stored.shareable(function) == '{"openapi": "3.0.0", "é": 1}'
    assert stored.shareable(fresh("function")) is None


def test_what_may_not_be_read_is_denied(aws: EmbeddedAws, path: str) -> None:
    def client(service: str) -> Callable[[], object]:
        return lambda: restricted(aws, service, f"{service}-nobody", "s3:GetObject")

    stored = AwsStoredEvents(client("ssm"), client("schemas"), path)  # type: ignore[arg-type]
    with pytest.raises(DeniedError):
        stored.parameter("checkout")
    with pytest.raises(DeniedError):
        stored.shareable("checkout")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ForbiddenException", 403, DeniedError),
        ("UnauthorizedException", 401, DeniedError),
        ("ServiceUnavailableException", 503, UnavailableError),
        ("InternalServerErrorException", 500, UnavailableError),
    ],
)
def test_the_errors_of_the_registry_are_ours(
    aws: EmbeddedAws, path: str, code: str, status: int, kind: type[Exception]
) -> None:
    schemas = refusing(aws, "schemas", "describe_schema", code, status)
    with pytest.raises(kind, match="shareable test events of checkout: "):
        AwsStoredEvents(lambda: aws.client("ssm"), lambda: schemas, path).shareable("checkout")
