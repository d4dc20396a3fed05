"""The commands that check what is declared, and mend what is stuck."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rampart.cli.application import app, terminal
from rampart.cli.options import ENDED_OTHERWISE, WRONG_USAGE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


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
                terminal().print(line(told), soft_wrap=True)
        except InputError as error:
            print(f"rampart validate: {error}", file=sys.stderr)  # noqa: T201 - the command's own word
            faults += 1
    if faults:
        raise typer.Exit(WRONG_USAGE)


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
    if not carry_out(terminal(), examine, yes):
        raise typer.Exit(ENDED_OTHERWISE)
