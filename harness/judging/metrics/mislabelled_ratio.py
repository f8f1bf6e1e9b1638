"""Whether an answer says who gave it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.judging.grounds import SERVED, Ground
from harness.judging.metrics.ratios import Ratio, no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, before_faults, nonces
from harness.judging.serving import servers
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words


_VERSION = re.compile(
    r"(?:[-@:](?:\d{3,}(?:-\d\d-\d\d)?|\d\d-\d\d(?:\d\d)?|v\d+(?::\d+)?|latest|default|preview|exp))+$"
)
"""What stands behind a model's name for one version of it: dates and numbers of three digits and more, and words for where it is."""
_NUMBER = re.compile(r"\d")


def _named(sample: Sample) -> tuple[int, int]:
    """Of how many answers that a provider gave it is known which model that was, and which one they name.

    One without an attempt is from a cache, for all that is known, unless there are attempts that can be joined to no request.
    """
    known, _ = sample.run.once(MislabelledRatio.name, lambda: _labels(sample.run))
    unasked = (sample.words("outcome") == "complete") & (sample.read("attempts") == 0)
    served = int((servers(sample.run)[sample.picked] != "").sum())
    return int(known[sample.picked].sum()), served + min(sample.strays(), int(unasked.sum()))


NAMED = Ground(_named, "answers cannot be held against the model that gave them, for want of a name", named=True)


class MislabelledRatio(Ratio):
    """Share of answers that name another model than the one that served them, of those of which both are known.

    A name that stood for a model in the baseline, such as a gateway's alias, stands for it; so does one of which that is a dated version.
    """

    name: ClassVar[str] = "mislabelled_ratio"
    rests_on: ClassVar[tuple[Ground, ...]] = (
        NAMED,
        SERVED,
    )
    not_of_users: ClassVar[str] = "models are read from answers, and nobody reads those of a locustfile's users"
    title: ClassVar[str] = "Mislabelled answers"
    about: ClassVar[str] = "of answers named another model than gave them"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    seldom: ClassVar[bool] = True
    counts_attempts: ClassVar[bool] = True
    broken_first: ClassVar[int] = 45
    held_first: ClassVar[int] = 47

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        known, wrong = sample.run.once(self.name, lambda: _labels(sample.run))
        mine = sample.picked & known
        return (sample.run.column("requests", "due_s")[mine], wrong[mine]) if mine.any() else None

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        ask = plan.target.ask
        if ask.protocol == "json" and ask.reply.model is None:
            return f"target {plan.target.name!r} does not say where a reply names its model (ask.reply.model)"
        return no_http(plan) or super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        if not said.wants_low:
            return super().broken(said)
        return f"{said.share} of answers named another model than gave them{said.where}; it should be {said.limit_share} or less"

    def held(self, said: Said) -> str:
        share = "no answer" if said.number == 0 else f"{said.share} of answers"
        return f"{share} named another model than gave {'it' if said.number == 0 else 'them'}{said.where}"


def _labels(run: Evidence) -> tuple[Bools, Bools]:
    """Of which requests of *run* both the model that their answer names and the one that served it are known, and of which those differ."""
    import numpy as np

    named, served = run.words("requests", "model"), _served_models(run)
    known = (named != "") & (served != "")
    before = known & before_faults(run)
    many = max(1, len(served.vocabulary))
    pairs = named.codes.astype(np.int64) * many + served.codes
    usual = np.unique(pairs[before])
    others = np.setdiff1d(pairs[known], usual).tolist()
    wrong = [one for one in others if not _same(named.vocabulary[one // many], served.vocabulary[one % many])]
    return known, known & np.isin(pairs, wrong)


def _same(named: str, served: str) -> bool:
    """Whether *named* is *served*, or the one of which it is a version: ``gpt-4o`` and ``gpt-4o-2024-08-06``, but not ``gpt-4o-mini``."""
    short, long = sorted((named, served), key=len)
    if named == served or (long.startswith(short) and _VERSION.fullmatch(long[len(short) :])):
        return True
    return _VERSION.sub("", named) == _VERSION.sub("", served) and not _both_dated(named, served)


def _both_dated(named: str, served: str) -> bool:
    """Whether both name a version by its number, so that they are two."""
    return all((found := _VERSION.search(name)) and _NUMBER.search(found[0]) for name in (named, served))


def _served_models(run: Evidence) -> Words:
    """Of each request the model that the provider which served it named; empty where that is unknown."""
    import numpy as np

    from harness.record.columns import Words

    served, link, model = servers(run), run.words("arrivals", "link"), run.words("arrivals", "model")
    of_requests, of_arrivals = nonces(run)
    of_link, untold = served.codes_in(link.vocabulary), len(model.vocabulary)
    said = (of_arrivals >= 0) & (model != "")
    many = int(max(of_requests.max(initial=-1), of_arrivals.max(initial=-1))) + 1
    named = np.full(of_requests.size, untold, np.min_scalar_type(untold))
    for code in np.unique(of_link[of_link >= 0]).tolist():
        last, here = np.full(many, untold, named.dtype), said & (link.codes == code)
        last[of_arrivals[here]] = model.codes[here]  # the last one that was said counts
        asked = (of_requests >= 0) & (of_link == code)
        named[asked] = last[of_requests[asked]]
    return Words.numbered(named, [*model.vocabulary, ""])
