"""Runs one after the other: each is made, or found made before, and made again where the measurement could not be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from harness.judging.gate import BROKEN_DOWN, CutShort
from harness.judging.result import ON_THE_SERVICE, Outcome
from harness.problems import HarnessError, RefusedError
from harness.stored import Run, load
from harness.suites.turns import Turn


@dataclass(frozen=True, slots=True)
class Made:
    """The *run* of a turn. *again*: so many invalid ones were made in its place before; *found*: it was made before, and stands for it."""

    turn: Turn
    run: Run
    again: int = 0
    found: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is the trial; one that was invalid only shows that it was tried."""
        return self.run.verdict in ON_THE_SERVICE


class Watcher(Protocol):
    """Who is told how it goes; *again* counts the invalid runs of this turn so far."""

    def begins(self, turn: Turn, again: int) -> None: ...

    def ended(self, made: Made) -> None: ...


class _Nobody:
    def begins(self, turn: Turn, again: int) -> None:
        """Is not told."""

    def ended(self, made: Made) -> None:
        """Is not told."""


NOBODY = _Nobody()


class OfRuns(Protocol):
    """What *runs* came to together."""

    @property
    def runs(self) -> Sequence[Run]: ...


Came = TypeVar("Came", bound=OfRuns)


def gathered(made: Iterable[Made], add: Callable[[Made], None], came_to: Callable[[CutShort | None], Came]) -> Came:
    """What runs *came_to* that are given to *add* as they are *made*; one that broke down is the last, since the next would do the same.

    What keeps the next from being made is told there, and what there is stays. Where there is nothing yet, who asked hears of it as of any
    run: raises what the run raises.
    """
    try:
        for one in made:
            add(one)
            if one.run.verdict in BROKEN_DOWN:
                break
    except HarnessError as error:
        cut = came_to(_cut_short(error))
        if not cut.runs:
            raise
        return cut
    return came_to(None)


def _cut_short(error: HarnessError) -> CutShort:
    """What *error* says of the run that it kept from being made: aborted where somebody's word did, else crashed."""
    verdict: Outcome = "aborted" if isinstance(error, RefusedError) else "crashed"
    return CutShort(verdict=verdict, reason=f"The next run was not made: {error}")


def carried_out(
    turns: Iterable[Turn],
    run: Callable[[Turn], Run],
    watcher: Watcher,
    *,
    reruns: int,
    earlier: Callable[[Turn], Path | None],
    allowed: Callable[[Turn], bool] = lambda _: True,
) -> Iterator[Made]:
    """What was made at each turn, as soon as it is; where there is one from *earlier* it stands for the turn.

    A run that is invalid is made again at most *reruns* times; all of them are told of, and only the last can count. The first that is not
    *allowed* ends it, and so does a run that somebody stopped.
    """
    for turn in turns:
        if at := earlier(turn):
            made = Made(turn, load(at), found=True)
            watcher.ended(made)
            yield made
            continue
        for again in range(reruns + 1):
            if not allowed(turn):
                return
            watcher.begins(turn, again)
            made = Made(turn, run(turn), again)
            watcher.ended(made)
            yield made
            if made.run.stopped:
                return
            if made.run.verdict != "invalid":
                break
