"""Lambda as strict as AWS: pure and steppable, with time, chance, code and runs given from outside."""

import copy
import random
from collections.abc import Callable, Mapping
from typing import Any

from rampart.embedded.aws_lambda.access import Access
from rampart.embedded.aws_lambda.aliases import Aliases
from rampart.embedded.aws_lambda.asynchronous import QueuedEvent
from rampart.embedded.aws_lambda.durable import Durable
from rampart.embedded.aws_lambda.functions import Functions
from rampart.embedded.aws_lambda.images import Images
from rampart.embedded.aws_lambda.invocation import Invocation, InvocationOutcome
from rampart.embedded.aws_lambda.packages import CodeSource
from rampart.embedded.aws_lambda.provisioned import Provisioned
from rampart.embedded.aws_lambda.runner import Runner
from rampart.embedded.aws_lambda.settings import CONFIGURATION
from rampart.embedded.aws_lambda.sources import EventSources
from rampart.embedded.aws_lambda.state import LATEST, LambdaState, function_arn, split_name
from rampart.embedded.aws_lambda.urls import Urls
from rampart.embedded.clock import Clock
from rampart.embedded.cloudwatch.datum import Datum
from rampart.embedded.shapes import check
from rampart.embedded.wire import ApiError, Call

_FUNCTION = frozenset({"FunctionName"})
_QUALIFIED = _FUNCTION | {"Qualifier"}
_ALIAS = _FUNCTION | {"Name"}
_PAGES = frozenset({"Marker", "MaxItems"})
_PERMISSION = _QUALIFIED | {"StatementId", "RevisionId"}
_ROUTING = _ALIAS | {"FunctionVersion", "Description", "RoutingConfig"}

_Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class LambdaModel:
    """The Lambda service of the embedded AWS."""

    def __init__(
        self,
        *,
        clock: Clock,
        random: random.Random,
        code: CodeSource,
        runner: Runner,
        record: Callable[[Datum], None],
        enqueue: Callable[[QueuedEvent], None],
        new_id: Callable[[], str],
        update_seconds: float = 0.3,
        publish_seconds: float = 0.2,
        snapshot_seconds: float = 2.0,
        images: Images | None = None,
    ) -> None:
        """Create an empty account; what takes so many seconds does by the clock, not scaled."""
        self._state = LambdaState(
            clock, new_id, update_seconds, publish_seconds, images or Images(), snapshot_seconds
        )
        self._sources = EventSources(self._state)
        self.durable = Durable(self._state)
        """Whoever wants an execution to be under way says so here."""
        self._invocation = Invocation(self._state, random, runner, record, enqueue)
        functions = Functions(self._state, code)
        access, urls = Access(self._state, code), Urls(self._state)
        self._operations: dict[str, tuple[_Operation, frozenset[str]]] = {
            **_function_operations(functions),
            **_alias_operations(Aliases(self._state)),
            "CreateFunctionUrlConfig": (urls.create, _QUALIFIED | {"AuthType"}),
            "ListFunctionUrlConfigs": (urls.list_configs, _FUNCTION | _PAGES),
            **_provisioned_operations(Provisioned(self._state)),
            **_access_operations(access),
            **_source_operations(self._sources),
            "ListDurableExecutionsByFunction": (self.durable.list_executions, _QUALIFIED | _PAGES | {"Statuses"}),
            "Invoke": (self._invocation.handle, _QUALIFIED | {"InvocationType", "LogType", "Payload"}),
        }

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call; what is not supported is an error."""
        if call.operation not in self._operations:
            message = f"The embedded AWS does not support lambda:{call.operation}."
            raise ApiError("NotImplementedException", message, 501)
        operation, supported = self._operations[call.operation]
        check(call, supported)
        # Copies, so that no caller holds a part of what is remembered.
        return copy.deepcopy(operation(copy.deepcopy(dict(call.params))))

    def invoke(
        self, function: str, qualifier: str | None, payload: bytes, request_id: str | None = None
    ) -> InvocationOutcome:
        """Run one invocation of a function by its name or ARN; raises ApiError if nothing ran."""
        name, own_qualifier = split_name(function)
        return self._invocation.run(name, qualifier or own_qualifier, payload, request_id)

    def tags(self, function: str) -> dict[str, str]:
        """Return a function's tags, empty if there is no such function; takes a name or an ARN."""
        with self._state.lock:
            record = self._state.functions.get(split_name(function)[0])
            return dict(record.tags) if record else {}

    def limit_code_storage(self, limit_bytes: int) -> None:
        """Let an account store so much code, instead of what a new one may."""
        with self._state.lock:
            self._state.code_limit_bytes = limit_bytes

    def event_source_mappings(self) -> list[dict[str, Any]]:
        """Return every event source mapping as GetEventSourceMapping shows it."""
        return copy.deepcopy(self._sources.all())

    def event_invoke_config(self, function: str, qualifier: str | None) -> dict[str, Any]:
        """Return the EventInvokeConfig of a function's qualifier, empty if there is none."""
        with self._state.lock:
            record = self._state.function(function, qualifier)
            return copy.deepcopy(record.event_invoke.get(qualifier or LATEST, {}))

    def dead_letter_target(self, function: str, qualifier: str | None) -> str | None:
        """Return the TargetArn of the DeadLetterConfig of what a qualifier names."""
        with self._state.lock:
            record = self._state.function(function, qualifier)
            return self._state.shown(record, qualifier).dead_letter_target

    def function_policy(self, function: str) -> list[dict[str, Any]]:
        """Return the statements on a function, version or alias, given by name, name:qualifier or ARN."""
        name, qualifier = split_name(function)
        with self._state.lock:
            record = self._state.functions.get(name)
            return copy.deepcopy(record.policies.get(qualifier or LATEST, [])) if record else []

    def arn(self, function: str, qualifier: str | None = None) -> str:
        """Return the ARN of a function, a version or an alias."""
        return function_arn(function, qualifier)


