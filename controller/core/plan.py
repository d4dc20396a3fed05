"""Plans: the steps that a strategy comes to, fixed when a deployment starts."""

from pydantic import BaseModel, ConfigDict

from controller.core.approval import Gate
from controller.core.duration import scaled, spell_duration
from controller.core.ramp import HALF_WEIGHT, MINUTES_AT_HALF, Budget
from controller.core.weight import spell_weight


class Guard(BaseModel):
    """What bounds a guarded plan: it has as many steps as it takes, each but the last added when it is due."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    requests: int | None
    seconds: int
    finest: int
    min_duration_seconds: int

    @property
    def budget(self) -> Budget:
        """What a bad release may cost."""
        return Budget(self.requests, self.seconds, self.finest)


class Step(BaseModel):
    """One weight and its bake, in real seconds."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    weight: int
    bake_seconds: int
    approval: Gate | None = None
    """The gate behind the bake, if there is one."""


class Plan(BaseModel):
    """A strategy resolved to steps, fixed when the deployment starts; the last step has full weight."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    strategy: str
    steps: tuple[Step, ...]
    guard: Guard | None = None
    """Of a guarded plan, whose steps below full weight are those made or intended so far."""

    @property
    def last_index(self) -> int:
        """The index of the step at full weight."""
        return len(self.steps) - 1

    @property
    def total_seconds(self) -> int:
        """The seconds from the first shift to the promotion when every verdict is PASS."""
        ramp = sum(step.bake_seconds for step in self.steps[:-1])
        return max(ramp, self.guard.min_duration_seconds if self.guard else 0) + self.steps[-1].bake_seconds

    @property
    def is_split(self) -> bool:
        """Whether some step leaves the baseline a part of the traffic, so that there is something to compare."""
        return len(self.steps) > 1

    @property
    def gated_end(self) -> Step:
        """The step at full weight, with the last gate of all: whoever skips the others does not skip a person."""
        gates = [step.approval for step in self.steps if step.approval]
        return self.steps[-1].model_copy(update={"approval": gates[-1] if gates else None})

    def starting_at(self, weight: int) -> "Plan":
        """Return a guarded plan whose first step has `weight` basis points."""
        first = self.steps[0].model_copy(update={"weight": weight})
        return self.model_copy(update={"steps": (first, self.steps[-1])})

    def growing_to(self, index: int, weight: int, minute_seconds: float) -> "Plan":
        """Return a guarded plan whose step `index` has `weight` basis points, before the one at full weight."""
        minutes = MINUTES_AT_HALF if weight == HALF_WEIGHT else 1
        step = Step(weight=weight, bake_seconds=scaled(60 * minutes, minute_seconds))
        return self.model_copy(update={"steps": (*self.steps[:index], step, self.steps[-1])})


def spell_plan(plan: Plan) -> str:
    """Return a plan in one line, such as "10% for 60s, 100% for 60s"."""
    told = [
        f"{spell_weight(step.weight)} for {spell_duration(step.bake_seconds)}"
        + (" and until somebody approves" if step.approval else "")
        for step in plan.steps
    ]
    if plan.guard:
        ramp = spell_duration(plan.guard.min_duration_seconds)
        told[:-1] = [
            f"{spell_weight(plan.steps[0].weight)} first",
            f"then what the evidence pays for, {ramp} at least",
        ]
    return ", ".join(told)
