"""What went wrong in words: requests that got no good answer, by what became of them and what they were told, the most frequent first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from harness.judging.evidence import Evidence
from harness.judging.result import Failure
from harness.judging.whereabouts import came_to, most_first

KINDS_MOST = 40
"""So many kinds of failure are told of; what is left stands in the table of requests."""
_EXAMPLES = 3
_CHARS = 300
# What stands inside an error of JSON: OpenAI's and Anthropic's `message`, FastAPI's `detail`. The text may have been cut anywhere.
_INSIDE = re.compile(r'"(?:message|detail)"\s*:\s*"((?:[^"\\]|\\.)*)')
_TAKEN_OUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        # First what nobody should read: a key that somebody's error quotes is not always one that the harness filled in.
        (r"(?i)\bbearer\s+[^\s\"',;]+", "Bearer ‹secret›"),
        (r"(?i)\b(api[-_ ]?key|password|passwd|token|secret)(\s*[:=]\s*)[^\s\"',;]+", r"\1\2‹secret›"),
        (r"\b(?:sk|pk|rk|ghp|xox[abp])[-_][A-Za-z0-9_*\-]{6,}", "‹secret›"),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "‹address›"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", "‹time›"),
        (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "‹id›"),
        (r"\b(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}\b", "‹id›"),
        (r"\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", "‹id›"),
        (r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3}|localhost):\d+", r"\1:‹port›"),
    )
)
# With its unit; what stands in a name (gpt-4o, v2) or an address is none.
_NUMBER = re.compile(r"(?<![\w.‹-])\d+(?:[.,]\d+)*(?=(?:ms|s|m|h|kb|mb|gb)?(?![\w-]))", re.IGNORECASE)
_SAYS_WHAT = re.compile(r"[45]\d\d|\d+(?:\.\d+){3}")
"""A status and an address say what kind of error it is; other numbers only tell one occurrence from the next."""


def failures(evidence: Evidence) -> list[Failure]:
    """Each kind of failure with how many requests it took, in which phases and at which entries; the most frequent first.

    Requests of all phases count, and shares are of all that were due.
    """
    bad = np.flatnonzero(~evidence.column("requests", "good").astype(np.bool_))
    if not len(bad):
        return []
    rows = evidence.requests.iloc[bad]
    became = list(came_to(evidence, bad))
    said = [normal(str(detail)) for detail in rows["detail"].tolist()] if "detail" in rows else [""] * len(bad)
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(became, said, strict=True)):
        places.setdefault(key, []).append(place)
    found = sorted(places.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:KINDS_MOST]
    columns = {name: rows[name].tolist() for name in ("phase", "entry", "due_s", "nonce")}
    return [_failure(key, mine, columns, len(evidence.requests)) for key, mine in found]


def _failure(key: tuple[str, str], mine: list[int], columns: Mapping[str, Sequence[Any]], of: int) -> Failure:
    def each(name: str) -> Iterator[Any]:
        return (columns[name][place] for place in mine)

    due_s = list(each("due_s"))
    return Failure(
        came_to=key[0],
        said=key[1],
        requests=len(mine),
        share=len(mine) / of,
        phases=most_first(map(str, each("phase"))),
        entries=most_first(map(str, each("entry"))),
        first_s=round(min(due_s), 3),
        last_s=round(max(due_s), 3),
        examples=[str(nonce) for nonce in each("nonce") if nonce][:_EXAMPLES],
    )


@lru_cache(maxsize=10_000)
def normal(detail: str) -> str:
    """*detail* without what differs from one occurrence to the next, and without what looks like a secret or an address.

    ``http 503: {"error": {"message": "Timeout reading from 10.0.0.7:38295"}}`` is ``Timeout reading from 10.0.0.7:‹port›``.
    """
    inside = _INSIDE.search(detail)
    text = " ".join((inside[1] if inside and inside[1].strip() else detail).split())[:_CHARS]
    for pattern, put in _TAKEN_OUT:
        text = pattern.sub(put, text)
    return _NUMBER.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    """The number where it says what kind of error it is: a status has no unit behind it."""
    unit = found.string[found.end() : found.end() + 1].isalpha()
    return found[0] if _SAYS_WHAT.fullmatch(found[0]) and not unit else "‹n›"
