"""What a gate and a comparison are held to: how often they are red, green and undecided where the truth is known, and what they cost.

    python tests/benchmarks/gate_characteristics.py [--document docs/gate-characteristics.md] [--jobs 2] [--share 1.0]

Runs of one thing differ by a law of a given width; each gate looks after each trial until it is decided. The seeds are fixed, so the table
is the same each time. `--share 0.1` makes a tenth of the gates, for a first look; with all of them it is a minute of processor time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Literal

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # for the gates whose truth is known

from known_truth.gates import LAWS, Seen, comparisons, gates  # noqa: E402 - found by the line above

from harness.judging.trials.policy import Policy  # noqa: E402 - stands with the line above

HEAD = """# Characteristics of a gate

What [a gate](gate.md) and a comparison are held to, and what was measured: simulated, with a truth that is known. *5%* is the standard
deviation between runs of one thing; *of 8* says that there are 8 expectations, or metrics, and which of them are off: where it says *one*,
the others hold by a fifth, or are the same. *Drifting* are both things of a comparison while it is made. Every gate looks after each trial
until it is decided. *Within chance* is what so many gates of a rule that holds may show. A line without a requirement is there to be read:
what a gate of other laws, widths and numbers of expectations comes to.

This page is printed by `python tests/benchmarks/gate_characteristics.py --document docs/gate-characteristics.md`.
"""
MARGIN = Policy().margin


@dataclass(frozen=True, slots=True)
class Cell:
    """*count* gates of one kind; *off* of *of* numbers are at *truth*, as a ratio to the limit or to the base, the others at *others*."""

    row: str
    what: Literal["gate", "comparison"]
    truth: float
    off: int
    of: int
    most: int
    shown: Literal["red", "green", "trials"]
    asked: float | None = None
    variation: float = 0.05
    law: str = "normal"
    count: int = 200
    drift: float = 0.0

    @property
    def name(self) -> str:
        who = "all" if self.off == self.of else "one"
        runs = f"{self.most} trials, {self.variation:.0%} {self.law}"
        drifting = f", drifting {self.drift:.0%}" if self.drift else ""
        return f"{self.what}, {who} of {self.of} at {self.truth:.4g}, {runs}{drifting}"

    def run(self, share: float) -> Seen:
        others = 0.8 if self.what == "gate" else 1.0
        truths = [self.truth] * self.off + [others] * (self.of - self.off)
        policy, count = Policy(most=self.most), max(10, round(self.count * share))
        if self.what == "gate":
            return gates(truths, self.variation, policy, count, LAWS[self.law])
        return comparisons(truths, self.variation, policy, count, LAWS[self.law], drift=self.drift)


def cells() -> Iterator[Cell]:
    """Every cell: of each row what is asked first, then the same with other laws, widths and numbers."""
    for what, unchanged, beyond in (("gate", 1.0, 1.1), ("comparison", 1.0, 1.1 * MARGIN)):
        of = {"gate": "a gate", "comparison": "a comparison"}[what]
        red = Cell(
            f"No change: {of} is red", what, unchanged, 8, 8, 10, "red", 0.05, count=1000 if what == "gate" else 300
        )
        yield from _around(red, 0.05)
        if what == "comparison":
            yield replace(red, drift=0.2, count=100)
            yield replace(red, row="Worse by just the margin: a comparison is red", truth=MARGIN, drift=0.2, count=100)
            yield from _around(
                replace(red, row="Worse by just the margin: a comparison is red", truth=MARGIN, count=200), 0.05
            )
            yield from _around(
                replace(
                    red,
                    row="Worse by just the margin: a comparison passes",
                    truth=MARGIN,
                    off=1,
                    shown="green",
                    count=200,
                ),
                0.05,
            )
        else:
            yield from _around(
                replace(red, row="One is just broken: a gate is green", off=1, shown="green", count=200), 0.05
            )
        yield from _around(Cell(f"A regression of 1.5 times, 5 trials: {of} is red", what, 1.5, 1, 8, 5, "red", 0.95))
        past = "the limit" if what == "gate" else "the margin"
        found = Cell(f"10 % past {past}, 10 trials: {of} is red", what, beyond, 1, 8, 10, "red", 0.9)
        # What a comparison shows of 8, and of 20, is next to what is asked, so it takes many to tell.
        if what == "gate":
            yield from _around(found)
        else:
            around = _around(replace(found, count=1000))
            yield from (replace(cell, asked=found.asked, count=200) if cell.of == 20 else cell for cell in around)
        spent = Cell(
            f"No change: trials that {of} takes, of those it might",
            what,
            0.8 if what == "gate" else 1.0,
            8,
            8,
            10,
            "trials",
            0.6,
        )
        yield from _around(spent)
        if what == "gate":
            yield replace(spent, truth=1.0, asked=None)
            yield replace(spent, truth=0.9, asked=None)


def _around(base: Cell, asked: float | None = None) -> Iterator[Cell]:
    """*base*, and the same with other laws, widths and numbers, of which *asked* is asked."""
    yield base
    few = replace(base, asked=asked, count=100)
    yield from (replace(few, law=law) for law in LAWS if law != base.law)
    yield from (replace(few, variation=variation) for variation in (0.02, 0.1))
    # Nothing that is known beforehand makes these careful: they are as often wrong as they may be, and few cannot tell that from more.
    yield replace(few, variation=0.2, count=few.count if asked is None else 1000)
    yield from (replace(few, of=of, off=of if base.off == base.of else 1) for of in (1, 3, 20))


@dataclass(frozen=True, slots=True)
class Line:
    """One cell beside what was measured of it."""

    cell: Cell
    seen: Seen
    count: int

    @property
    def number(self) -> float:
        return self.seen.trials / self.cell.most if self.cell.shown == "trials" else getattr(self.seen, self.cell.shown)

    @property
    def asked(self) -> str:
        limit = self.cell.asked
        return "" if limit is None else f"{'≤' if self._wants_low else '≥'} {limit:g}"

    @property
    def _wants_low(self) -> bool:
        return self.cell.asked is not None and self.cell.asked < 0.7

    @property
    def holds(self) -> str:
        if self.cell.asked is None:
            return ""
        beyond = self.number - self.cell.asked if self._wants_low else self.cell.asked - self.number
        if beyond <= 0:
            return "yes"
        # A rule that is wrong as often as it may be is seen to be so a little too often half of the time.
        by_chance = 2 * sqrt(self.cell.asked * (1 - self.cell.asked) / self.count)
        return "within chance" if self.cell.shown != "trials" and beyond <= by_chance else "**no**"

    @property
    def rest(self) -> str:
        return f"{self.seen.red:.3f} / {self.seen.green:.3f} / {1 - self.seen.red - self.seen.green:.3f}, {self.seen.trials:.1f}"


def measured(cell: Cell, share: float) -> Line:
    """One cell; in a process of its own."""
    return Line(cell, cell.run(share), max(10, round(cell.count * share)))


def table(lines: Sequence[Line]) -> Iterator[str]:
    """One cell a line, aligned."""
    for row, group in groupby(lines, lambda line: line.cell.row):
        yield f"\n{row}"
        for line in group:
            yield f"  {line.cell.name:<62} {line.asked:<8} {line.number:6.3f} of {line.count:>4}  {line.holds.strip('*'):<4} {line.rest}"


def document(lines: Sequence[Line]) -> str:
    """The same as Markdown."""
    parts = [HEAD]
    for row, group in groupby(lines, lambda line: line.cell.row):
        parts.append(f"## {row}\n\n| cell | asked for | measured | gates | holds | red / green / undecided, trials |")
        parts.append("| --- | --- | --- | --- | --- | --- |")
        parts += [f"| {x.cell.name} | {x.asked} | {x.number:.3f} | {x.count} | {x.holds} | {x.rest} |" for x in group]
        parts[-1] += "\n"
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--document", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the gates that are to be made")
    options = parser.parse_args()
    began_s, every = perf_counter(), list(cells())
    with ProcessPoolExecutor(options.jobs) as pool:
        lines = list(pool.map(measured, every, [options.share] * len(every)))
    print("\n".join(table(lines)))
    print(f"\n{sum(line.count for line in lines)} gates in {perf_counter() - began_s:.0f} s", file=sys.stderr)
    if options.document:
        options.document.write_text(document(lines))
    if any(line.holds == "**no**" for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
