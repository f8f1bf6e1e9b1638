"""Whether a regular expression can be found in one text in exponentially many ways, so that it may take for ever where it is not found.

Python tries every way (backtracking). There are exponentially many where two different ways lead from a place inside an endless repetition
back to it over the same text (Weber and Seidl, 1991): ``(a+)+``, ``(a|a)*``, ``(a|ab|b)+``, ``(a?b?)*``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from re import _constants, _parser  # type: ignore[attr-defined]  # what Python itself reads patterns with; it has no public name
from typing import Any

Pieces = Sequence[Any]
"""A pattern as Python reads it: each piece an operation with what it holds."""
Letters = frozenset[str]

_TIMES_MAX = 16
"""A repetition of more times counts as one without end."""
_SIZE_MAX = 60_000
"""How many steps of two ways at once are looked at; of a pattern with more nobody says that it runs away."""
_PROBES = [*map(chr, range(0x80)), "é", "ß", "д", "中", "٣", "\u2028"]
"""A character of each sort that patterns tell apart; those that a pattern names itself are added."""
_SORTS: dict[Any, Callable[[str], bool]] = {
    _constants.CATEGORY_DIGIT: str.isdecimal,
    _constants.CATEGORY_SPACE: str.isspace,
    _constants.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    _constants.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdecimal(),
    _constants.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    _constants.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}
_FLAGS = re.compile(r"\(\?([a-z]+)")
"""Flags that a pattern sets, for all of it or a part: one that is set anywhere is taken to hold everywhere."""
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_SETTLED = (_constants.ATOMIC_GROUP, _constants.POSSESSIVE_REPEAT)
"""What is never tried a second way."""
_LETTERS = (_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY)


class _TooLargeError(Exception):
    """More than anybody looks at."""


def runs_away(pattern: str) -> bool:
    """Whether *pattern*, which compiles, is found in some texts in exponentially many ways. False also where it is too large to tell."""
    parsed = _parser.parse(pattern)
    try:
        said = "".join(_FLAGS.findall(pattern))
        ways = _Ways(parsed, ignoring_case="i" in said, any_line="s" in said)
        return _returns_twice(ways.follow(), ways.letters)
    except (_TooLargeError, RecursionError):
        return False


class _Ways:
    """A pattern as places between which empty steps lead, and letters that lead from a place to another."""

    def __init__(self, tree: Pieces, *, ignoring_case: bool, any_line: bool) -> None:
        self._empty: list[list[int]] = []
        self._from: list[list[int]] = []
        """By place: the letters that begin there."""
        self._to: list[int] = []
        """By letter: where it leads."""
        self.letters: list[Letters] = []
        self._probes = sorted({*_PROBES, *_named(tree)})
        self._ignoring_case, self._any_line, self._size = ignoring_case, any_line, 0
        self._laid(tree, self._place())

    def follow(self) -> list[list[int]]:
        """By letter: those that may come next, each as often as there are ways to it that consume nothing."""
        return [[letter for end in self._reached(place, ()) for letter in self._from[end]] for place in self._to]

    def _reached(self, place: int, before: tuple[int, ...]) -> Iterator[int]:
        """Every way of empty steps from *place*, by where it ends; none passes a place more than twice.

        Once is not enough: a repetition may be left and entered again between two letters, as that of ``(a?b?)*`` between a and b.
        """
        self._size += 1
        if self._size > _SIZE_MAX:
            raise _TooLargeError
        yield place
        for after in self._empty[place]:
            if before.count(after) < 2:
                yield from self._reached(after, (*before, after))

    def _place(self) -> int:
        self._empty.append([])
        self._from.append([])
        if len(self._empty) > _SIZE_MAX // 100:
            raise _TooLargeError
        return len(self._empty) - 1

    def _laid(self, tree: Pieces, start: int) -> int:
        """Lay *tree* out from *start* on; where it ends."""
        for op, held in tree:
            start = self._one(op, held, start)
        return start

    def _one(self, op: Any, held: Any, start: int) -> int:
        if op in _LETTERS:
            end = self._place()
            self._from[start].append(len(self.letters))
            self._to.append(end)
            self.letters.append(frozenset(letter for letter in self._probes if self._fits(op, held, letter)))
            return end
        if op is _constants.BRANCH:
            return self._joined([self._laid(branch, start) for branch in held[1]])
        if op is _constants.SUBPATTERN:
            return self._laid(held[-1], start)
        if op is _constants.GROUPREF_EXISTS:
            return self._joined([self._laid(branch or [], start) for branch in held[1:]])
        if op in _REPEATS:
            least, most, inner = held
            return self._repeated(least, most, inner, start)
        if op in _SETTLED:
            return self._one(_constants.ANY, None, start)
        return start  # looks at the text and consumes nothing of it that is known

    def _repeated(self, least: int, most: Any, tree: Pieces, start: int) -> int:
        endless = most is _constants.MAXREPEAT or most > _TIMES_MAX
        for _ in range(min(least, _TIMES_MAX)):
            start = self._laid(tree, start)
        if not endless:
            ends = [start]
            for _ in range(most - least):
                ends.append(self._laid(tree, ends[-1]))
            return self._joined(ends)
        again = self._joined([start])
        self._empty[self._laid(tree, again)].append(again)
        return self._joined([again])

    def _joined(self, ends: Iterable[int]) -> int:
        end = self._place()
        for one in ends:
            self._empty[one].append(end)
        return end

    def _fits(self, op: Any, held: Any, letter: str) -> bool:
        if op is _constants.ANY:
            return self._any_line or letter != "\n"
        if op is _constants.IN:
            negated = held[0][0] is _constants.NEGATE
            return negated != any(
                self._fits(kind, inner, letter) for kind, inner in held if kind is not _constants.NEGATE
            )
        if op is _constants.CATEGORY:
            return _SORTS[held](letter)
        alike = {letter, letter.swapcase()} if self._ignoring_case else {letter}
        if op is _constants.RANGE:
            return any(len(one) == 1 and held[0] <= ord(one) <= held[1] for one in alike)
        return (chr(held) in alike) != (op is _constants.NOT_LITERAL)


def _named(tree: Any) -> Iterator[str]:
    """The characters that a pattern names itself."""
    if isinstance(tree, int) and not isinstance(tree, bool) and tree < 0x110000:
        yield chr(tree)
    elif isinstance(tree, list | tuple | _parser.SubPattern):
        for one in tree:
            yield from _named(one)


def _returns_twice(follow: list[list[int]], letters: list[Letters]) -> bool:
    """Whether two different ways lead from some letter back to it over the same text: both are followed at once, as a pair of letters."""
    steps: dict[tuple[int, int], set[tuple[int, int]]] = {}
    parted: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    waiting = [(one, one) for one in range(len(letters))]
    size = 0
    while waiting:
        pair = waiting.pop()
        if pair in steps:
            continue
        steps[pair] = set()
        for (i, one), (j, other) in product(enumerate(follow[pair[0]]), enumerate(follow[pair[1]])):
            size += 1
            if size > _SIZE_MAX * 10:
                raise _TooLargeError
            if letters[one] & letters[other]:
                steps[pair].add((one, other))
                waiting.append((one, other))
                if pair[0] == pair[1] and i != j:
                    parted.add((pair, (one, other)))
    return any(_leads(steps, after, before) for before, after in parted)


def _leads(steps: dict[tuple[int, int], set[tuple[int, int]]], start: tuple[int, int], end: tuple[int, int]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        if (pair := waiting.pop()) == end:
            return True
        waiting += steps[pair] - seen
        seen |= steps[pair]
    return False
