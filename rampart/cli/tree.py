"""The tree: one deployment as a picture that is renewed, from its header to the evidence of its last look."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from controller.core.alias import Routing
from controller.core.comparison import spell_odds
from controller.core.deployment import Deployment, Mark, MarkDetail, Status
from controller.core.duration import spell_span
from controller.core.member_record import MemberRecord
from controller.core.weight import FULL_WEIGHT, spell_weight
from rampart.cli.evidence import alarm_states, comparisons
from rampart.cli.standing import Symbol, spell_bake, standing, to_do
from rampart.cli.wording import line, spell_age, spell_length, spell_moment

_BAR_WIDTH = 30
_NARROW = 100
"""Below this width there is no bar, and a version's numbers follow its name."""
_MOST_COLUMNS = 6
_OUTCOME_STYLES = {"PASS": "green", "INCONCLUSIVE": "yellow", "FAIL": "red"}
_ALARM_STYLES = {"OK": "green", "ALARM": "red"}


@dataclass(frozen=True, slots=True)
class Sight:
    """A deployment as it is on record, and its aliases as Lambda has them."""

    deployment: Deployment
    observed: Mapping[str, Routing] = field(default_factory=dict)
    """By FUNCTION:ALIAS; one that has not been seen, or may not be, is not there."""


class Tree:
    """Draws deployments for one console."""

    def __init__(self, console: Console) -> None:
        self._is_narrow = console.width < _NARROW
        self._ascii = console.options.ascii_only

    def picture(self, sight: Sight, now: datetime) -> RenderableType:
        """Return a deployment with all that a person who watches it wants to know."""
        return Group(*self._parts(sight, now))

    def _parts(self, sight: Sight, now: datetime) -> Iterator[RenderableType]:
        deployment = sight.deployment
        yield self._headline(deployment)
        yield self._header(sight, now)
        if deployment.members:
            yield self._members(sight)
        if deployment.steps:
            yield self._steps(deployment, now)
        if deployment.alarms:
            yield self._alarms(deployment)
        if deployment.verdict and comparisons(deployment.verdict.evidence):
            yield self._evidence(deployment)
        if _words(deployment):
            yield self._said(deployment, now)

    def _headline(self, deployment: Deployment) -> Text:
        symbol, doing, style = standing(deployment)
        told = line((deployment.target, "bold"), "  ", (f"{self._drawn(symbol)} {deployment.status}", style))
        return told.append(line((f"  {doing}" if doing else "", style)))

    def _header(self, sight: Sight, now: datetime) -> Table:
        deployment = sight.deployment
        rows: list[tuple[str, Text]] = [
            ("Deployment", line(deployment.deployment_id)),
            ("Artifact", line(deployment.what)),
            ("Message", line(deployment.reason)),
            *(("Warning", line((warning, "yellow"))) for warning in deployment.warnings),
            *([("To do", line((asked, "bold yellow")))] if (asked := to_do(deployment)) else []),
        ]
        if deployment.plan:
            takes = f"{spell_span(deployment.plan.total_seconds)} when all is well"
            rows.append(("Strategy", line(f"{deployment.plan.strategy}, {takes}")))
            rows.append(("Step", line(self._where(deployment))))
            rows.append(("Weight", self._weight(sight)))
        rows.append(("Started", line(_when(deployment.started_at, now))))
        if deployment.ended_at:
            took = spell_length(deployment.ended_at - deployment.started_at)
            rows.append(("Ended", line(f"{_when(deployment.ended_at, now)}, after {took}")))
        elif deployment.look_at and deployment.status is not Status.ROLLBACK_FAILED:
            rows.append(("Next look", line(spell_age(deployment.look_at, now))))
        return _rows(rows)

    def _where(self, deployment: Deployment) -> str:
        reached = _reached(deployment)
        if reached < 0:
            return "before the first one"
        where = deployment.spell_step(reached).removeprefix("step ")
        return where if deployment.step_index >= 0 else f"{where} was the last one"

    def _weight(self, sight: Sight) -> Text:
        """Return the weight that was set, that which Lambda has, and a bar of it."""
        deployment = sight.deployment
        is_back = deployment.status in _BACK and not deployment.is_first  # whose alias stays, once it is made
        weight = 0 if is_back else deployment.weight
        seen = {_share(member, sight.observed.get(str(member))) for member in deployment.members} - {None}
        shown = ", ".join(spell_weight(each) for each in sorted(w for w in seen if w is not None))
        is_odd = bool(seen) and seen != {weight}
        told = line(f"set {spell_weight(weight)}")
        if seen or not deployment.status.is_over:
            told.append(line((f"  observed {shown or '?'}", "yellow" if is_odd else "")))
        if not self._is_narrow:
            full, empty = ("#", ".") if self._ascii else ("█", "░")
            filled = round(_BAR_WIDTH * weight / FULL_WEIGHT)
            told.append("  ").append(full * filled, style="cyan").append(empty * (_BAR_WIDTH - filled), style="dim")
        return told

    def _members(self, sight: Sight) -> RenderableType:
        deployment = sight.deployment
        elbow, tee, bar = ("`-- ", "|-- ", "|   ") if self._ascii else ("└── ", "├── ", "│   ")
        told: list[Text] = []
        for index, member in enumerate(deployment.members):
            is_last = index == len(deployment.members) - 1
            told.append(line((elbow if is_last else tee, "dim"), (str(member), "bold")))
            stem = "    " if is_last else bar
            routing = sight.observed.get(str(member))
            told.append(line((stem + tee, "dim"), *_version(member.candidate, "candidate", routing)))
            told.append(line((stem + elbow, "dim"), *_baseline(member, routing)))
        return _section("Members", Group(*told))

    def _steps(self, deployment: Deployment, now: datetime) -> RenderableType:
        table = _table()
        shifts = deployment.shifts
        for index, step in enumerate(deployment.steps):
            at = spell_moment(shifts[index].until)[11:] if index < len(shifts) else ""
            symbol, style, doing = self._step(deployment, index, now)
            bake = spell_span(step.bake_seconds)
            mark, number, weight = (self._drawn(symbol), style), str(index + 1), spell_weight(step.weight)
            _add(table, mark, number, weight, bake, at, (doing, style))
        return _section("Steps", table)

    def _step(self, deployment: Deployment, index: int, now: datetime) -> tuple[Symbol, str, str]:
        """Return the symbol of a step, its style, and what goes on there."""
        status, reached = deployment.status, _reached(deployment)
        gate = ", then awaits approval" if deployment.steps[index].approval and not deployment.approval else ""
        symbol, _, style = standing(deployment)
        if index < reached or (index == reached and status is Status.PROMOTED):
            return Symbol.GOOD, "green", "passed"
        if index > reached:
            told = "as the evidence pays for it" if deployment.plan and deployment.plan.guard else "to come"
            return Symbol.TO_COME, "dim", "" if status.is_over else told + gate
        if status is Status.ROLLBACK_FAILED:
            return symbol, style, "may still have its weight"
        return symbol, style, "stopped here" if status.is_over else spell_bake(deployment, now) + gate

    def _alarms(self, deployment: Deployment) -> RenderableType:
        states = alarm_states(deployment.verdict.evidence) if deployment.verdict else {}
        if Mark.ALARM in deployment.marks:  # its event was faster than any look
            states = states | {deployment.marks[Mark.ALARM].by: "ALARM"}
        table = _table()
        for alarm in deployment.alarms:
            state = states.get(alarm.name, "not read yet")
            symbol = {"OK": Symbol.GOOD, "ALARM": Symbol.BAD}.get(state, Symbol.WAITS)
            style = _ALARM_STYLES.get(state, "yellow")
            counts = "" if alarm.armed else "does not count"
            _add(table, (self._drawn(symbol), style), alarm.name, (state, style), counts)
        return _section("Alarms", table)

    def _evidence(self, deployment: Deployment) -> RenderableType:
        table = _table()
        for each in comparisons(deployment.verdict.evidence if deployment.verdict else {}):
            style = _OUTCOME_STYLES.get(each.outcome, "")
            _add(table, each.name, "candidate", each.candidate.version, (each.candidate.counts, style))
            _add(table, "", "baseline", each.baseline.version, each.baseline.counts)
            _add(table, "", "odds", (f"{spell_odds(each.odds)} that it is worse", style), (each.outcome, style))
        return _section("Evidence at the last look", table)

    def _said(self, deployment: Deployment, now: datetime) -> RenderableType:
        table = _table()
        for mark, detail in _words(deployment):
            _add(table, (mark.value, "bold"), f"by {detail.by}", spell_age(detail.at, now), detail.reason)
        return _section("Said", table)

    def _drawn(self, symbol: Symbol) -> str:
        return symbol.drawn(ascii_only=self._ascii)


