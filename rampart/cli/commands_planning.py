"""The command that says what a deployment would come to, before anybody starts it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rampart.cli.application import (
    Answer,
    ImageUri,
    Machine,
    Output,
    StrategyAsked,
    VersionAsked,
    ZipUri,
    answer,
    app,
    now,
    terminal,
)
from rampart.cli.options import ENDED_OTHERWISE, at_a_stack

if TYPE_CHECKING:
    from rampart.cli.stack import Stack


@app.command(short_help="What a deployment would come to; nothing is changed.")
@at_a_stack
def plan(
    stack: "Stack",
    target: Annotated[
        str, typer.Argument(metavar="FILE|TARGET", help="A target document, or the name of a target in SSM.")
    ],
    zip_uri: ZipUri = None,
    image: ImageUri = None,
    version: VersionAsked = None,
    strategy: StrategyAsked = None,
    state_machine: Machine = None,
    output: Answer = Output.TEXT,
) -> None:
    """Judge all that the controller judges at the start; say when each step would come, and what it can detect.

    Without an artifact all but the artifact is judged. The exit code is 1 when something would be refused.
    """
    from controller.core.document import parse, parse_json
    from controller.core.request import Wish
    from rampart.cli import deploy as deploying
    from rampart.cli.choice import target_called
    from rampart.cli.plan import foresee, foresight_document, looks_like_file, print_foresight
    from rampart.cli.validate import target_in

    if sum(given is not None for given in (zip_uri, image, version)) > 1:
        raise typer.BadParameter("name one of --zip, --image and --version, or none")
    declared = target_in(Path(target)) if looks_like_file(target) else target_called(stack.targets, target)
    fields: dict[str, Any] = {"target": declared.name, "version": version}
    if zip_uri is not None:
        fields["artifact"] = deploying.zip_called(stack, zip_uri)
    if image is not None:
        fields["artifact"] = deploying.image_called(stack, image)
    if strategy is not None:
        is_document = strategy.lstrip().startswith("{")
        fields["strategy"] = parse_json(strategy, "--strategy") if is_document else strategy
    wish = parse(Wish, {name: value for name, value in fields.items() if value is not None}, "plan")
    foreseen = foresee(stack.looking(now()), declared, wish, stack.machine(state_machine))
    if output is Output.JSON:
        answer("plan", **foresight_document(foreseen))
    else:
        print_foresight(terminal(), foreseen)
    if foreseen.refusals:
        raise typer.Exit(ENDED_OTHERWISE)
