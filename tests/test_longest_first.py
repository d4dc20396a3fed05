"""Who runs the tests is never left alone with a long module: every worker begins with some of them."""

from pathlib import Path

import pytest

from tests.conftest import LONGEST, longest_first

ROOT = Path(__file__).parents[1]
SHORT = [f"tests/test_short_{number}.py" for number in range(100)]
ITEMS = [module for module in sorted([*LONGEST, *SHORT]) for _ in range(3)]


def test_every_module_that_is_said_to_be_long_is_there() -> None:
    assert [each for each in LONGEST if not (ROOT / each).is_file()] == []


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_every_part_begins_with_long_modules_that_are_kept_whole(workers: int) -> None:
    ordered = longest_first(ITEMS, str, workers)
    assert sorted(ordered) == ITEMS
    for number in range(workers):
        assert ordered[len(ITEMS) * number // workers] == LONGEST[number]
    for module in LONGEST:
        first = ordered.index(module)
        assert ordered[first : first + 3] == [module] * 3


def test_few_tests_are_all_run() -> None:
    assert sorted(longest_first(ITEMS[:5], str, 4)) == ITEMS[:5]
    assert longest_first([], str, 4) == []
