"""What a cold start costs: each handler's init phase, and with its clients, beside bare boto3 clients.

The package is made for this machine and laid out as on Lambda: the function, its layer, and boto3 with bytecode
as the runtime brings it; nothing is written down between starts. Each start of a handler has a start of
`import boto3; boto3.client("lambda")` and one of its own clients without Rampart right before it. What counts is
processor time, of which a cold start consists: what else the machine does would count too by the clock.
docs/decisions/0012-a-cold-start-is-held-in-two-parts.md says which parts are held to the goal.
"""

import argparse
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from bench.command import count
from bench.package import BuildError, Package, built_for_this_machine
from tests.sam_template import FUNCTIONS, GLOBALS

GOAL_RATIO = 1.3
GOAL_BYTES = 20_000_000
BARE = ("lambda",)
RUNTIME_BRINGS = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")

PORTS = {
    "cloudwatch": "alarms",
    "dynamodb": "deployments",
    "events": "bus",
    "lambda": "functions",
    "s3": "artifacts._s3()",
    "ssm": "targets",
    "stepfunctions": "executions",
}
"""What of the ports makes the client of a service."""

CLIENTS: Mapping[str, tuple[str, ...]] = {
    "IntakeFunction": ("ssm", "stepfunctions"),
    "PlanFunction": ("ssm", "lambda", "s3", "cloudwatch", "dynamodb"),
    "PublishFunction": ("lambda", "dynamodb"),
    "VerifyFunction": ("lambda", "dynamodb"),
    "ShiftFunction": ("lambda", "dynamodb"),
    "BakeFunction": ("dynamodb",),
    "JudgeFunction": ("cloudwatch", "lambda", "dynamodb"),
    "PromoteFunction": ("lambda", "dynamodb"),
    "RollBackFunction": ("lambda", "dynamodb"),
    "GiveUpFunction": ("dynamodb",),
    "SignalFunction": ("lambda", "stepfunctions", "dynamodb"),
    "ControlFunction": ("lambda", "stepfunctions", "dynamodb"),
    "RestoreFunction": ("lambda", "dynamodb"),
    "ReconcileFunction": ("ssm", "lambda", "stepfunctions", "dynamodb"),
    "NotifyFunction": ("events", "dynamodb"),
}
"""The services whose clients a function makes for the work that it is there for; artifacts are zips."""


class Start(NamedTuple):
    """The processor time that four fresh interpreters took one after the other, in seconds."""

    bare: float
    its_clients: float
    imported: float
    """The handler, before it makes a client."""
    handler: float


class Handler(BaseModel):
    """One function's cold start: medians of the rounds."""

    function: str
    clients: tuple[str, ...]
    milliseconds: float
    """Of the whole: from the start of Python to the last of its clients."""
    init_ratio: float
    """Of the init phase, which imports the handler, to the bare Lambda client; Lambda reports its duration."""
    ratio_to_its_clients: float
    """Of the whole to bare clients of the same services: what Rampart adds to boto3."""
    ratio: float
    """Of the whole to the one bare Lambda client, however many clients it makes."""

    @property
    def meets_goal(self) -> bool:
        """Whether neither part takes longer than it should."""
        return max(self.init_ratio, self.ratio_to_its_clients) <= GOAL_RATIO


class Report(BaseModel):
    """What was measured."""

    rounds: int
    python: str
    boto3: str
    bytecode: bool
    unzipped_bytes: int
    """The largest function with its layer, without boto3."""
    bare_milliseconds: float
    handlers: list[Handler]

    @property
    def meets_goals(self) -> bool:
        """Whether no handler takes longer than it should, and the package is as small as it should be."""
        return self.unzipped_bytes < GOAL_BYTES and all(each.meets_goal for each in self.handlers)

    @property
    def longer(self) -> list[Handler]:
        """Return the handlers which with all their clients take longer than the goal beside one client."""
        return [each for each in self.handlers if each.ratio > GOAL_RATIO]


@dataclass(frozen=True, slots=True)
class Runtime:
    """Lambda's Python as far as imports go: what a function may import, and its environment."""

    package: Package
    brings: Path
    """The directory of boto3 and what it needs."""

    def run(self, function: str, code: str) -> subprocess.CompletedProcess[str]:
        """Run code in a fresh interpreter that sees nothing but the function, its layer and what Lambda brings."""
        paths = [str(self.package.directory / function), str(self.package.layer / "python"), str(self.brings)]
        # Without site-packages, the user's settings, or a place to leave bytecode.
        command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"]
        return subprocess.run(command, env=_environment(function), capture_output=True, text=True, check=False)

    def ready_seconds(self, function: str, code: str) -> float:
        """Return the processor time of a fresh interpreter from its start to having run code; raises BuildError."""
        tell = "import os, time; os.write(1, str(time.process_time()).encode()); os._exit(0)"
        done = self.run(function, f"{code}\n{tell}")
        if done.returncode != 0:
            raise BuildError(f"{function} does not start: {(done.stderr.strip() or done.stdout).splitlines()[-1]}")
        return float(done.stdout)


