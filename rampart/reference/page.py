"""Pages: documents in Markdown of which some parts, between two markers, are written by the command."""

from collections.abc import Iterable, Mapping


class DocumentError(Exception):
    """A document that cannot be written, with the one line that says why."""


def with_parts(name: str, text: str, parts: Mapping[str, str]) -> str:
    """Return a page with each part between its markers; raises DocumentError when a page lacks one of them."""
    for part, content in parts.items():
        begin, end = f"<!-- begin {part} (written by `make docs`) -->", f"<!-- end {part} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise DocumentError(f"{name} needs the lines {begin} and {end}, once each and in this order")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{content.strip()}\n\n{end}{rest.split(end)[1]}"
    return text


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return a text as Markdown shows code."""
    return f"`{text}`"
