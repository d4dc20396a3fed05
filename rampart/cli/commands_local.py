"""The commands of a local Rampart: an AWS that keeps running here, for a second terminal to play with."""

import os
import signal
import sys
from pathlib import Path
from shutil import which
from typing import Annotated

import typer

from rampart.cli.application import Answer, Output, answer, app, fail, terminal
from rampart.cli.options import WRONG_USAGE
from rampart.cli.own_aws import prepare

local = typer.Typer(rich_markup_mode=None, help="Play with Rampart on this machine.")
app.add_typer(local, name="local")


@local.callback(invoke_without_command=True)
def keep(
    context: typer.Context,
    minute_seconds: Annotated[
        float,
        typer.Option(
            min=1.0, max=60.0, metavar="SECONDS", help="How long a minute takes: bakes, looks, alarms, metrics."
        ),
    ] = 10.0,
) -> None:
    """Keep an AWS running on this machine, with Rampart and a shop in it, until Ctrl-C.

    It says what to type in a second terminal: how to find it, push a release, break one, watch it and abort it.
    """
    if context.invoked_subcommand:
        return
    prepare("local")
    from controller.core.errors import InputError
    from rampart.local.place import Place, state_directory

    # A shell that starts it in the background has it ignore Ctrl-C, which is how it is ended.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    place = Place(state_directory())
    try:
        with place.held():
            terminal().print(f"Starting an AWS on this machine, with minutes of {minute_seconds:g} seconds …")
            # Imported here, so that nothing else waits for an AWS.
            from rampart.local.session import LocalError, keep_running

            try:
                keep_running(terminal(), place, minute_seconds, _quick())
            except LocalError as error:
                fail(f"rampart local: {error}")
    except InputError as error:
        fail(f"rampart local: {error}")
    except KeyboardInterrupt:
        terminal().print("Ended; nothing is left behind.")


@local.command()
def env() -> None:
    """Print what a shell needs to find the running one: eval "$(rampart local env)"."""
    from controller.core.errors import InputError
    from rampart.local.place import Place, exports, state_directory

    try:
        running = Place(state_directory()).running()
    except InputError as error:
        fail(f"rampart local env: {error}")
    print(exports(running, os.environ.get("PATH", ""), Path(sys.argv[0]).resolve().parent))  # noqa: T201


@local.command()
def push(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="checkout or receipts.")],
    failing: Annotated[
        int, typer.Option(min=0, max=100, metavar="PERCENT", help="On how many orders in a hundred it fails.")
    ] = 0,
    output: Answer = Output.TEXT,
) -> None:
    """Upload the next release of a function, good or bad, which is all that it takes to deploy it."""
    from controller.core.errors import InputError
    from rampart.cli.wording import line
    from rampart.local.place import Place, state_directory
    from rampart.local.push import push as upload

    place = Place(state_directory())
    try:
        running = place.running()
    except InputError as error:
        fail(f"rampart local push: {error}")
    try:
        release, artifact = upload(running, function, failing)
    except InputError as error:
        fail(f"rampart local push: {error}", WRONG_USAGE)
    if output is Output.JSON:
        answer("local push", artifact=artifact)
        return
    bug = f", which fails {failing} orders in 100," if failing else ""
    terminal().print(line(f"Release {release.number} of {function}{bug} is uploaded: {artifact}"), soft_wrap=True)
    terminal().print(line(f"See it go: rampart status {function} --watch"), soft_wrap=True)


def _quick() -> str:
    """Return how this command is typed in a terminal that knows nothing yet."""
    here = Path(sys.argv[0]).resolve()
    found = which("rampart")
    if found and Path(found).resolve() == here:
        return "rampart"
    return os.path.relpath(here) if here.is_relative_to(Path.cwd()) else str(here)
