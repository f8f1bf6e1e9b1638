"""What became of a streamed answer: what its client got, held against what the providers said to the attempts of its request.

Texts are compared without white space (`protocols.sketch`). What cannot be told is unknown, and never whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from harness.protocols.finish import cut_short
from harness.protocols.sketch import Sketched, digest

Fate = Literal["whole", "truncated_as_success", "error", "spliced", "duplicated", "unknown"]
FATES: tuple[Fate, ...] = get_args(Fate)


class Got(NamedTuple):
    """What a client got: the *text* as far as it came; *taken*: nothing told it that this was not all; *kept*: all of the text is here."""

    text: str
    taken: bool
    finish: str = ""
    kept: bool = True


class Spoken(NamedTuple):
    """What a provider said to one attempt; *finish* is the reason it gave for the end, empty where it gave none.

    *finishes*: whether it gives one at all, so that one is missing where there is none.
    """

    text: Sketched
    finish: str
    finishes: bool = True


def fate(got: Got, spoken: Sequence[Spoken], said_whole: Collection[tuple[int, str]] = ()) -> Fate:
    """What became of the answer that a client *got*, where the attempts of its request were *spoken* to.

    *said_whole*: length and digest of each text that was said whole to any request, since it may come from a cache.
    """
    if not got.taken:
        return "error"
    if not got.kept:
        return "unknown"
    same = [one for one in spoken if one.text.is_text(got.text)]
    if same:
        ends = {_end(got, one) for one in same}
        return next(end for end in ("whole", "unknown", "truncated_as_success") if end in ends)
    if got.text and (len(got.text), digest(got.text)) in said_whole:
        return "whole"
    return _joined(got.text, spoken) or _stump(got.text, spoken) or "unknown"


def _end(got: Got, said: Spoken) -> Fate:
    """What an answer is that has all of the text that was *said*, and no more."""
    if not said.finish:
        return "truncated_as_success" if said.finishes else "unknown"
    return "truncated_as_success" if cut_short(said.finish) and not cut_short(got.finish) else "whole"


def _stump(text: str, spoken: Iterable[Spoken]) -> Fate | None:
    for said in spoken:
        # What a service adds to a stump, such as an excuse, does not make it whole.
        excused = not said.finish and said.text.length and said.text.is_text(text[: said.text.length])
        if said.text.begins_with(text) or excused:
            return "truncated_as_success"
    return None


def _joined(text: str, spoken: Sequence[Spoken]) -> Fate | None:
    """Of a text that is more than one answer: whether it says twice what was said once, or one answer's beginning and then another."""
    for front, rest in _seams(text, spoken):
        return "duplicated" if front.startswith(rest) or rest.startswith(front) else "spliced"
    return "duplicated" if any(_repeats(text, said.text) for said in spoken) else None


def _seams(text: str, spoken: Sequence[Spoken]) -> Iterator[tuple[str, str]]:
    """*text* in two, where the first part begins one answer, and with the second another one, or the same one, begins or is whole."""
    for first in spoken:
        for second in spoken:
            if second.text.length:
                front, rest = _parted(text, len(text) - second.text.length)
                if front and second.text.is_text(rest) and _begins(first.text, front):
                    yield front, rest
            front, rest = _parted(text, first.text.length)
            if front and rest and first.text.is_text(front) and second.text.begins_with(rest):
                yield front, rest


def _parted(text: str, at: int) -> tuple[str, str]:
    return (text[:at], text[at:]) if at > 0 else ("", text)


def _begins(said: Sketched, text: str) -> bool:
    return said.is_text(text) or said.begins_with(text)


def _repeats(text: str, said: Sketched) -> bool:
    """Whether *text* is what was *said* with a piece of it twice, one behind the other."""
    more = len(text) - said.length
    if more <= 0 or more > said.length:
        return False
    run = 0
    for at in range(len(text) - more):
        run = run + 1 if text[at] == text[at + more] else 0
        # In a longer run, to take the piece out at any place leaves the same text.
        if run == more and said.is_text(text[: at + 1] + text[at + 1 + more :]):
            return True
    return False
