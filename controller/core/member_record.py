"""Members of a deployment: each function and alias with what was found and what was made."""

from pydantic import BaseModel, ConfigDict

from controller.core.alias import Routing, routing_at
from controller.core.artifact import ImageArtifact


class MemberRecord(BaseModel):
    """One function and alias of the deployment, with what we found and what we made."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    function: str
    alias: str
    baseline: str
    """The version that the alias was on; empty in a first deployment, before which there was no alias."""
    fencing: int
    """The number of our claim on the function; a claim with another number is not ours."""
    code_sha256: str | None = None
    """The code that we put on $LATEST, once that is done."""
    runs: ImageArtifact | None = None
    """The image that the baseline runs, and of which Lambda has no copy for good."""
    image: str | None = None
    """The image that is put there: of an index, the one for the function's architecture."""
    candidate: str | None = None
    revision_id: str | None = None
    """The alias's RevisionId after our last write, or when it was found: enough to put it back without a look."""
    requests_per_minute: float = 0.0
    """What came through the alias in the minutes before, on average."""
    requests_last_week: float = 0.0

    def __str__(self) -> str:
        return f"{self.function}:{self.alias}"

    @property
    def is_first(self) -> bool:
        """Whether there was no alias before, so that there is nothing to go back to."""
        return not self.baseline

    @property
    def changes(self) -> bool:
        """Whether it gets another version: a member that has the artifact already is left as it is."""
        return self.candidate != self.baseline

    def routing(self, weight: int) -> Routing:
        """Return the routing of the alias when the candidate has `weight` basis points."""
        return routing_at(self.baseline, self.candidate, weight)
