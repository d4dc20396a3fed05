"""The file of a package in which a runtime looks for the handler."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a function runs its zip with."""

    name: str
    """Lambda's identifier, such as python3.13."""
    handler: str
    architecture: str
    layer_bytes: tuple[int, ...] = ()
    """The sizes of the layers' zips."""
    searches_elsewhere: bool = False
    """Whether the handler may be where no runtime looks by itself: on a path that is set, or a file system."""


@dataclass(frozen=True, slots=True)
class HandlerFile:
    """Where the handler must be."""

    usual: str
    """The path that it usually has, below the root of the package."""
    pattern: str
    """All that the runtime would take, as a regular expression."""
    is_executable: bool = False
    """Whether the file itself is run."""


def handler_file(runtime: Runtime) -> HandlerFile | None:
    """Return where a runtime looks for the handler; None when that is not known, or outside the package."""
    handler = runtime.handler.removeprefix("./")
    if handler.startswith("/") or ".." in handler:
        return None
    found = next((look for family, look in _FAMILIES.items() if runtime.name.startswith(family)), None)
    return found(handler) if found else None


def _python(handler: str) -> HandlerFile | None:
    """A module or a package (awslambdaric, bootstrap: `rsplit(".", 1)`, then `importlib.import_module`)."""
    path = handler.rpartition(".")[0].replace(".", "/")
    endings = r"(?:\.pyc?|/__init__\.pyc?|(?:\.[\w-]+)?\.so)"
    return HandlerFile(f"{path}.py", re.escape(path) + endings) if path else None


def _node(handler: str) -> HandlerFile | None:
    """A module, or whatever `require` finds (aws-lambda-nodejs-runtime-interface-client, UserFunction.js)."""
    folder, slash, name = handler.rpartition("/")
    path = folder + slash + name.partition(".")[0]
    endings = r"(?:\.[cm]?js|\.node|\.json|/index\.[cm]?js|/package\.json)?"
    return HandlerFile(f"{path}.js", rf"(?:node_modules/)?{re.escape(path)}{endings}")


def _java(handler: str) -> HandlerFile | None:
    """A class below the root, or in any of the jars in lib (Lambda developer guide, "Java deployment package")."""
    path = handler.partition("::")[0].replace(".", "/")
    return HandlerFile(f"{path}.class", rf"{re.escape(path)}\.class|lib/[^/]+\.jar")


def _ruby(handler: str) -> HandlerFile | None:
    """A file (Lambda developer guide, "Define Lambda function handler in Ruby")."""
    path = handler.partition(".")[0]
    return HandlerFile(f"{path}.rb", rf"{re.escape(path)}\.(?:rb|so)")


def _dotnet(handler: str) -> HandlerFile | None:
    """An assembly, or a program of its own (Lambda developer guide, "Lambda function handler in C#")."""
    assembly = handler.partition("::")[0]
    return HandlerFile(f"{assembly}.dll", rf"{re.escape(assembly)}(?:\.dll)?|bootstrap")


def _provided(handler: str) -> HandlerFile | None:
    """The program `bootstrap`, whatever the handler (Lambda developer guide, "Building a custom runtime")."""
    return HandlerFile("bootstrap", "bootstrap", is_executable=True)


def _go(handler: str) -> HandlerFile | None:
    """The program that the handler names."""
    return HandlerFile(handler, re.escape(handler), is_executable=True)


_FAMILIES: dict[str, Callable[[str], HandlerFile | None]] = {
    "python": _python,
    "nodejs": _node,
    "java": _java,
    "ruby": _ruby,
    "dotnet": _dotnet,
    "provided": _provided,
    "go": _go,
}
