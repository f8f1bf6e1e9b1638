"""Retries that multiply: one layer tries again what another one has tried again already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.interval import UNMEASURED, Interval
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.tries import Tries, phases_of, tries, troubled, within_faults
from harness.judging.evidence import Evidence
from harness.judging.metrics.attempts import calls_of
from harness.judging.metrics.retry_amplification import RetryAmplification
from harness.judging.result import Diagnosis

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools

SHARE = 0.02
"""Of the requests since the baseline at least so many have to show it."""


class RetriesMultiply(Cause):
    """Two layers try again, so that their tries multiply: of SDK 3 and application 3 come 9.

    Read off the SDK's own count (``x-stainless-retry-count``, of OpenAI's and Anthropic's): a call counts up from 0, so where two numbers
    or more come twice or more among the tries of one request on one link, another layer made the whole call again. Shown from 10 requests
    on, if they are 2 % of those since the baseline. How often each layer tries is the most that at least 5 of them show. Without the SDK's
    count layers cannot be told apart, and nothing is said. Clients who ask again (load.retries) are a layer around all of them, and each
    press is looked at for itself.
    """

    id: ClassVar[str] = "retries_multiply"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        nested = _nested(found)
        if nested is None:
            return None
        of_group = found.row[found.begins]
        shown = nested.which & troubled(run)[of_group]
        rows = np.unique(of_group[shown])
        if rows.size < max(ENOUGH, SHARE * int(troubled(run).sum())):
            return None
        sdk, other = _most(nested.sdk[shown]), _most(nested.other[shown])
        # The one with most tries first: it is the one to look at.
        groups = np.flatnonzero(shown)[np.argsort(-found.sizes[shown], kind="stable")]
        rows = of_group[groups][np.sort(np.unique(of_group[groups], return_index=True)[1])]
        full = int((found.sizes[shown] >= sdk * other).sum())
        people = _most(run.column("requests", "presses")[rows])
        around = _around(found, groups[0])
        layer = "the application (or a router around the SDK)" if around else "a gateway behind the SDK"
        name = "application" if around else "gateway"
        kept = f"keep the {other} tries of {layer}"
        supposes = f"max_retries=0 in the SDK; {other} tries of {layer} as they are"
        return self.document(
            run,
            f"Retries multiply across layers: {_multiplied(people, sdk, name, other)}",
            [
                f"{rows.size} requests since the baseline were tried again by two layers: the SDK's own count goes up to {sdk - 1} "
                f"and begins anew, up to {other} times",
                f"{full} times all {sdk * other} tries were made for one {'press' if people > 1 else 'request'} on one link",
                *([f"clients asked up to {people} times, and each time the tries began anew"] if people > 1 else []),
            ],
            rows,
            int(found.sizes[shown].sum()),
            f"Let one layer alone try again: switch the SDK's retries off (max_retries=0 in OpenAI's and Anthropic's) and {kept}.",
            [
                predicted(run, RetryAmplification(), phase, _without_sdk(found, phase, other), supposes)
                for phase in phases_of(run, rows)
            ],
        )


@dataclass(frozen=True, slots=True)
class _Nested:
    """Of each group how often each layer tried, and *which* show both."""

    sdk: npt.NDArray[np.intp]
    other: npt.NDArray[np.intp]
    which: Bools


def _nested(found: Tries) -> _Nested | None:
    import numpy as np

    counted = found.counted
    if not (counted > 0).any():
        return None
    # Of fewer than four tries no two counts come twice.
    groups, known = found.begins.size, (counted >= 0) & (found.sizes >= 4)[found.group]
    if not known.any():
        return None
    width = int(counted.max()) + 1
    pairs, times = np.unique(found.group[known].astype(np.int64) * width + counted[known], return_counts=True)
    of = pairs // width
    sdk = np.bincount(of, minlength=groups)
    again = np.bincount(of, weights=times > 1, minlength=groups)
    other = np.zeros(groups, np.intp)
    np.maximum.at(other, of, times)
    return _Nested(sdk, other, again >= 2)


def _multiplied(people: int, sdk: int, name: str, other: int) -> str:
    """The layers with how often each tries, and what that comes to; clients only where they ask again."""
    layers = [("people", people), ("SDK", sdk), (name, other)][people == 1 :]
    return f"{' × '.join(f'{layer} {times}' for layer, times in layers)} = {people * sdk * other}"


def _most(values: npt.NDArray[np.intp]) -> int:
    """The most that at least five have, lest one odd request says it all."""
    import numpy as np

    return int(np.sort(values)[-5])


def _around(found: Tries, group: int) -> bool:
    """Whether the SDK's count begins anew in that group: who repeats is around the SDK, and not behind it."""
    import numpy as np

    counts = found.counted[found.group == group]
    return bool((np.diff(counts) < 0).any())


def _without_sdk(found: Tries, phase: str, other: int) -> Interval:
    """Attempts per request, had only the other layer tried again, *other* times at most.

    As the tries went: the first of each request up to that many, or to the first that went well. At most: whoever had to try twice uses
    all of them. At least: whatever failed for want of room goes well at once, and only what a fault of the wire hit fails; who is served so
    does not ask again.
    """
    import numpy as np

    from harness.judging.scoring.amplification import retry_amplification

    run, sizes, of_group = found.run, found.sizes, found.row[found.begins]
    mine = run.words("requests", "phase") == phase

    def each() -> Iterator[npt.NDArray[np.integer[Any]]]:
        yield _as_they_went(found, sizes, other)
        yield np.minimum(sizes, other)
        yield np.where(sizes > 1, other, 1)

    due_s, ends = run.column("requests", "due_s"), []
    for counts in each():
        total = np.bincount(of_group, weights=counts, minlength=due_s.size) / np.maximum(1, calls_of(run))
        made = mine & (total > 0)
        ends.append(of_next_run(retry_amplification(total[made], due_s[made])) if made.any() else UNMEASURED)
    least, as_it_went, most = ends
    return Interval(as_it_went.value, least.low, most.high, as_it_went.n)


def _as_they_went(found: Tries, sizes: npt.NDArray[np.intp], other: int) -> npt.NDArray[np.integer[Any]]:
    """How often each group would try, had it had *other* tries at most and the others gone as its own first ones went."""
    import numpy as np

    hit = ~found.good & within_faults(found.run, found.words("link"), found.column("start_s"), of_the_wire=True)
    # Where the first try is that the wire let through; beyond the last one of its group where there is none.
    first = sizes.copy()
    free = np.flatnonzero(~hit)[::-1]
    first[found.group[free]] = found.place[free]  # of several the first of the group, which comes last here
    tried = np.minimum(np.minimum(sizes, first + 1), other)
    return np.where(_after_a_good_one(found, first < np.minimum(sizes, other)), 0, tried)


def _after_a_good_one(found: Tries, good: Bools) -> Bools:
    """Which groups are of a press that follows one of its request with a group that is *good*."""
    import numpy as np

    press, row = found.column("press")[found.begins], found.row[found.begins]
    if not press.any():
        return np.zeros(row.size, np.bool_)
    first = np.full(found.run.column("requests", "index").size, np.iinfo(np.intp).max)
    np.minimum.at(first, row[good], press[good])
    after: Bools = press > first[row]
    return after
