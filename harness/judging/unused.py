"""Whether what was broken was used: before anything was, and while it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from harness.judging.evidence import Evidence
from harness.judging.health_checks import only_looks
from harness.judging.refused import LIKELY, Unseen, became_worse, unseen
from harness.planning.disturbance import Disturbance
from harness.planning.windows import Window
from harness.record.history import Look
from harness.record.rows import SLICE_S

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Floats

PASSING = ("connections", "bytes_out", "bytes_in")
LOOKUPS = ("lookups",)
"""What is counted of who comes to a link, and of who looks up its name."""
WORD_S = 10.0
"""A link that is used says something at least so often."""


def unused(evidence: Evidence, links: Sequence[str]) -> str:
    """That on some of *links* nothing had passed in the baseline, until anything was broken, though it would have been seen; else empty.

    What passed before counts where the baseline is short: replication of Redis may say no more than a word in `WORD_S`.
    """
    of: str = evidence.once(("unused", tuple(links)), lambda: _unused(evidence, links))
    return of


def _unused(evidence: Evidence, links: Sequence[str]) -> str:
    known = evidence.plan.target.links
    if evidence.traffic_table is None:
        # A run of before this was counted: attempts were seen on HTTP links, and one link that was used vouched for the others.
        # Where a fault of a kind that is not installed was, nobody may have written down.
        seen = bool(links) and all(known[name].carries == "http" for name in links)
        quiet = list(links) if seen and not evidence.words("attempts", "link").isin(links).any() else []
        return _quiet(quiet) if quiet else ""
    until_s = evidence.broken_from_s
    from_s = max(-SLICE_S, min(evidence.plan.phase("baseline").start_s, until_s - WORD_S))
    asked = [name for name in links if not known[name].idle]
    if quiet := [name for name in asked if not _carried(evidence, name, from_s, until_s)]:
        return _quiet(quiet)
    looked_at = {name: looks for name in asked if (looks := only_looks(evidence, name, from_s, until_s))}
    return _no_more_than(looked_at) if looked_at else ""


def unused_processes(evidence: Evidence, held: Collection[str]) -> Iterator[str]:
    """Each fault that was in force (*held*) on a process or container that is reached over links, on none of which anything had passed."""
    for disturbance in evidence.plan.disturbances:
        broken = (*disturbance.processes, *disturbance.containers)
        for name in broken if disturbance.id in held and disturbance.fault.breaks else ():
            links = evidence.plan.target.links_to(name)
            if (
                links
                and not evidence.plan.target.asked_itself(name)
                and all(unused(evidence, [link]) for link in links)
            ):
                yield f"{disturbance.summary} broke what is not used: {unused(evidence, links)}"


def _unreached(evidence: Evidence) -> Iterator[str]:
    """Faults on processes, and on containers, of which nobody could say whether the service uses them."""
    target, said = evidence.plan.target, dict[tuple[str, str], list[Window]]()
    for d in evidence.plan.disturbances:
        for name in (*d.processes, *d.containers):
            if (window := evidence.window_of(d)) and not target.links_to(name) and not target.asked_itself(name):
                said.setdefault((d.fault.summary(), name), []).append(window)
    for (summary, name), windows in said.items():
        if name not in target.containers:
            yield f"{summary} broke what no link leads to, so nothing shows whether the service uses it; give it a link to {{{name}.port}}"
        elif not evidence.plan.asks:
            yield f"{summary} broke what no link names, and how requests fared nobody knows, so nothing shows whether the service uses it"
        elif not became_worse(evidence, windows):
            yield f"{summary} broke what no link names, and no more requests failed under it, so nothing shows whether the service uses it"


def unmet(evidence: Evidence, held: Collection[str]) -> Iterator[str]:
    """Each fault that was in force (*held* are the ids of those) where nobody came, so that nothing was tried under it.

    One that another fault went before, or began with, is told by `untried` alone: a service may have turned away of that.
    """
    for of, quiet in _untouched_while_broken(evidence).items():
        parts = [d for d in evidence.plan.disturbances if d.of == of]
        by_name = _met_by(parts[0]) == LOOKUPS
        links = {name for part in parts for name in part.links}
        # Others show by whom they met whether they took hold, and where that was nobody they did not.
        shown = parts[0].fault.probes and {part.id for part in parts} <= {*held}
        if shown and links <= {*quiet} and not _beside_another(evidence, parts):
            yield f"{parts[0].fault.summary()} met nobody: {(_not_looked_up if by_name else _not_sent)(quiet)}"
    for of, unmet_unseen in _unseen(evidence).items():
        parts = [d for d in evidence.plan.disturbances if d.of == of]
        if (
            unmet_unseen.whole
            and unmet_unseen.expected < LIKELY
            and not _beside_another(evidence, parts)
            and {p.id for p in parts} <= {*held}
        ):
            yield f"{parts[0].fault.summary()} met nobody, as far as can be told: {unmet_unseen}; {_LONGER[unmet_unseen.spares_open]}"


def _not_sent(links: Sequence[str]) -> str:
    return (
        f"nothing was sent on {', '.join(links)} while it was in force, so nothing shows how the service bears it; let it last longer, or "
        "ask what needs that link. A link that is rightly quiet says idle: true in the target file"
    )


def _not_looked_up(links: Sequence[str]) -> str:
    return (
        f"nobody looked up the name of {', '.join(links)} while it was in force, so nothing shows how the service bears it: it went on "
        "with the connections or the address that it had; let it last longer than those are kept, or close what is open too "
        "(open_connections: close, of bad_lookup)"
    )


def _beside_another(evidence: Evidence, parts: Sequence[Disturbance]) -> bool:
    """Whether another fault that somebody met went before the one that is *parts*, or began with it."""
    others = {d.of for d in evidence.plan.disturbances if d.start_s <= parts[0].start_s} - {parts[0].of}
    return any(_was_met(evidence, of) for of in others)


def _was_met(evidence: Evidence, of: str) -> bool:
    """Whether the fault of this id may have been felt, so that a service may have turned away of it."""
    parts = [d for d in evidence.plan.disturbances if d.of == of]
    fault, windows = parts[0].fault, [(d, window) for d in parts if (window := evidence.window_of(d))]
    if not fault.breaks or not windows:
        return False
    if fault.lies_in_wait:
        return of in _met_in_wait(evidence)
    if fault.hides_attempts():
        found = _unseen(evidence).get(of)
        return found is None or not found.whole or found.expected >= LIKELY
    if evidence.traffic_table is None or not any(d.links for d in parts):
        return True
    return any(_came(evidence, name, window, _met_by(d)) for d, window in windows for name in d.links)


_LONGER = {
    True: "let it last longer than the service keeps a connection, or reset what is open too (mode: refuse)",
    False: "let it last longer, or ask what needs that link",
}
"""What to do about a fault that spares what is open, and about one that does not."""


def untried(evidence: Evidence) -> Iterator[str]:
    """Links that were broken and that nobody tried to use while they were, and faults that lay in wait for what never came."""
    yield from _in_vain(evidence)
    yield from _unreached(evidence)
    for disturbance in evidence.plan.disturbances:
        window = evidence.window_of(disturbance)
        if window is None or disturbance.fault.lies_in_wait:
            continue
        idle = [name for name in disturbance.links if evidence.plan.target.links[name].idle]
        if names := [name for name in idle if not _carried(evidence, name, -SLICE_S, window.end_s)]:
            yield (
                f"{disturbance.summary} broke {', '.join(names)}, where nothing passed before or meanwhile (idle: true), "
                "so it shows nothing of that"
            )
    for of, quiet in _untouched_while_broken(evidence).items():
        part = next(d for d in evidence.plan.disturbances if d.of == of)
        what = "whose name nobody looked up" if _met_by(part) == LOOKUPS else "where nothing was sent"
        yield f"{part.fault.summary()} broke {', '.join(quiet)}, {what} meanwhile, so it shows nothing of that"
    for of, unmet_unseen in _unseen(evidence).items():
        parts = [d for d in evidence.plan.disturbances if d.of == of]
        if not unmet_unseen.whole or unmet_unseen.expected >= LIKELY or _beside_another(evidence, parts):
            yield f"{parts[0].fault.summary()} may have met nobody: {unmet_unseen}"


def _in_vain(evidence: Evidence) -> Iterator[str]:
    waiting = [d for d in evidence.plan.disturbances if d.fault.lies_in_wait and evidence.window_of(d)]
    for of, fault in {d.of: d.fault for d in waiting}.items():
        if of not in _met_in_wait(evidence):
            yield f"{fault.summary()} lay in wait (may_miss: true) and met nobody, so it shows nothing"


def _met_in_wait(evidence: Evidence) -> set[str]:
    """Ids of the faults that lay in wait for what somebody did."""
    hit = {fault for faults in evidence.words("arrivals", "hit_by").unique() for fault in faults.split()}
    hit |= {*evidence.words("arrivals", "fault").unique()}
    hit |= {event.fault for event in evidence.history if isinstance(event, Look) and event.sight.answered}
    return {d.of for d in evidence.plan.disturbances if d.fault.lies_in_wait and d.id in hit}


def _untouched_while_broken(evidence: Evidence) -> Mapping[str, list[str]]:
    """Of each fault, by its id, the links that are not idle and on which nobody even tried to say anything in any of its windows."""
    found: dict[str, list[str]] = evidence.once("untouched", lambda: dict(_untouched(evidence)))
    return found


def _untouched(evidence: Evidence) -> Iterator[tuple[str, list[str]]]:
    if evidence.traffic_table is None:
        return
    seen = [d for d in evidence.plan.disturbances if d.broken and not d.fault.hides_attempts()]
    for of, group in groupby(sorted(seen, key=lambda d: d.of), key=lambda d: d.of):
        parts = list(group)
        broken: dict[str, list[Window]] = {}
        met_by = _met_by(parts[0])
        for part in parts:
            if (window := evidence.window_of(part)) is None:
                continue
            for name in part.links:
                broken.setdefault(name, []).append(window)
        if quiet := [name for name, windows in broken.items() if _alone(evidence, name, windows, met_by)]:
            yield of, quiet


def _unseen(evidence: Evidence) -> Mapping[str, Unseen]:
    """Of each fault, by its id, that refuses all who come: what there is to say where nothing shows that anybody did."""

    def look() -> dict[str, Unseen]:
        refusing = [d for d in evidence.plan.disturbances if d.fault.hides_attempts() and not d.fault.lies_in_wait]
        groups = groupby(sorted(refusing, key=lambda d: d.of), key=lambda d: d.of)
        return {of: said for of, parts in groups if (said := unseen(evidence, [*parts]))}

    found: dict[str, Unseen] = evidence.once("met unseen", look)
    return found


def _alone(evidence: Evidence, name: str, windows: Sequence[Window], met_by: Sequence[str]) -> bool:
    """Whether nobody came to the link called *name* in any of *windows*, of which something was to be expected there."""
    lasted_s = sum(window.lasted_s for window in windows)
    came = any(_came(evidence, name, window, met_by) for window in windows)
    return not came and _speaks(evidence, name, lasted_s)


def _speaks(evidence: Evidence, name: str, lasted_s: float) -> bool:
    """Whether in so many seconds something is to be expected of the link called *name*."""
    link = evidence.plan.target.links[name]
    return not link.idle and (link.carries == "http" or lasted_s >= WORD_S)


def _quiet(links: Sequence[str]) -> str:
    return (
        f"nothing had passed on {', '.join(links)} before anything was broken; does the "
        "service take its address from the link? A link that is rightly quiet says idle: true in the target file"
    )


def _no_more_than(looks: Mapping[str, str]) -> str:
    said = " and ".join(f"{name} but {look}" for name, look in looks.items())
    return (
        f"nothing had been asked on {said} before anything was broken; does the service ask its questions elsewhere? "
        "A link that is rightly quiet says idle: true in the target file"
    )


def _carried(evidence: Evidence, link: str, from_s: float, until_s: float) -> bool:
    """Whether anything passed on *link* in that time."""
    if evidence.traffic_table is None:
        return True  # nobody counted
    return _any(evidence, link, from_s, until_s, ("bytes_out", "bytes_in"))


def _came(evidence: Evidence, link: str, window: Window, met_by: Sequence[str]) -> bool:
    """Whether anybody came to *link* in *window*, were it in vain, as what it is *met_by* tells."""
    return _any(evidence, link, window.start_s - SLICE_S, window.end_s, met_by)


def _met_by(disturbance: Disturbance) -> tuple[str, ...]:
    """What on a link tells that somebody came to a fault."""
    return LOOKUPS if {effect.place for effect in disturbance.effects} == {"resolver"} else PASSING


def _any(evidence: Evidence, link: str, from_s: float, until_s: float, columns: Sequence[str]) -> bool:
    """Whether any of *columns* counted anything on *link* in slices that began between the two, both included."""
    import numpy as np

    def made() -> Floats:
        there = evidence.passed([link])
        counted = np.zeros(len(there), np.bool_)
        for name in columns:
            counted |= there.numbers(name) > 0
        return np.sort(there.numbers("start_s")[counted])

    at_s: Floats = evidence.once(("counted on", link, tuple(columns)), made)
    return bool(at_s.searchsorted(from_s) < at_s.searchsorted(until_s, "right"))
