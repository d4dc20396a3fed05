"""Whatever happens side by side, the invariants hold, and all comes to rest.

A story that fails is shrunk by Hypothesis to the fewest happenings, and printed so that it can be read.
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Tried
from tests.engine.story import ERRORS, Happening, Story

HANDS = st.sampled_from(["weights", "version", ""])
SECONDS = st.integers(0, 400)
WORDS = ("pause", "resume", "promote", "approve")
TERMS = ("gate", "hooks", "freeze")
"""What a target may say beside its strategy."""
HAPPENINGS = st.lists(
    st.one_of(
        st.builds(Happening, SECONDS, st.just("push"), st.integers(0, 5), st.sampled_from(["", "late", "twice"])),
        st.builds(Happening, SECONDS, st.just("push"), st.integers(0, 5), st.just("")),
        st.builds(Happening, SECONDS, st.just("hotfix"), st.integers(0, 1)),
        st.builds(Happening, SECONDS, st.just("alarm"), st.just(0), st.sampled_from(["ALARM", "OK"])),
        st.builds(
            Happening, SECONDS, st.just("edit"), st.integers(0, 1), st.sampled_from(["weights", "version", ""])
        ),
        st.builds(Happening, SECONDS, st.just("stop"), st.integers(0, 1), st.sampled_from(["", "unheard"])),
        st.builds(Happening, SECONDS, st.just("redrive"), st.integers(0, 1)),
        st.builds(Happening, SECONDS, st.just("say"), st.integers(0, 1), st.just("abort")),
        st.builds(Happening, SECONDS, st.just("say"), st.integers(0, 1), st.sampled_from(WORDS)),
        st.builds(Happening, SECONDS, st.just("line"), st.just(0), st.sampled_from(["stop", "release"])),
        st.builds(Happening, st.integers(0, 60), st.just("declare"), st.integers(0, 4), st.sampled_from(TERMS)),
        st.builds(
            Happening,
            SECONDS,
            st.just("trouble"),
            st.integers(0, 30),
            st.builds("{} {}".format, st.sampled_from(["before", "after"]), st.sampled_from(sorted(ERRORS))),
        ),
    ),
    min_size=1,
    max_size=8,
).map(lambda happenings: sorted(happenings, key=lambda h: h.second))


HALF = max(150, settings.default.max_examples // 2) if settings.default else 150
"""How many examples each of the two properties gets: 300 together in the gate, 5,000 by night."""

CHOICES = st.lists(st.integers(0, 4), max_size=60)


@settings(suppress_health_check=list(HealthCheck), max_examples=HALF)
@given(HAPPENINGS)
def test_whatever_happens_the_invariants_hold(tried: Tried, happenings: list[Happening]) -> None:
    Story(happenings).tell()
    tried("interleavings", 1)


@settings(suppress_health_check=list(HealthCheck), max_examples=HALF)
@given(HAPPENINGS, CHOICES)
def test_whoever_goes_first_at_every_call_the_invariants_hold(
    tried: Tried, happenings: list[Happening], choices: list[int]
) -> None:
    left = iter(choices)
    Story(happenings, lambda labels: next(left, 0) % len(labels)).tell()
    tried("interleavings", 1)
