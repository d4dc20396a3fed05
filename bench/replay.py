"""What judging costs: microseconds for each minute that is read again at a look, and what the core imports."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

from bench.judging import Given, Goal, Report, run
from controller.core.comparison import Bar, Contest, compare
from controller.core.evidence import Minute, Usual, highest_excess, log_evidence

MODULES = ("controller.core.evidence", "controller.core.comparison", "controller.core.ramp")
MOST_MICROSECONDS = 20.0
MOST_MILLISECONDS = 2.0
_ROWS = 120
_LIST = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(tops - set(sys.stdlib_module_names) - {"controller"})))
"""


def third_party(modules: Sequence[str]) -> list[str]:
    """Return the packages that importing these modules brings in, beside the standard library and our own."""
    listed = subprocess.run([sys.executable, "-c", _LIST, *modules], check=True, capture_output=True, text=True)
    found = json.loads(listed.stdout)
    return [str(name) for name in found if not str(name).startswith(("_", "__editable__"))]


def a_rollout(seed: int) -> list[Minute]:
    """Return two hours of a rollout in which either version fails now and then."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    return [
        Minute(chance.randint(500, 700), chance.randint(0, 9), chance.randint(500, 700), chance.randint(0, 9))
        for _ in range(_ROWS)
    ]


def measure(given: Given) -> Report:
    """Return what judging costs."""
    minutes = a_rollout(given.seed)
    contest, usual = Contest("orders version 2", "orders version 1"), Usual(864_000, 6_000)
    parts: dict[str, Callable[[], object]] = {
        "evidence": lambda: log_evidence(minutes),
        "evidence with a tolerance": lambda: log_evidence(minutes, 1.25),
        "highest excess": lambda: highest_excess(minutes),
        "comparison": lambda: compare(contest, minutes, Bar(), usual=usual),
        "comparison and excess": lambda: (compare(contest, minutes, Bar(), usual=usual), highest_excess(minutes)),
    }
    times = 20 if given.is_quick else 200
    found = {name: _microseconds(part, times) for name, part in parts.items()}
    foreign = third_party(MODULES)
    whole = found["comparison and excess"]
    return Report(
        bench="bench.replay",
        seed=given.seed,
        columns=["part", "us a minute", f"ms for {_ROWS} minutes"],
        rows=[[name, f"{each / _ROWS:.2f}", f"{each / 1000:.3f}"] for name, each in found.items()],
        goals=[
            Goal(what="microseconds a minute", measured=whole / _ROWS, at_most=MOST_MICROSECONDS),
            Goal(what=f"milliseconds for {_ROWS} minutes", measured=whole / 1000, at_most=MOST_MILLISECONDS),
            Goal(
                what=f"packages imported beside the standard library ({', '.join(foreign) or 'none'})",
                measured=len(foreign),
                at_most=0,
            ),
        ],
        data=[{"part": name, "microseconds_a_minute": each / _ROWS} for name, each in found.items()],
    )


def _microseconds(part: Callable[[], object], times: int) -> float:
    """Return the median of how long a part takes: other work of the machine makes some take longer."""
    taken = []
    for _ in range(times):
        began = time.perf_counter_ns()
        part()
        taken.append((time.perf_counter_ns() - began) / 1000)
    return median(taken)


if __name__ == "__main__":
    sys.exit(run("bench.replay", __doc__ or "", [measure]))
