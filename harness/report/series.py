"""What the charts draw, made from evidence: rates a bin of time, latencies, tries, and the snapshot behind each answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import floor

import numpy as np
import numpy.typing as npt

from harness.judging.evidence import Evidence
from harness.judging.on_links import answered
from harness.judging.sample import layers_of, nonces
from harness.record.columns import Words

POINTS_MOST = 300
ENTRIES_MOST = 8
WINDOW_S = 5.0
_WIDTHS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

Floats = npt.NDArray[np.float64]
Values = tuple[float | None, ...]
"""One value a bin; None where there is none."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Time from 0 to *until_s*, cut every *width_s*; the last bin is the one that may be up to a half shorter or longer."""

    until_s: float
    width_s: float

    @property
    def n(self) -> int:
        return max(1, floor(self.until_s / self.width_s + 0.5))

    @property
    def edges_s(self) -> Floats:
        edges: Floats = np.append(np.arange(self.n) * self.width_s, self.until_s)
        return edges

    @property
    def middles_s(self) -> Floats:
        middles: Floats = (self.edges_s[:-1] + self.edges_s[1:]) / 2
        return middles

    def places(self, at_s: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The bin of each instant; one that is outside, or no number, has none (-1)."""
        instants = np.asarray(at_s, dtype=np.float64)
        inside = (instants >= 0) & (instants <= self.until_s)
        places = np.clip(np.floor(np.where(inside, instants, 0) / self.width_s), 0, self.n - 1)
        return np.where(inside, places, -1).astype(np.int64)

    def per_s(self, at_s: npt.ArrayLike) -> Values:
        """How many of *at_s* there are a second, by bin."""
        places = self.places(at_s)
        counts = np.bincount(places[places >= 0], minlength=self.n)[: self.n]
        return _values(counts / np.diff(self.edges_s))


@dataclass(frozen=True, slots=True)
class Window:
    """Attempts per request, over the *n* requests due in a stretch; None where nothing could be seen."""

    start_s: float
    end_s: float
    value: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which all answers of an entry stood on one snapshot, or (None) on several in turn."""

    start_s: float
    end_s: float
    version: int | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is drawn over the run's clock; *end_s* is where the plan ended, *bins* reach as far as was observed."""

    end_s: float
    bins: Bins
    offered: Values
    good: Values
    p50_ms: Values
    p95_ms: Values
    p99_ms: Values
    attempts: Values
    arrivals: Values
    amplification: tuple[Window, ...]
    versions: dict[str, tuple[Stretch, ...]]
    apart: tuple[tuple[float, float], ...]
    """When entries answered from different snapshots."""
    sees_attempts: bool
    healthy: Values = ()
    """Which share of the looks at health URLs said healthy; empty where there are none."""
    asks: bool = True
    """Whether the harness sent anything; else all that is of requests is empty."""
    joins: bool = True
    """Whether it is known what attempts were for; else there is no amplification, and what follows is there."""
    answered: Values = ()
    """Attempts a second that were answered as it was wanted, by when they began."""
    tries_ms: tuple[Values, Values] = ((), ())
    """How long those took, of one in two at the most, and of 95 in 100."""

    def amplification_at(self) -> Values:
        """The window's value by bin."""
        starts = np.array([window.start_s for window in self.amplification])
        if not starts.size:
            return (None,) * self.bins.n
        places = np.clip(np.searchsorted(starts, self.bins.middles_s, side="right") - 1, 0, None)
        return tuple(self.amplification[place].value for place in places)

    def version_at(self, entry: str) -> tuple[str, ...]:
        """The entry's snapshot by bin, in words."""
        found = self.versions[entry]
        return tuple(
            next((named(s) for s in found if s.start_s <= at_s < s.end_s), "–") for at_s in self.bins.middles_s
        )


def named(stretch: Stretch) -> str:
    return "mixed" if stretch.version is None else f"v{stretch.version}"


def timeline(evidence: Evidence) -> Timeline | None:
    """What is drawn of a run; None when not one request was due, or nothing seen where none was to be."""
    made: Timeline | None = evidence.once("report timeline", lambda: _timeline(evidence))
    return made


def _timeline(evidence: Evidence) -> Timeline | None:
    load, requests = evidence.plan.scenario.load, len(evidence.request_table)
    if not requests and (load.asks or not len(evidence.attempt_table)):
        return None
    end_s = evidence.plan.total_s
    until_s = _until_s(evidence)
    bins = Bins(until_s, next((width for width in _WIDTHS_S if until_s / width <= POINTS_MOST), until_s / POINTS_MOST))
    # Jitter may put the first or the last a hair outside of the plan; they belong to it all the same.
    due_s, good = np.clip(evidence.column("requests", "due_s"), 0.0, until_s), evidence.column("requests", "good")
    p50, p95, p99 = _quantiles(bins, due_s, evidence.column("requests", "latency_ms"))
    versions = _versions(evidence, until_s)
    made = Timeline(
        end_s=end_s,
        bins=bins,
        offered=bins.per_s(due_s),
        good=bins.per_s(due_s[good]),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        attempts=bins.per_s(evidence.column("attempts", "start_s")),
        arrivals=bins.per_s(evidence.column("arrivals", "start_s")),
        amplification=tuple(_windows(evidence, until_s)),
        versions=versions,
        apart=_apart(versions),
        sees_attempts=any(link.carries == "http" for link in evidence.plan.target.links.values()),
        healthy=_healthy(evidence, bins),
        asks=load.asks,
    )
    return made if "joined" in load.known else _of_tries(evidence, made)


def _of_tries(evidence: Evidence, made: Timeline) -> Timeline:
    """*made*, where nobody knows what attempts were for: with what became of them, and without what is of a request."""
    well = answered(evidence)
    start_s, end_s = (evidence.column("attempts", name)[well] for name in ("start_s", "end_s"))
    p50, p95, _ = _quantiles(made.bins, start_s, 1000 * (end_s - start_s))
    return replace(made, joins=False, amplification=(), answered=made.bins.per_s(start_s), tries_ms=(p50, p95))


def _healthy(evidence: Evidence, bins: Bins) -> Values:
    looks = evidence.health_checks
    if looks is None:
        return ()
    places, said = bins.places(looks["start_s"].to_numpy()), looks["healthy"].to_numpy(dtype=np.float64)
    inside = places >= 0
    many = np.bincount(places[inside], minlength=bins.n)
    healthy = np.bincount(places[inside], said[inside], minlength=bins.n)
    return _values(np.divide(healthy, many, out=np.full(bins.n, np.nan), where=many > 0))


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts made for the requests due in *phase*, by the layer that made them, and how many of them arrived at the providers.

    *seen* is false where a fault hid attempts; then the numbers are too small. *presses*: how often clients asked, of requests that were
    sent at all.
    """

    phase: str
    requests: int
    by_layer: dict[str, int]
    arrived: int
    seen: bool
    presses: int

    @property
    def attempts(self) -> int:
        return sum(self.by_layer.values())


def tries(evidence: Evidence) -> list[Tries]:
    """Tries by phase, of phases in which a request was due."""
    joined, tried_in = evidence.column("attempts", "request") >= 0, evidence.words("attempts", "phase")
    due_in, arrived_in = evidence.words("requests", "phase"), _phases_of_arrivals(evidence)
    found = []
    for phase in evidence.plan.phases:
        mine = due_in == phase.name
        requests = int(mine.sum())
        if requests:
            layers = evidence.words("attempts", "layer")[joined & (tried_in == phase.name)].counts()
            counts = {layer: layers.get(layer, 0) for layer in layers_of(evidence.plan)}
            hidden = _hidden(evidence, phase.start_s, phase.end_s)
            arrivals = int((arrived_in == phase.name).sum())
            sent = mine & (evidence.words("requests", "outcome") != "not_sent")
            presses = int(evidence.column("requests", "presses")[sent].sum())
            found.append(Tries(phase.name, requests, counts, arrivals, not hidden, presses))
    return found


def _phases_of_arrivals(evidence: Evidence) -> Words:
    """Of each arrival the phase of its request; empty where it has none."""
    phase = evidence.words("requests", "phase")
    requests, arrivals = nonces(evidence)
    of = np.full(int(requests.max(initial=0)) + 2, len(phase.vocabulary))
    marked = np.flatnonzero(requests >= 0)[::-1]
    # The first one that carries a nonce counts.
    of[requests[marked]] = phase.codes[marked]
    return Words.numbered(of[arrivals], [*phase.vocabulary, ""])


def _until_s(evidence: Evidence) -> float:
    """The plan's end, or of a run that was cut short when its last request was sent: putting the world back takes longer than that."""
    ended = evidence.ended
    if ended is not None and ended.reason == "completed":
        return evidence.plan.total_s
    if not len(evidence.request_table):
        return max(evidence.observed_until_s, 1e-3)
    due_s = evidence.column("requests", "due_s")
    sent = due_s[~np.isnan(evidence.column("requests", "sent_s"))]
    return max(min(evidence.plan.total_s, float((sent if sent.size else due_s).max())), 1e-3)


def _values(numbers: npt.ArrayLike) -> Values:
    return tuple(None if np.isnan(value) else float(value) for value in np.asarray(numbers, dtype=np.float64))


def _quantiles(bins: Bins, due_s: Floats, latency_ms: Floats) -> tuple[Values, Values, Values]:
    known = ~np.isnan(latency_ms)
    places, latencies = bins.places(due_s[known]), latency_ms[known]
    found = np.full((3, bins.n), np.nan)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(bins.n + 1))
    for place in range(bins.n):
        mine = latencies[order[starts[place] : starts[place + 1]]]
        if mine.size:
            found[:, place] = np.quantile(mine, [0.5, 0.95, 0.99])
    return _values(found[0]), _values(found[1]), _values(found[2])


