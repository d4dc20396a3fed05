"""Every touch of a part of moto that moto does not promise to keep, in one place and checked at import.

moto keeps the records of S3, DynamoDB, SQS, SNS, SSM, IAM, Logs and EventBridge, and interprets Amazon
States Language with a parser that it took over from LocalStack. Some of its names are replaced while an
embedded AWS runs, each for one reason:

- the interpreter's `boto3`: it builds a client for every task, which is slow and not safe among threads;
- the interpreter's `time` of Retry: a sleep that nothing can end would outlive the embedded AWS;
- `terminated` of an execution: the one place that knows that an execution ended;
- S3's own EventBridge delivery: it would deliver beside ours, with constant ids;
- DynamoDB's transactions and their copies of tables: see `moto_transactions`.
"""

import importlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config

from rampart.embedded import moto_shortcuts, moto_transactions
from rampart.embedded.moto_names import need, replaceable
from rampart.embedded.wire import ACCOUNT, REGION

STATES_KEY = "ak"
"""The access key id that moto's interpreter signs the calls of every state machine with."""


_PARSER = "moto.stepfunctions.parser"
_user_config = need("moto.core.config", "default_user_config")
_reset_backends = need("moto.core.base_backend", "BackendDict.reset")
_reset_instances = need("moto.core.model_instances", "reset_model_data")
_event_pattern = need("moto.events.models", "EventPattern.load")
need("moto.events.models", "EventPattern.matches_event")
need("moto.events.models", "EventPattern.get_pattern")
need("moto.events.models", "Rule.arn")
_events_backends = need("moto.events.models", "events_backends")
_s3_backends = need("moto.s3.models", "s3_backends")
need("moto.s3.models", "S3Backend.get_bucket")
need("moto.s3.models", "S3Backend.head_object")
_dynamodb_backends = need("moto.dynamodb.models", "dynamodb_backends")
need("moto.dynamodb.models.table", "StreamShard")
need("moto.dynamodb.models.table", "Table.get_index")
need("moto.dynamodb.models.table", "StreamRecord.to_json")
_iam_backends = need("moto.iam.models", "iam_backends")
_states_backends = need(f"{_PARSER}.models", "stepfunctions_parser_backends")
need(f"{_PARSER}.models", "StepFunctionsParserBackend.describe_execution")
need(f"{_PARSER}.asl.eval.environment", "Environment.is_running")
need(f"{_PARSER}.asl.eval.environment", "Environment.set_stop")
need(f"{_PARSER}.asl.eval.callback.callback", "CallbackEndpoint.interrupt_all")
need(f"{_PARSER}.asl.eval.callback.callback", "CallbackPoolManager")
_Status = need(f"{_PARSER}.api", "ExecutionStatus")
_threads = need(f"{_PARSER}.utils", "TMP_THREADS")


