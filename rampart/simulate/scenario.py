"""Scenarios: what traffic, failures and metrics of a simulated rollout are like, as a person writes them."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from controller.core.document import Document
from controller.core.wording import shown

MAX_REQUESTS_PER_SECOND = 100_000
MAX_HORIZON_MINUTES = 1_440

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, from 0 to 1."""


def _a_range(span: tuple[float, float]) -> tuple[float, float]:
    low, high = span
    if not 0 <= low <= high <= 3600:
        raise ValueError(
            f"write two numbers of seconds from 0 to 3600, the lower one first, not {shown(list(span))}"
        )
    return span


Seconds = Annotated[tuple[float, float], AfterValidator(_a_range)]
"""A number of seconds that is drawn evenly between two."""


class Burst(Document):
    """A trouble that both versions share: a dependency fails for some minutes."""

    failure_rate: Share
    """The share of requests that fail beside the usual ones."""
    minutes: Annotated[float, Field(gt=0, le=MAX_HORIZON_MINUTES)] = 3
    begins_within_minutes: Annotated[float, Field(ge=0, le=MAX_HORIZON_MINUTES)] = 10
    """It begins at a random moment so early in the rollout."""


class Scenario(Document):
    """One kind of rollout; the defaults are an ordinary day of an ordinary function."""

    requests_per_second: Annotated[float, Field(gt=0, le=MAX_REQUESTS_PER_SECOND)]
    """The mean over a day of all that the alias takes."""
    base_failure_rate: Share
    """The share of requests that fail under either version."""
    regression: Share = 0
    """The share of the others that fail when the candidate serves them; 0 is a good release, 1 a total break."""
    onset_minutes: Annotated[float, Field(ge=0, le=MAX_HORIZON_MINUTES)] = 0
    """How long after the rollout began the regression shows, as a leak does."""
    horizon_minutes: Annotated[int, Field(ge=15, le=MAX_HORIZON_MINUTES)] = 60
    """How long a bad release that was promoted goes on failing until a person acts."""
    diurnal: Share = 0.5
    """How far the traffic of a day swings around its mean; a rollout begins at a random hour."""
    noise: Annotated[float, Field(ge=0, le=2)] = 0.2
    """The standard deviation of the logarithm of a minute's traffic around that."""
    overdispersion_shape: Annotated[float, Field(ge=0, le=1_000)] = 0
    """Each minute's failure rate is the base times a gamma variate of this shape and mean 1; 0: constant."""
    burst: Burst | None = None
    cluster: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Base failures come in clusters of so many, all from a sandbox of one version; with 1 they are independent."""
    delay_seconds: Seconds = (30.0, 120.0)
    """How long after its end CloudWatch shows a minute."""
    missing_share: Share = 0
    """The share of minutes that CloudWatch never shows."""
    late_share: Share = 0
    """The share of minutes of which CloudWatch shows half of the failures as late as `late_seconds` says."""
    late_seconds: Annotated[float, Field(ge=0, le=3600)] = 180
    """How long after the rest of it the failures of a late minute are complete."""
    shift_late_seconds: Seconds = (0.0, 0.0)
    """How long after the moment that was meant a weight is written; the controller records the real moment."""
    propagation_seconds: Seconds = (0.0, 0.0)
    """How long after it was written a weight takes effect; nobody records that."""
    step_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """How finely time is simulated; it divides a minute."""

    @model_validator(mode="after")
    def _steps_fill_a_minute(self) -> "Scenario":
        if 60 % self.step_seconds:
            raise ValueError(f"step_seconds: write a divisor of 60, not {self.step_seconds}")
        return self

    @model_validator(mode="after")
    def _clusters_fit(self) -> "Scenario":
        if self.cluster > 1 and self.burst:
            raise ValueError("burst: leave it out where failures come in clusters")
        if self.cluster > 1 and self.cluster > self.requests_per_second * self.step_seconds:
            raise ValueError(f"cluster: {self.cluster} are more than the requests of a step")
        return self

    @property
    def steps_per_minute(self) -> int:
        """How many steps of time a minute has."""
        return 60 // self.step_seconds

    @property
    def requests_per_minute(self) -> float:
        """The mean over a day of what the alias takes in a minute."""
        return 60 * self.requests_per_second

    @property
    def good(self) -> "Scenario":
        """The same with a candidate that is no worse."""
        return self.model_copy(update={"regression": 0.0})
