"""What went wrong in words: requests that got no good answer, by what became of them and what they were told, the most frequent first."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from harness.judging.evidence import Evidence
from harness.judging.result import Failure
from harness.judging.sample import nonces
from harness.judging.whereabouts import came_to, most_first
from harness.record.columns import told_apart

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
    rows, became = evidence.request_table, came_to(evidence, bad)
    said = rows.words("detail")[bad].map(normal)
    keys = became.codes.astype(np.int64) * len(said.vocabulary) + said.codes
    kinds, of = told_apart(keys)
    many = np.bincount(of)
    # Both vocabularies are in order, so what comes as often is in the order of its words.
    found = np.lexsort((kinds, -many))[:KINDS_MOST]
    return [
        _failure(
            (
                became.vocabulary[kinds[kind] // len(said.vocabulary)],
                said.vocabulary[kinds[kind] % len(said.vocabulary)],
            ),
            bad[of == kind],
            evidence,
        )
        for kind in found.tolist()
    ]


def _failure(key: tuple[str, str], mine: npt.NDArray[np.intp], evidence: Evidence) -> Failure:
    rows = evidence.request_table
    due_s = rows.numbers("due_s")[mine]
    nonced = mine[nonces(evidence)[0][mine] >= 0]
    return Failure(
        came_to=key[0],
        said=key[1],
        requests=mine.size,
        share=mine.size / len(rows),
        phases=most_first(rows.words("phase")[mine].counts()),
        entries=most_first(rows.words("entry")[mine].counts()),
        first_s=round(float(due_s.min()), 3),
        last_s=round(float(due_s.max()), 3),
        examples=rows.few("nonce", nonced[:_EXAMPLES]),
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
