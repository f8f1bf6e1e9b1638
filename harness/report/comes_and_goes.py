"""A fault that comes and goes often, told in a line: one for each of its stretches would bury all else."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.stretches import fault_of
from harness.judging.result import Fault
from harness.report.plain_text import one_line

EACH = 6
"""So many stretches of a fault are told one by one."""


def together(faults: Sequence[Fault]) -> list[list[Fault]]:
    """*faults*, each alone; those that are more than `EACH` stretches of one are one, where its first stands."""
    stretches: dict[str, list[Fault]] = {}
    for fault in faults:
        stretches.setdefault(fault_of(fault.id), []).append(fault)
    found: list[list[Fault]] = []
    for fault in faults:
        every = stretches[fault_of(fault.id)]
        if len(every) <= EACH:
            found.append([fault])
        elif every[0] is fault:
            found.append(every)
    return found


def summaries(faults: Sequence[Fault]) -> list[str]:
    """What each of *faults* was, or the first of many stretches, and how often more it came."""
    return [called(every, 80) for every in together(faults)]


def called(stretches: Sequence[Fault], most: int) -> str:
    """The first of *stretches*, in *most* characters, and how many more there are."""
    more = f" and {len(stretches) - 1} times more" if len(stretches) > 1 else ""
    return one_line(stretches[0].summary, most) + more
