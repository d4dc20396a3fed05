"""The commands by which a person has a say in a deployment that is under way."""

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rampart.cli.application import Asker, DeploymentCalled, Reason, app, terminal
from rampart.cli.options import ENDED_OTHERWISE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


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
    terminal().print(line(stack.approve(name, by or stack.caller(), reason)), soft_wrap=True)


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
    ask = partial(stack.abort, name, by or stack.caller(), reason)
    if not carry_out(terminal(), stack.deployments, name, ask, time.sleep if wait else None):
        raise typer.Exit(ENDED_OTHERWISE)
