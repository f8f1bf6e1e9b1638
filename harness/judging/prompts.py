"""Which versions of its prompt a service named in its answers, where a target file says where those stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.judging.sameness import in_short

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.result import Result

VERSIONS_MOST, CHARS_MOST = 20, 200
"""So many are kept, and so much of each; where each answer has one of its own it is no version."""
_SHOWN_MOST = 3


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


def another(now: Sequence[Result], then: Sequence[Result]) -> tuple[str, str] | None:
    """The versions of both, where they are not the same ones; None where they are, and where one side named none."""
    both = [[*dict.fromkeys(one for run in runs for one in run.prompt_versions)] for runs in (now, then)]
    if not all(both) or set(both[0]) == set(both[1]):
        return None
    return _listed(both[0]), _listed(both[1])


def _listed(versions: Sequence[str]) -> str:
    more = f" and {len(versions) - _SHOWN_MOST} more" if len(versions) > _SHOWN_MOST else ""
    return ", ".join(map(in_short, versions[:_SHOWN_MOST])) + more


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
