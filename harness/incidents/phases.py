"""The phases of an incident, by the edges at which its calls change: baseline, onset, outage, return, recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

from harness.incidents.calls import OK, Calls
from harness.incidents.segments import edges

SHORTEST_S = 1.0
"""What lasts less is a blip, and no phase."""
TROUBLE = 0.02
"""From so much more failures, or latency, on a stretch is not as usual."""
SLOWER = 1.25
"""Answers that take so many times as long are slower beyond what they vary."""
_OF_WORST = 0.5
_WELL = 0.1
_SURE = 3.0
_QUIET = ("baseline", "lull", "recovery")


@dataclass(frozen=True, slots=True)
class Phase:
    """From *start_s* to *end_s*, in seconds since 1970. *trouble*: how much worse than usual, 0 where nothing is."""

    name: str
    start_s: float
    end_s: float
    trouble: float = 0.0

    @property
    def span_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def quiet(self) -> bool:
        """Whether nothing is broken in it."""
        return self.name.partition("-")[0] in _QUIET


def phases(calls: Calls, start_s: float, end_s: float) -> list[Phase]:
    """The phases of what lies from *start_s* to *end_s*, in order. Of a log in which nothing changes all is baseline, or all is outage."""
    stretches = _without_blips([start_s, *(at for at in edges(calls) if start_s < at < end_s), end_s])
    levels = [_level(calls.between(start, end)) for start, end in stretches]
    usual = _usual(levels)
    found = [
        Phase("", start, end, _trouble(level, usual)) for (start, end), level in zip(stretches, levels, strict=True)
    ]
    return _named(_joined(found))


def _without_blips(bounds: list[float]) -> list[tuple[float, float]]:
    kept = [bounds[0]]
    for at in bounds[1:-1]:
        # Each is held against the last one that was kept.
        if at - kept[-1] >= SHORTEST_S and bounds[-1] - at >= SHORTEST_S:
            kept.append(at)
    return list(pairwise([*kept, bounds[-1]]))


@dataclass(frozen=True, slots=True)
class _Level:
    size: int
    failed: float  # a share
    median_ms: float  # of answers, 0 where there are none


def _level(calls: Calls) -> _Level:
    import numpy as np

    answered = calls.duration_ms[(calls.came_to == OK) & (calls.duration_ms > 0)]
    failed = float((calls.came_to != OK).mean()) if calls.size else 0.0
    return _Level(calls.size, failed, float(np.median(answered)) if answered.size else 0.0)


def _usual(levels: Sequence[_Level]) -> _Level:
    """The level that most calls have, of those on which nothing is wrong."""
    there = [level for level in levels if level.size] or list(levels)
    least = min(level.failed for level in there)
    calm = [level for level in there if level.failed <= least + TROUBLE]
    fastest = min((level.median_ms for level in calm if level.median_ms > 0), default=0.0)
    fast = [level for level in calm if level.median_ms <= SLOWER * fastest] or calm
    usual = max(fast, key=lambda level: level.size)
    # Where so many fail even at the best of times the log is of an outage alone.
    return replace(usual, failed=0.0) if usual.failed > _WELL else usual


def _trouble(level: _Level, usual: _Level) -> float:
    """How much more than usual fails, and by what share answers take longer, where that is beyond chance."""
    if not level.size:
        return 0.0
    more = level.failed - usual.failed
    share = (level.failed * level.size + usual.failed * usual.size + 1) / (level.size + usual.size + 2)
    chance = sqrt(share * (1 - share) * (1 / level.size + 1 / max(1, usual.size)))
    fails = more if more >= TROUBLE and more >= _SURE * chance else 0.0
    times = level.median_ms / usual.median_ms if usual.median_ms > 0 and level.median_ms > 0 else 1.0
    return fails + (1 - 1 / times if times >= SLOWER else 0.0)


def _joined(found: list[Phase]) -> list[Phase]:
    """Neighbours in which nothing is wrong are one."""
    joined: list[Phase] = []
    for phase in found:
        if joined and joined[-1].trouble == 0 and phase.trouble == 0:
            joined[-1] = replace(joined[-1], end_s=phase.end_s)
        else:
            joined.append(phase)
    return joined


def _named(found: list[Phase]) -> list[Phase]:
    worst = max(phase.trouble for phase in found)
    if worst == 0:
        return [replace(found[0], name="baseline")]
    bad = [number for number, phase in enumerate(found) if phase.trouble >= _OF_WORST * worst]
    names: list[str] = []
    for number, phase in enumerate(found):
        if phase.trouble == 0 and number in (0, len(found) - 1):
            name = "baseline" if number == 0 else "recovery"
        elif phase.trouble == 0:
            name = "lull"
        elif number < bad[0]:
            name = "onset"
        else:
            name = "return" if number > bad[-1] else "outage"
        again = sum(one.partition("-")[0] == name for one in names)
        names.append(f"{name}-{again + 1}" if again else name)
    return [replace(phase, name=name) for phase, name in zip(found, names, strict=True)]