_BACK = (Status.ROLLED_BACK, Status.REJECTED, Status.SKIPPED)
"""Ends at which the candidate has none of the traffic."""


def _reached(deployment: Deployment) -> int:
    """Return the index of the last step that was made, be it rolled back since; -1 when there is none."""
    return max(deployment.step_index, len(deployment.shifts) - 1)


def _words(deployment: Deployment) -> list[tuple[Mark, MarkDetail]]:
    """Return what people and alarms have said, the standing words of people first, and not twice."""
    standing_words = (
        (Mark.PAUSE, deployment.pause),
        (Mark.APPROVE, deployment.approval),
        (Mark.PROMOTE, deployment.promotion),
    )
    said = [(mark, detail) for mark, detail in standing_words if detail]
    there = {mark for mark, _ in said}
    return said + [(mark, detail) for mark, detail in deployment.marks.items() if mark not in there]


def _baseline(member: MemberRecord, routing: Routing | None) -> list[str | tuple[str, str]]:
    if member.is_first:
        return [("no baseline: the first version", "dim")]
    return _version(member.baseline, "baseline", routing)


def _version(version: str | None, role: str, routing: Routing | None) -> list[str | tuple[str, str]]:
    named = f"version {version}" if version else "not published yet"
    share = _share_of(version, routing)
    seen = f"  gets {spell_weight(share)}" if share is not None else ""
    return [f"{named}  ", (role, "dim"), (seen, "cyan" if share else "dim")]


def _share(member: MemberRecord, routing: Routing | None) -> int | None:
    """Return the basis points that an alias gives the candidate; None when that is not known."""
    return _share_of(member.candidate, routing) if member.candidate else None


def _share_of(version: str | None, routing: Routing | None) -> int | None:
    if routing is None or version is None:
        return None
    if routing.second == version:
        return routing.weight
    return FULL_WEIGHT - (routing.weight if routing.second else 0) if routing.version == version else 0


def _when(moment: datetime, now: datetime) -> str:
    return f"{spell_moment(moment)} ({spell_age(moment, now)})"


def _rows(rows: list[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(f"  {name}", text)
    return table


def _table() -> Table:
    """Return a table whose cells are folded and never cut."""
    table = Table.grid(padding=(0, 2))
    for _ in range(_MOST_COLUMNS):
        table.add_column(overflow="fold")
    return table


def _add(table: Table, *cells: str | tuple[str, str]) -> None:
    table.add_row(*(line(cell) for cell in cells))


def _section(title: str, content: RenderableType) -> RenderableType:
    return Group(line((title, "dim bold")), Padding(content, (0, 0, 0, 2)))
