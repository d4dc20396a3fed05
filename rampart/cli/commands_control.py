"""The commands by which a person has a say in a deployment that is under way."""

import io
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rampart.cli.application import Answer, Asker, DeploymentCalled, Output, Reason, answer, app, terminal
from rampart.cli.options import ENDED_OTHERWISE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


Choose = Callable[["Stack", str], str]
"""Returns the id of the deployment that is called so; its name is a verb, and its docstring the verb's help."""


def _asked(short_help: str) -> Callable[[Choose], Choose]:
    """Make a command of a choice: it asks of the deployment what the choice is named after."""

    def add(choose: Choose) -> Choose:
        def ask(
            stack: "Stack",
            deployment: DeploymentCalled,
            reason: Reason,
            by: Asker = None,
            output: Answer = Output.TEXT,
        ) -> None:
            _ask(stack, choose.__name__, choose(stack, deployment), reason, by, output)

        ask.__name__, ask.__doc__ = choose.__name__, choose.__doc__
        app.command(short_help=short_help)(at_a_stack(ask))
        return choose

    return add


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


@_asked(short_help="Hold a deployment at its weight.")
def pause(stack: "Stack", called: str) -> str:
    """Hold a deployment at the weight that it has; what fails is rolled back all the same.

    Without `rampart resume` it is rolled back after a day.
    """
    return _live(stack, called)


@_asked(short_help="Let a paused deployment go on.")
def resume(stack: "Stack", called: str) -> str:
    """Let a deployment go on that somebody has paused."""
    return _live(stack, called)


@_asked(short_help="Let a deployment go on that awaits somebody's word.")
def approve(stack: "Stack", called: str) -> str:
    """Give your word for the step that a deployment is on: its gate, or evidence that is unclear, holds it no more.

    An alarm, a broken rule or evidence against it still rolls it back. The next step needs a word of its own.
    """
    return _live(stack, called)


@_asked(short_help="Give a candidate all traffic now, and promote it.")
def promote(stack: "Stack", called: str) -> str:
    """Let a deployment go to full weight at once and be promoted, without waiting for bakes or for anybody.

    What fails is rolled back all the same.
    """
    return _live(stack, called)


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


@_asked(short_help="Put the alias back after a promotion.")
def undo(stack: "Stack", called: str) -> str:
    """Put the alias back to where it was before the last promotion of a target, for 72 hours after it.

    Nothing is analysed. The artifact is remembered as refused, so that no event deploys it again.
    """
    from rampart.cli.choice import promotion_called

    return promotion_called(stack.deployments, called).deployment_id


@_asked(short_help="Deploy once more what was refused or rolled back.")
def retry(stack: "Stack", called: str) -> str:
    """Start a new deployment of what an ended one was about: the latest of a target, or the one of that id."""
    from rampart.cli.choice import deployment_called

    return deployment_called(stack.deployments, called).deployment_id


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
