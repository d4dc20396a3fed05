"""The page of doctor's findings has every check, with the severities that it may have."""

import ast
import re
from pathlib import Path

from rampart.doctor.finding import Check, Severity

ROOT = Path(__file__).parents[2]
ROWS = dict(
    re.findall(r"^\| `([a-z-]+)` \|.*\| ([a-z, ]+) \|$", (ROOT / "docs" / "doctor.md").read_text(), re.MULTILINE)
)


def test_the_page_has_a_row_for_every_check_and_for_nothing_else() -> None:
    assert list(ROWS) == [check.value for check in Check]
    assert {each for row in ROWS.values() for each in row.split(", ")} <= {severity.value for severity in Severity}


def test_every_check_is_made_somewhere_and_found_by_a_test() -> None:
    made, tested = (
        {
            node.attr
            for path in (ROOT / place).glob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Check"
        }
        for place in ("rampart/doctor", "tests/doctor")
    )
    names = {check.name for check in Check}
    assert made == names
    assert tested >= names
