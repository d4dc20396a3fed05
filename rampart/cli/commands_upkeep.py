"""The commands that check what is declared, and mend what is stuck."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rampart.cli import completion
from rampart.cli.application import Answer, Output, answer, app, terminal
from rampart.cli.options import ENDED_OTHERWISE, WRONG_USAGE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


@app.command(short_help="Check target documents before they stand in SSM.")
def validate(
    documents: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Target documents.")],
    output: Answer = Output.TEXT,
) -> None:
    """Say of each target document whether it can be used and what it comes to; asks no AWS.

    The exit code is 2 when one of them cannot be used.
    """
    from controller.core.errors import InputError
    from rampart.cli.validate import verdict_on
    from rampart.cli.wording import line, plain

    found: list[dict[str, Any]] = []
    for path in documents:
        try:
            told = verdict_on(path)
            found.append({"file": str(path), "is_usable": True, "told": told})
        except InputError as error:
            told = []
            found.append({"file": str(path), "is_usable": False, "told": [str(error)]})
            if output is Output.TEXT:
                print(plain(f"rampart validate: {error}", 2000), file=sys.stderr)  # noqa: T201 - its own word
        for each in told if output is Output.TEXT else ():
            terminal().print(line(each), soft_wrap=True)
    if output is Output.JSON:
        answer("validate", documents=found)
    if not all(each["is_usable"] for each in found):
        raise typer.Exit(WRONG_USAGE)


@app.command(short_help="Find what is stuck, and mend what is ours.")
@at_a_stack
def repair(
    stack: "Stack",
    target: Annotated[str | None, typer.Argument(metavar="TARGET", autocompletion=completion.targets)] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="A function, where no target of it is on record.")
    ] = None,
    alias: Annotated[str, typer.Option(metavar="NAME", help="The alias of that function.")] = "live",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only said.")] = False,
    output: Answer = Output.TEXT,
) -> None:
    """Find dead deployments, failed rollbacks, claims without owner and weights that were left on an alias.

    Says what would mend each, and does so with --yes. What somebody else did is never touched: then it prints the
    command for a person, and the exit code is 1.
    """
    from rampart.cli.choice import checked_function
    from rampart.cli.repair import examine_function, examine_target, findings_document
    from rampart.cli.repair import repair as carry_out

    if target is not None and function is None:
        examine = partial(examine_target, stack, target)
    elif function is not None and target is None:
        examine = partial(examine_function, stack, checked_function(function), alias)
    else:
        said = "name either a target or --function" + (", and not both" if target is not None else "")
        raise typer.BadParameter(said, param_hint="TARGET")
    if output is Output.JSON:
        found = examine()
        is_well = carry_out(Console(quiet=True), examine, yes)
        left = examine() if yes else found
        answer("repair", findings=findings_document(found), left=findings_document(left))
    else:
        is_well = carry_out(terminal(), examine, yes)
    if not is_well:
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="Delete old versions that nobody needs.")
@at_a_stack
def prune(
    stack: "Stack",
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="Only its functions.", autocompletion=completion.targets)
    ] = None,
    function: Annotated[str | None, typer.Option(metavar="NAME", help="Only this function.")] = None,
    keep: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Keep so many of the newest.")] = 5,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only said.")] = False,
    output: Answer = Output.TEXT,
) -> None:
    """Say which versions nobody needs any more, and why each of the others is kept; delete them with --yes.

    Kept are the newest, what an alias is on, what a deployment could go back to, and what is invoked by its number
    or has a durable execution under way. It acts with your rights, and not while a deployment holds the function.
    """
    from rampart.cli.choice import checked_function
    from rampart.cli.prune import functions_of, prune_functions

    if target is not None and function is not None:
        raise typer.BadParameter("name either a target or --function, and not both")
    # An empty name is a variable that is not set, and does not mean everything.
    functions = functions_of(stack.targets, target) if function is None else [checked_function(function)]
    console = None if output is Output.JSON else terminal()
    is_well, told = prune_functions(console, stack, functions, keep, datetime.now(UTC), yes=yes)
    if output is Output.JSON:
        answer("prune", functions=told)
    if not is_well:
        raise typer.Exit(ENDED_OTHERWISE)


@app.command(short_help="Find what is wrong before a deployment does.")
@at_a_stack
def doctor(
    stack: "Stack",
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="Only these; all of the stage's if none is named.")
    ] = None,
    output: Answer = Output.TEXT,
) -> None:
    """Look at targets, their functions, alarms and sources, and at Rampart itself, and say what is wrong.

    Each finding says why it matters, and has the command that mends it where there is one. Nothing is changed. What
    may not be read is a finding too. The exit code is 1 when there is an error, or something unknown.
    """
    from rampart.cli.choice import checked_name
    from rampart.cli.doctor import findings_document, is_well, print_findings
    from rampart.doctor.examine import examine

    findings = examine(stack, [checked_name(name) for name in targets or ()], datetime.now(UTC))
    if output is Output.JSON:
        answer("doctor", **findings_document(findings, stack.aws_options))
    else:
        print_findings(terminal(), findings, stack.aws_options)
    if not is_well(findings):
        raise typer.Exit(ENDED_OTHERWISE)
