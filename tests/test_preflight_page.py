"""docs/preflight.md names every refusal and every warning of the preflight, in the words that people see."""

import ast
import re
from collections.abc import Iterator

from tests.sam_template import ROOT

PAGE = (ROOT / "docs/preflight.md").read_text()
MODULES = (
    *("controller/tasks/preflight.py", "controller/tasks/survey.py", "controller/tasks/way_back.py"),
    *("controller/tasks/images.py", "controller/tasks/alarms.py", "controller/core/bypass.py"),
    *("controller/core/compatibility.py", "controller/core/code_storage.py", "controller/core/lifecycle.py"),
    "controller/core/limits.py",
    *("controller/core/image_manifest.py", "controller/core/zip_package.py", "controller/core/scan.py"),
)
_NO_REFUSALS = (
    "has no result yet",
    "cannot be read before the start: …",
    "of repository …: …",
    "no lifecycle policy: …",
)
"""How texts end that are tried again, or told as unknown."""
JUDGING = ("controller/core/",)
"""Where texts are returned to whoever judges, and not raised."""


def text_of(node: ast.expr) -> str:
    """Return a text with … for what is put into it; nothing for what is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or "…" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (text_of(left) or "…") + (text_of(right) or "…")
    return ""


def raised(path: str) -> Iterator[str]:
    """Yield the texts of the refusals that a module raises, and of the warnings that it gives."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name.endswith("Error"):
                yield text_of(first)
            case ast.Call(func=ast.Attribute(attr="warn"), args=given):
                yield from map(text_of, given)
            case ast.Return(value=ast.expr() as value) if path.startswith(JUDGING):
                yield text_of(value)


def messages() -> list[str]:
    """Return every message of the preflight that is a sentence of its own."""
    found = [text for path in MODULES for text in raised(path)]
    return [text for text in found if text.count(" ") >= 4 and not text.endswith(_NO_REFUSALS)]


def fragments() -> list[str]:
    """Return what the page quotes in the first column of its tables."""
    return re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)


def test_every_refusal_and_every_warning_is_on_the_page() -> None:
    assert [text for text in messages() if not any(part in text for part in fragments())] == []


def test_whatever_the_page_quotes_is_said_by_the_controller() -> None:
    assert [part for part in fragments() if not any(part in text for text in messages())] == []
    assert len(fragments()) >= 30
