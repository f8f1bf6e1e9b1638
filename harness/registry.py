"""One mechanism for every plug-in point: a name in a file stands for a thing in code.

A third party's package registers its things in a module, and names that module in its metadata, by the table it adds to::

    [project.entry-points.harness]
    faults = "my_package.faults"
    metrics = "my_package.metrics"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class UnknownNameError(LookupError):
    """A name that no one registered; the message lists those that are, and the nearest."""


class Registry(Generic[Thing]):
    """Things of one *noun* by name. A second registration of a name raises ValueError."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._things: dict[str, Callable[[], Thing]] = {}

    def add(self, name: str, thing: Thing) -> Thing:
        self.add_made(name, lambda: thing)
        return thing

    def add_made(self, name: str, make: Callable[[], Thing]) -> None:
        """The thing called *name* is what *make* returns, which is asked once, and not before somebody wants it."""
        if name in self._things:
            raise ValueError(f"{self.noun} {name!r} is registered twice")
        self._things[name] = cache(make)

    def __getitem__(self, name: str) -> Thing:
        if name in self._things:
            return self._things[name]()
        raise UnknownNameError(f"unknown {self.noun} {name!r}; {suggestion(name, list(self._things))}")

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def items(self) -> list[tuple[str, Thing]]:
        return [(name, thing()) for name, thing in self._things.items()]


def load_third_parties(table: str) -> None:
    """Import every installed module that adds to *table*: faults, metrics, diagnoses, sections, dialects, and others of the kind."""
    for point in _third_parties().select(name=table):
        point.load()


@cache
def _third_parties() -> EntryPoints:
    # To look through all that is installed takes longer than all else that is done with it.
    return entry_points(group="harness")


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The one of *known* that *name* is most likely a slip of, if there is one.

    One that differs in capitals alone is the nearest.
    Of several that are as near, one with the same letters or the same beginning: two letters in the wrong order are the usual slip.
    """
    if same := [other for other in known if other.lower() == name.lower() and other != name]:
        return same[:1]
    near = get_close_matches(name, known, n=3, cutoff=0.61)
    return sorted(near, key=lambda other: (sorted(other) != sorted(name), near.index(other)))[:1]


def suggestion(name: str, known: list[str]) -> str:
    """What would be right in place of *name*: the nearest of *known*, else all of them."""
    near = nearest(name, known)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"


def letters_apart(one: str, other: str) -> int:
    """How many letters have to be put in, left out or changed to make *other* of *one* (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        above, row = row, [i]
        for j, wanted in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != wanted)))
    return row[-1]
