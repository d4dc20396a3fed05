"""Names: what functions, aliases and versions may be called."""

from typing import Annotated

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
