"""What a person sees: a live picture on a terminal, one line per transition elsewhere, and the summary."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status
from controller.core.weight import FULL_WEIGHT, spell_weight
from rampart.cli.wording import STATUS_STYLES
from rampart.demo.report import Counts, Report
from rampart.demo.summary import WIDTH, summary

_ALARM_STYLES = {"OK": "green", "ALARM": "red"}
_BAR_WIDTH = 30
_OTHER_WIDTH = 60
"""What the columns beside the bar need."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of one target at a moment."""

    target: str
    deployment: Deployment | None
    routing: Routing
    alarm: str | None
    """The state of its alarm; None when no alarm watches it."""
    requests: dict[str, Counts]
    """What each version of the alias has answered."""


class Screen:
    """Tells the story on a console as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._live: Live | None = None

    @property
    def is_live(self) -> bool:
        """Whether there is a terminal, and so a picture to renew."""
        return self._console.is_terminal

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the beginning."""
        self._console.print(Text(f"{self._time()}  {text}"), soft_wrap=True)

    def quote(self, command: str) -> None:
        """Print a command as a person would type it."""
        for line in command.splitlines():
            self._console.print(Text(f"{'':10}{line}", style="cyan"), soft_wrap=True)

    def transition(self, message: dict[str, Any]) -> None:
        """Print one transition that the team was told of."""
        style = STATUS_STYLES[Status(message["status"])]
        ended = message["transition"] == "ENDED"
        what = message["status"] if ended else message["transition"]
        line = Text(f"{self._time()}    {message['target']}  ").append(f"{what:<12}", style=style if ended else "")
        self._console.print(line.append(f" {message['reason']}"), soft_wrap=True)

    def watch(self, sights: Sequence[Sight]) -> None:
        """Renew the live picture; does nothing where there is no terminal."""
        if not self.is_live:
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        bar_width = max(5, min(_BAR_WIDTH, self._console.width - _OTHER_WIDTH))
        self._live.update(_picture(sights, bar_width), refresh=True)

    def calm(self) -> None:
        """Take the live picture away."""
        if self._live:
            self._live.stop()
            self._live = None

    def summary(self, report: Report) -> None:
        """Print what became of each release."""
        self.calm()
        self._console.print(summary(report, min(WIDTH, self._console.width)), soft_wrap=True)

    def _time(self) -> str:
        return f"{time.monotonic() - self._began:5.1f}s"


def _picture(sights: Sequence[Sight], bar_width: int) -> RenderableType:
    table = Table(box=None, padding=(0, 2), show_header=True, header_style="dim")
    for column in ("target", "version", "weight", "", "requests", "errors"):
        justify: Literal["right", "left"] = "right" if column in ("requests", "errors") else "left"
        table.add_column(column, justify=justify, min_width=None if column else bar_width)
    for sight in sights:
        for version, weight in _weights(sight.routing):
            bar = "█" * round(bar_width * weight / FULL_WEIGHT)
            seen = sight.requests.get(version, Counts())
            errors = Text(str(seen.errors), style="red" if seen.errors else "")
            shown = Text(bar, style="cyan")
            table.add_row(sight.target, version, spell_weight(weight), shown, str(seen.requests), errors)
    return Group(table, *(_state(sight) for sight in sights))


def _state(sight: Sight) -> Text:
    """Return the alarm of a target, and what comes next there."""
    alarm = Text(f"  {sight.target}: ")
    if sight.alarm is None:
        alarm.append("no alarm")
    else:
        alarm.append("alarm ").append(sight.alarm, style=_ALARM_STYLES.get(sight.alarm, "yellow"))
    return alarm.append(f", next: {_next(sight.deployment)}", style="dim")


def _weights(routing: Routing) -> list[tuple[str, int]]:
    if routing.second is None:
        return [(routing.version, FULL_WEIGHT)]
    return [(routing.version, FULL_WEIGHT - routing.weight), (routing.second, routing.weight)]


def _next(deployment: Deployment | None) -> str:
    if deployment is None:
        return "its execution starts"
    if deployment.status.is_over:
        return "nothing, it has ended"
    if deployment.stopping_mark:
        return "close the record; the alias is put back"
    if deployment.look_at is None:
        return f"first shift of {deployment.deployment_id}"
    seconds = max(0.0, (deployment.look_at - datetime.now(UTC)).total_seconds())
    return f"look at {deployment.spell_step(deployment.step_index)} in {seconds:.0f}s"
