"""All measurements of the judging, one after the other."""

import sys

from bench import blast, exact, good, latency, low_traffic, replay, total_break
from bench.judging import run

BENCHES = (blast, total_break, good, exact, low_traffic, latency, replay)

if __name__ == "__main__":
    sys.exit(run("bench", __doc__ or "", [bench.measure for bench in BENCHES]))
