"""What a person sees: a live picture on a terminal, one line per transition elsewhere, and the summary."""

import time
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status
from controller.core.strategy import FULL_WEIGHT, spell_weight
from rampart.demo.report import Counts, ReleaseReport, Report

_STYLES = {
    Status.PROMOTED: "green",
    Status.SKIPPED: "green",
    Status.PENDING: "cyan",
    Status.IN_PROGRESS: "cyan",
    Status.REJECTED: "yellow",
    Status.DRIFTED: "yellow",
    Status.ROLLED_BACK: "red",
    Status.ROLLBACK_FAILED: "bold red",
}
_ALARM_STYLES = {"OK": "green", "ALARM": "red"}
_BAR_WIDTH = 30


class Screen:
    """Tells the story on a console as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the beginning."""
        self._console.print(Text(f"{time.monotonic() - self._began:5.1f}s  {text}"), soft_wrap=True)

    def transition(self, message: dict[str, Any]) -> None:
        """Print one transition that the team was told of."""
        style = _STYLES[Status(message["status"])]
        ended = message["transition"] == "ENDED"
        what = message["status"] if ended else message["transition"]
        line = Text(f"{time.monotonic() - self._began:5.1f}s    {what:<12}", style=style if ended else "")
        self._console.print(line.append(f" {message['reason']}", style=""), soft_wrap=True)

    def watch(
        self, deployment: Deployment | None, routing: Routing, alarm: str, requests: dict[str, Counts]
    ) -> None:
        """Renew the live picture; does nothing where there is no terminal."""
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        bar_width = max(5, min(_BAR_WIDTH, self._console.width - 45))
        self._live.update(_picture(deployment, routing, alarm, requests, bar_width), refresh=True)

    def calm(self) -> None:
        """Take the live picture away."""
        if self._live:
            self._live.stop()
            self._live = None

    def summary(self, report: Report) -> None:
        """Print what the records, the metrics and the team's queue say of each release."""
        self.calm()
        for release in report.releases:
            self._console.print()
            self._console.print(_headline(release), soft_wrap=True)
            self._console.print(_steps(release))
            self._console.print(_facts(release), soft_wrap=True)
        self._console.print()
        self._console.print(Text(f"The alias is on {report.alias}."))


def _picture(
    deployment: Deployment | None, routing: Routing, alarm: str, requests: dict[str, Counts], bar_width: int
) -> RenderableType:
    table = Table(box=None, padding=(0, 2), show_header=True, header_style="dim")
    for column in ("version", "weight", "", "requests", "errors"):
        justify: Literal["right", "left"] = "right" if column in ("requests", "errors") else "left"
        table.add_column(column, justify=justify, min_width=None if column else bar_width)
    for version, weight in _weights(routing):
        bar = "█" * round(bar_width * weight / FULL_WEIGHT)
        seen = requests.get(version, Counts())
        errors = Text(str(seen.errors), style="red" if seen.errors else "")
        table.add_row(version, spell_weight(weight), Text(bar, style="cyan"), str(seen.requests), errors)
    alarm_line = Text("  alarm checkout-errors ").append(alarm, style=_ALARM_STYLES.get(alarm, "yellow"))
    return Group(table, alarm_line, Text("  next: " + _next(deployment), style="dim"))


def _weights(routing: Routing) -> list[tuple[str, int]]:
    if routing.second is None:
        return [(routing.version, FULL_WEIGHT)]
    return [(routing.version, FULL_WEIGHT - routing.weight), (routing.second, routing.weight)]


def _next(deployment: Deployment | None) -> str:
    if deployment is None or deployment.status.is_over:
        return "the event of the upload"
    if deployment.stopping_mark:
        return "close the record; the alias is put back"
    if deployment.look_at is None:
        return f"first shift of {deployment.deployment_id}"
    seconds = max(0.0, (deployment.look_at - datetime.now(UTC)).total_seconds())
    return f"look at {deployment.spell_step(deployment.step_index)} in {seconds:.0f}s"


def _headline(release: ReleaseReport) -> Text:
    mark = "✔" if release.ended_well else "✖"
    line = Text(f"{mark} release {release.release}  ", style="bold")
    line.append(release.status.value, style=_STYLES[release.status])
    line.append(f" {release.seconds}s after it was planned")
    return line if release.steps else line.append(f": {release.reason}")


def _steps(release: ReleaseReport) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("step", "weight", "at", "verdict", "reason"):
        table.add_column(column, overflow="fold")
    for step in release.steps:
        after = f"+{(step.at - release.started_at).total_seconds():.1f}s"
        table.add_row(str(step.step), f"{step.weight_percent:g}%", after, step.verdict, step.reason)
    return table


def _facts(release: ReleaseReport) -> Text:
    text = Text(f"  version {release.candidate} answered {release.requests} requests, ")
    text.append(f"{release.failed_requests} failed", style="red" if release.failed_requests else "")
    text.append(f"; {release.notifications} of {release.transitions} transitions reached the team")
    if release.status is not release.must_end:
        text.append(f"\n  it must have ended {release.must_end}", style="bold red")
    return text
