"""The reference of the command line, in docs/cli.md: every command with its arguments and options."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer.main

from rampart.cli.__main__ import app
from rampart.cli.options import PLACE_OPTIONS
from rampart.reference.page import DocumentError, code, table

_OF_ITSELF = ("help", "install_completion", "show_completion")


def place_options() -> str:
    """Return the table of the options that lead a command to Rampart in an account; the same everywhere."""
    return _options([each for each in _root().commands["status"].params if each.name in PLACE_OPTIONS])


def commands() -> str:
    """Return a part for each command; raises DocumentError when something does not say what it means."""
    parts = [part for name, each in _root().commands.items() for part in _parts(f"rampart {name}", each)]
    return "\n\n".join(parts)


def _parts(name: str, command: Any) -> Iterator[str]:
    own = [each for each in command.params if each.name not in (*PLACE_OPTIONS, *_OF_ITSELF)]
    arguments = [_usage_of(each) for each in own if each.param_type_name == "argument"]
    place = " [where it is]" if any(each.name in PLACE_OPTIONS for each in command.params) else ""
    options = [each for each in own if each.param_type_name == "option"]
    usage = " ".join([name, *arguments, *(["[options]"] if options else [])])
    told = [f"### {name}", code(usage + place), _prose(name, command.help)]
    yield "\n\n".join([*told, *([_options(options)] if options else [])])
    for inner_name, each in getattr(command, "commands", {}).items():
        yield from _parts(f"{name} {inner_name}", each)


def _usage_of(argument: Any) -> str:
    name = str(argument.metavar or argument.name).removesuffix("...") + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _options(options: list[Any]) -> str:
    rows = []
    for each in options:
        if not each.help:
            raise DocumentError(f"option {each.opts[0]} does not say what it means")
        is_flag = getattr(each, "is_flag", False)
        value = "" if is_flag else f" {each.metavar}" if each.metavar else ""
        if isinstance(each.default, Enum):
            value = f" {'|'.join(choice.value for choice in type(each.default))}"
        names = ", ".join(code(f"{name}{value}") for name in each.opts)
        default = "needed" if each.required else _default(each)
        variable = f" Or set `{each.envvar}`." if each.envvar else ""
        rows.append((names, default, f"{each.help}{variable}"))
    return table(("option", "default", "meaning"), rows)


def _default(option: Any) -> str:
    shown = option.show_default if isinstance(option.show_default, str) else None
    value = getattr(option.default, "value", option.default)
    if shown or value is None or value is False:
        return shown or ""
    return code(f"{value:g}" if isinstance(value, float) else str(value))


def _prose(name: str, text: str | None) -> str:
    if not text:
        raise DocumentError(f"{name} does not say what it does")
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _root() -> Any:
    return typer.main.get_command(app)
