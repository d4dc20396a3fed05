"""Settings: the only reader of the environment."""

import os
from dataclasses import dataclass


class SettingsError(Exception):
    """The function's environment lacks something that the template sets."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the template tells every function of the controller."""

    stage: str
    account: str
    """The account that the stack is in."""
    table_name: str
    bus_name: str
    state_machine_arn: str
    minute_seconds: float
    """How long a minute takes: 60 on AWS, less on the embedded AWS, which sets it to compress a rehearsal."""

    @property
    def targets_path(self) -> str:
        """The SSM path below which targets are declared."""
        return f"/rampart/{self.stage}/targets/"

    @property
    def test_events_path(self) -> str:
        """The SSM path below which test events stand that targets refer to."""
        return f"/rampart/{self.stage}/test-events/"

    @classmethod
    def from_env(cls, environ: dict[str, str] | None = None) -> "Settings":
        """Return the settings that the environment holds; raises SettingsError naming what is missing."""
        source = dict(os.environ) if environ is None else environ
        try:
            return cls(
                stage=source["RAMPART_STAGE"],
                account=source["RAMPART_ACCOUNT"],
                table_name=source["RAMPART_TABLE"],
                bus_name=source.get("RAMPART_BUS", "default"),
                state_machine_arn=source.get("RAMPART_STATE_MACHINE", ""),
                minute_seconds=float(source.get("RAMPART_MINUTE_SECONDS", "60")),
            )
        except KeyError as missing:
            raise SettingsError(f"environment variable {missing.args[0]} is not set") from None
