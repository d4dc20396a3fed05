"""placeholder"""
from rampart.simulate.outcomes import Outcomes
from rampart.simulate.traces import Traces
def play(traces: Traces, finest: int = 10) -> Outcomes:
    """placeholder"""
    raise NotImplementedError