def _function_operations(functions: Functions) -> dict[str, tuple[_Operation, frozenset[str]]]:
    created = _FUNCTION | {"Architectures", "Code", "PackageType", "Publish", "Tags"} | CONFIGURATION
    code = _FUNCTION | {"Architectures", "DryRun", "ImageUri", "Publish", "RevisionId"}
    code |= {"S3Bucket", "S3Key", "S3ObjectVersion", "SourceKMSKeyArn", "ZipFile"}
    published = _FUNCTION | {"CodeSha256", "Description", "RevisionId"}
    return {
        "CreateFunction": (functions.create, created),
        "UpdateFunctionCode": (functions.update_code, code),
        "UpdateFunctionConfiguration": (
            functions.update_configuration,
            _FUNCTION | {"RevisionId"} | CONFIGURATION,
        ),
        "PublishVersion": (functions.publish, published),
        "GetFunction": (functions.get, _QUALIFIED),
        "GetFunctionConfiguration": (functions.get_configuration, _QUALIFIED),
        "ListVersionsByFunction": (functions.list_versions, _FUNCTION | _PAGES),
        "ListFunctions": (functions.list_functions, _PAGES | {"FunctionVersion"}),
        "DeleteFunction": (functions.delete, _QUALIFIED),
    }


def _alias_operations(aliases: Aliases) -> dict[str, tuple[_Operation, frozenset[str]]]:
    return {
        "CreateAlias": (aliases.create, _ROUTING),
        "GetAlias": (aliases.get, _ALIAS),
        "UpdateAlias": (aliases.update, _ROUTING | {"RevisionId"}),
        "DeleteAlias": (aliases.delete, _ALIAS),
        "ListAliases": (aliases.list_aliases, _FUNCTION | _PAGES | {"FunctionVersion"}),
    }


def _provisioned_operations(provisioned: Provisioned) -> dict[str, tuple[_Operation, frozenset[str]]]:
    return {
        "PutProvisionedConcurrencyConfig": (provisioned.put, _QUALIFIED | {"ProvisionedConcurrentExecutions"}),
        "ListProvisionedConcurrencyConfigs": (provisioned.list_configs, _FUNCTION | _PAGES),
        "DeleteProvisionedConcurrencyConfig": (provisioned.delete, _QUALIFIED),
    }


def _access_operations(access: Access) -> dict[str, tuple[_Operation, frozenset[str]]]:
    event_invoke = {"DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"}
    granted = _PERMISSION | {"Action", "Principal", "SourceAccount", "SourceArn"}
    layer = frozenset({"LayerName", "Content", "Description", "LicenseInfo"})
    layer |= {"CompatibleArchitectures", "CompatibleRuntimes"}
    return {
        "ListTags": (access.list_tags, frozenset({"Resource"})),
        "TagResource": (access.tag, frozenset({"Resource", "Tags"})),
        "UntagResource": (access.untag, frozenset({"Resource", "TagKeys"})),
        "PutFunctionConcurrency": (access.put_concurrency, _FUNCTION | {"ReservedConcurrentExecutions"}),
        "GetFunctionConcurrency": (access.get_concurrency, _FUNCTION),
        "DeleteFunctionConcurrency": (access.delete_concurrency, _FUNCTION),
        "PutFunctionEventInvokeConfig": (access.put_event_invoke_config, _QUALIFIED | event_invoke),
        "GetFunctionEventInvokeConfig": (access.get_event_invoke_config, _QUALIFIED),
        "AddPermission": (access.add_permission, granted),
        "GetPolicy": (access.get_policy, _QUALIFIED),
        "RemovePermission": (access.remove_permission, _PERMISSION),
        "PublishLayerVersion": (access.publish_layer, layer),
        "GetAccountSettings": (access.account_settings, frozenset()),
    }


def _source_operations(sources: EventSources) -> dict[str, tuple[_Operation, frozenset[str]]]:
    created = _FUNCTION | {"Enabled", "EventSourceArn", "StartingPosition", "BatchSize", "FilterCriteria"}
    created |= {"DestinationConfig", "FunctionResponseTypes", "ScalingConfig", "ParallelizationFactor"}
    created |= {"BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts"}
    created |= {"MaximumBatchingWindowInSeconds"}
    return {
        "CreateEventSourceMapping": (sources.create, created),
        "GetEventSourceMapping": (sources.get, frozenset({"UUID"})),
        "ListEventSourceMappings": (
            sources.list_mappings,
            _FUNCTION | _PAGES | {"EventSourceArn"},
        ),
        "DeleteEventSourceMapping": (sources.delete, frozenset({"UUID"})),
    }