def _windows(evidence: Evidence, until_s: float) -> list[Window]:
    """Stretches of `WINDOW_S` or a hundredth of the run that begin anew with each phase, so that none mixes two."""
    due_s, attempts = evidence.column("requests", "due_s"), evidence.column("requests", "attempts")
    if not (due_s[1:] >= due_s[:-1]).all():
        order = np.argsort(due_s, kind="stable")
        due_s, attempts = due_s[order], attempts[order]
    width_s = max(WINDOW_S, evidence.plan.total_s / 100)
    windows = []
    for phase in evidence.plan.phases:
        pieces = max(1, round((phase.end_s - phase.start_s) / width_s))
        edges = np.linspace(phase.start_s, phase.end_s, pieces + 1)
        for start_s, end_s in pairwise(edges.tolist()):
            if start_s >= until_s:
                break
            inside = slice(*np.searchsorted(due_s, (start_s, end_s)).tolist())
            n = inside.stop - inside.start
            seen = n and not _hidden(evidence, start_s, end_s)
            windows.append(Window(start_s, min(end_s, until_s), float(attempts[inside].mean()) if seen else None, n))
    return windows


def _hidden(evidence: Evidence, start_s: float, end_s: float) -> bool:
    """Whether a fault hid attempts between two instants."""
    return any(d.start_s < end_s and start_s < d.end_s for d in evidence.plan.hiding)


