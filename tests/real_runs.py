"""Whole real runs in the tests: how many may go on at once, and what one says that was made beside too much else."""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

SEATS = 2
Machine = Callable[[int], AbstractContextManager[None]]
TOO_BUSY = re.compile("the load fell behind|too busy|other processes took", re.IGNORECASE)
"""What stands in the reason of a run for which the machine was too busy: it says nothing of the service, and is no failure."""


OF_A_BUSY_MACHINE = {"busy_machine", "load", "late", "unsteady_baseline"}
"""Kinds of doubts that want of processor time can bring about by itself; whatever else makes a run invalid does so on any machine."""


def came_to(wanted: str, result: Mapping[str, Any], besides: Set[str] = frozenset()) -> bool:
    """Whether a run came to the *wanted* verdict; of one for which the machine was too busy, whether it says that and nothing else.

    *besides* are further kinds of doubts that come of a busy machine in just this run.
    """
    if result["verdict"] != "invalid" or wanted == "invalid":
        return bool(result["verdict"] == wanted)
    kinds = {doubt["kind"] for doubt in result["doubts"]}
    return kinds <= OF_A_BUSY_MACHINE | besides and TOO_BUSY.search(result["reason"]) is not None


def too_busy(verdict: str, reason: str) -> bool:
    """Whether that the machine was too busy is all that a run came to. One that is invalid for more than that is so on any machine."""
    return verdict == "invalid" and TOO_BUSY.search(_first(reason)) is not None


def _first(reason: str) -> str:
    """The first of the reasons that a sentence gives: who was busy beside it is told last."""
    return reason.partition("; ")[0]


def seats(folder: Path) -> Machine:
    """The machine's two seats for whole runs, held by files in *folder*: ``with machine(1)`` waits for one, ``machine(2)`` for both.

    Whoever waits is the next: nobody who comes later takes a seat before.
    """
    folder.mkdir(exist_ok=True)
    files = [folder / str(seat) for seat in range(SEATS)]

    @contextmanager
    def machine(number: int) -> Iterator[None]:
        with ExitStack() as taken:
            handles = [taken.enter_context(file.open("w")) for file in files]
            with (folder / "next").open("w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if number == SEATS:
                    for handle in handles:
                        fcntl.flock(handle, fcntl.LOCK_EX)
                else:
                    while not any(map(_taken, handles)):
                        time.sleep(0.05)
            yield

    return machine


def _taken(seat: IO[str]) -> bool:
    """Whether *seat* was free; it is taken now."""
    with suppress(BlockingIOError):
        fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