def _environment(function: str) -> dict[str, str]:
    """Return the variables of a function, the credentials and the region, as Lambda sets them."""
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    variables = {name: str(value) for name, value in (GLOBALS["Environment"]["Variables"] | own).items()}
    aws = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": function}
    return {**variables, **aws, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


def handler_code(function: str) -> str:
    """Return the code that imports a function's handler, as Lambda does."""
    module, _, name = FUNCTIONS[function]["Handler"].rpartition(".")
    return f"from {module} import {name}"


def clients_code(function: str) -> str:
    """Return the code that makes the clients which a function makes when it is first invoked."""
    made = "\n".join(f"ports.{PORTS[service]}" for service in CLIENTS[function])
    return f"from controller import bootstrap\nports = bootstrap.ports()\n{made}"


def bare_code(services: Iterable[str]) -> str:
    """Return the code that makes clients of services, and nothing else."""
    return "import boto3\n" + "\n".join(f'boto3.client("{service}")' for service in services)


def bring_boto3(directory: Path) -> None:
    """Put boto3 and what it needs into a directory, with bytecode, as the Lambda runtime has it."""
    for distribution in RUNTIME_BRINGS:
        for file in importlib.metadata.files(distribution) or []:
            if file.suffix != ".pyc" and ".." not in file.parts:
                target = directory / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(directory)], check=True)


def measure(runtime: Runtime, rounds: int) -> Report:
    """Start every handler in each round, right after bare clients; raises BuildError when one does not start."""
    starts: dict[str, list[Start]] = {name: [] for name in FUNCTIONS}
    for _ in range(rounds):
        for name, seen in starts.items():
            whole = f"{handler_code(name)}\n{clients_code(name)}"
            codes = (bare_code(BARE), bare_code(CLIENTS[name]), handler_code(name), whole)
            seen.append(Start(*(runtime.ready_seconds(name, code) for code in codes)))
    return Report(
        rounds=rounds,
        python=platform.python_version(),
        boto3=importlib.metadata.version("boto3"),
        bytecode=runtime.package.has_bytecode,
        unzipped_bytes=runtime.package.unzipped_bytes,
        bare_milliseconds=round(median(each.bare for seen in starts.values() for each in seen) * 1000, 1),
        handlers=[
            Handler(
                function=name,
                clients=CLIENTS[name],
                milliseconds=round(median(each.handler for each in seen) * 1000, 1),
                init_ratio=round(median(each.imported / each.bare for each in seen), 2),
                ratio_to_its_clients=round(median(each.handler / each.its_clients for each in seen), 2),
                ratio=round(median(each.handler / each.bare for each in seen), 2),
            )
            for name, seen in starts.items()
        ],
    )


def table(report: Report) -> Table:
    """Return a report as a table for people."""
    shown = Table(box=None, padding=(0, 1), header_style="dim")
    shown.add_column("cold start", no_wrap=True)
    shown.add_column("clients")
    for column in ("ms", "init", "to its clients", "to one client"):
        shown.add_column(column, justify="right")
    shown.add_row("boto3 alone", *BARE, f"{report.bare_milliseconds:.0f}", "1.00", "1.00", "1.00")
    for each in report.handlers:
        ratios = (f"{ratio:.2f}" for ratio in (each.init_ratio, each.ratio_to_its_clients, each.ratio))
        shown.add_row(each.function, " ".join(each.clients), f"{each.milliseconds:.0f}", *ratios)
    return shown


def main() -> int:
    """Measure and print; the exit code is 0 when the goals are met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=count(1000), default=15, help="starts of each handler (default 15)")
    parser.add_argument("--no-bytecode", action="store_true", help="as a package made without Python 3.13")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(scratch)
            package = built_for_this_machine(FUNCTIONS, directory / "package")
            if given.no_bytecode:
                package.drop_bytecode()
            bring_boto3(directory / "runtime")
            report = measure(Runtime(package, directory / "runtime"), given.rounds)
    except BuildError as error:
        Console(stderr=True).print(f"bench.cold_start: {error}", markup=False, soft_wrap=True)
        return 1
    if given.output == "json":
        out.print(report.model_dump_json(indent=2), markup=False)
        return 0 if report.meets_goals else 1
    out.print(table(report))
    bytecode = "with" if report.bytecode else "without"
    out.print(
        f"package: {report.unzipped_bytes / 1e6:.1f} MB unzipped, {bytecode} bytecode; "
        f"Python {report.python}, boto3 {report.boto3}, medians of {report.rounds}"
    )
    out.print(
        f"goal: init at most {GOAL_RATIO} times boto3 with a Lambda client, the whole at most {GOAL_RATIO} times "
        f"boto3 with its clients, the package under {GOAL_BYTES / 1e6:.0f} MB: "
        f"{'met' if report.meets_goals else 'missed'}"
    )
    longer = ", ".join(f"{each.function} {each.ratio:.2f}" for each in report.longer)
    out.print(f"the whole above {GOAL_RATIO} times boto3 with one Lambda client: {longer or 'none'}")
    return 0 if report.meets_goals else 1


if __name__ == "__main__":
    sys.exit(main())
