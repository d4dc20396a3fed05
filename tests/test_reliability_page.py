"""docs/reliability.md names tests that exist, and leaves out no case."""

import ast
import re

from tests.sam_template import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
CASES = range(1, 72)
Row = tuple[int, str]


def rows(page: str) -> list[Row]:
    """Return the cases of a page: the number, and all that stands beside it."""
    return [(int(number), rest) for number, rest in re.findall(r"^\| (\d+) \|(.*)\|$", page, re.MULTILINE)]


def named(page: str) -> list[tuple[str, str]]:
    """Return the tests that a page names: file and function."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)


def missing(page: str) -> list[str]:
    """Return the tests that a page names and that do not exist."""
    tests = named(page)
    known = {file: _functions(file) for file, _ in tests}
    return [f"{file}::{name}" for file, name in tests if name not in known[file]]


def _functions(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text() if path.exists() else "")
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) == PAGE.count("::") > 100


def test_a_test_that_does_not_exist_would_be_noticed() -> None:
    page = "`tests/test_stories.py::test_pigs_fly`, `tests/test_pigs.py::test_they_fly`"
    assert missing(page) == ["tests/test_stories.py::test_pigs_fly", "tests/test_pigs.py::test_they_fly"]


def test_every_case_has_its_row_and_none_has_two() -> None:
    assert sorted(number for number, _ in rows(PAGE)) == list(CASES)


def test_a_case_names_a_test_or_says_that_it_is_not_there_yet() -> None:
    assert [number for number, row in rows(PAGE) if not named(row) and "**Not yet**" not in row] == []


def test_a_case_names_two_tests_at_most() -> None:
    assert [number for number, row in rows(PAGE) if len(named(row)) > 2] == []
