"""The summary of the demonstration, in lines of at most a hundred characters."""

import textwrap

from rich.text import Text

from controller.core.deployment import Status
from rampart.cli.wording import STATUS_STYLES, lines
from rampart.demo.report import ReleaseReport, Report, StepReport

WIDTH = 100
_INDENT = "    "


def summary(report: Report, width: int = WIDTH) -> Text:
    """Return what the records, the metrics and the team's queue say of each release."""
    told = [part for release in report.releases for part in (_headline(release), *_facts(release, width), Text())]
    aliases = [Text(f"{function}:live is on {routing}.") for function, routing in report.aliases.items()]
    return lines(Text(), *told, *aliases)


def _headline(release: ReleaseReport) -> Text:
    text = Text(f"{'✔' if release.ended_well else '✖'} {release.target} release {release.release}  ", style="bold")
    text.append(release.status.value, style=STATUS_STYLES[release.status])
    if release.status is Status.PROMOTED and release.full_after_seconds is not None:
        return text.append(f"  all traffic {release.full_after_seconds:.1f} s after {release.how}")
    if release.restored_after_seconds is not None:
        by = "its event" if release.restored_by == "SignalFunction" else "a look"
        return text.append(f"  alias back {release.restored_after_seconds:.2f} s after its alarm went off, by {by}")
    if release.comparison is not None and release.exposed_seconds is not None:
        return text.append(f"  alias back {release.exposed_seconds:.1f} s after its first step, by the comparison")
    return text


def _facts(release: ReleaseReport, width: int) -> list[Text]:
    steps = ", ".join(_step(release, step) for step in release.steps)
    facts = [f"{release.strategy}: {steps}"] if release.steps else []
    if release.status is not Status.PROMOTED:
        facts.append(release.reason)
    facts.append(
        f"version {release.candidate} answered {release.requests} requests, {release.failed_requests} failed; "
        f"{release.notifications} of {release.transitions} transitions reached the team"
    )
    texts = [_wrapped(fact, width) for fact in facts]
    texts[-1].highlight_regex(r"\b[1-9][0-9]* failed", "red")
    if not release.ended_well:
        texts.append(_wrapped(_fault(release), width))
        texts[-1].stylize("bold red")
    return texts


def _step(release: ReleaseReport, step: StepReport) -> str:
    """Return a step and when it was made, counted from the push; the last one as exactly as the headline."""
    seconds = (step.at - release.pushed_at).total_seconds()
    if step.step == len(release.steps) and release.full_after_seconds is not None:
        seconds = release.full_after_seconds
    return f"{step.weight_percent:g}% at {seconds:.1f} s"


def _fault(release: ReleaseReport) -> str:
    """Return in what a release that did not end well fell short."""
    if release.status is not release.must_end:
        return f"it must have ended {release.must_end}"
    if release.notifications != release.transitions:
        return "the team must hear of every transition"
    return f"{'its alarm' if release.has_alarm else 'the comparison'} must have stopped it"


def _wrapped(text: str, width: int) -> Text:
    return Text(
        textwrap.fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)
    )
