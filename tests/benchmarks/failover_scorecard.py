"""Puts the scorecard of the failover pack beside the public one: ``docs/failover-measured.md``.

::

    harness run scenarios/failover/ --target scenarios/systems/openai-python.yaml … --out failover-runs
    python tests/benchmarks/failover_scorecard.py failover-runs …

The first command takes a minute or two for each cell, and goes on where it was stopped. The second looks through all runs that lie in the
folders it is given, keeps the newest trusted one of each cell in ``docs/failover.json``, beside those of before, and writes the page from
there; without an argument it writes the page anew. It ends with 1 where attempts differ from the public ones and nobody has said why
(`WHY`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.conduct import versions
from harness.judging.scorecard import Cell, Scorecard, cell, scorecard
from harness.prepare import Asked, prepare
from harness.record import run_folder
from harness.report.scorecard import markdown, tally
from harness.report.words import TRUSTED, quantity
from harness.stored import load, load_evidence

ROOT = Path(__file__).resolve().parents[2]
PAGE, KEPT = ROOT / "docs" / "failover-measured.md", ROOT / "docs" / "failover.json"

PUBLIC: dict[str, dict[str, tuple[str, float | None]]] = {
    "openai-python": {
        "s01": ("2p/0f", 3.3), "s02": ("3p/0f", 1.4), "s03": ("2p/0f", 1.5), "s04": ("3p/0f", 1.4), "s05": ("2p/0f", 1.4),
        "s06": ("3p/0f", 91.6), "s07": ("1p/0f", 21.0), "s08": ("1p/0f", 0.6), "s09": ("1p/0f", 30.3),
        "s12": ("1p/0f", None), "s13": ("1p/0f", None),
    },
    "langchain": {
        "s01": ("2p/0f", 3.0), "s02": ("3p/1f", 2.3), "s03": ("2p/0f", 1.5), "s04": ("3p/1f", 2.4), "s05": ("2p/0f", 1.3),
        "s06": ("3p/1f", 92.3), "s07": ("1p/0f", 21.0), "s08": ("1p/0f", 0.6), "s09": ("1p/0f", 30.3),
        "s12": ("1p/1f", 1.0), "s13": ("1p/1f", 1.0),
    },
    "litellm": {
        "s01": ("2p/0f", 3.4), "s02": ("3p/1f", 5.8), "s03": ("2p/0f", 1.8), "s04": ("3p/1f", 5.5), "s05": ("2p/0f", 1.6),
        "s06": ("3p/1f", 95.5), "s07": ("1p/0f", 21.0), "s08": ("1p/0f", 0.7), "s09": ("1p/0f", 30.3),
        "s12": ("1p/1f", 1.0), "s13": ("1p/1f", 1.0),
    },
    "portkey": {
        "s01": ("2p/0f", 3.0), "s02": ("3p/1f", 4.0), "s03": ("2p/0f", 2.0), "s04": ("3p/1f", 4.0), "s05": ("2p/0f", 2.0),
        "s06": ("1p/1f", 31.0), "s07": ("1p/0f", 21.0), "s08": ("1p/0f", None), "s09": ("1p/0f", None),
        "s12": ("1p/1f", 1.0), "s13": ("1p/1f", 1.0),
    },
}  # fmt: skip
"""Failover Bench's full run of 2026-09-12 (data CC BY): attempts for one request, and seconds until its caller had a result, where told."""

WHY: dict[tuple[str, str], str] = {}
"""Why the attempts of a cell differ from the public ones, by the number of its situation and its system."""

CHANGED: dict[str, tuple[str, str]] = {
    "s15-outage-of-a-minute": (
        "2026-11-28T05:45:00+00:00",
        "20 requests in the baseline, later 52 (of which those count that ended before the fault); now 60",
    ),
}
"""Situations whose scenario says something else since a moment, and what it said before: of older runs the page says nothing."""

NOTES = """
What else is not as the public scorecard has it:

- In `s01` Portkey comes back sooner than it was told. It heeds `Retry-After` only where its config says `use_retry_after_header`, which is
  not its default; here nothing is said.
- In `s10` Portkey passes the garbled event on. A client that leaves such an event out, as the public one does, has the whole answer
  then; ours calls it malformed.
- In `s08` and `s09` Portkey ends the stream in good order, without a `finish_reason` and without `[DONE]`. SDKs raise nothing then, so the
  answers are stumps that look whole.
- LiteLLM's first wait differs from request to request, since it adds chance to it.
"""

HEAD = """# The failover pack, measured

What [the failover pack](failover.md) came to: {tally}. Made by

```sh
python tests/benchmarks/failover_scorecard.py
```

from the runs of grids, of each cell the newest that can be trusted ([`failover.json`](failover.json)), with {versions}.

Each cell has its verdict, its attempts for each exposed request (`p` at the primary, `f` at the fallback), and the median wait until
whatever came. Of an invalid cell nothing is said: the machine was too busy for its run to be trusted.

"""
BESIDE = """
## Beside the public scorecard

Attempts here, and in brackets those that [Failover Bench](https://github.com/failoverbench/failoverbench) (run of 2026-09-12, data CC BY)
saw for one request, in the situations and systems in which it tells of them; waits likewise. It asks one request a cell, and
we one or two a second, each of them counted: a whole number means that every one made so many.

"""


SITUATIONS = sorted((ROOT / "scenarios" / "failover").glob("*.yaml"))
SYSTEMS = [
    ROOT / "scenarios" / "systems" / f"{name}.yaml"
    for name in (*PUBLIC, "pydantic-ai", "anthropic-python", "llama-index", "tensorzero", "envoy", "resilient")
]


