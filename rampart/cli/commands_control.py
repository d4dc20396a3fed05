"""The commands by which a person has a say in a deployment that is under way."""

import io
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rampart.cli.application import Answer, Asker, DeploymentCalled, Output, Reason, answer, app, terminal
from rampart.cli.options import ENDED_OTHERWISE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


@app.command(short_help="Hold a deployment at its weight.")
@at_a_stack
def pause(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Hold a deployment at the weight that it has; what fails is rolled back all the same.

    Without `rampart resume` it is rolled back after a day.
    """
    _ask(stack, "pause", _live(stack, deployment), reason, by, output)


@app.command(short_help="Let a paused deployment go on.")
@at_a_stack
def resume(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Let a deployment go on that somebody has paused."""
    _ask(stack, "resume", _live(stack, deployment), reason, by, output)


@app.command(short_help="Let a deployment go on that awaits somebody's word.")
@at_a_stack
def approve(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Give your word for the step that a deployment is on: its gate, or evidence that is unclear, holds it no more.

    An alarm, a broken rule or evidence against it still rolls it back. The next step needs a word of its own.
    """
    _ask(stack, "approve", _live(stack, deployment), reason, by, output)


@app.command(short_help="Give a candidate all traffic now, and promote it.")
@at_a_stack
def promote(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Let a deployment go to full weight at once and be promoted, without waiting for bakes or for anybody.

    What fails is rolled back all the same.
    """
    _ask(stack, "promote", _live(stack, deployment), reason, by, output)


@app.command(short_help="Roll a deployment back, now.")
@at_a_stack
def abort(
    stack: "Stack",
    deployment: DeploymentCalled,
    reason: Reason,
    by: Asker = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    output: Answer = Output.TEXT,
) -> None:
    """Put the alias back on the baseline and end the deployment, through the controller's control function."""
    from rampart.cli.abort import abort as carry_out

    name, paper = _live(stack, deployment), io.StringIO()
    ask = partial(stack.ask, "abort", name, stack.caller() if by is None else by, reason)
    is_shown = output is Output.TEXT
    console = terminal() if is_shown else Console(file=paper, highlight=False)
    is_well = carry_out(console, stack.deployments, name, ask, time.sleep if wait else None)
    if not is_shown:
        _answer(stack, "abort", name, paper.getvalue().splitlines()[0])
    if not is_well:
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="Put the alias back after a promotion.")
@at_a_stack
def undo(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Put the alias back to where it was before the last promotion of a target, for 72 hours after it.

    Nothing is analysed. The artifact is remembered as refused, so that no event deploys it again.
    """
    from rampart.cli.choice import promotion_called

    _ask(stack, "undo", promotion_called(stack.deployments, deployment).deployment_id, reason, by, output)


@app.command(short_help="Deploy once more what was refused or rolled back.")
@at_a_stack
def retry(
    stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None, output: Answer = Output.TEXT
) -> None:
    """Start a new deployment of what an ended one was about: the latest of a target, or the one of that id."""
    from rampart.cli.choice import deployment_called

    _ask(stack, "retry", deployment_called(stack.deployments, deployment).deployment_id, reason, by, output)


@app.command("stop-the-line", short_help="Hold up everything that goes forward.")
@at_a_stack
def stop_the_line(stack: "Stack", reason: Reason, by: Asker = None, output: Answer = Output.TEXT) -> None:
    """Let nothing start, and no candidate get more traffic, on the whole stage; hotfixes and rollbacks go on.

    What it holds up for three days is refused, or rolled back.
    """
    _ask(stack, "stop-the-line", None, reason, by, output)


@app.command("release-the-line", short_help="Let everything go forward again.")
@at_a_stack
def release_the_line(stack: "Stack", reason: Reason, by: Asker = None, output: Answer = Output.TEXT) -> None:
    """Let deployments of the stage start and go on again."""
    _ask(stack, "release-the-line", None, reason, by, output)


def _live(stack: "Stack", called: str) -> str:
    """Return the id of the live deployment that is called so."""
    from rampart.cli.choice import live_deployment_called

    return live_deployment_called(stack.deployments, called).deployment_id


def _ask(stack: "Stack", verb: str, name: str | None, reason: str, by: str | None, output: Output) -> None:
    """Ask something of a deployment, or of the line, and print what becomes of it."""
    from rampart.cli.wording import line

    said = stack.ask(verb, name, stack.caller() if by is None else by, reason)
    if output is Output.JSON:
        _answer(stack, verb, name, said)
    else:
        terminal().print(line(said), soft_wrap=True)


def _answer(stack: "Stack", verb: str, name: str | None, said: str) -> None:
    from rampart.cli.status import stored_form

    found = stack.deployments.find(name) if name else None
    answer(verb, answer=said, deployments=[stored_form(found)] if found else [])
