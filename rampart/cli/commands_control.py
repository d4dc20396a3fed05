"""The commands by which a person has a say in a deployment that is under way."""

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rampart.cli.application import Asker, DeploymentCalled, Reason, app, terminal
from rampart.cli.options import ENDED_OTHERWISE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


@app.command(short_help="Hold a deployment at its weight.")
@at_a_stack
def pause(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Hold a deployment at the weight that it has; what fails is rolled back all the same.

    Without `rampart resume` it is rolled back after a day.
    """
    _ask(stack, "pause", deployment, reason, by)


@app.command(short_help="Let a paused deployment go on.")
@at_a_stack
def resume(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Let a deployment go on that somebody has paused."""
    _ask(stack, "resume", deployment, reason, by)


@app.command(short_help="Let a deployment go on that awaits somebody's word.")
@at_a_stack
def approve(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Give your word for the step that a deployment is on: its gate, or evidence that is unclear, holds it no more.

    An alarm, a broken rule or evidence against it still rolls it back. The next step needs a word of its own.
    """
    _ask(stack, "approve", deployment, reason, by)


@app.command(short_help="Give a candidate all traffic now, and promote it.")
@at_a_stack
def promote(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Let a deployment go to full weight at once and be promoted, without waiting for bakes or for anybody.

    What fails is rolled back all the same.
    """
    _ask(stack, "promote", deployment, reason, by)


@app.command(short_help="Roll a deployment back, now.")
@at_a_stack
def abort(
    stack: "Stack",
    deployment: DeploymentCalled,
    reason: Reason,
    by: Asker = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
) -> None:
    """Put the alias back on the baseline and end the deployment, through the controller's control function."""
    from rampart.cli.abort import abort as carry_out
    from rampart.cli.choice import live_deployment_called

    name = live_deployment_called(stack.deployments, deployment).deployment_id
    ask = partial(stack.ask, "abort", name, by or stack.caller(), reason)
    if not carry_out(terminal(), stack.deployments, name, ask, time.sleep if wait else None):
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="Put the alias back after a promotion.")
@at_a_stack
def undo(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Put the alias back to where it was before the last promotion of a target, for 72 hours after it.

    Nothing is analysed. The artifact is remembered as refused, so that no event deploys it again.
    """
    from rampart.cli.choice import promotion_called
    from rampart.cli.wording import line

    name = promotion_called(stack.deployments, deployment).deployment_id
    terminal().print(line(stack.ask("undo", name, by or stack.caller(), reason)), soft_wrap=True)


@app.command(short_help="Deploy once more what was refused or rolled back.")
@at_a_stack
def retry(stack: "Stack", deployment: DeploymentCalled, reason: Reason, by: Asker = None) -> None:
    """Start a new deployment of what an ended one was about: the latest of a target, or the one of that id."""
    from rampart.cli.choice import deployment_called
    from rampart.cli.wording import line

    name = deployment_called(stack.deployments, deployment).deployment_id
    terminal().print(line(stack.ask("retry", name, by or stack.caller(), reason)), soft_wrap=True)


def _ask(stack: "Stack", verb: str, called: str, reason: str, by: str | None) -> None:
    """Ask something of the live deployment that is called so, and print what becomes of it."""
    from rampart.cli.choice import live_deployment_called
    from rampart.cli.wording import line

    name = live_deployment_called(stack.deployments, called).deployment_id
    terminal().print(line(stack.ask(verb, name, by or stack.caller(), reason)), soft_wrap=True)
