"""Questions whose answers disagreed, side by side, with the words marked in which they differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics.answer_consistency import compare
from harness.judging.result import Result
from harness.judging.sample import pick
from harness.judging.scoring.consistency import Pair, Side
from harness.report import words
from harness.report.plain_text import one_line, visible
from harness.report.templating import render

_MOST = 700
_LEAD = 80
_OPEN = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A few words of an answer, and whether the other answer has others in their place."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer, and *where* it came from."""

    where: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two answers to one question that should have agreed; *alike* says that their words do, *grounding* what they stand on."""

    question: str
    left: Shown
    right: Shown
    alike: bool
    grounding: str = ""


def section(_result: Result, evidence: Evidence | None) -> Markup:
    """The pairs; nothing where all answers agreed."""
    pairs = disagreements(evidence) if evidence is not None else []
    return render("disagreements.html", pairs=pairs, open_pairs=_OPEN) if pairs else Markup("")


def disagreements(evidence: Evidence) -> list[Disagreement]:
    """The examples that the score of consistency gives; none when no answer was complete."""
    if not (evidence.words("requests", "outcome") == "complete").any():
        return []
    found = []
    for pair in compare(pick(evidence)).examples:
        left, right = differing(pair.left.answer, pair.right.answer)
        question = one_line(evidence.questions.get(pair.question, pair.question), 300)
        alike = not any(piece.differs for piece in (*left, *right))
        shown = Shown(_where(pair.left), left), Shown(_where(pair.right), right)
        found.append(Disagreement(question, *shown, alike, grounding(evidence, pair)))
    # Different words first: they are what a user was told.
    return sorted(found, key=lambda disagreement: disagreement.alike)


def row_of(evidence: Evidence, question: str, side: Side) -> int | None:
    """The place in the table of requests of that answer to *question* which is one *side* of a pair."""
    complete = evidence.words("requests", "outcome") == "complete"
    at_once = np.flatnonzero(complete & (evidence.column("requests", "sent_s") == side.at_s))
    wanted = {"question": question, "entry": side.entry, "conversation": side.conversation}
    found = zip(at_once.tolist(), evidence.request_table.records(at_once, wanted), strict=True)
    return next((place for place, row in found if row == wanted), None)


def grounding(evidence: Evidence, pair: Pair) -> str:
    """What both answers say they stand on, where both say it: what of it is another on either side, and what is the same."""
    reply = evidence.plan.target.ask.reply
    columns = [column for what, column in _GROUNDING.items() if getattr(reply, what) is not None]
    places = [row_of(evidence, pair.question, side) for side in (pair.left, pair.right)]
    if not columns or None in places:
        return ""
    rows = evidence.request_table.records(np.array(places), tuple(columns))
    told = {what: [str(row[column]) for row in rows] for what, column in _GROUNDING.items() if column in columns}
    both = {what: sides for what, sides in told.items() if all(sides)}
    other = [_other(what, *sides) for what, sides in both.items() if sides[0] != sides[1]]
    same = [f"the same {_called(what)}" for what, sides in both.items() if sides[0] == sides[1]]
    said = ", but ".join(" and ".join(part) for part in (other, same) if part)
    return f"They stand on {said}." if said else ""


_GROUNDING = {"prompt_version": "prompt_version", "sources": "sources", "context": "context_sha256"}
"""What a reply may name, and the column in which it stands."""


def _other(what: str, left: str, right: str) -> str:
    if what == "context":
        return "another context"
    sides = [one_line(side.replace("\n", ", "), 80) for side in (left, right)]
    return f"{'other' if what == 'sources' else 'another'} {_called(what)} ({' against '.join(sides)})"


def _called(what: str) -> str:
    return what.replace("_", " ")


def differing(left: str, right: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in pieces, bounded in length; what they have in common at their start gives way to where they differ."""
    start = _where_they_part(left, right)
    left_words, right_words = _words(left, start), _words(right, start)
    bare = [[word.rstrip() for word in words] for words in (left_words, right_words)]
    left_pieces: list[Piece] = []
    right_pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, bare[0], bare[1], autojunk=False).get_opcodes():
        left_pieces += _pieces("".join(left_words[i1:i2]), differs=tag != "equal")
        right_pieces += _pieces("".join(right_words[j1:j2]), differs=tag != "equal")
    return tuple(left_pieces), tuple(right_pieces)


def _pieces(text: str, *, differs: bool) -> list[Piece]:
    """*text* as pieces; the blank behind words that differ is nothing in which they do."""
    bare = text.rstrip()
    if not bare:
        return []
    return [Piece(bare, True), Piece(text[len(bare) :], False)] if differs and bare != text else [Piece(text, differs)]


def _words(text: str, start: int) -> list[str]:
    shown = visible(text[start : start + _MOST + 1], _MOST)
    # What was cut at the end differs only if what is shown does.
    return re.findall(r"\S+\s*", f"… {shown}" if start else shown)


def _where_they_part(left: str, right: str) -> int:
    """From where on to show both: 0, or a little before they first differ."""
    same, differ = 0, min(len(left), len(right)) + 1
    while differ - same > 1:  # By halves, as a text may be very long.
        middle = (same + differ) // 2
        same, differ = (middle, differ) if left[:middle] == right[:middle] else (same, middle)
    if same < 2 * _LEAD:
        return 0
    blank = left.find(" ", same - _LEAD, same)
    return blank + 1 if blank >= 0 else same - _LEAD


def _where(side: Side) -> str:
    parts = [
        one_line(side.entry, 24),
        f"v{side.version}" if side.version is not None else "",
        f"asked at {words.instant(side.at_s)}",
    ]
    parts.append(f"conversation {one_line(side.conversation, 24)}" if side.conversation else "")
    return " · ".join(part for part in parts if part)
