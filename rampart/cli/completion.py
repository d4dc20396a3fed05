"""What a shell is offered for a word that is not finished: targets and deployments, from DynamoDB and SSM.

Nobody waits for it and nothing is printed: whoever has no credentials, no network or no time is offered nothing.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rampart.cli.stack import Stack

_MOST_SECONDS = 2.0
_MOST_OFFERED = 50


def targets(context: typer.Context, incomplete: str) -> list[str]:
    """Return the targets that are declared and begin so."""
    return offered(lambda: _targets(_given(context)), incomplete)


def deployments(context: typer.Context, incomplete: str) -> list[str]:
    """Return the deployments that go on, and the targets, that begin so."""
    return offered(lambda: [*_live(_given(context)), *_targets(_given(context))], incomplete)


def offered(look: Callable[[], list[str]], incomplete: str) -> list[str]:
    """Return what a look finds within two seconds and begins so; nothing when it fails."""
    found: list[str] = []

    def try_it() -> None:
        with suppress(Exception, SystemExit):  # a shell that completes shows no errors
            found.extend(look())

    looking = threading.Thread(target=try_it, daemon=True)
    looking.start()
    looking.join(_MOST_SECONDS)
    fitting = (name for name in list(found) if name.startswith(incomplete) and name.isprintable())
    return list(dict.fromkeys(fitting))[:_MOST_OFFERED]


def _given(context: typer.Context) -> dict[str, str | None]:
    """Return what the command line, or else the environment, says of where Rampart is."""
    names = ("stage", "stack", "table", "profile", "region")
    given = {name: context.params.get(name) for name in names}
    environment = {"stage": "RAMPART_STAGE", "table": "RAMPART_TABLE"}
    return given | {name: given[name] or os.environ.get(variable) for name, variable in environment.items()}


def _targets(given: dict[str, str | None]) -> list[str]:
    stack = _stack(given)
    path = f"/rampart/{given['stage'] or 'dev'}/targets/"
    pages = stack.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
    return sorted(each["Name"].removeprefix(path) for page in pages for each in page["Parameters"])


def _live(given: dict[str, str | None]) -> list[str]:
    with suppress(Exception):  # targets may be offered all the same
        return [deployment.deployment_id for deployment in _stack(given).deployments.unfinished()]
    return []


def _stack(given: dict[str, str | None]) -> "Stack":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # which takes seconds where there is none
    from rampart.cli.stack import Place, Stack

    place = Place(given["stage"] or "dev", given["stack"], given["table"], None, given["profile"], given["region"])
    return Stack(place)
