"""Expressions: JMESPath over what a version answered, checked when they are written.

The one place where the core needs more than Python and pydantic: JMESPath is pure, and botocore brings it wherever
the controller runs. It is imported when it is used, so that who expects nothing of a payload does without it.
"""

import json
from functools import cache
from typing import Any

from controller.core.wording import one_line, shown

MAX_LENGTH = 500
"""The most characters of an expression."""


def checked(text: str) -> str:
    """Return an expression that can be evaluated; raises ValueError that says why not."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"write at most {MAX_LENGTH} characters, not {len(text)}")
    import jmespath

    try:
        parsed = jmespath.compile(text).parsed
        unknown = _first_misuse(parsed)
    except Exception as error:  # noqa: BLE001 - of its errors not all are its own: nesting, numbers, quotes
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{shown(text)} is not JMESPath: {one_line(why, 200)}") from None
    if unknown:
        raise ValueError(f"{shown(text)}: {unknown}")
    return text


def evaluate(text: str, document: Any) -> Any:
    """Return what an expression finds in a document; raises ValueError that says why it finds nothing."""
    import jmespath

    try:
        return jmespath.search(text, document, jmespath.Options(custom_functions=_functions()))
    except Exception as error:  # noqa: BLE001 - whatever a hostile answer makes of an expression is no success
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(one_line(why, 200)) from None


@cache
def _functions() -> Any:
    """Return the functions of JMESPath, and one that reads the text of a body as JSON."""
    from jmespath import functions

    class Functions(functions.Functions):  # type: ignore[misc]
        @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator]
        def _func_powertools_json(self, text: str) -> Any:
            return json.loads(text)

    return Functions()


def _first_misuse(node: Any) -> str | None:
    """Return what is wrong with the first call of a function that would fail whatever the document."""
    if node["type"] == "function_expression":
        known = _functions().FUNCTION_TABLE
        called = known.get(node["value"])
        if called is None:
            return f"there is no function {shown(node['value'])} in JMESPath"
        wanted, given = called["signature"], len(node["children"])
        is_open = bool(wanted) and wanted[-1].get("variadic", False)
        if given < len(wanted) or (given > len(wanted) and not is_open):
            least = "at least " if is_open else ""
            return f"function {node['value']} takes {least}{len(wanted)} arguments, not {given}"
    return next(filter(None, map(_first_misuse, node["children"])), None)
