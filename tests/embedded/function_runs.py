"""A function that does what it is told, and what it takes to run it, for the tests of the runners."""

import base64
import hashlib
import json
import sys
import threading
from typing import Any

import pytest

from rampart.embedded.aws_lambda.runner import FunctionHost, Package, RunRequest, RunResult
from rampart.embedded.clock import SystemClock
from tests.embedded.lambda_account import zip_of

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux only")

CODE = """
import json, logging, os, sys, time
import controller

def handler(event, context):
    return globals()[event["do"]](event, context)

def answer(event, context):
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "request_id": context.aws_request_id,
        "left_ms": context.get_remaining_time_in_millis(),
        "controller": controller.__file__,
    }

def fail(event, context):
    raise ValueError("no stock")

def log(event, context):
    print("printed")
    logging.getLogger().warning("logged")
    print("to stderr", file=sys.stderr)

def sleep(event, context):
    print("asleep")
    time.sleep(30)

def die(event, context):
    os._exit(3)

def leave(event, context):
    sys.exit(0)

def echo(event, context):
    return event["text"]

def fork(event, context):
    import subprocess
    return subprocess.Popen(["sleep", "60"]).pid

def pause(event, context):
    time.sleep(0.2)
    return os.getpid()
"""


def package(**files: str) -> Package:
    data = zip_of(**files)
    return Package(base64.b64encode(hashlib.sha256(data).digest()).decode(), data)


SHOP = package(shop=CODE, controller="")


def request(do: str, code: Package = SHOP, **changes: Any) -> RunRequest:
    given: dict[str, Any] = {
        "function": "shop",
        "version": "1",
        "handler": "shop.handler",
        "code": code,
        "environment": {"COLOUR": "green"},
        "timeout_seconds": 5,
        "memory_mb": 128,
        "payload": json.dumps({"do": do}).encode(),
        "request_id": "11111111-2222-3333-4444-555555555555",
        "invoked_arn": "arn:aws:lambda:eu-west-1:123456789012:function:shop:live",
    }
    return RunRequest(**{**given, **changes})


def payload(result: RunResult) -> Any:
    return json.loads(result.payload)


class Lines(list[tuple[str, str, str]]):
    """The log lines that came out."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = threading.Event()

    def take(self, function: str, version: str, line: str) -> None:
        self.append((function, version, line))
        if line == "asleep":
            self.asleep.set()


def host_for(lines: Lines) -> FunctionHost:
    return FunctionHost(SystemClock(0.5), "http://127.0.0.1:9", lambda name: f"AKIA{name}", lines.take)