_INTERPRETER_BOTO3 = replaceable(f"{_PARSER}.asl.utils", "boto_client", "boto3")
_RETRY_TIME = replaceable(f"{_PARSER}.asl.component.common.retry", "retrier_decl", "time")
_EXECUTION_ENDED = replaceable(f"{_PARSER}.backend.execution", "BaseExecutionWorkerCommunication", "terminated")
_S3_DELIVERY = replaceable("moto.s3", "notifications", "_send_event_bridge_message")


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a state machine, as "Step Functions Execution Status Change" reports it."""

    arn: str
    state_machine_arn: str
    name: str
    status: str
    start_ms: int
    stop_ms: int | None
    input: str
    output: str | None
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One EventBridge rule as moto keeps it."""

    name: str
    arn: str
    enabled: bool
    schedule: str | None
    targets: tuple[Mapping[str, Any], ...]
    matches: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What S3 knows of one object."""

    size: int
    etag: str
    version_id: str | None


class Moto:
    """moto's server application with the interpreter switched on; one at a time in a process."""

    def __init__(self, on_execution_end: Callable[[Execution], None]) -> None:
        self._on_execution_end = on_execution_end
        self._closing = threading.Event()
        self._ending = threading.Lock()
        self._clients = _Clients("")
        self._undo: list[Callable[[], None]] = []
        server = importlib.import_module("moto.server")
        self.app: Any = server.DomainDispatcherApplication(server.create_backend_app)
        # moto would look through all of its modules' directories, once for every request.
        self.app.get_backend_for_host = cache(self.app.get_backend_for_host)

    def start(self, port: int) -> None:
        """Start from clean records; the interpreter calls every service at `port` of this machine."""
        _reset()
        self._clients = _Clients(f"http://127.0.0.1:{port}")
        before = os.environ.get("MOTO_PORT")
        os.environ["MOTO_PORT"] = str(port)
        self._undo.append(lambda: _restore_env("MOTO_PORT", before))
        self._replace(_user_config, "stepfunctions", {"execute_state_machine": True})
        self._replace(*_INTERPRETER_BOTO3, SimpleNamespace(client=self._clients.client))
        self._replace(*_RETRY_TIME, SimpleNamespace(sleep=self._closing.wait))
        self._replace(*_S3_DELIVERY, lambda *_args, **_kwargs: None)
        self._replace(*moto_shortcuts.STRUCTURE, moto_shortcuts.serialize_structure)
        self._replace(*moto_shortcuts.PARSE, moto_shortcuts.parse)
        self._replace(*moto_transactions.TRANSACT, moto_transactions.transact_write_items)
        self._replace(*moto_transactions.COPY, moto_transactions.WITHOUT_TABLES)
        # A failed execution is an ordinary end here; moto would tell of each on stderr, at length.
        log = logging.getLogger("moto.stepfunctions")
        self._undo.append(partial(log.setLevel, log.level))
        log.setLevel(logging.CRITICAL)
        reflect = getattr(*_EXECUTION_ENDED)

        def terminated(worker: Any) -> None:
            with self._ending:
                running = worker.execution.exec_status == _Status.RUNNING
                if running:  # else StopExecution has closed it already
                    reflect(worker)
            if running:
                self._ended(worker.execution)

        self._replace(*_EXECUTION_ENDED, terminated)

    def stop_all(self) -> None:
        """Abort every execution without telling anyone."""
        self._closing.set()
        with self._ending:
            for execution in _executions():
                _abort(execution, None, None)

    def close(self, timeout_seconds: float = 0.5) -> None:
        """Stop every execution, wait for its threads, forget all records and put moto back as it was."""
        self.stop_all()
        deadline = time.monotonic() + timeout_seconds
        for thread in list(_threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        _threads.clear()
        self._clients.close()
        while self._undo:
            self._undo.pop()()
        _reset()

    def settle(self, execution_arn: str) -> Execution:
        """Wait until a new execution runs: until then moto fails every SendTaskSuccess, to whomever."""
        execution = _execution(execution_arn)
        deadline = time.monotonic() + 10
        while execution.exec_status == _Status.RUNNING and time.monotonic() < deadline:
            env = execution.exec_worker.env
            if env is not None and env.is_running():
                break
            time.sleep(0.0005)
        return _snapshot(execution)

    def stop(self, execution_arn: str, error: str | None, cause: str | None) -> None:
        """Close an execution as aborted at once; moto would wait for its running task and drop the cause."""
        execution = _execution(execution_arn)
        with self._ending:
            running = execution.exec_status == _Status.RUNNING
            if running:
                _abort(execution, error, cause)
        if running:
            self._ended(execution)

    def _ended(self, execution: Any) -> None:
        if not self._closing.is_set():
            self._on_execution_end(_snapshot(execution))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, dict):
            before = owner[name]
            owner[name] = value
            self._undo.append(lambda: owner.__setitem__(name, before))
        else:
            before = getattr(owner, name)
            setattr(owner, name, value)
            self._undo.append(lambda: setattr(owner, name, before))


@cache
def _session() -> Any:
    """Return the session whose API models every account of this process reads once."""
    return boto3.session.Session()


class _Clients:
    """The interpreter's boto3 clients, one for each service; clients may be shared by threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, *, service_name: str, region_name: str, config: Config, **kwargs: Any) -> Any:
        # Not at the URL that moto made of MOTO_PORT: a function that runs in this process changes os.environ.
        kwargs["endpoint_url"] = self._url
        with self._lock:
            key = (service_name, region_name)
            if key not in self._clients:
                wide = config.merge(Config(max_pool_connections=256))
                self._clients[key] = _session().client(service_name, region_name=region_name, config=wide, **kwargs)
            return self._clients[key]

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def rules(bus: str) -> Iterator[Rule]:
    """Return the rules of an event bus."""
    found = _events_backends[ACCOUNT][REGION].event_buses.get(bus)
    for rule in list(found.rules.values()) if found else []:
        pattern = rule.event_pattern
        yield Rule(
            name=rule.name,
            arn=rule.arn,
            enabled=rule.state == "ENABLED",
            schedule=rule.scheduled_expression,
            targets=tuple(rule.targets),
            # A rule may have a schedule and no pattern; moto's empty pattern matches every event.
            matches=pattern.matches_event if pattern.get_pattern() else lambda _event: False,
        )


def event_bus_exists(bus: str) -> bool:
    """Say whether there is an event bus of that name."""
    return bus in _events_backends[ACCOUNT][REGION].event_buses


def pattern_matcher(pattern: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return moto's matcher of an EventBridge pattern, which filter criteria of Lambda share."""
    matches: Callable[[Mapping[str, Any]], bool] = _event_pattern(pattern).matches_event
    return matches


