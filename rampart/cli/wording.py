"""Wording: moments, spans and anybody's texts as an operator reads them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rich.table import Table
from rich.text import Text

from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.deployment import Deployment, Status
from controller.core.duration import spell_span
from controller.core.member_record import MemberRecord
from controller.core.wording import escaped, one_line

STATUS_STYLES = {
    Status.PENDING: "cyan",
    Status.IN_PROGRESS: "cyan",
    Status.PROMOTED: "green",
    Status.SKIPPED: "green",
    Status.REJECTED: "yellow",
    Status.DRIFTED: "yellow",
    Status.ROLLED_BACK: "red",
    Status.ROLLBACK_FAILED: "bold red",
}
_PARTS = 2
"""How many units of a span a person wants to know."""


def plain(text: str, at_most: int = 500) -> str:
    """Return any text as one line that a terminal shows as it is: what is not printable is spelt as in JSON.

    Printable text stays as it is, so that doing it twice does no harm.
    """
    return one_line("".join(c if c.isprintable() else escaped(c) for c in text), at_most)


def spell_change(member: MemberRecord) -> str:
    """Return the versions of a member, such as "1 → 2", or "first version 1" where it had none before."""
    candidate = member.candidate or "?"
    return f"first version {candidate}" if member.is_first else f"{member.baseline} → {candidate}"


def line(*parts: str | tuple[str, str], at_most: int = 500) -> Text:
    """Return parts, plain or with a style and each of at most so many characters, as one line."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((plain(text, at_most), style) for text, style in pairs))


def spell_moment(moment: datetime) -> str:
    """Return a moment in UTC, such as 2026-03-02 09:00:05Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def spell_age(moment: datetime, now: datetime) -> str:
    """Return how far away a moment is, such as "5m 3s ago" or "in 2h"."""
    seconds = int((moment - now).total_seconds())
    if seconds == 0:
        return "now"
    return f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} ago"


def spell_when(moment: datetime, now: datetime) -> str:
    """Return a moment in UTC and how far away it is."""
    return f"{spell_moment(moment)} ({spell_age(moment, now)})"


def spell_length(length: timedelta) -> str:
    """Return how long something took, such as "5m 3s"."""
    return _span(int(length.total_seconds()))


def short_artifact(deployment: Deployment) -> str:
    """Return what is deployed in a few characters: the end of its key, or its repository, and its version."""
    match deployment.artifact:
        case ZipArtifact() as found:
            return f"{plain(found.key.rpartition('/')[2], 60)}@{plain(found.version_id, 9)}"
        case ImageArtifact() as found:
            return f"{plain(found.repository, 60)}@{found.digest[:19]}"
        case None:
            return plain(deployment.what, 60)


def lines(*several: Text) -> Text:
    """Return several lines as one text."""
    return Text("\n").join(several)


def facts(rows: Iterable[tuple[str, str | tuple[str, str]]]) -> Table:
    """Return a list of named facts, plain or with a style; those without a text are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        if text:
            table.add_row(f"  {name}", line(text))
    return table


def listing(*columns: str) -> Table:
    """Return an empty table with these headings."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _span(seconds: int) -> str:
    return " ".join(spell_span(seconds).split()[:_PARTS])
