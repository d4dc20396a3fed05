"""The command that starts a deployment, and waits for its end where it is told to."""

import json
import time
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rampart.cli.application import (
    Answer,
    Asker,
    ImageUri,
    Machine,
    Output,
    StrategyAsked,
    TargetNamed,
    VersionAsked,
    ZipUri,
    answer,
    app,
    fail,
    now,
    terminal,
)
from rampart.cli.options import ENDED_OTHERWISE, TOOK_TOO_LONG, at_a_stack

if TYPE_CHECKING:
    from datetime import datetime

    from controller.core.deployment import Deployment
    from rampart.cli.stack import Stack

_PATIENCE = timedelta(minutes=10)
"""How long a record may take to appear: Plan tries again for less when Lambda throttles."""


@app.command(short_help="Start a deployment; with --wait, see how it ends.")
@at_a_stack
def deploy(
    stack: "Stack",
    target: TargetNamed,
    zip_uri: ZipUri = None,
    image: ImageUri = None,
    version: VersionAsked = None,
    strategy: StrategyAsked = None,
    hotfix: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="It cannot wait: it goes first, and past an alarm that is red."),
    ] = None,
    by: Asker = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it; the exit code says how it ended.")] = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Wait no longer than this, such as 30m; it goes on then.")
    ] = None,
    state_machine: Machine = None,
    output: Answer = Output.TEXT,
) -> None:
    """Deploy a zip, an image or an existing version, as an event or plain start-execution would.

    With --wait the exit code is 0 when it was promoted, or was live already; 1 when it was refused, rolled back or
    given up; 3 when the timeout came first.
    """
    from rampart.cli import deploy as deploying
    from rampart.cli.choice import checked_name
    from rampart.cli.status import stored_form

    if sum(given is not None for given in (zip_uri, image, version)) != 1:
        raise typer.BadParameter("say what to deploy: one of --zip, --image and --version")
    if timeout is not None and not wait:
        raise typer.BadParameter("it takes --wait to wait for so long", param_hint="--timeout")
    if by is not None and hotfix is None:
        raise typer.BadParameter(
            "it says who asks for a hotfix; who deploys otherwise is not on record", param_hint="--by"
        )
    until = _deadline(timeout)
    artifact = deploying.zip_called(stack, zip_uri) if zip_uri is not None else None
    request = deploying.request_of(
        checked_name(target),
        artifact or (deploying.image_called(stack, image) if image is not None else None),
        version,
        strategy,
        {"reason": hotfix, "by": stack.caller() if by is None else by} if hotfix is not None else None,
    )
    # An event may have started it, which a wish of its own overrules.
    is_plain = wait and strategy is None and hotfix is None
    running = deploying.under_way(stack.deployments, target, deploying.what_is_asked(request)) if is_plain else None
    name = running or deploying.start(stack, request, stack.machine(state_machine), uuid.uuid4().hex)
    is_shown = output is Output.TEXT
    if is_shown:
        wanted = deploying.what_is_asked(request)
        _say(f"{name} deploys {wanted} already" if running else f"started {name}, to deploy {wanted}")
    ended = _follow(stack, name, until, is_shown=is_shown) if wait else None
    if not is_shown:
        started = {"deployment_id": name, "request": json.loads(deploying.execution_input(request))}
        answer("deploy", started=started, deployments=[stored_form(ended)] if ended else [])
    elif not wait:
        _say(f"See it go: rampart status {target} --watch")
    if ended and not deploying.is_fine(stack.deployments, ended):
        raise typer.Exit(ENDED_OTHERWISE)


def _say(text: str) -> None:
    from rampart.cli.wording import line

    terminal().print(line(text, at_most=2000), soft_wrap=True)


def _deadline(timeout: str | None) -> "datetime | None":
    from controller.core.duration import parse_duration

    if timeout is None:
        return None
    try:
        return now() + timedelta(seconds=parse_duration(timeout))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None


def _follow(stack: "Stack", name: str, until: "datetime | None", *, is_shown: bool) -> "Deployment":
    """Follow a deployment to its end and return its record; ends the command when that takes too long."""
    from controller.core.deployment import Status
    from rampart.cli.deploy import is_fine, under_way
    from rampart.cli.watch import One, Watcher

    began = now()
    scene = One(stack.deployments, name, lambda: now() < began + _PATIENCE)
    tell = None if is_shown else lambda _: None
    watcher = Watcher(terminal(), stack.deployments, now, time.sleep, stack.functions, tell, stack.ended)
    try:
        is_over = watcher.watch(scene, until)
    except KeyboardInterrupt:
        fail(f"rampart deploy: you wait no more, but {name} goes on", 130)
    if not is_over or scene.last is None:
        where = f"is {scene.last.status} still ({scene.last.reason})" if scene.last else "has no record yet"
        fail(f"rampart deploy: {name} {where}; it goes on", TOOK_TOO_LONG)
    ended = scene.last
    if ended.status is Status.SKIPPED and not is_fine(stack.deployments, ended):  # an event was faster, perhaps
        other = under_way(stack.deployments, ended.target, ended.what)
        return _follow(stack, other, until, is_shown=is_shown) if other else ended
    return ended
