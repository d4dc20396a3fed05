"""Names: what functions, aliases, versions and targets may be called."""

import re
from typing import Annotated, Any

from controller.core.document import matching

FunctionName = Annotated[
    str,
    matching(
        r"[a-zA-Z0-9_-]{1,64}", "write the function's name (letters, digits, - and _, at most 64), not its ARN"
    ),
]
AliasName = Annotated[
    str,
    matching(
        r"(?!\d+$)[a-zA-Z0-9_-]{1,128}",
        "write the alias's name (letters, digits, - and _, at most 128; not a number alone)",
    ),
]
VersionNumber = Annotated[str, matching(r"[1-9][0-9]{0,18}", 'write a version number such as "41"')]

TARGET_NAME = r"[a-z0-9][a-z0-9-]{0,49}"
"""The pattern of a target's name."""

TargetName = Annotated[str, matching(TARGET_NAME, "write a target's name (a-z, 0-9 and -, at most 50 characters)")]


def is_target_name(name: str) -> bool:
    """Say whether a target may be called so."""
    return bool(re.fullmatch(TARGET_NAME, name))


def named_target(request: Any) -> str:
    """Return the target that a request names, however broken the rest of it is; "(none)" when it names none."""
    name = request.get("target") if isinstance(request, dict) else None
    return name if isinstance(name, str) and is_target_name(name) else "(none)"
