"""What the scores are held to: how often they are right, wrong and undecided over many runs whose truth is known.

    python tests/benchmarks/operating_characteristics.py [--only PATTERN] [--seeds 400] [--jobs 2] [--document FILE]

One line a cell and requirement: what is asked for, what was measured over how many runs, and whether it holds. Every run is written down as
it ends, so a command that was stopped goes on where it was; what an older version of a score said is measured again. `--document` writes
the same tables as Markdown. With `--measure 0` nothing is run, and what is known is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from itertools import groupby
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # for the runs whose truth is known

from known_truth import consistency, levels, recovery  # noqa: E402 - found by the line above
from known_truth.cells import Cell, Need, Seen  # noqa: E402 - found by the line above

STORE = ROOT / "build" / "operating-characteristics.jsonl"
AT_ONCE = 20
SOURCES = (recovery.cells, levels.cells, consistency.cells)
"""Where cells come from; a score that is held to a characteristic adds its own."""
HEAD = """# Operating characteristics

What the scores are held to, and what was measured: runs whose truth is known, with generators of their own, scored as a stored run is.
*Red* is a verdict of `fail`, *green* of `pass`, *undecided* is inconclusive or invalid; *covered* is the share of the stated 95 % intervals
that hold the truth; *too late* is the share of runs that pass at a limit which the truth exceeds one and a half times; *near* the share
that pass at a limit 3 s above the truth. Of a share, *green* and *red* are at a limit that the truth misses or holds one and a half times;
*few* are runs that show fewer than four clumps. In a run that shows none, no interval can know of clumps: that is most of what falls short
of the shares and of stale stretches of 2 s, of which every third run shows none (*where shown*: the others).

This page is printed by `python tests/benchmarks/operating_characteristics.py --document docs/operating-characteristics.md`; what falls
short says so.
"""


@cache
def cells() -> dict[str, Cell]:
    """Every cell by its name."""
    found = [cell for source in SOURCES for cell in source()]
    named = {cell.name: cell for cell in found}
    if len(named) < len(found):
        raise ValueError("two cells of one name; each needs its own, since results are stored by it")
    return named


def measured(name: str, seeds: Sequence[int]) -> list[tuple[int, Seen]]:
    """What some runs of one cell came to; in a process of its own."""
    return [(seed, cells()[name].run(seed)) for seed in seeds]


class Store:
    """The runs that were measured, one a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: dict[tuple[str, str], dict[int, Seen]] = defaultdict(dict)
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(json.loads(line))

    def of(self, cell: Cell, seeds: int) -> dict[int, Seen]:
        """By seed, those of this version of the code."""
        return {seed: seen for seed, seen in self._seen[cell.name, cell.code].items() if seed < seeds}

    def add(self, cell: Cell, runs: Iterable[tuple[int, Seen]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            for seed, seen in runs:
                plain = {what: value if value is None else float(value) for what, value in seen.items()}
                line = {"cell": cell.name, "code": cell.code, "seed": seed, "seen": plain}
                file.write(json.dumps(line) + "\n")
                self._take(line)

    def _take(self, line: dict[str, object]) -> None:
        self._seen[line["cell"], line["code"]][line["seed"]] = line["seen"]


@dataclass(frozen=True)
class Line:
    """One requirement of one cell beside what was measured."""

    cell: Cell
    need: Need
    number: float
    runs: int

    @property
    def what(self) -> str:
        return "rmse" if self.need.what == "squared_error" else self.need.what.replace("_", " ")

    @property
    def asked(self) -> str:
        return f"{'≤' if self.need.op == '<=' else '≥'} {self.need.limit:g}"

    @property
    def came_to(self) -> str:
        return f"{self.number:.3f}" if self.runs else "–"

    @property
    def holds(self) -> str:
        return "–" if not self.runs else "yes" if self.need.holds(self.number) else "**no**"


def measure(chosen: Sequence[Cell], store: Store, seeds: int, jobs: int) -> None:
    """Make the runs that are not there yet."""
    with ProcessPoolExecutor(jobs) as pool:
        for cell in chosen:
            began_s, known = perf_counter(), store.of(cell, seeds)
            missing = [seed for seed in range(seeds) if seed not in known]
            parts = [missing[first : first + AT_ONCE] for first in range(0, len(missing), AT_ONCE)]
            for runs in pool.map(measured, [cell.name] * len(parts), parts):
                store.add(cell, runs)
            if missing:
                print(
                    f"{cell.name}: {len(missing)} runs in {perf_counter() - began_s:.0f} s", file=sys.stderr, flush=True
                )


def lines(chosen: Sequence[Cell], store: Store, seeds: int) -> Iterator[Line]:
    for cell in chosen:
        seen = list(store.of(cell, seeds).values())
        for need in cell.needs:
            yield Line(cell, need, *need.measured(seen))


def table(found: Iterable[Line]) -> Iterator[str]:
    """One requirement a line, aligned."""
    for row, group in groupby(found, lambda line: line.cell.row):
        yield f"\n{row}"
        for line in group:
            asked = f"{line.what} {line.asked}"
            yield f"  {line.cell.name:<56} {asked:<24} {line.came_to:>8} of {line.runs:>4}  {line.holds.strip('*')}"


def document(found: Sequence[Line], before: str = "") -> str:
    """The same as Markdown; a line that nothing was measured for is as it was *before*."""
    parts, stood = [HEAD], {_key(line): line for line in before.splitlines() if line.startswith("| ")}
    for row, group in groupby(found, lambda line: line.cell.row):
        parts.append(f"## {row}\n")
        parts.append("| cell | asked for | measured | runs | holds |\n| --- | --- | --- | --- | --- |")
        for line in group:
            made = f"| {line.cell.name} | {line.what} {line.asked} | {line.came_to} | {line.runs} | {line.holds} |"
            parts.append(made if line.runs else stood.get(_key(made), made))
        parts.append("")
    return "\n".join(parts)


def _key(line: str) -> tuple[str, ...]:
    """The cell and the requirement of a line of the page."""
    return tuple(line.split(" | ")[:2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="names of cells or of rows, with * and ?")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--measure", type=int, default=1, choices=(0, 1))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--document", type=Path)
    parser.add_argument("--store", type=Path, default=STORE)
    options = parser.parse_args()
    chosen = [cell for cell in cells().values() if fnmatch(cell.name, options.only) or fnmatch(cell.row, options.only)]
    if not chosen:
        parser.error(f"no cell is called {options.only!r}; --only '*' has them all")
    store = Store(options.store)
    if options.measure:
        measure(chosen, store, options.seeds, options.jobs)
    print("\n".join(table(lines(chosen, store, options.seeds))))
    if options.document:
        before = options.document.read_text() if options.document.exists() else ""
        every = list(lines(list(cells().values()), store, options.seeds))
        options.document.write_text(document(every, before))


if __name__ == "__main__":
    main()
