"""The one place that joins ports to adapters: adapters are imported, and clients of AWS made, lazily, once.

They are botocore's, as boto3's are; to import what else boto3 has would take nearly a tenth of a cold start.
"""

import time
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import parse_timestamp

from controller.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

    from controller.adapters.artifact_store import ArtifactStore
    from controller.adapters.cloudwatch_alarms import CloudWatchAlarms
    from controller.adapters.cloudwatch_metrics import CloudWatchMetrics
    from controller.adapters.dynamodb_deployments import DynamoDbDeployments
    from controller.adapters.dynamodb_line import DynamoDbLine
    from controller.adapters.eventbridge_bus import EventBridgeBus
    from controller.adapters.lambda_functions import LambdaFunctions
    from controller.adapters.ssm_targets import SsmTargets
    from controller.adapters.stepfunctions_executions import StepFunctionsExecutions
    from controller.adapters.stored_events import AwsStoredEvents

# The state machine retries too, with jitter and for longer; these retries are for a hiccup.
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=3, read_timeout=20)
# A table that hangs must leave the time to put aliases back, and a CloudWatch that hangs the time to hold a step.
_TABLE_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=3, read_timeout=5)
_CLOUDWATCH_CONFIG = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=3, read_timeout=15)
# A function may run for 15 minutes, as Verify and Bake may; an invocation is not harmless to repeat.
_PATIENT_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=880)


class _ServiceModels(Loader):
    """botocore's models of AWS's APIs, of the services that the ports speak to alone.

    To make the first client, botocore looks twice through the directories of all the services there are: a tenth
    of a bare client's cold start.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services whose models may be loaded."""
        return ["cloudwatch", "dynamodb", "ecr", "events", "lambda", "s3", "schemas", "ssm", "stepfunctions"]


def _moment(value: Any) -> datetime:
    """Return a timestamp of an answer.

    For a number botocore's own way takes eight times as long, and of a bake of days a look reads 100,000.
    """
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else parse_timestamp(value)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return what the environment says, read once."""
    return Settings.from_env()


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def wait_until(self, moment: datetime) -> None:
        """Return when a moment has come; at once when it has passed."""
        time.sleep(max(0.0, (moment - self.now()).total_seconds()))


class AwsPorts:
    """The ports on AWS; each function of the controller pays only for the clients that it uses."""

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen
        self._session = Session()
        self._session.register_component("data_loader", _ServiceModels())
        self._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)

    def _client(self, service: str, config: Config = _CONFIG) -> Any:
        return self._session.create_client(service, config=config)

    @cached_property
    def functions(self) -> "LambdaFunctions":
        """Lambda functions."""
        from controller.adapters.lambda_functions import LambdaFunctions

        patient = cache(lambda: self._client("lambda", _PATIENT_CONFIG))  # for code, test events and hooks alone
        return LambdaFunctions(self._client("lambda"), patient)

    @cached_property
    def artifacts(self) -> "ArtifactStore":
        """Buckets and repositories; most deployments need only one of the two clients."""
        from controller.adapters.artifact_store import ArtifactStore

        s3, ecr = cache(lambda: self._client("s3")), cache(lambda: self._client("ecr"))
        return ArtifactStore(s3, ecr, self._settings.account)

    @cached_property
    def alarms(self) -> "CloudWatchAlarms":
        """CloudWatch alarms."""
        from controller.adapters.cloudwatch_alarms import CloudWatchAlarms

        return CloudWatchAlarms(self._cloudwatch)

    @cached_property
    def metrics(self) -> "CloudWatchMetrics":
        """CloudWatch metrics."""
        from controller.adapters.cloudwatch_metrics import CloudWatchMetrics

        return CloudWatchMetrics(self._cloudwatch, self._settings.minute_seconds)

    @cached_property
    def _cloudwatch(self) -> "CloudWatchClient":
        client: CloudWatchClient = self._client("cloudwatch", _CLOUDWATCH_CONFIG)
        return client

    @cached_property
    def clock(self) -> SystemClock:
        """The time."""
        return SystemClock()

    @cached_property
    def targets(self) -> "SsmTargets":
        """The catalogue, kept for a minute."""
        from controller.adapters.ssm_targets import SsmTargets

        client = self._client("ssm")
        return SsmTargets(client, self._settings.targets_path, time.monotonic, self._settings.minute_seconds)

    @cached_property
    def stored_events(self) -> "AwsStoredEvents":
        """Test events that targets refer to; most refer to none."""
        from controller.adapters.stored_events import AwsStoredEvents

        ssm, schemas = cache(lambda: self._client("ssm")), cache(lambda: self._client("schemas"))
        return AwsStoredEvents(ssm, schemas, self._settings.test_events_path)

    @cached_property
    def deployments(self) -> "DynamoDbDeployments":
        """Records, events, claims."""
        from controller.adapters.dynamodb_deployments import DynamoDbDeployments

        return DynamoDbDeployments(self._dynamodb, self._settings.table_name)

    @cached_property
    def line(self) -> "DynamoDbLine":
        """The switch that holds everything up."""
        from controller.adapters.dynamodb_line import DynamoDbLine

        return DynamoDbLine(self._dynamodb, self._settings.table_name)

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client("dynamodb", _TABLE_CONFIG)

    @cached_property
    def executions(self) -> "StepFunctionsExecutions":
        """The state machine."""
        from controller.adapters.stepfunctions_executions import StepFunctionsExecutions

        return StepFunctionsExecutions(self._client("stepfunctions"), self._settings.state_machine_arn)

    @cached_property
    def bus(self) -> "EventBridgeBus":
        """The teams' bus."""
        from controller.adapters.eventbridge_bus import EventBridgeBus

        return EventBridgeBus(self._client("events"), self._settings.bus_name)


@lru_cache(maxsize=1)
def ports() -> AwsPorts:
    """Return the ports on AWS, made once for the life of the execution environment."""
    return AwsPorts(settings())
