"""Cells: the kinds of rollouts that the judging is measured on, read from a file that anybody can write."""

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from controller.core.document import Document, parse
from controller.core.errors import InputError
from rampart.simulate.latency import SlowScenario
from rampart.simulate.scenario import Scenario

DEVELOPMENT_SET = Path(__file__).parent / "cells.toml"
LOW_PER_SECOND, MEDIUM_PER_SECOND, HIGH_PER_SECOND = 0.5, 10, 1000
_CROSSED = ("requests_per_second", "base_failure_rate", "regression")
MAX_CELLS = 1000


class _File(Document):
    seed: Annotated[int, Field(ge=0)]
    runs: Annotated[int, Field(ge=1, le=100_000)]
    good_runs: Annotated[int, Field(ge=1, le=100_000)]
    defaults: Annotated[dict[str, Any], Field(default_factory=dict)]
    cells: tuple[dict[str, Any], ...] = ()
    latency: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of rollout and its name."""

    name: str
    scenario: Scenario

    @property
    def traffic(self) -> str:
        """How people call so much traffic."""
        per_second = self.scenario.requests_per_second
        if per_second >= HIGH_PER_SECOND:
            return "high"
        if per_second >= MEDIUM_PER_SECOND:
            return "medium"
        return "small" if per_second >= LOW_PER_SECOND else "low"

    @property
    def is_good(self) -> bool:
        """Whether the candidate is no worse than the baseline."""
        return not self.scenario.regression

    @property
    def is_plain(self) -> bool:
        """Whether neither the failures nor the metrics have anything unusual."""
        usual = Scenario(requests_per_second=1, base_failure_rate=0)
        varied = {"requests_per_second", "base_failure_rate", "regression", "horizon_minutes"}
        return self.scenario.model_dump(exclude=varied) == usual.model_dump(exclude=varied)


@dataclass(frozen=True, slots=True)
class SlowCell:
    """One kind of rollout with slow answers and its name."""

    name: str
    scenario: SlowScenario


@dataclass(frozen=True, slots=True)
class CellSet:
    """All that a file says."""

    seed: int
    runs: int
    good_runs: int
    cells: tuple[Cell, ...]
    latency: tuple[SlowCell, ...]


def read_cells(path: Path) -> CellSet:
    """Return what a file of cells says; raises InputError with the place of the fault."""
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    file = parse(_File, document, str(path))
    cells = tuple(_cells(file, path))
    latency = tuple(
        _slow_cell(written, f"{path}: latency[{number}]") for number, written in enumerate(file.latency)
    )
    for names in ([cell.name for cell in cells], [cell.name for cell in latency]):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"{path}: two cells are called {twice!r}; give one of them another name")
    return CellSet(file.seed, file.runs, file.good_runs, cells, latency)


def _cells(file: _File, path: Path) -> Iterator[Cell]:
    total = 0
    for number, written in enumerate(file.cells):
        where = f"{path}: cells[{number}]"
        values = file.defaults | written
        words = values.pop("name", "")
        if not isinstance(words, str):
            raise InputError(f"{where}: name: write text")
        crossed = [values[f] if isinstance(values.get(f), list) else [values[f]] for f in _CROSSED if f in values]
        fields = [f for f in _CROSSED if f in values]
        for chosen in itertools.product(*crossed):
            total += 1
            if total > MAX_CELLS:
                raise InputError(f"{path}: write at most {MAX_CELLS} cells")
            scenario = parse(Scenario, values | dict(zip(fields, chosen, strict=True)), where)
            yield Cell(_name(words, scenario), scenario)


def _name(words: str, scenario: Scenario) -> str:
    per_second = scenario.requests_per_second
    traffic = f"{per_second:g}/s" if per_second >= LOW_PER_SECOND else f"{60 * per_second:.3g}/min"
    regression = f", +{100 * scenario.regression:g}%" if scenario.regression else ""
    own = f"{traffic}, {100 * scenario.base_failure_rate:g}%{regression}"
    return f"{own}, {words}" if words else own


def _slow_cell(written: dict[str, Any], where: str) -> SlowCell:
    values = dict(written)
    words = values.pop("name", "")
    if not isinstance(words, str):
        raise InputError(f"{where}: name: write text")
    scenario = parse(SlowScenario, values, where)
    own = f"{scenario.requests_per_second:g}/s"
    return SlowCell(f"{own}, {words}" if words else own, scenario)
