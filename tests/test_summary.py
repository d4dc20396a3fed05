"""How many cases were tried is printed at the end, whichever worker tried them."""

from pathlib import Path

import pytest

pytest_plugins = "pytester"
ROOT = Path(__file__).parents[1]


def test_the_cases_of_the_tests_that_passed_are_added_up(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile("""
        def test_some(tried): tried("faults", 1200)
        def test_more(tried): tried("faults", 34)
        def test_pairs(tried): tried("pairs", 2)
        def test_that_fails(tried): tried("faults", 5); raise AssertionError
    """)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = pytester.runpytest_subprocess("-p", "tests.conftest", "-n", "2")
    done.assert_outcomes(passed=3, failed=1)
    done.stdout.fnmatch_lines(["everything came to rest after: 1,234 faults, 2 pairs"])
