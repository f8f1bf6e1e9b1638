"""What a number is told from that was there in the baseline and is not there now: who says nothing keeps within every limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.judging.on_links import began, hidden_on, observed
from harness.judging.sample import Sample
from harness.judging.scoring.shares import wilson
from harness.judging.serving import servers
from harness.reading.expectation import Verdict

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools

FEW = 0.25
"""Where no more is left than so much of the baseline's share, a limit from above is held by none."""
FEWER = 0.5
"""Where no more is left than so much of it, that is told beside the number."""
UNNAMED_MOST = 0.01
"""Share of answers that may leave out what they named in the baseline, beyond those that did there, before a limit is held by none.

Where more than so many did there, those that do now have to be more of them than chance makes.
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Something that a metric reads. *there* says of how many of a sample it was there, and of how many it could have been.

    *merit*: that there is less of it may be as it should be, as when a service leaves alone what is down; it is told, and settles nothing.
    """

    there: Callable[[Sample], tuple[int, int]]
    words: str
    """``requests got a good answer``, which is what a number of them did."""
    merit: bool = False
    per_s: bool = False
    """Whether it is a number of something in so many tenths of a second."""
    named: bool = False
    """Whether it is something that answers name: what stands in some says nothing of those in which it is left out."""


def gone(grounds: Sequence[Ground], sample: Sample) -> str:
    """Which of *grounds* were there in the baseline and are not there, or hardly so, in *sample*; empty where all are."""
    return "; ".join(said for ground in grounds if (said := _gone(ground, sample)[0]))


def best_of(grounds: Sequence[Ground], sample: Sample) -> Verdict:
    """The best verdict on a limit from above that what is left of *grounds* in *sample* can give."""
    return "inconclusive" if any(_gone(ground, sample)[1] for ground in grounds) else "pass"


def _gone(ground: Ground, sample: Sample) -> tuple[str, bool]:
    """What there is to tell, and whether a limit is held by none for it."""

    def made() -> tuple[str, bool]:
        now, before = ground.there(sample), ground.there(sample.baseline)
        if not now[1] or not before[0]:
            return "", False
        if ground.named:
            return _unnamed(ground.words, now, before)
        left = (now[0] / now[1]) / (before[0] / before[1])
        if left > FEWER or not (_seldomer if ground.per_s else _fewer)(now, before):
            return "", False
        return _told(ground, now, before), left <= FEW and not ground.merit

    found: tuple[str, bool] = sample.once(f"gone: {ground.words} {ground.merit}", made)
    return found


