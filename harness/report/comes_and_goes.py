"""A fault that comes and goes often, told in a line: one for each of its stretches would bury all else."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.stretches import fault_of
from harness.judging.result import Fault
from harness.report import words
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


def delivered(faults: Sequence[Fault]) -> list[str]:
    """What each of *faults* that asks for a share was, and how large that came out; of many stretches between which they lay."""
    told = [(every, of_all(every)) for every in together(faults)]
    return [f"{called(every, 200)}: {share}" for every, share in told if share]


def of_all(stretches: Sequence[Fault]) -> str:
    """``hit 13 % to 24 % each time, of 90,000 attempts that came to it in all; 20 % was asked``; an empty text where no share was."""
    first, found = stretches[0], [one.share_delivered for one in stretches if one.share_delivered is not None]
    values = [one.value for one in found if one.value is not None]
    if len(stretches) == 1 or first.share_asked is None or not values:
        return words.delivered(first)
    low, high = words.share(min(values)), words.share(max(values))
    hit = f"hit {low} to {high} each time" if low != high else f"hit {low} each time"
    of = f"{words.count(sum(one.n for one in found))} {first.share_of} that came to it in all"
    return f"{hit}, of {of}; {words.share(first.share_asked)} was asked"
