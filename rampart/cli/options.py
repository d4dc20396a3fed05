"""The options that lead a command to Rampart in an account, and how its errors become one line."""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

ENDED_OTHERWISE, WRONG_USAGE, TOOK_TOO_LONG = 1, 2, 3
"""What the exit codes say."""


def _option(name: str, kind: Any, default: str | None, text: str, variable: str | None = None) -> inspect.Parameter:
    option = typer.Option(metavar="NAME", envvar=variable, help=text, show_default=default is not None)
    annotation = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_PLACE = (
    _option("stage", str, "dev", "Which Rampart of the account.", "RAMPART_STAGE"),
    _option("stack", str | None, None, "Its CloudFormation stack, if not rampart-STAGE."),
    _option("table", str | None, None, "Its table, where the stack cannot be read.", "RAMPART_TABLE"),
    _option("control_function", str | None, None, "Its control function, likewise.", "RAMPART_CONTROL_FUNCTION"),
    _option("profile", str | None, None, "The AWS profile."),
    _option("region", str | None, None, "The AWS region."),
)
PLACE_OPTIONS = tuple(option.name for option in _PLACE)
"""The names of those options."""


def at_a_stack(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that is given the stack first, and takes the options that lead there.

    What goes wrong is one line on stderr: exit 2 for what the operator can put right on the command line, 1 else.
    """
    _, *own = inspect.signature(command).parameters.values()

    @functools.wraps(command)
    def reach(**given: Any) -> None:
        # Imported here, so that other commands do not pay for AWS.
        from controller.core.errors import ControllerError, InputError
        from rampart.cli.stack import AWS_ERRORS, Place, Stack

        empty = next((option.name for option in _PLACE if given[option.name] == ""), None)
        if empty:
            _fail(command, f"--{empty.replace('_', '-')}: write a name, not an empty one", WRONG_USAGE)
        place = Place(**{option.name: given.pop(option.name) for option in _PLACE})
        stack = None
        try:
            stack = Stack(place)
            command(stack, **given)
        except ControllerError as error:
            explained = stack.explain(error) if stack else error
            _fail(command, str(explained), WRONG_USAGE if isinstance(explained, InputError) else ENDED_OTHERWISE)
        except AWS_ERRORS as error:
            _fail(command, (stack.ended() if stack else None) or str(error), ENDED_OTHERWISE)

    reach.__signature__ = inspect.Signature([*own, *_PLACE])  # type: ignore[attr-defined]
    reach.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *_PLACE)}
    return reach


def _fail(command: Callable[..., None], text: str, code: int) -> None:
    from rampart.cli.wording import plain

    name = command.__name__.replace("_", "-")
    print(plain(f"rampart {name}: {text}", 2000), file=sys.stderr)  # noqa: T201 - its own last word
    raise typer.Exit(code)