def sends_to_eventbridge(bucket: str) -> bool:
    """Say whether a bucket has its EventBridge notifications on."""
    configuration = _s3_backends[ACCOUNT]["aws"].get_bucket(bucket).notification_configuration
    return configuration is not None and configuration.event_bridge is not None


def stored_object(bucket: str, key: str, version_id: str | None) -> StoredObject:
    """Return size, etag and version of an object."""
    found = _s3_backends[ACCOUNT]["aws"].head_object(bucket, key, version_id)
    return StoredObject(int(found.size), str(found.etag).strip('"'), version_id)


def stream_length(stream_arn: str) -> int:
    """Return how many records a DynamoDB stream holds; zero for a stream that is no longer there."""
    return len(_stream_items(stream_arn))


def stream_records(stream_arn: str, start: int) -> list[dict[str, Any]]:
    """Return copies of a stream's records from the index `start` on; call it under DynamoDB's lock."""
    records: list[dict[str, Any]] = json.loads(
        json.dumps([each.to_json() for each in _stream_items(stream_arn)[start:]], default=_epoch)
    )
    return records


def hash_key_of(table: str) -> str:
    """Return the name of the hash key of a table or of an index (table/index/name); raises KeyError."""
    name, _, index = table.partition("/index/")
    found = _dynamodb_backends[ACCOUNT][REGION].tables[name]
    schema = found.get_index(index).schema if index else found.schema
    return next(str(each["AttributeName"]) for each in schema if each["KeyType"] == "HASH")


def role_policies(role_arn: str) -> dict[str, str]:
    """Return the inline policies of a role by name, as JSON; empty when there is no such role."""
    for role in _iam_backends[ACCOUNT]["aws"].roles.values():
        if role.arn == role_arn:
            return dict(role.policies)
    return {}


def _stream_items(stream_arn: str) -> list[Any]:
    name, _, label = stream_arn.partition(":table/")[2].partition("/stream/")
    table = _dynamodb_backends[ACCOUNT][REGION].tables.get(name)
    if table is None or table.stream_shard is None or table.latest_stream_label != label:
        return []
    return list(table.stream_shard.items)


def _epoch(moment: Any) -> float:
    """Turn moto's times, which are UTC without saying so, into seconds since the epoch."""
    return float(moment.replace(tzinfo=UTC).timestamp())


def _reset() -> None:
    _reset_backends()
    _reset_instances()


def _restore_env(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _executions() -> list[Any]:
    return [e for machine in _states_backends[ACCOUNT][REGION].state_machines for e in machine.executions]


def _execution(arn: str) -> Any:
    return _states_backends[ACCOUNT][REGION].describe_execution(arn)


def _abort(execution: Any, error: str | None, cause: str | None) -> None:
    if execution.exec_status != _Status.RUNNING:
        return
    execution.exec_status = _Status.ABORTED
    execution.stop_date = datetime.now(UTC)
    execution.error, execution.cause = error, cause
    env = execution.exec_worker.env
    if env is not None:
        env.set_stop(stop_date=execution.stop_date, error=error, cause=cause)
        for endpoint in list(env.callback_pool_manager._pool.values()):
            endpoint.interrupt_all()


def _snapshot(execution: Any) -> Execution:
    succeeded = execution.exec_status == _Status.SUCCEEDED
    stop = execution.stop_date
    return Execution(
        arn=execution.exec_arn,
        state_machine_arn=execution.state_machine.arn,
        name=execution.name,
        status=str(execution.exec_status.value),
        start_ms=int(execution.start_date.timestamp() * 1000),
        stop_ms=None if stop is None else int(stop.timestamp() * 1000),
        input=execution.execution_input,
        # Not as DescribeExecution of moto has it, which forgets the quotes of a bare string.
        output=json.dumps(execution.output) if succeeded else None,
        error=execution.error,
        cause=execution.cause,
    )
