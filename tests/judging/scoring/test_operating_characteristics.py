"""The command that prints the operating characteristics: it goes on where it was stopped, and says what falls short."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from known_truth.cells import Cell, Need

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def command() -> ModuleType:
    path = ROOT / "tests" / "benchmarks" / "operating_characteristics.py"
    spec = spec_from_file_location("operating_characteristics", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def cell(measure: Callable[..., dict[str, float]] = lambda g: {"red": 1.0}, limit: float = 0.5) -> Cell:
    return Cell("A row", "a cell", measure, (Need("red", "<=", limit),), (Path(__file__),))


def test_runs_that_were_measured_are_there_again(command: ModuleType, tmp_path: Path) -> None:
    store = command.Store(tmp_path / "deep" / "runs.jsonl")
    store.add(cell(), [(0, {"red": True}), (7, {"red": None})])
    again = command.Store(tmp_path / "deep" / "runs.jsonl")
    assert again.of(cell(), 400) == {0: {"red": 1.0}, 7: {"red": None}}
    assert again.of(cell(), 5) == {0: {"red": 1.0}}


def test_runs_of_other_code_are_not(command: ModuleType, tmp_path: Path) -> None:
    store = command.Store(tmp_path / "runs.jsonl")
    store.add(cell(), [(0, {"red": True})])
    other = Cell("A row", "a cell", lambda g: {}, (), (Path(__file__), Path(command.__file__)))
    assert store.of(other, 400) == {}


@pytest.mark.parametrize(("limit", "holds"), [(0.5, "no"), (1.0, "yes")])
def test_what_falls_short_says_so(command: ModuleType, tmp_path: Path, limit: float, holds: str) -> None:
    store, chosen = command.Store(tmp_path / "runs.jsonl"), cell(limit=limit)
    store.add(chosen, [(seed, {"red": True}) for seed in range(3)])
    found = list(command.lines([chosen], store, 400))
    assert next(line for line in command.table(found) if "a cell" in line).split()[-1] == holds
    assert f"| a cell | red ≤ {limit:g} | 1.000 | 3 |" in command.document(found)
    assert ("**no**" in command.document(found)) is (holds == "no")


def test_a_line_that_was_not_measured_stays_as_it_stood(command: ModuleType, tmp_path: Path) -> None:
    store, measured, other = command.Store(tmp_path / "runs.jsonl"), cell(), replace(cell(), name="another cell")
    store.add(measured, [(0, {"red": True})])
    before = "| another cell | red ≤ 0.5 | 0.250 | 400 | yes |\n| a cell | red ≤ 0.5 | 0.000 | 400 | yes |\n"
    page = command.document(list(command.lines([measured, other], store, 400)), before)
    assert "| another cell | red ≤ 0.5 | 0.250 | 400 | yes |" in page
    assert "| a cell | red ≤ 0.5 | 1.000 | 1 | **no** |" in page


def test_what_was_not_measured_holds_nothing(command: ModuleType, tmp_path: Path) -> None:
    (line,) = command.lines([cell()], command.Store(tmp_path / "runs.jsonl"), 400)
    assert (line.came_to, line.holds) == ("–", "–")


def test_every_cell_has_a_name_of_its_own_and_something_to_hold(command: ModuleType) -> None:
    assert len(command.cells()) > 100
    assert all(cell.needs for cell in command.cells().values())
