"""Outcomes: what became of the rollouts of one policy, in the words in which they are compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rampart.simulate.split import Counts, Numbers
from rampart.simulate.traces import Traces


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The rollouts of one policy; arrays have an entry for each. Times are minutes since its first shift."""

    policy: str
    failed: Numbers
    """How many requests failed because of the candidate."""
    rolled_back: Numbers
    """When the alias was back on the baseline; not a number when it never was."""
    promoted: Numbers
    """When the candidate had all of the traffic; not a number when it never had, or was rolled back later."""
    failed_by_minute: Numbers
    """How many requests had failed after each minute, in the mean of the rollouts."""
    reasons: tuple[str, ...] = ()
    """Why each ended, where the policy says so."""

    @property
    def is_rolled_back(self) -> npt.NDArray[np.bool_]:
        """Which rollouts were rolled back."""
        return ~np.isnan(self.rolled_back)


def charged(traces: Traces, watched: Counts, back: Counts) -> tuple[Numbers, Numbers]:
    """Return what each rollout is charged with, and the mean of them by minute: nothing from step `back` on.

    `watched` are the failures because of the candidate while a policy still watches; after these steps the
    candidate has all of the traffic, and everything that can fail does.
    """
    all_of_it = np.concatenate([watched, traces.regressed[:, watched.shape[1] :]], axis=1)
    counted = all_of_it * (np.arange(traces.steps) < back[:, None])
    by_step = counted.mean(axis=0).reshape(traces.minutes, -1)
    return counted.sum(axis=1).astype(float), np.cumsum(by_step.sum(axis=1))