def _fewer(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return wilson(*now).high < wilson(*before).low


def _seldomer(now: tuple[int, int], before: tuple[int, int]) -> bool:
    from harness.judging.scoring.distributions import poisson_bounds

    return poisson_bounds(now[0])[1] / now[1] < poisson_bounds(before[0])[0] / before[1]


def _told(ground: Ground, now: tuple[int, int], before: tuple[int, int]) -> str:
    (few, of), (many, of_before) = now, before
    if ground.per_s:
        return f"{ground.words}: {few or 'none'} in {of / 10:g} s, and {many} in {of_before / 10:g} s of the baseline"
    return f"{few or 'none'} of {of} {ground.words}, and {many} of {of_before} in the baseline"


def _unnamed(words: str, now: tuple[int, int], before: tuple[int, int]) -> tuple[str, bool]:
    missing, missed = now[1] - now[0], before[1] - before[0]
    usual = missed / before[1]
    if missing / now[1] - usual <= UNNAMED_MOST or (usual > UNNAMED_MOST and not _fewer(now, before)):
        return "", False
    return f"{missing} of {now[1]} {words}, and {missed} of {before[1]} in the baseline", True


def of_sent(so: Callable[[Sample], Bools]) -> Callable[[Sample], tuple[int, int]]:
    """Of how many of those that were sent it is *so*; of how many that were due, where none was."""

    def there(sample: Sample) -> tuple[int, int]:
        sent = sample.words("outcome") != "not_sent"
        return int((so(sample) & sent).sum()), int(sent.sum()) or sent.size

    return there


def _answered(sample: Sample) -> Bools:
    complete: Bools = sample.words("outcome") == "complete"
    return complete


def _served(sample: Sample) -> Bools:
    seen: Bools = servers(sample.run)[sample.picked] != ""
    return seen


def _sent(sample: Sample) -> tuple[int, int]:
    outcome = sample.words("outcome")
    return int((outcome != "not_sent").sum()), outcome.size


def _snapshots(sample: Sample) -> tuple[int, int]:
    """Of how many complete answers it is known which snapshot they stand on."""
    import numpy as np

    version = sample.column("snapshot_version")[_answered(sample)]
    return int((~np.isnan(version)).sum()), version.size


def saying(mark: str, of: Callable[[Sample], Bools]) -> Callable[[Sample], tuple[int, int]]:
    """Of how many answers, *of* those that are not marked as *mark*, it is said that they are not.

    Many services mark what is so and say nothing of the rest: where nothing was said of it in the baseline, silence is as it should be.
    """

    def there(sample: Sample) -> tuple[int, int]:
        unmarked = of(sample) & ~sample.column(mark).astype(bool)
        return int((unmarked & sample.column(f"says_{mark}").astype(bool)).sum()), int(unmarked.sum())

    return there


def _good(sample: Sample) -> Bools:
    good: Bools = sample.column("good").astype(bool)
    return good


def _accepted(sample: Sample) -> Bools:
    import numpy as np

    held: Bools = ~np.isnan(sample.column("accepted_s"))
    return held


def _effects(sample: Sample) -> Bools:
    """Which of the picked requests had an effect, where the target says of which one each was."""
    import numpy as np

    done = sample.run.effects.of_nonce if sample.run.effects else {}
    had: Bools = sample.words("nonce").each(lambda nonce: nonce in done, np.bool_)
    return had


def _good_under_faults(sample: Sample) -> tuple[int, int]:
    """As `GOOD`, of those that were due while anything was broken; of the baseline all."""
    from harness.judging.scoring.spans import within

    due_s, good = sample.read("due_s"), sample.column("good")
    spans = [(window.start_s, window.end_s) for window in sample.windows]
    if [span.name for span in sample.spans] == ["baseline"] or not spans:
        return int(good.sum()), good.size
    mine = within(due_s, spans)
    return int(good[mine].sum()), int(mine.sum())


def begun(sample: Sample) -> tuple[int, int]:
    """How many attempts began in the picked phases, on the link that was picked, and in how many tenths of a second."""
    if hidden_on(sample.run.plan, during := observed(sample), _seen_on(sample)):
        return 0, 0
    return int(began(sample, "attempts").sum()), tenths(during)


def _said(sample: Sample) -> tuple[int, int]:
    """In how many tenths of a second of the picked phases anything was said on each link, all together."""
    from harness.judging.scoring.spans import within

    during, links = observed(sample), [*sample.run.plan.target.links]
    if sample.run.traffic_table is None or hidden_on(sample.run.plan, during, links):
        return 0, 0
    passed = sample.run.passed(links)
    return int(within(passed.numbers("start_s")[passed.numbers("bytes_out") > 0], during).sum()), tenths(during)


def _seen_on(sample: Sample) -> list[str]:
    links = sample.run.plan.target.links
    return [sample.link] if sample.link else [name for name, link in links.items() if link.carries == "http"]


def tenths(during: Sequence[tuple[float, float]]) -> int:
    return sum(round(10 * (end_s - start_s)) for start_s, end_s in during)


ANSWERED = Ground(of_sent(_answered), "requests got a complete answer")
ANSWERED_LESS = Ground(of_sent(_answered), "requests got a complete answer", merit=True)
GOOD = Ground(of_sent(_good), "requests got a good answer")
GOOD_UNDER_FAULTS = Ground(_good_under_faults, "requests got a good answer while it was broken", merit=True)
SERVED = Ground(of_sent(_served), "requests were seen to be served by a provider")
STREAMED = Ground(of_sent(lambda sample: sample.column("streamed")), "requests were answered with a stream")
ACCEPTED = Ground(of_sent(_accepted), "jobs were accepted")
EFFECTS = Ground(of_sent(_effects), "requests had an effect")
SENT = Ground(_sent, "requests that were due were sent")
SNAPSHOTS = Ground(_snapshots, "answers did not name their snapshot", named=True)
SAYS_DEGRADED = Ground(saying("degraded", _good), "good answers did not say whether they are partial", named=True)
SAYS_CACHED = Ground(saying("cached", _answered), "answers did not say whether they are from a cache", named=True)
BEGUN = Ground(begun, "attempts", per_s=True)
BEGUN_LESS = Ground(begun, "attempts", merit=True, per_s=True)
SAID = Ground(_said, "tenths of a second in which a link was used", merit=True, per_s=True)