def _versions(evidence: Evidence, until_s: float) -> dict[str, tuple[Stretch, ...]]:
    sent_s, version = (evidence.column("requests", name) for name in ("sent_s", "snapshot_version"))
    known = (evidence.words("requests", "outcome") == "complete") & ~np.isnan(version) & ~np.isnan(sent_s)
    bins = Bins(until_s, max(0.2, until_s / POINTS_MOST))
    entry = evidence.words("requests", "entry")
    entries = entry[known].unique()[:ENTRIES_MOST]
    mine = {name: known & (entry == name) for name in entries}
    return {name: tuple(_stretches(bins, sent_s[rows], version[rows])) for name, rows in mine.items()}


def _stretches(bins: Bins, sent_s: Floats, version: Floats) -> list[Stretch]:
    """From one change of the snapshot to the next; a bin without an answer goes on as the one before it."""
    places, versions = bins.places(sent_s), version.astype(np.int64)
    lowest, highest = np.full(bins.n, np.iinfo(np.int64).max), np.full(bins.n, np.iinfo(np.int64).min)
    np.minimum.at(lowest, places[places >= 0], versions[places >= 0])
    np.maximum.at(highest, places[places >= 0], versions[places >= 0])
    found: list[Stretch] = []
    for place in np.flatnonzero(lowest <= highest):
        stood_on = int(lowest[place]) if lowest[place] == highest[place] else None
        start_s = float(bins.edges_s[place])
        if found and found[-1].version == stood_on:
            continue
        if found:
            found[-1] = Stretch(found[-1].start_s, start_s, found[-1].version)
        found.append(Stretch(start_s if found else 0.0, bins.until_s, stood_on))
    return found


def _apart(versions: dict[str, tuple[Stretch, ...]]) -> tuple[tuple[float, float], ...]:
    """Stretches of time in which not all entries stood on one snapshot, of a length that can be seen."""
    edges = sorted({edge for found in versions.values() for s in found for edge in (s.start_s, s.end_s)})
    spans: list[tuple[float, float]] = []
    for start_s, end_s in pairwise(edges):
        held = {s.version for found in versions.values() for s in found if s.start_s <= start_s < s.end_s}
        if len(held) < 2 and None not in held:
            continue
        if spans and spans[-1][1] >= start_s:
            spans[-1] = (spans[-1][0], end_s)
        else:
            spans.append((start_s, end_s))
    return tuple(spans)
