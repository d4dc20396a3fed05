"""`rampart`: the operator's command. Exit codes: 0 fine, 1 ended otherwise than it must, 2 wrong usage."""

import io
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from rampart.cli.options import ENDED_OTHERWISE, WRONG_USAGE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack

_WIDE = 200
"""The width where there is no terminal: a line is a line."""


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


DeploymentCalled = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT", help="Its id, the beginning of it, or its target.")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record; at most 500 characters.")]
Asker = Annotated[str | None, typer.Option(metavar="NAME", help="Who asks.", show_default="who AWS says you are")]
Answer = Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")]

app = typer.Typer(
    help="Rampart: safe deployments for AWS Lambda.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its boxes break a line where the terminal ends
    pretty_exceptions_enable=False,
)


@app.callback()
def rampart() -> None:
    """Rampart: safe deployments for AWS Lambda."""


@app.command(short_help="Promote good releases, roll back bad ones.")
def demo(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the summary to FILE as JSON too.")
    ] = None,
    bug_percent: Annotated[
        int,
        typer.Option(
            min=0,
            max=99,
            metavar="N",
            help="On how many orders in a hundred release 3 fails. With 0 nothing stops it, and the demo fails.",
        ),
    ] = 30,
) -> None:
    """Show good releases promoted and bad ones rolled back, on an AWS inside this process."""
    if json_file:
        try:
            json_file.open("a").close()
        except OSError as error:
            raise typer.BadParameter(f"cannot write {json_file}: {error.strerror}", param_hint="--json") from None
    if not find_spec("awslambdaric"):
        if sys.platform == "linux":
            _fail("rampart demo: it needs more than the extra [cli]; run make demo in a checkout")
        _fail("rampart demo: Lambda's runtime client (awslambdaric) is built for Linux only; run the demo on Linux")
    for name in list(os.environ):  # the AWS is in this process: no profile and no proxy leads to it
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    # Imported here, so that other commands do not pay for an AWS.
    from rampart.demo.screen import Screen
    from rampart.demo.story import DemoError, tell

    screen = Screen(_console())
    try:
        report = tell(screen, bug_percent)
    except DemoError as error:
        _fail(f"rampart demo: {error}")
    except KeyboardInterrupt:
        _fail("rampart demo: interrupted; nothing is left behind", code=130)
    finally:
        screen.calm()
    screen.summary(report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")
    if not report.ended_well:
        _fail("rampart demo: a release did not end as it must, see above")


@app.command(short_help="What runs, waits, or needs a person.")
@at_a_stack
def status(
    stack: "Stack",
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="Only these, and what is live on them.")
    ] = None,
    output: Answer = Output.TEXT,
) -> None:
    """Show the deployments that run, that wait, and whose rollback failed."""
    from rampart.cli.status import print_situation, situation, situation_document

    found = situation(stack.deployments, targets or [])
    if output is Output.JSON:
        _print_json(situation_document(found))
    else:
        print_situation(_console(), found, datetime.now(UTC))


@app.command(short_help="How the deployments of a target ended.")
@at_a_stack
def history(
    stack: "Stack",
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    limit: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many.")] = 20,
    output: Answer = Output.TEXT,
) -> None:
    """Show how the last deployments of a target ended, the newest first."""
    from rampart.cli.history import ended_deployments, print_history
    from rampart.cli.status import stored_form

    ended = ended_deployments(stack.deployments, target, limit)
    if output is Output.JSON:
        _print_json([stored_form(deployment) for deployment in ended])
    else:
        print_history(_console(), target, ended, datetime.now(UTC))


@app.command(short_help="All that is on record about one deployment.")
@at_a_stack
def show(
    stack: "Stack",
    deployment: Annotated[
        str, typer.Argument(metavar="DEPLOYMENT", help="Its id, the beginning of it, or a target: its latest one.")
    ],
    output: Answer = Output.TEXT,
) -> None:
    """Show one deployment: its plan, its alarms, the marks on it, and every event with its evidence."""
    from rampart.cli.choice import deployment_called
    from rampart.cli.show import page_document, print_page

    found = deployment_called(stack.deployments, deployment)
    events = stack.deployments.events(found.deployment_id)
    if output is Output.JSON:
        _print_json(page_document(found, events))
    else:
        print_page(_console(), found, events, datetime.now(UTC))


