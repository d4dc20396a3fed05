"""The way back: what is known of whether the baselines can serve again."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class WayBack(BaseModel):
    """What is known of the way back to the baselines."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    why: str | None = None
    """Why there is none."""
    since: datetime | None = None
    """When that was noticed."""
    is_accepted: bool = False
    """Whether a person has approved since, so that nobody is asked again."""
    dead: tuple[str, ...] = ()
    """The functions whose baseline Lambda cannot run: their aliases are left where they are."""
    seen_at: datetime | None = None
    """When it was last looked whether what the baselines run is still there."""
