"""What the code says of itself in the docstring below a field or a member, which Python does not keep."""

import ast
import inspect
from itertools import pairwise

from rampart.reference.page import DocumentError


def said_of(described: type) -> dict[str, str]:
    """Return the docstring below each field of a model or member of an enumeration, those of its bases too."""
    said: dict[str, str] = {}
    for each in reversed(described.__mro__):
        if each.__module__.startswith("controller."):
            said |= _said_in(each)
    return said


def must_say(described: type, names: list[str]) -> dict[str, str]:
    """Return what is said of each of these names; raises DocumentError for the first without a docstring."""
    said = said_of(described)
    for name in names:
        if name not in said:
            place = f"{described.__module__.replace('.', '/')}.py"
            raise DocumentError(f"{place}: {described.__name__}.{name} does not say what it means: write it below")
    return {name: said[name] for name in names}


def _said_in(described: type) -> dict[str, str]:
    (body,) = (node.body for node in ast.parse(inspect.getsource(described)).body if isinstance(node, ast.ClassDef))
    said = {}
    for member, text in pairwise(body):
        match member, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                said[name] = " ".join(words.split())
    return said
