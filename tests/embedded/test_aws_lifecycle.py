"""An embedded AWS comes from nothing and leaves nothing behind."""

import os
import socket
import threading
import time

import pytest

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.moto_names import MotoMovedError, need
from tests.embedded.embedded_account import make_function, make_state_machine, make_table

RETRIES_FOR_EVER = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "missing"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 99}],
            "End": True,
        }
    },
}
WAITS_FOR_A_TOKEN = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl.$": "$.queue", "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    },
}


def test_one_runs_at_a_time_in_a_process(aws: EmbeddedAws) -> None:
    with pytest.raises(RuntimeError, match="an embedded AWS runs in this process already"):
        EmbeddedAws()


def test_the_next_one_starts_empty() -> None:
    with EmbeddedAws(0.6, runner="in_process") as first:
        make_table(first, "table")
        first.client("sqs").create_queue(QueueName="queue")
        make_state_machine(first, "waits", WAITS_FOR_A_TOKEN)
    with EmbeddedAws(0.6, runner="in_process") as second:
        assert second.client("dynamodb").list_tables()["TableNames"] == []
        assert "QueueUrls" not in second.client("sqs").list_queues()
        assert second.client("stepfunctions").list_state_machines()["stateMachines"] == []


def test_it_leaves_the_environment_as_it_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_PORT", "7")
    before = dict(os.environ)
    with EmbeddedAws(0.6, runner="in_process") as aws:
        assert os.environ["MOTO_PORT"] == aws.url.rpartition(":")[2]
    assert dict(os.environ) == before


def test_it_closes_within_a_second_whatever_still_runs() -> None:
    before = set(threading.enumerate())
    aws = EmbeddedAws(0.6, runner="process")
    states = aws.client("stepfunctions")
    queue = aws.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    make_function(aws, "sleeper", "import time\ndef handler(event, context): time.sleep(2)")
    aws.client("lambda").invoke(FunctionName="sleeper", InvocationType="Event", Payload=b"{}")
    aws.states_role(
        "states-role",
        [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}],
    )
    for name, definition in (("retries", RETRIES_FOR_EVER), ("waits", WAITS_FOR_A_TOKEN)):
        arn = make_state_machine(aws, name, definition)
        states.start_execution(stateMachineArn=arn, input=f'{{"queue": "{queue}"}}')
    aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)
    started = time.monotonic()
    aws.close()
    assert time.monotonic() - started < 1.0
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(aws.url.rpartition(":")[2])), timeout=1)


def test_closing_twice_is_closing_once() -> None:
    aws = EmbeddedAws(0.6, runner="in_process")
    aws.close()
    aws.close()
    with EmbeddedAws(0.6, runner="in_process"):
        pass


def test_a_name_that_moto_lost_is_told_with_its_version() -> None:
    with pytest.raises(MotoMovedError, match=r"moto 5\.\d+\.\d+ has no moto.core.config:no_such_name"):
        need("moto.core.config", "no_such_name")


def test_lines_of_functions_are_kept_and_their_metrics_counted() -> None:
    seen: list[str] = []
    with EmbeddedAws(0.6, runner="in_process", on_log=lambda _f, _v, line: seen.append(line)) as aws:
        emf = (
            '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [[]], '
            '"Metrics": [{"Name": "M"}]}]}, "M": 4}'
        )
        make_function(aws, "shop", f"def handler(event, context):\n print('hello')\n print('''{emf}''')")
        aws.client("lambda").invoke(FunctionName="shop")
        assert aws.logs("shop") == seen == ["hello"]
        metrics = aws.client("cloudwatch").list_metrics(Namespace="N")["Metrics"]
    assert [each["MetricName"] for each in metrics] == ["M"]
