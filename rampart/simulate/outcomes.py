"""Outcomes: what became of the rollouts of one policy, in the words in which they are compared."""

from dataclasses import dataclass, field

import numpy as np

from rampart.simulate.split import Counts, Numbers


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
    reasons: tuple[str, ...] = field(default=())
    """Why each ended, where the policy says so."""

    @property
    def is_rolled_back(self) -> np.ndarray:
        """Which rollouts were rolled back."""
        return ~np.isnan(self.rolled_back)


def charged(regressed: Counts, weights_until: Counts, back: Counts) -> Numbers:
    """Return what each rollout is charged with: `weights_until` of the steps before `back`, nothing after it.

    `weights_until` are the failures because of the candidate while a policy still watches; after these steps the
    candidate has all of the traffic, and each of `regressed` fails.
    """
    steps = regressed.shape[1]
    all_of_it = np.concatenate([weights_until, regressed[:, weights_until.shape[1] :]], axis=1)
    counts = np.arange(steps) < back[:, None]
    sums: Numbers = (all_of_it * counts).sum(axis=1).astype(float)
    return sums
