"""What a cold start pays for: no client before it is used, no tracer unless the trace is sampled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cold_start import CLIENTS, clients_code
from tests.sam_template import FUNCTIONS, actions

ROOT = Path(__file__).parents[1]
STACK = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "RAMPART_STAGE": "dev",
    "RAMPART_ACCOUNT": "111122223333",
    "RAMPART_TABLE": "table",
    "RAMPART_STATE_MACHINE": "arn:aws:states:eu-west-1:111122223333:stateMachine:rampart",
    "RAMPART_BUS": "teams",
}


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


def test_the_init_phase_makes_no_client_and_imports_neither_boto3_nor_a_tracer() -> None:
    code = """
import sys
from botocore.session import Session
def refuse(*args, **kwargs): raise AssertionError("a client was made")
Session.create_client = refuse
import controller.handlers.judge
heavy = ("aws_xray_sdk", "boto3", "moto", "samtranslator", "rampart")
print([name for name in heavy if name in sys.modules])
"""
    assert in_a_fresh_process(code).strip() == "[]"


def test_a_cold_start_looks_for_no_garbage_and_a_warm_one_not_among_what_was_imported() -> None:
    code = f"""
import gc
looked = []
gc.callbacks.append(lambda phase, _: looked.append(phase))
import controller.handlers.plan
imported = gc.get_freeze_count()
{clients_code("PlanFunction")}
print(looked, gc.isenabled(), imported > 50_000)
"""
    assert in_a_fresh_process(code, **STACK).strip() == "[] True True"


def test_a_client_is_made_without_a_look_at_what_else_aws_has() -> None:
    code = """
from botocore.loaders import Loader
def refuse(*_): raise AssertionError("every service was looked at")
Loader.list_available_services = refuse
from controller import bootstrap
ports = bootstrap.ports()
ports.functions, ports.alarms, ports.targets, ports.deployments, ports.executions, ports.bus
made = ports.artifacts._s3(), ports.artifacts._ecr()
print([client.meta.service_model.service_name for client in made])
"""
    assert in_a_fresh_process(code, **STACK).strip() == "['s3', 'ecr']"


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
from botocore.session import Session
made = []
Session.create_client = lambda self, service, **_: made.append(service)
from controller import bootstrap
ports = bootstrap.ports()
assert made == [] and bootstrap.ports() is ports
ports.deployments, ports.alarms, ports.deployments
print(made)
"""
    assert in_a_fresh_process(code, **STACK).strip() == "['dynamodb', 'cloudwatch']"


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
