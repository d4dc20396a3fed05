"""Evidence in words: what became of the requests that a comparison counts."""

import pytest

from controller.core.measurement import SLOWNESS
from rampart.cli.evidence import spell_evidence


@pytest.mark.parametrize(("name", "became"), [("errors", "failed"), ("orders", "failed"), (SLOWNESS, "were slow")])
def test_a_comparison_says_what_became_of_its_requests(name: str, became: str) -> None:
    counts = {"candidate": ("42", 4), "baseline": ("41", 1)}
    served = {side: {"version": v, "requests": 100, "failures": n} for side, (v, n) in counts.items()}
    (line,) = spell_evidence({"comparisons": [{"name": name, "outcome": "PASS", "odds": 1.0, **served}]})
    assert line == (
        f"{name} PASS: 42: 4 of 100 requests {became} (4%); 41: 1 of 100 requests {became} (1%); "
        "odds that it is worse 1.0 to 1"
    )