@app.command(short_help="Roll a deployment back, now.")
@at_a_stack
def abort(
    stack: "Stack",
    deployment: DeploymentCalled,
    reason: Reason,
    by: Asker = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
) -> None:
    """Put the alias back on the baseline and end the deployment, through the controller's signal function."""
    from rampart.cli.abort import abort as carry_out
    from rampart.cli.choice import live_deployment_called

    name = live_deployment_called(stack.deployments, deployment).deployment_id
    ask = partial(stack.abort, name, by or stack.caller(), reason)
    if not carry_out(_console(), stack.deployments, name, ask, time.sleep if wait else None):
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="Check target documents before they stand in SSM.")
def validate(
    documents: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Target documents.")],
) -> None:
    """Say of each target document whether it can be used and what it comes to; asks no AWS.

    The exit code is 2 when one of them cannot be used.
    """
    from controller.core.errors import InputError
    from rampart.cli.validate import verdict_on
    from rampart.cli.wording import line

    faults = 0
    for path in documents:
        try:
            for told in verdict_on(path):
                _console().print(line(told), soft_wrap=True)
        except InputError as error:
            print(f"rampart validate: {error}", file=sys.stderr)  # noqa: T201 - the command's own word
            faults += 1
    if faults:
        raise typer.Exit(WRONG_USAGE)


@app.command(short_help="Let a deployment go on though the evidence is unclear.")
@at_a_stack
def approve(
    stack: "Stack",
    deployment: DeploymentCalled,
    reason: Reason,
    by: Asker = None,
) -> None:
    """Give your word for a deployment that is held, or will be, for want of evidence.

    It stops being held for that alone: an alarm, a rule that is broken or evidence against it still rolls it back.
    """
    from rampart.cli.choice import live_deployment_called
    from rampart.cli.wording import line

    name = live_deployment_called(stack.deployments, deployment).deployment_id
    _console().print(line(stack.approve(name, by or stack.caller(), reason)), soft_wrap=True)


@app.command(short_help="Find what is stuck, and mend what is ours.")
@at_a_stack
def repair(
    stack: "Stack",
    target: Annotated[str | None, typer.Argument(metavar="TARGET")] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="A function, where no target of it is on record.")
    ] = None,
    alias: Annotated[str, typer.Option(metavar="NAME", help="The alias of that function.")] = "live",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only said.")] = False,
) -> None:
    """Find dead deployments, failed rollbacks, claims without owner and weights that were left on an alias.

    Says what would mend each, and does so with --yes. What somebody else did is never touched: then it prints the
    command for a person, and the exit code is 1.
    """
    from rampart.cli.repair import examine_function, examine_target
    from rampart.cli.repair import repair as carry_out

    if target and not function:
        examine = partial(examine_target, stack, target)
    elif function and not target:
        examine = partial(examine_function, stack, function, alias)
    else:
        raise typer.BadParameter("name either a target or --function")
    if not carry_out(_console(), examine, yes):
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="What a rollout would cost, and how long it takes.")
def simulate(
    document: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A target document, as it stands in SSM.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="A strategy instead of the document's, or of a document.")
    ] = None,
    rps: Annotated[float | None, typer.Option(metavar="N", help="Requests a second, in the mean of a day.")] = None,
    rpm: Annotated[float | None, typer.Option(metavar="N", help="Or requests a minute.")] = None,
    base_rate: Annotated[
        str, typer.Option(metavar="PERCENT", help="How many requests fail under either version.")
    ] = "0.1%",
    regression: Annotated[
        str, typer.Option(metavar="PERCENT", help="How many of the others fail under the bad release.")
    ] = "10%",
    onset: Annotated[
        float, typer.Option(min=0, max=180, metavar="MINUTES", help="When the regression begins to show.")
    ] = 0.0,
    runs: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="How many rollouts of each.")] = 200,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another number draws other traffic.")] = 1,
    output: Answer = Output.TEXT,
) -> None:
    """Play rollouts of a bad and of a good release in simulated traffic, beside CodeDeploy on the same requests.

    The decisions are the controller's own. CodeDeploy has an alarm on the alias: the failure rate above 5 %, or any
    failure at all. A bad release that is promoted goes on failing until an hour or more has passed.
    """
    from controller.core.errors import InputError

    lacking = [name for name in ("numpy", "uniplot") if not find_spec(name)]
    if lacking:
        _fail(f"rampart simulate: it needs {' and '.join(lacking)}; pip install '.[simulate]' brings them")
    # Imported here, so that other commands do not need what it needs.
    from rampart.cli import simulate as simulation

    try:
        target = simulation.target_of(document, strategy)
        scenario = simulation.scenario_of(target, rps, rpm, base_rate, regression, onset)
        expected = simulation.simulate(Console(stderr=True), target, scenario, runs, seed)
    except InputError as error:
        _fail(f"rampart simulate: {error}", WRONG_USAGE)
    except KeyboardInterrupt:
        _fail("rampart simulate: interrupted", code=130)
    if output is Output.JSON:
        _print_json(simulation.expectations_document(expected, scenario, runs, seed))
    else:
        simulation.print_expectations(_console(), expected, scenario)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2))  # noqa: T201 - for programs, as it is


def _fail(line: str, code: int = 1) -> NoReturn:
    print(line, file=sys.stderr)  # noqa: T201 - the command's own last word
    raise typer.Exit(code)


def main() -> None:
    """Run the command line; being told to end is an ordinary exit, so that nothing is left behind."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's encoding lacks is escaped, and no error
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    app()


if __name__ == "__main__":
    main()
