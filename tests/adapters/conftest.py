"""One embedded AWS for the whole package, on a clock that stands still, and the ports in front of it."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.adapters.lambda_functions import LambdaFunctions
from controller.ports import Deployments
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.clock import VirtualClock
from tests.adapters.lambda_account import BUCKET, Function, make_bucket
from tests.adapters.records import unsent_in_table
from tests.adapters.table import make_table
from tests.engine.memory import MemoryDeployments
from tests.engine.model_client import ModelClient


@pytest.fixture(scope="package")
def clock() -> VirtualClock:
    """Return the clock of the account."""
    return VirtualClock()


@pytest.fixture(scope="package")
def aws(clock: VirtualClock) -> Iterator[EmbeddedAws]:
    """Return an account; what a test makes in it, it gives a `fresh` name."""
    with EmbeddedAws(clock, runner="in_process") as running:
        yield running


@pytest.fixture(scope="package")
def fresh() -> Callable[[str], str]:
    """Return a function that makes a name nobody has had."""
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}-{next(numbers)}"


@pytest.fixture
def table(aws: EmbeddedAws, fresh: Callable[[str], str]) -> str:
    """Return a table as the template declares it."""
    return make_table(aws.client("dynamodb"), fresh("deployments"))


@pytest.fixture(params=["memory", "dynamodb"])
def deployments(request: pytest.FixtureRequest) -> Deployments:
    """Return an empty store of deployments."""
    if request.param == "memory":
        return MemoryDeployments()
    aws: EmbeddedAws = request.getfixturevalue("aws")
    return DynamoDbDeployments(aws.client("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture
def unsent(deployments: Deployments, request: pytest.FixtureRequest) -> Callable[[], list[str]]:
    """Return a function that lists the ids of the events still to be sent."""
    if isinstance(deployments, MemoryDeployments):
        return lambda: sorted(deployments.outbox)
    aws: EmbeddedAws = request.getfixturevalue("aws")
    name: str = request.getfixturevalue("table")
    return lambda: unsent_in_table(aws.client("dynamodb"), name)


@pytest.fixture(scope="package")
def bucket(aws: EmbeddedAws) -> str:
    """Make the bucket of releases and return its name."""
    make_bucket(aws)
    return BUCKET


@pytest.fixture
def function(aws: EmbeddedAws, clock: VirtualClock, bucket: str, fresh: Callable[[str], str]) -> Function:
    """Return a function of its own."""
    return Function(aws, clock, fresh("shop")).create()


@pytest.fixture(params=["model", "http"])
def functions(request: pytest.FixtureRequest, aws: EmbeddedAws) -> LambdaFunctions:
    """Return the port over each way to the same model of Lambda."""
    over_http = request.param == "http"
    return LambdaFunctions(aws.client("lambda") if over_http else ModelClient("lambda", aws.lambda_model))  # type: ignore[arg-type]
