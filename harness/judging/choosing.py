"""Which requests of a run somebody asks for: by id, place or what they are of; those not good, or hit by a fault; the worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.judging.delivery import were_hit
from harness.judging.evidence import Evidence
from harness.judging.marks import NO_MARK, marks
from harness.judging.whereabouts import came_to
from harness.registry import nearest, suggestion

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.planning.disturbance import Disturbance

    Places = npt.NDArray[np.intp]
    Bools = npt.NDArray[np.bool_]

GOOD = "good"
_NEAR_MOST = 5_000


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What is asked for; all that is said has to fit. *hit_by*: a fault's id or kind. *worst*: of those that fit the worst alone."""

    request: str | None = None
    not_good: bool = False
    hit_by: str | None = None
    worst: bool = False

    def __str__(self) -> str:
        said = [repr(self.request)] if self.request is not None else []
        said += ["not good"] if self.not_good else []
        return " and ".join([*said, *([f"hit by {self.hit_by}"] if self.hit_by is not None else [])]) or "any"


class UnknownFaultError(LookupError):
    """No fault of the run has that id or is of that kind; the message says which there are."""


def choose(evidence: Evidence, wanted: RequestFilter) -> Places:
    """Places in the table of the requests that are *wanted*, in the order in which they were due. Raises UnknownFaultError."""
    fits = np.ones(len(evidence.request_table), np.bool_)
    if wanted.hit_by is not None:
        fits &= hit(evidence, wanted.hit_by)
    if wanted.not_good:
        fits &= ~evidence.column("requests", "good").astype(np.bool_)
    places = np.flatnonzero(fits)
    if wanted.request is not None:
        places = np.intersect1d(places, named(evidence, wanted.request))
    if wanted.worst and places.size:
        return places[[worst(evidence, places)]]
    return places


def named(evidence: Evidence, asked: str) -> Places:
    """Places of the requests that *asked* names: first by id or place alone, and where there is none by what else it can be."""
    table, wanted = evidence.request_table, asked.strip().casefold()
    if wanted.isdecimal() and len(wanted) < 19:
        own = np.flatnonzero(table.numbers("index") == int(wanted))
        if own.size:
            return own
    nonce = np.array([text.casefold() for text in table.few("nonce", np.arange(len(table)))], dtype=object)
    own = np.flatnonzero(nonce == wanted)
    if own.size or not wanted:
        return own
    fits = np.array([text.startswith(wanted) for text in nonce], np.bool_)
    for column in ("question", "entry", "conversation", "phase"):
        fits |= table.words(column).each(lambda text: text.casefold() == wanted, np.bool_)
    good = evidence.column("requests", "good").astype(np.bool_)
    if wanted == GOOD:
        fits |= good
    fits[~good] |= came_to(evidence, ~good).each(lambda text: text.casefold() == wanted, np.bool_)
    asking = [name for name, text in evidence.questions.items() if wanted in text.casefold()]
    return np.flatnonzero(fits | table.words("question").isin(asking))


def near(evidence: Evidence, asked: str) -> str:
    """What there is in place of *asked*, which fits nothing: the nearest, else how requests can be named."""
    table, good = evidence.request_table, evidence.column("requests", "good").astype(np.bool_)
    if not len(table):
        return "the run has no request"
    wanted = asked.strip().casefold()
    index = table.numbers("index")
    if wanted.isdecimal():
        return f"they are numbered from {index.min()} to {index.max()}"
    known = [
        *table.words("question").unique(),
        *table.words("entry").unique(),
        *came_to(evidence, ~good).unique(),
        GOOD,
    ]
    if wanted.startswith("n-"):
        few = np.linspace(0, len(table) - 1, min(_NEAR_MOST, len(table))).astype(int)
        known = table.few("nonce", few)
    else:
        known += table.words("conversation").unique()[:_NEAR_MOST]
    found = nearest(wanted, [name for name in known if name])
    if found:
        return f"did you mean {found[0]!r}?"
    first = table.few("nonce", np.array([0]))[0]
    return f"a request has an id such as {first!r}, or is named by its place, question, entry, conversation, phase or what it came to"


def hit(evidence: Evidence, fault: str) -> Bools:
    """Which requests that *fault* hit: with a try that the edge says it did something to, or for a fault that acts on connections, with a
    try that went on over one of its links while it was in force. Raises UnknownFaultError."""
    meant = [d for d in evidence.plan.disturbances if fault in (d.id, d.of, d.fault.kind)]
    if not meant:
        every = [name for d in evidence.plan.disturbances for name in (d.of, d.id, d.fault.kind)]
        raise UnknownFaultError(f"the run has no fault {fault!r}; {suggestion(fault, list(dict.fromkeys(every)))}")
    found = np.zeros(len(evidence.request_table), np.bool_)
    for disturbance in meant:
        found |= _by_edge(evidence, disturbance) | _by_link(evidence, disturbance)
    return found


def _by_edge(evidence: Evidence, disturbance: Disturbance) -> Bools:
    mark = marks(evidence.arrival_table)[were_hit(evidence.arrival_table, disturbance)]
    return np.isin(marks(evidence.request_table), mark[mark != NO_MARK])


def _by_link(evidence: Evidence, disturbance: Disturbance) -> Bools:
    found = np.zeros(len(evidence.request_table), np.bool_)
    window = evidence.window_of(disturbance)
    if window is None or not disturbance.fault.probes:
        return found
    start_s, end_s = (evidence.column("attempts", name) for name in ("start_s", "end_s"))
    met = (start_s <= window.end_s) & ~(end_s < window.start_s)
    met &= evidence.words("attempts", "link").isin(disturbance.links)
    rows = evidence.request_rows()[met]
    found[rows[rows >= 0]] = True
    return found


def worst(evidence: Evidence, places: Places) -> int:
    """Which of *places* is the worst: sent and without a good answer before others, then the longest wait, then the most tries."""
    good = evidence.column("requests", "good").astype(np.bool_)[places]
    waited_s = evidence.column("requests", "end_s")[places] - evidence.column("requests", "due_s")[places]
    waited_s = np.where(np.isnan(waited_s), np.inf, waited_s).round(3)
    tries = evidence.column("requests", "attempts")[places]
    sent = (evidence.words("requests", "outcome") != "not_sent")[places]
    return int(np.lexsort((-places, tries, waited_s, ~good & sent))[-1])
