"""`rampart`: the operator's command. Exit codes: 0 fine, 1 ended otherwise than it must, 2 wrong usage."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

_WIDE = 200
"""The width where there is no terminal: a line is a line."""

app = typer.Typer(
    help="Rampart: safe deployments for AWS Lambda.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its boxes break a line where the terminal ends
    pretty_exceptions_enable=False,
)


@app.callback()
def rampart() -> None:
    """Rampart: safe deployments for AWS Lambda."""


@app.command(short_help="Promote a good release, roll back a bad one.")
def demo(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the summary to FILE as JSON too.")
    ] = None,
    bug_percent: Annotated[
        int,
        typer.Option(
            min=0,
            max=99,
            metavar="N",
            help="On how many orders in a hundred release 3 fails. With 0 it is promoted, and the demo fails.",
        ),
    ] = 30,
) -> None:
    """Show a good release promoted and a bad one rolled back, on an AWS inside this process."""
    if json_file:
        try:
            json_file.open("a").close()
        except OSError as error:
            raise typer.BadParameter(f"cannot write {json_file}: {error.strerror}", param_hint="--json") from None
    if not find_spec("awslambdaric"):
        _fail("rampart demo: Lambda's runtime client (awslambdaric) is built for Linux only; run the demo on Linux")
    for name in list(os.environ):  # the AWS is in this process: no profile and no proxy leads to it
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    # Imported here, so that other commands do not pay for an AWS.
    from rampart.demo.screen import Screen
    from rampart.demo.story import DemoError, tell

    on_terminal = sys.stdout.isatty()
    screen = Screen(Console(highlight=False, width=None if on_terminal else _WIDE))
    try:
        report = tell(screen, bug_percent)
    except DemoError as error:
        _fail(f"rampart demo: {error}")
    except KeyboardInterrupt:
        _fail("rampart demo: interrupted; nothing is left behind", code=130)
    finally:
        screen.calm()
    screen.summary(report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")
    if not report.ended_well:
        _fail("rampart demo: a release did not end as it must, see above")


def _fail(line: str, code: int = 1) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the command's own last word
    raise typer.Exit(code)


def main() -> None:
    """Run the command line; being told to end is an ordinary exit, so that nothing is left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    app()


if __name__ == "__main__":
    main()
