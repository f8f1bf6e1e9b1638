"""What went wrong, in the words of who said it: kinds of failure with how many requests each took, when and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.errors import KINDS_MOST
from harness.judging.evidence import Evidence
from harness.judging.result import Failure, Result
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of failure in words."""

    came_to: str
    said: str
    n: str
    share: str
    when: str
    between: str
    entries: str


def section(result: Result, _evidence: Evidence | None) -> Markup:
    """The table of failures; nothing where every request got a good answer, or the run was judged before there was one."""
    if not result.failures:
        return Markup("")
    rows = [_row(failure) for failure in result.failures]
    due = sum(phase.requests for phase in result.phases)
    bad = sum(found.requests - found.good for found in result.by_entry)
    share = words.share(bad / due) if due and bad <= due else ""
    told = sum(failure.requests for failure in result.failures)
    rest = bad - told if len(rows) >= KINDS_MOST else 0
    return render(
        "errors.html",
        shown=rows[:_SHOWN],
        folded=rows[_SHOWN:],
        bad=bad or told,
        due=due,
        share=share,
        rest=max(rest, 0),
    )


def _row(failure: Failure) -> Row:
    return Row(
        came_to=one_line(failure.came_to, 60),
        said=one_line(failure.said, 240),
        n=words.count(failure.requests),
        share=words.share(failure.share),
        when=_counted({words.phase(name): n for name, n in failure.phases.items()}),
        between=_between(failure),
        entries=_counted(failure.entries),
    )


def _between(failure: Failure) -> str:
    """``15.03 s to 29.98 s``; of a single request the one instant."""
    first = words.instant(failure.first_s)
    return f"{first} to {words.instant(failure.last_s)}" if failure.requests > 1 else first


def _counted(counts: Mapping[str, int]) -> str:
    """``fault 138, recovery 2``; the name alone where there is but one."""
    if len(counts) == 1:
        return one_line(next(iter(counts)), 40)
    return ", ".join(f"{one_line(name, 40)} {words.count(n)}" for name, n in counts.items())
