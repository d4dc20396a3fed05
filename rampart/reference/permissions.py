"""Who may do what and why, as a part of SECURITY.md."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from rampart.reference.page import code, table
from rampart.reference.sam_grants import sam_grants
from rampart.reference.statements import Statement, descriptions, statements


def permissions(template: Path) -> str:
    """Return every permission of a template in Markdown; raises DeployError or DocumentError."""
    text = template.read_text(encoding="utf-8")
    said = descriptions(text)
    parts = [
        _of_owner(owner, said[owner], list(its))
        for owner, its in groupby(statements(text), key=lambda statement: statement.owner)
    ]
    return "\n\n".join([*parts, _of_sam(template)])


def _of_owner(owner: str, said: str, its: list[Statement]) -> str:
    rows = [(each.sid, _on_lines(map(code, each.actions)), _on_lines(_on(each)), each.why) for each in its]
    who = sorted({name for each in its for name in each.principals})
    whose = f"What {', '.join(who)} may do." if who else said
    return "\n\n".join(filter(None, (f"### {owner}", whose, table(("statement", "may", "on", "why"), rows))))


def _on(statement: Statement) -> list[str]:
    return [*statement.resources, *(f"where {condition}" for condition in statement.conditions)]


def _of_sam(template: Path) -> str:
    rows = [(each.who, code(each.action), each.on, each.why) for each in sam_grants(template)]
    return f"### What SAM adds\n\n{table(('who', 'may', 'on', 'why'), rows)}"


def _on_lines(cells: Iterable[str]) -> str:
    return "<br>".join(cells)
