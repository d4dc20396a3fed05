"""The commands that look at deployments and change nothing."""

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rampart.cli import completion
from rampart.cli.application import Answer, Output, TargetNamed, answer, answer_event, app, now, terminal
from rampart.cli.options import at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


@app.command(short_help="What runs, waits, or needs a person.")
@at_a_stack
def status(
    stack: "Stack",
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET", help="Only these, and what is live on them.", autocompletion=completion.targets
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="See them go on, until Ctrl-C; one line each where no terminal is."),
    ] = False,
    output: Answer = Output.TEXT,
) -> None:
    """Show the deployments that run, that wait, and whose rollback failed, and whether the line is stopped."""
    from rampart.cli.status import print_situation, situation

    if watch:
        _watch(stack, targets or [], output)
        return
    found = situation(stack.deployments, targets or [], stack.line)
    if output is Output.JSON:
        answer("status", **found.document)
    else:
        print_situation(terminal(), found, now())


def _watch(stack: "Stack", targets: list[str], output: Output) -> None:
    """Watch until somebody interrupts, which is how watching ends."""
    from rampart.cli.watch import Everything, Watcher

    tell = partial(answer_event, "status") if output is Output.JSON else None
    watcher = Watcher(terminal(), stack.deployments, now, time.sleep, stack.functions, tell, stack.ended)
    with suppress(KeyboardInterrupt):
        watcher.watch(Everything(stack.deployments, targets))


@app.command(short_help="How the deployments of a target ended.")
@at_a_stack
def history(
    stack: "Stack",
    target: TargetNamed,
    limit: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many.")] = 20,
    output: Answer = Output.TEXT,
) -> None:
    """Show how the last deployments of a target ended, the newest first."""
    from rampart.cli.history import ended_deployments, print_history
    from rampart.cli.status import stored_form

    ended = ended_deployments(stack.deployments, target, limit)
    if output is Output.JSON:
        answer("history", deployments=[stored_form(deployment) for deployment in ended])
    else:
        print_history(terminal(), target, ended, now())


@app.command(short_help="All that is on record about one deployment.")
@at_a_stack
def show(
    stack: "Stack",
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT",
            help="Its id, the beginning of it, or a target: its latest one.",
            autocompletion=completion.deployments,
        ),
    ],
    output: Answer = Output.TEXT,
) -> None:
    """Show one deployment: its plan, its alarms, the marks on it, and every event with its evidence."""
    from rampart.cli.choice import deployment_called
    from rampart.cli.show import page_document, print_page

    found = deployment_called(stack.deployments, deployment)
    events = stack.deployments.events(found.deployment_id)
    if output is Output.JSON:
        answer("show", **page_document(found, events))
    else:
        print_page(terminal(), found, events, now())
