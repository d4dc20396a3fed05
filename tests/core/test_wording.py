"""Wording: whatever a value or a foreign text holds, a person reads one short line and recognises it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.core.wording import escaped, one_line, shown

ANY_TEXT = st.text(st.characters(), max_size=200)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", ["", " ", "two  spaces", " at the edges ", "été 🚀 \\n 'x'"], ids=ascii)
def test_a_text_that_can_be_printed_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("first\nsecond", "first second"),
        ("first\r\n\r\n  second\n", "first second"),
        ("a\tb", "a b"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\u00a0b", "a b"),
        ("a\x00b", "a\ufffdb"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("a\u200bb\u202ec", "a\ufffdb\ufffdc"),
        ("\ud800", "\ufffd"),
    ],
    ids=ascii,
)
def test_what_breaks_a_line_becomes_a_space_and_what_cannot_be_printed_a_mark(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("length", "at_most", "line"),
    [(5, 5, "xxxxx"), (6, 5, "xxxx…"), (100_000, 5, "xxxx…"), (2, 1, "…"), (0, 1, "")],
)
def test_a_line_that_is_too_long_is_cut_and_shows_it(length: int, at_most: int, line: str) -> None:
    assert one_line("x" * length, at_most) == line


def test_a_line_has_500_characters_at_most_unless_told_otherwise() -> None:
    assert one_line("x" * 501) == "x" * 499 + "…"


@given(ANY_TEXT, st.integers(1, 100))
def test_one_line_is_one_line_of_at_most_so_many_characters(text: str, at_most: int) -> None:
    line = one_line(text, at_most)
    assert line.isprintable()
    assert len(line) <= at_most


@given(ANY_TEXT, st.integers(1, 100))
def test_a_line_that_is_made_twice_is_the_same(text: str, at_most: int) -> None:
    assert one_line(one_line(text, at_most), at_most) == one_line(text, at_most)


@pytest.mark.parametrize("name", ["orders/1.zip", "été 🚀 1+2%20.zip", "a  b", ""], ids=ascii)
def test_a_name_that_can_be_printed_is_not_escaped(name: str) -> None:
    assert escaped(name) == name


@pytest.mark.parametrize(
    "character", ["\n", "\t", "\x00", "\x7f", "\u00a0", "\u2028", "\ue000", "\U000e0001"], ids=ascii
)
def test_what_cannot_be_printed_is_escaped_where_it_stands(character: str) -> None:
    name = escaped(f"a{character}b")
    assert name.isprintable()
    assert name.startswith("a\\")
    assert name.endswith("b")


@given(ANY_TEXT)
def test_an_escaped_name_can_be_printed(name: str) -> None:
    assert escaped(name).isprintable()


@given(st.text("\n\t\x00\\un0a1\ue000\U000e0001", max_size=12), st.text("\n\t\\un0a1\ue000\U000e0001", max_size=12))
@example("\n", r"\u000a")
@example("\U000e0001", "\ue0001")
def test_names_that_differ_stay_different(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) is (one == other)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("orders", "'orders'"),
        ("", "''"),
        ("it's", "'it's'"),
        ("été 🚀", "'été 🚀'"),
        (5, "5"),
        (-0.5, "-0.5"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        ([], "a list"),
        (["x"], "a list"),
        (("x",), "a list"),
        ({}, "an object"),
        ({"a": 1}, "an object"),
    ],
    ids=ascii,
)
def test_a_value_is_shown_as_a_person_would_recognise_it(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("x" * 60, f"'{'x' * 60}'"), ("x" * 61, f"'{'x' * 59}…'"), (10**100, "1" + "0" * 58 + "…")],
    ids=["60 characters", "61 characters", "number"],
)
def test_a_value_is_cut_when_it_is_long(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [("10%\n", r"'10%\n'"), (" 10%\t", r"' 10%\t'"), ("a\nb", r"'a\nb'"), ("10%\x00", r"'10%\u0000'")],
    ids=ascii,
)
def test_what_cannot_be_seen_in_a_text_is_shown_because_it_may_be_the_fault(written: str, text: str) -> None:
    assert shown(written) == text


@given(VALUES)
def test_whatever_is_shown_is_one_short_line(value: Any) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= 62


@given(st.booleans() | st.none() | st.integers(-(10**9), 10**9))
def test_a_short_value_is_shown_as_json_spells_it(value: Any) -> None:
    assert shown(value) == json.dumps(value)
