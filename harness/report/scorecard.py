"""The scorecard of a grid of runs, situations by systems: one HTML page whose cells lead to their reports, and a table in Markdown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.judging.result import PRECEDENCE, Measured
from harness.judging.scorecard import Cell, Named, Scorecard
from harness.report import words
from harness.report.page import frame
from harness.report.plain_text import one_line
from harness.report.summary import escaped
from harness.report.templating import render

_RUN_FOLDER = "report.html"


@dataclass(frozen=True, slots=True)
class Row:
    """One situation, with the cell of each system; None where there is no run yet."""

    situation: Named
    cells: tuple[Cell | None, ...]


def page(card: Scorecard) -> str:
    """The page; the same scorecard gives the same text, and it needs nothing beside itself but the reports that it leads to."""
    return str(
        render(
            "scorecard.html",
            card=card,
            rows=rows(card),
            tally=tally(card),
            value=value,
            report=lambda cell: f"{cell.folder}/{_RUN_FOLDER}",
            otherwise=otherwise,
            differing=[cell for cell in card.cells if cell.verdict != "pass"],
            **frame(),
        )
    )


def markdown(card: Scorecard) -> str:
    """The table alone, for the page of a CI job or a document: ``pass 3p/1f, 2.3 s``."""
    head = ["situation", *(escaped(system.name, 60) for system in card.systems)]
    lines = [head, [":--"] * len(head)]
    lines += [[escaped(row.situation.name, 60), *map(_in_a_line, row.cells)] for row in rows(card)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _in_a_line(cell: Cell | None) -> str:
    if cell is None:
        return "not run yet"
    verdict = cell.verdict if cell.verdict == "pass" else f"**{cell.verdict}**"
    wait = words.measured(cell.wait_s, "s") if cell.wait_s.value is not None else ""
    stumps = f"{words.share(cell.stumps.value)} stumps" if cell.stumps.value else ""
    return ", ".join(part for part in (f"{verdict} {cell.attempts}".strip(), wait, stumps) if part)


def rows(card: Scorecard) -> list[Row]:
    """The table: a row for each situation, in the order in which they were asked for."""
    at = {(cell.situation, cell.system): cell for cell in card.cells}
    return [
        Row(situation, tuple(at.get((situation.name, system.name)) for system in card.systems))
        for situation in card.situations
    ]


def tally(card: Scorecard) -> str:
    """``7 pass, 2 fail, 3 not run yet``."""
    counted = Counter(cell.verdict for cell in card.cells)
    told = [f"{counted[verdict]} {verdict}" for verdict in reversed(PRECEDENCE) if counted[verdict]]
    return ", ".join([*told, f"{card.missing} not run yet"] if card.missing else told)


def value(found: Measured, unit: str) -> str:
    """``1.4 s (1.3 to 1.5 s)``; a dash for what was not measured."""
    if found.value is None:
        return "–"
    lies = words.interval(found.low, found.high, unit)
    return f"{words.measured(found, unit)} ({lies})" if lies else words.measured(found, unit)


def otherwise(cell: Cell) -> str:
    """What the exposed requests came to that were not good: ``40 status 502``."""
    return one_line(", ".join(f"{count} {what}" for what, count in cell.otherwise.items()), 200)
