"""The command's frame: the application that commands are added to, and what they have in common."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from rampart.cli import completion

if TYPE_CHECKING:
    from controller.core.deployment import Event

_WIDE = 200
"""The width where there is no terminal: a line is a line."""

ANSWER_VERSION = 1
"""Of the form of answers in JSON; within it, fields are only added."""


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


DeploymentCalled = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT",
        help="Its id, the beginning of it, or its target.",
        autocompletion=completion.deployments,
    ),
]
TargetNamed = Annotated[str, typer.Argument(metavar="TARGET", autocompletion=completion.targets)]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record; at most 500 characters.")]
Asker = Annotated[str | None, typer.Option(metavar="NAME", help="Who asks.", show_default="who AWS says you are")]
Answer = Annotated[Output, typer.Option("--output", "-o", help="For people, or for programs.")]

ZipUri = Annotated[
    str | None, typer.Option("--zip", metavar="URI", help="A zip: s3://BUCKET/KEY, or s3://BUCKET/KEY@VERSION.")
]
ImageUri = Annotated[
    str | None, typer.Option(metavar="URI", help="An image of ECR: REPOSITORY:TAG or REPOSITORY@DIGEST.")
]
VersionAsked = Annotated[str | None, typer.Option(metavar="N", help="Or a version that the function has already.")]
StrategyAsked = Annotated[
    str | None, typer.Option(metavar="NAME", help="A strategy instead of the target's; its name, or as JSON.")
]
Machine = Annotated[
    str | None,
    typer.Option(
        metavar="ARN", envvar="RAMPART_STATE_MACHINE", help="Rampart's machine, where the stack cannot be read."
    ),
]

app = typer.Typer(
    help="Rampart: safe deployments for AWS Lambda.",
    no_args_is_help=True,
    rich_markup_mode=None,  # its boxes break a line where the terminal ends
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"rampart {version('rampart')}")  # noqa: T201 - the command's own word
        raise typer.Exit


@app.callback()
def rampart(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Rampart: safe deployments for AWS Lambda."""


def terminal() -> Console:
    """Return the terminal, or the pipe, that a command prints on."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def answer(command: str, **parts: Any) -> None:
    """Print an answer for programs: one object, whose parts have the same name and form in every command's."""
    document = {"schema_version": ANSWER_VERSION, "command": command, **parts}
    print(json.dumps(document, indent=2))  # noqa: T201 - for programs, as it is


def answer_event(command: str, event: "Event") -> None:
    """Print one transition for programs that follow: one object a line."""
    document = {"schema_version": ANSWER_VERSION, "command": command, "events": [event.model_dump(mode="json")]}
    print(json.dumps(document), flush=True)  # noqa: T201


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def fail(line: str, code: int = 1) -> NoReturn:
    """End a command with its own last word, on stderr."""
    print(line, file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)