def cells_in(grids: Iterable[Path]) -> Iterator[Cell]:
    """What each finished run of the pack below *grids* came to."""
    names = {path.stem for path in SITUATIONS}, {path.stem for path in SYSTEMS}
    for grid in grids:
        for history in sorted(grid.glob("*/*/history.jsonl")):
            folder = history.parent
            if not (folder / "result.json").exists():
                continue  # it never came to its end
            evidence = load_evidence(run_folder.find(folder), keep=False, say=lambda _: None)
            made = cell(load(folder).result, evidence, folder.relative_to(grid).as_posix())
            if made.situation in names[0] and made.system in names[1]:
                yield made


def newest(cells: Iterable[Cell]) -> list[Cell]:
    """Of each situation and system the newest one that can be trusted, or the newest where none can, in the order of the page."""
    best: dict[tuple[str, str], Cell] = {}
    for one in sorted(cells, key=lambda one: (one.verdict in TRUSTED, one.started_at)):
        best[one.situation, one.system] = one
    pairs = ((situation.stem, system.stem) for situation in SITUATIONS for system in SYSTEMS)
    return [best[pair] for pair in pairs if pair in best]


def compiled(cells: Iterable[Cell]) -> Scorecard:
    """The scorecard of the whole pack, of which there are these *cells*."""
    pairs = [*((situation, SYSTEMS[0]) for situation in SITUATIONS), *((SITUATIONS[0], system) for system in SYSTEMS)]
    kept = newest(cells)
    targets = " ".join(f"--target {system.relative_to(ROOT)}" for system in SYSTEMS)
    return scorecard(
        [prepare(situation, system, Asked(), None).plan for situation, system in pairs],
        kept,
        replay=f"harness run scenarios/failover/ {targets} --out failover-runs --resume",
        versions=versions(),
        missing=len(SITUATIONS) * len(SYSTEMS) - len(kept),
    )


def beside(card: Scorecard) -> Iterator[str]:
    """A line for each situation of which the public scorecard tells attempts, with a cell for each system of both."""
    cells = {(cell.situation[:3], cell.system): cell for cell in compared(card)}
    systems = [system.name for system in card.systems if system.name in PUBLIC]
    yield f"| situation | {' | '.join(systems)} |\n"
    yield f"| :-- |{' :-- |' * len(systems)}\n"
    for situation in card.situations:
        number = situation.name[:3]
        told = [_beside(cells.get((number, system)), PUBLIC[system].get(number)) for system in systems]
        if any(told):
            yield f"| {situation.name} | {' | '.join(told)} |\n"


def _beside(cell: Cell | None, public: tuple[str, float | None] | None) -> str:
    if cell is None or public is None:
        return ""
    attempts, wait_s = public
    here = quantity(cell.wait_s.value, "s") if cell.wait_s.value is not None else "–"
    there = quantity(wait_s, "s") if wait_s is not None else "–"
    differs = "" if cell.attempts == attempts else " **differs**"
    return f"{cell.attempts or '–'} ({attempts}), {here} ({there}){differs}"


def compared(card: Scorecard) -> list[Cell]:
    """The cells of which the public scorecard tells attempts, and whose runs can be trusted."""
    return [
        cell
        for cell in card.cells
        if cell.situation[:3] in PUBLIC.get(cell.system, {}) and cell.verdict in TRUSTED and cell.attempts
    ]


def differing(card: Scorecard) -> list[tuple[str, str]]:
    """The cells whose attempts are not the public ones."""
    return [
        (cell.situation[:3], cell.system)
        for cell in compared(card)
        if PUBLIC[cell.system][cell.situation[:3]][0] != cell.attempts
    ]


def outdated(card: Scorecard) -> list[Cell]:
    """The cells whose scenario has been changed since their run."""
    return [cell for cell in card.cells if cell.situation in CHANGED and cell.started_at < CHANGED[cell.situation][0]]


def written(card: Scorecard) -> str:
    """The whole page."""
    old = outdated(card)
    card = card.model_copy(
        update={"cells": [cell for cell in card.cells if cell not in old], "missing": card.missing + len(old)}
    )
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    found = differing(card)
    lines = [HEAD.format(tally=tally(card), versions=versions), markdown(card), BESIDE, *beside(card), "\n"]
    lines.append(
        f"In {len(compared(card)) - len(found)} of {len(compared(card))} cells the attempts are the public ones.\n"
    )
    lines += [
        f"\n- {number} on {system}: {WHY.get((number, system), 'not explained yet')}\n" for number, system in found
    ]
    return "".join([*lines, NOTES, *_earlier(old)])


def _earlier(old: list[Cell]) -> Iterator[str]:
    """Of which systems there are runs of an earlier text of a situation, and what that said."""
    for situation in dict.fromkeys(one.situation for one in old):
        systems = ", ".join(one.system for one in old if one.situation == situation)
        again = f"`{situation[:3]}` was changed since it was run on {systems}, so that it has to be run there again"
        yield f"- {again}. It had {CHANGED[situation][1]}.\n"


def main(words: list[str]) -> int:
    card = Scorecard.model_validate_json(KEPT.read_text())
    if words:
        card = compiled([*card.cells, *cells_in(map(Path, words))])
        KEPT.write_text(card.to_json())
    PAGE.write_text(written(card))
    unexplained = [cell for cell in differing(card) if cell not in WHY]
    print(
        f"{PAGE.relative_to(ROOT)}: {tally(card)} ({len(outdated(card))} outdated); not explained: {unexplained or 'nothing'}"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
