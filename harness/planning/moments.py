"""When a fault begins and ends, as a scenario writes it: in a phase, or at an edge of one or of another fault, and how long after."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.faults import Fault
from harness.planning.disturbance import Phase
from harness.problems import Problem
from harness.reading.quantities import seconds
from harness.reading.scenario import AROUND
from harness.registry import suggestion

_MOMENT = re.compile(r"\s*(?P<anchor>[A-Za-z][A-Za-z0-9_-]*)(?:\.(?P<edge>[A-Za-z]*))?\s*(?:\+\s*(?P<offset>.+?)\s*)?")
_EDGES = ("start", "end")
_SAID = {
    "start": ("start", "starts", "begin", "begins", "from"),
    "end": ("end", "ends", "stop", "stops", "finish", "over", "after"),
}
"""What people call both."""

Span = tuple[float, float]
"""From when to when, in seconds of the run's clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What a moment can be counted from: the *phases*, and the *faults* of which it is known when they begin and end."""

    phases: tuple[Phase, ...]
    faults: Mapping[str, Span]
    names: Sequence[str]
    """All faults of the scenario, those too of which that is not known."""

    def moment(self, here: str, written: str, allowed: Mapping[str, Phase]) -> float | Problem:
        """The instant that *written* says, in one of the *allowed* phases or counted from another fault."""
        found = _MOMENT.fullmatch(written)
        try:
            offset_s = seconds(found["offset"]) if found and found["offset"] else 0.0
        except ValueError as error:
            return Problem(str(error), path=here)
        if found and found["edge"] is not None:
            base_s = self._edge(here, written, found["anchor"], found["edge"])
            return base_s if isinstance(base_s, Problem) else round(base_s + offset_s, 9)
        if found and found["anchor"] in allowed:
            return round(allowed[found["anchor"]].start_s + offset_s, 9)
        if found and found["anchor"] in self.names:
            name = found["anchor"]
            return Problem(f"{written!r} says which fault and not when; write {name}.start or {name}.end", path=here)
        if found is None and (meant := self._meant(written)):
            return Problem(f"{written!r} is no moment; write {meant}", path=here)
        if found is None and allowed:
            first = next(iter(allowed))
            return Problem(f"{written!r} is no moment; write a phase, such as {first}, or {first} + 3s", path=here)
        return Problem(_elsewhere(written, found["anchor"] if found else "", list(allowed)), path=here)

    def _meant(self, written: str) -> str:
        """What would be right where *written* names a fault or a phase, or only that, in another way than moments are written."""
        words = re.findall(r"[a-z0-9_-]+", written.lower())
        known = [*self.names, *(phase.name for phase in self.phases)]
        name = next((one for one in known if one.lower() in words), "")
        edge = next((edge for word in words for edge in _EDGES if word in _SAID[edge]), "")
        if not name or (not edge and name not in self.names):
            return ""
        return f"{name}.{edge}, or {name}.{edge} + 3s" if edge else f"{name}.start or {name}.end"

    def _edge(self, here: str, written: str, name: str, edge: str) -> float | Problem:
        phases: dict[str, Span] = {phase.name: (phase.start_s, phase.end_s) for phase in self.phases}
        if name not in self.names and name not in phases:
            known = suggestion(name, [*self.names, *phases])
            return Problem(f"{written!r} is counted from no fault and no phase of this scenario; {known}", path=here)
        if edge not in _EDGES:
            return Problem(f"{written!r} is no moment; write {name}.start or {name}.end", path=here)
        return (self.faults if name in self.names else phases)[name][_EDGES.index(edge)]

    def in_force_at(self, at_s: float) -> Phase:
        """The phase that *at_s* lies in; the last one, where it lies behind it."""
        return next((phase for phase in self.phases if at_s < phase.end_s), self.phases[-1])

    def begin(self, here: str, fault: Fault) -> float | Problem:
        """When *fault* begins."""
        known = {phase.name: phase for phase in self.phases if phase.name not in AROUND}
        last = self.phases[-1]
        # Before it, the baseline would not be one; after it, there would be nothing left to recover in.
        allowed = known | ({last.name: last} if fault.aftereffect else {})
        if fault.at is not None:
            begins_s = self.moment(here, fault.at, allowed)
            if not isinstance(begins_s, Problem) and self.in_force_at(begins_s).name in ("warmup", "baseline"):
                return Problem(_elsewhere(fault.at, "baseline", list(allowed)), path=here)
            return begins_s
        usual = "fault" if "fault" in known else next(iter(known)) if len(known) == 1 else None
        if usual is not None:
            return known[usual].start_s
        names = " or ".join(known)
        return Problem(f"is missing; say in which phase it begins: {names}" if names else _NOWHERE, path=here)

    def end(self, here: str, fault: Fault, begins_s: float) -> float | Problem:
        """When *fault* ends, which begins at *begins_s*; where it is staggered, on the first of its links."""
        if fault.lasts is not None:
            return round(begins_s + fault.lasts, 9)
        if fault.until is None:
            return self.in_force_at(begins_s).end_s
        allowed = {phase.name: phase for phase in self.phases if phase.name not in AROUND or phase is self.phases[-1]}
        return self.moment(here, fault.until, allowed)


def counted_from(fault: Fault, names: Sequence[str]) -> list[str]:
    """Which of the faults called *names* the times of *fault* are counted from."""
    found = [_MOMENT.fullmatch(written) for written in (fault.at, fault.until) if written is not None]
    return [match["anchor"] for match in found if match and match["edge"] is not None and match["anchor"] in names]


_NOWHERE = (
    "there is no phase between baseline and recovery in which something may be broken; add one, such as fault: 15s"
)


def _elsewhere(written: str, named: str, allowed: list[str]) -> str:
    if not allowed:
        return _NOWHERE
    if named == "recovery":
        what = "is where nothing may be broken any more, but by an aftereffect of another fault"
        return f"{written!r} {what}; say aftereffect: true if it is one"
    if named in AROUND or len(allowed) == 1:
        place = f"the {allowed[0]} phase" if len(allowed) == 1 else f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        return f"{written!r} is not inside {place}; write {allowed[0]}, or {allowed[0]} + 3s"
    return f"{written!r} is in no phase of this scenario; {suggestion(named, allowed)}"
