"""What a cold start pays for: no client before it is used, no tracer unless the trace is sampled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cold_start import CLIENTS
from tests.sam_template import FUNCTIONS, actions

ROOT = Path(__file__).parents[1]


def in_a_fresh_process(code: str, **environment: str) -> str:
    """Run Python as a cold start would and return what it prints."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"POWERTOOLS_METRICS_NAMESPACE": "Rampart", "POWERTOOLS_SERVICE_NAME": "rampart"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_cold_start_makes_no_client_and_imports_no_tracer() -> None:
    code = """
import sys, boto3
def refuse(*args, **kwargs): raise AssertionError("a client was made")
boto3.Session.client = boto3.Session.resource = refuse
import controller.handlers
heavy = ("aws_xray_sdk", "moto", "samtranslator", "rampart")
print([name for name in heavy if name in sys.modules])
"""
    assert in_a_fresh_process(code).strip() == "[]"


def test_a_cold_start_looks_for_no_garbage_and_a_warm_one_not_among_what_was_imported() -> None:
    code = """
import gc
looked = []
gc.callbacks.append(lambda phase, _: looked.append(phase))
import controller.handlers
print(looked, gc.isenabled(), gc.get_freeze_count() > 50_000)
"""
    assert in_a_fresh_process(code).strip() == "[] True True"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_benchmark_makes_only_clients_that_a_function_has_rights_for(name: str) -> None:
    allowed = {
        action.partition(":")[0]
        for policy in FUNCTIONS[name]["Policies"]
        for statement in policy["Statement"]
        for action in actions(statement)
    }
    assert {"states" if service == "stepfunctions" else service for service in CLIENTS[name]} <= allowed


def test_a_function_makes_only_the_clients_that_it_uses_and_each_once() -> None:
    code = """
import boto3
made = []
boto3.Session.client = lambda self, service, **_: made.append(service)
from controller import bootstrap
ports = bootstrap.ports()
assert made == [] and bootstrap.ports() is ports
ports.deployments, ports.alarms, ports.deployments
print(made)
"""
    environment = {"RAMPART_STAGE": "dev", "RAMPART_TABLE": "table", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert in_a_fresh_process(code, **environment).strip() == "['dynamodb', 'cloudwatch']"


@pytest.mark.parametrize(
    ("trace", "loaded"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", False),
        ("", False),
    ],
    ids=["sampled", "not sampled", "no trace"],
)
def test_only_a_sampled_trace_pays_for_the_tracer(trace: str, loaded: bool, tmp_path: Path) -> None:
    code = """
import sys
from controller.observability import traced
with traced("Judge"):
    pass
with traced("Judge"):
    pass
print("aws_xray_sdk" in sys.modules)
"""
    environment = {"_X_AMZN_TRACE_ID": trace, "LAMBDA_TASK_ROOT": str(tmp_path), "AWS_LAMBDA_FUNCTION_NAME": "f"}
    assert in_a_fresh_process(code, **environment).strip() == str(loaded)
