"""What a service's answers say they were made with: which version of its prompt, which model, which snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

from harness.judging.sameness import in_short
from harness.judging.sample import before_faults

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.result import Result
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words

VERSIONS_MOST, CHARS_MOST = 20, 200
"""So many are kept, and so much of each; where each answer has one of its own it is no version."""
_SHOWN_MOST = 3
_CHANCE = 0.01
PROMPT = "prompt version"
OTHERS = ("model", "model at the providers", "snapshot")
WHATS = (PROMPT, *OTHERS)
"""What answers are made with, in words."""


def prompt_versions(evidence: Evidence) -> list[str]:
    """Those that were named, in the order in which the requests were sent that got them first."""
    return [version[:CHARS_MOST] for version, *_ in _spans(evidence)[:VERSIONS_MOST]]


def changed_in_the_run(evidence: Evidence) -> Iterator[str]:
    """That answers named several versions, with how many named each and when those were asked."""
    spans = _spans(evidence)
    if len(spans) < 2:
        return
    told = [
        f"{in_short(version)} {n} times, asked from {first_s:.1f} to {last_s:.1f} s"
        for version, n, first_s, last_s in spans[:_SHOWN_MOST]
    ]
    more = [f"and {len(spans) - _SHOWN_MOST} more"] if len(spans) > _SHOWN_MOST else []
    yield f"answers of this run named {len(spans)} prompt versions: {'; '.join([*told, *more])}"


def named_before(evidence: Evidence) -> dict[str, dict[str, int]]:
    """How many answers named each model and each snapshot while nothing was broken, the most frequent first; nothing of what none named.

    What faults lead to, such as the model of a fallback, is no other service; neither is a snapshot that the run itself published.
    """
    picked = before_faults(evidence)
    undisturbed = evidence.column("arrivals", "start_s") < min(
        (one.start_s for one in evidence.in_force()), default=inf
    )
    counts = {
        "model": _counted(evidence.words("requests", "model"), picked),
        "model at the providers": _counted(evidence.words("arrivals", "model"), undisturbed),
        "snapshot": _snapshots(evidence, picked),
    }
    return {what: named for what, named in counts.items() if named}


def unlike(sides: Mapping[str, Sequence[Result]]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """What answers of *sides* were made with that is not the same for all: a word for it, and what those of each side named.

    A side of which no answer named any is left out. Of models and snapshots chance is left out too: that one side lacks a name tells
    nothing where one in a hundred would lack it, were it named there as often as elsewhere.
    """
    versions = {
        side: [*dict.fromkeys(one for run in runs for one in run.prompt_versions)] for side, runs in sides.items()
    }
    if len({frozenset(named) for named in versions.values() if named}) > 1:
        yield PROMPT, _named(versions)
    for what in OTHERS:
        counts = {side: _together(run.answered_with.get(what, {}) for run in runs) for side, runs in sides.items()}
        known = [named for named in counts.values() if named]
        if any(_lacks(one, other) for one in known for other in known):
            yield what, _named(counts)


def unlike_in_words(sides: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    """`unlike`, each in a line, with the sides that named the same ones together: ``model: 'a' in trials 1 and 3, 'b' in trial 2``."""
    for what, told in unlike(sides):
        alike: dict[frozenset[str], list[str]] = {}
        for side, names in told.items():
            alike.setdefault(frozenset(names), []).append(side)
        yield f"{what}: {', '.join(f'{listed(told[some[0]])} {_sides(some)}' for some in alike.values())}"


def listed(names: Sequence[str]) -> str:
    """The first of *names*, and how many more there are."""
    more = f" and {len(names) - _SHOWN_MOST} more" if len(names) > _SHOWN_MOST else ""
    return ", ".join(map(in_short, names[:_SHOWN_MOST])) + more


def _named(sides: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Those of each side that has some, in their order; where there are many, first those that not all have."""
    known = {side: [*names] for side, names in sides.items() if names}
    shared = frozenset.intersection(*map(frozenset, known.values()))
    return {
        side: sorted(names, key=lambda one: one in shared) if len(names) > _SHOWN_MOST else names
        for side, names in known.items()
    }


def _sides(some: Sequence[str]) -> str:
    """``in trial 1``, or ``in trials 1, 2 and 5``: each side is a few words, the last of which is its own."""
    if len(some) == 1:
        return some[0]
    alike = some[0].rpartition(" ")[0]
    own = [side.rpartition(" ")[2] for side in some]
    return f"{alike}s {', '.join(own[:-1])} and {own[-1]}"


def _lacks(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether *other* has none of something that *one* has so often that this is no chance."""
    n, others = sum(one.values()), sum(other.values())
    return any((1 - count / n) ** others <= _CHANCE for name, count in one.items() if name not in other)


def _together(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(one) for one in every), Counter[str]()).most_common())


def _counted(names: Words, picked: Bools) -> dict[str, int]:
    import numpy as np

    codes, n = np.unique(names.codes[picked], return_counts=True)
    counted = Counter({names.vocabulary[code][:CHARS_MOST]: int(count) for code, count in zip(codes, n, strict=True)})
    del counted[""]
    return dict(counted.most_common(VERSIONS_MOST))


def _snapshots(evidence: Evidence, picked: Bools) -> dict[str, int]:
    import numpy as np

    if evidence.publications():
        return {}
    stood_on = evidence.column("requests", "snapshot_version")[picked]
    versions, n = np.unique(stood_on[~np.isnan(stood_on)], return_counts=True)
    counted = Counter({f"{version:.0f}": int(count) for version, count in zip(versions, n, strict=True)})
    return dict(counted.most_common(VERSIONS_MOST))


def _spans(evidence: Evidence) -> list[tuple[str, int, float, float]]:
    """Each version, how many answers named it, and when the first and the last of those were asked for, in order of the first."""
    import numpy as np

    versions, sent_s = evidence.words("requests", "prompt_version"), evidence.column("requests", "sent_s")
    named = (versions != "") & ~np.isnan(sent_s)
    codes, at_s = versions.codes[named], sent_s[named]
    if not codes.size:
        return []
    size = len(versions.vocabulary)
    first_s, last_s = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first_s, codes, at_s)
    np.maximum.at(last_s, codes, at_s)
    counts = np.bincount(codes, minlength=size)
    order = [int(code) for code in np.argsort(first_s, kind="stable") if counts[code]]
    return [(versions.vocabulary[code], int(counts[code]), float(first_s[code]), float(last_s[code])) for code in order]
