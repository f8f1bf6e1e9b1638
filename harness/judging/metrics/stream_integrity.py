"""Whether streamed answers reached their clients whole and once, and what the others were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import STREAMED, Ground
from harness.judging.marks import NO_MARK, marks
from harness.judging.metrics.base import Metric, measured_parts
from harness.judging.metrics.ratios import best_share, share
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, nonces
from harness.judging.streams import FATES, Fate, Got, Spoken, fate
from harness.planning.plan import Plan
from harness.protocols.finish import cut_short
from harness.protocols.sketch import read, squeezed
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Measured
    from harness.record.columns import Words

_KEPT_CHARS = 65_536
"""So much of an answer's text is kept; of one as long it is not known whether there was more."""
_TAKEN = ("complete", "empty", "truncated")
"""Outcomes of which an orderly end tells a client nothing of trouble."""


class StreamIntegrity(Metric):
    """Share of the streamed answers that came .whole, and once; or .truncated_as_success, as an .error, .spliced or .duplicated.

    What the client got is held against what the providers said to the attempts of its request. Where that cannot be told the answer is
    unknown: it is no part of a share, and raises its upper end.
    """

    name: ClassVar[str] = "stream_integrity"
    rests_on: ClassVar[tuple[Ground, ...]] = (STREAMED,)
    not_of_users: ClassVar[str] = (
        "texts of answers are held against what providers said, and nobody reads those of a locustfile's users"
    )
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    parts: ClassVar[tuple[str, ...]] = ("whole", "truncated_as_success", "error", "spliced", "duplicated")
    usual_part: ClassVar[str] = "whole"
    title: ClassVar[str] = "Whole streams"
    part_titles: ClassVar[Mapping[str, str]] = {
        "whole": "Whole streams",
        "truncated_as_success": "Stumps said to be whole",
        "error": "Streams that failed",
        "spliced": "Spliced streams",
        "duplicated": "Streams said twice",
    }
    about: ClassVar[str] = "of streamed answers came whole, and once"
    part_about: ClassVar[Mapping[str, str]] = {
        "truncated_as_success": "of streamed answers were cut and said to be whole",
        "error": "of streamed answers failed, and said so",
        "spliced": "of streamed answers were made of the pieces of several",
        "duplicated": "of streamed answers said something twice",
    }
    better: ClassVar[Literal["lower", "higher"] | None] = "higher"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 18
    held_first: ClassVar[int] = 38

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        part = part or self.usual_part
        interval: Interval = sample.once(f"{self.name}.{part}", lambda: _share(sample, part))
        return interval

    def about_usual(self, part: str | None) -> bool:
        return part == self.usual_part

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many streamed answers nobody can tell anything of."""
        fates = _streamed(sample)
        unknown = int((fates == "unknown").sum())
        return f"of {unknown} of {fates.size} streamed answers it cannot be told what became of them" if unknown else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not plan.target.ask.streams:
            return f"target {plan.target.name!r} is asked for no streams (ask.stream), so there is none to be whole"
        if not any(link.carries == "http" for link in plan.target.links.values()):
            return f"target {plan.target.name!r} has no HTTP link, so it cannot be seen what the providers said"
        return best_share(plan, expectation)

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)

    def broken(self, said: Said) -> str:
        if said.wants_low:
            return f"{_among(said)}; it should be {said.limit_share} or less"
        return f"only {said.share} of streamed answers came whole{said.where}; it should be {said.limit_share} or more"

    def held(self, said: Said) -> str:
        if said.wants_low:
            return _among(said)
        share = "every streamed answer" if said.number == 1 else f"{said.share} of streamed answers"
        return f"{share} came whole{said.where}"


def _among(said: Said) -> str:
    """``3 % of streamed answers during the fault were stumps said to be whole``."""
    return f"{'none' if said.number == 0 else said.share} of the streamed answers{said.where} were {said.title.lower()}"


def _share(sample: Sample, part: str) -> Interval:
    """The share of streamed answers of one fate; one that is unknown may be of any."""
    fates, due_s = _streamed(sample), sample.column("due_s")[sample.column("streamed")]
    unknown = fates == "unknown"
    if not fates.size or unknown.all():
        return UNMEASURED
    seldom = part != StreamIntegrity.usual_part
    least, most = (share(due_s, so, seldom=seldom) for so in (fates == part, (fates == part) | unknown))
    return replace(least, high=most.high)


def _streamed(sample: Sample) -> Words:
    """The fate of each streamed answer of *sample*, in order."""
    fates: Words = sample.run.once("fates", lambda: _fates(sample.run))
    streamed: Words = fates[sample.picked & sample.run.column("requests", "streamed")]
    return streamed


def _fates(run: Evidence) -> Words:
    """The fate of the answer to each request of *run*; an empty text where none was streamed.

    Answers that are alike, and to which providers said the same, have one fate, and are looked at once.
    """
    import numpy as np

    from harness.record.columns import Words

    rows = np.flatnonzero(run.column("requests", "streamed"))
    fates = np.zeros(len(run.request_table), np.int8)
    if not rows.size:
        return Words(fates, ("",))
    spoken = _spoken(run)
    whole = {(one.text.length, one.text.digest) for one in spoken.each if _said_whole(one)}
    keys, columns = spoken.to[rows].astype(np.int64), []
    for name in ("outcome", "answer", "finish"):
        columns.append(run.words("requests", name)[rows])
        keys = keys * max(1, len(columns[-1].vocabulary)) + columns[-1].codes
    orderly = run.column("requests", "orderly")[rows]
    _, first, of = np.unique(2 * keys + orderly, return_index=True, return_inverse=True)
    told: list[Fate] = []
    for at in first.tolist():
        outcome, answer, finish = (column[at] for column in columns)
        got = Got(squeezed(answer), bool(orderly[at]) and outcome in _TAKEN, finish, len(answer) < _KEPT_CHARS)
        said = [spoken.each[one] for one in spoken.together[int(spoken.to[rows[at]])]]
        told.append("unknown" if outcome == "unfinished" else fate(got, said, whole))
    fates[rows] = 1 + np.array([FATES.index(one) for one in told], np.int8)[of]
    return Words.numbered(fates, ("", *FATES))


def _said_whole(one: Spoken) -> bool:
    return bool(one.finish) and not cut_short(one.finish)


class _Said(NamedTuple):
    """What providers said, *each* different thing once; which of these *together* to one request, and those *to* each request."""

    each: list[Spoken]
    together: list[tuple[int, ...]]
    to: npt.NDArray[np.intp]


def _spoken(run: Evidence) -> _Said:
    import numpy as np

    link, written, finish = (run.words("arrivals", name) for name in ("link", "sketch", "finish"))
    finishing = {*link[finish != ""].unique()}
    said = written.each(lambda text: read(text) is not None, np.bool_) & (marks(run.arrival_table) != NO_MARK)
    places, finishes = max(1, len(finish.vocabulary)), link.isin(finishing)
    keys = (written.codes.astype(np.int64) * places + finish.codes) * 2 + finishes
    kinds, of = np.unique(keys[said], return_inverse=True)
    each = [
        Spoken(text, finish.vocabulary[one // 2 % places], bool(one % 2))
        for one in kinds.tolist()
        if (text := read(written.vocabulary[one // 2 // places])) is not None
    ]
    requests, arrivals = nonces(run)
    to = arrivals[said]
    order = np.flatnonzero(to >= 0)
    order = order[np.argsort(to[order], kind="stable")]
    begins = np.flatnonzero(np.append(True, to[order][1:] != to[order][:-1])[: order.size])
    numbers: dict[tuple[int, ...], int] = {(): 0} | {(kind,): kind + 1 for kind in range(len(each))}
    ends = np.append(begins[1:], order.size)
    # Of all nonces, and of none: nothing, but where something was said.
    of_nonce = np.zeros(int(requests.max(initial=0)) + 2, np.intp)
    of_nonce[to[order[begins]]] = of[order[begins]] + 1
    for first, end in zip(begins[ends - begins > 1].tolist(), ends[ends - begins > 1].tolist(), strict=True):
        of_nonce[to[order[first]]] = numbers.setdefault((*of[order[first:end]].tolist(),), len(numbers))
    return _Said(each, list(numbers), of_nonce[requests])
