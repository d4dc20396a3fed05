"""docs/judging.md shows fields that a target may have, and defaults that are the defaults."""

import json
import re

from controller.core.criteria import ComparisonTerms
from controller.core.strategy import Guarded, GuardedTerms, is_guarded
from controller.core.target import Target, parse_target
from tests.sam_template import ROOT

PAGE = (ROOT / "docs/judging.md").read_text()
_DECLARED = {
    "version": 1,
    "source": {"bucket": "my-artifacts", "key": "checkout/*.zip"},
    "members": [{"function": "checkout"}],
    "strategy": "AllAtOnce",
}


def declared(part: str = "") -> list[Target]:
    """Return a target for each block of fields on the page that has `part` in it."""
    blocks = [
        block for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if part in block
    ]
    fields = [json.loads("{" + block + "}") for block in blocks]
    return [parse_target("checkout", json.dumps(_DECLARED | each), "docs/judging.md") for each in fields]


def test_every_field_on_the_page_is_one_that_a_target_may_have() -> None:
    assert len(declared()) == PAGE.count("```json") > 0


def test_what_the_page_calls_the_defaults_is_what_a_target_has_that_says_nothing() -> None:
    (spelt_out,) = declared('"min_requests": 10')
    assert spelt_out.comparison == ComparisonTerms()
    assert parse_target("checkout", json.dumps(_DECLARED), "plain") == spelt_out
    (guarded,) = declared('"guarded": {"budget"')
    assert is_guarded(guarded.strategy)
    assert guarded.strategy == Guarded(guarded=GuardedTerms())
