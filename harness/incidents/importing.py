"""Reads logs: each file in the form that it has, each row once, and what cannot be read counted and shown by its line."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from math import nan
from pathlib import Path

from harness.incidents.calls import Broken, Call, Calls, Gathering
from harness.incidents.columns import listed
from harness.incidents.formats import Format, formats
from harness.incidents.formats.table import names_in
from harness.incidents.source import Source
from harness.incidents.tries import once, one_row_a_try
from harness.problems import Problem, UsageProblems
from harness.reading.recorded_curves import SECONDS_MOST
from harness.registry import UnknownNameError

AUTO = "auto"
SHOWN = 5
"""So many broken rows are shown."""
_DURATION_MOST_MS = 1e3 * SECONDS_MOST


@dataclass
class Log:
    """What files of logs came to: *calls* to dependencies, *requests* of clients, and what is in neither.

    *broken*: the first rows that could not be read, each with its file and line, of *broken_rows*. *passed*: how many rows were no calls,
    by what they are. *forms*: in which form each file was. *zoneless*: the files whose times name no zone. *untimed*: of how many calls
    it is not used how long they took, since they end before they begin, or last longer than a week. *told*: how it was
    read, as far as that is to be known.
    """

    calls: Calls
    requests: Calls
    forms: dict[str, str]
    rows: int = 0
    broken_rows: int = 0
    broken: list[Problem] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    zoneless: list[str] = field(default_factory=list)
    untimed: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def of_clients(self) -> Calls:
        """What clients asked: their requests where the log has them, else the first call for each."""
        return self.requests if self.requests.size else first_calls(self.calls)

    @property
    def of_links(self) -> Calls:
        """What was asked of dependencies; where the log has requests of clients alone, those."""
        return self.calls if self.calls.size else self.requests


def read(
    files: Sequence[Path],
    form: str = AUTO,
    *,
    columns: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    with_prompts: bool = False,
) -> Log:
    """All calls in *files*, which together are one log. *form*: which one they are in; `AUTO` looks at each.

    *columns*: of a table, what stands in which; *zone*: that of stamps that name none. Raises UsageProblems where a file cannot be read, is
    in no known form, or holds no call at all.
    """
    reading = _Reading(Gathering(with_prompts))
    for path in files:
        with Source(path, columns or {}, zone) as source:
            reading.read(source, *_form(source, form))
    return reading.log(files)


def _form(source: Source, form: str) -> tuple[str, Format]:
    heads = [*source.heads()]
    if not heads[-1].strip():
        raise UsageProblems(Problem("is empty", str(source.path)))
    if form != AUTO:
        try:
            return form, formats[form]
        except UnknownNameError as error:
            raise UsageProblems(Problem(str(error), path="--as")) from None
    if source.columns:
        return "csv", formats["csv"]
    for name, one in formats.items():
        if any(map(one.suits, heads)):
            return name, one
    raise UsageProblems(Problem(_in_no_form(heads), str(source.path)))


def _in_no_form(heads: Sequence[bytes]) -> str:
    what = f"is in no form that is known ({', '.join(formats)}); say which with --as"
    if not (names := names_in(heads[0])):
        return f"{what}. Other lines of text have to be made a table, with a first line that names its columns"
    said = "--as csv --column start=NAME --column duration_ms=NAME --column status=NAME"
    return f"{what}, and of rows of other names what stands where: {said}. Its names: {listed(names)}"


@dataclass
class _Reading:
    gathering: Gathering
    forms: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    broken_rows: int = 0
    broken: list[Problem] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    zoneless: list[str] = field(default_factory=list)
    untimed: int = 0
    told: list[str] = field(default_factory=list)
    around: array[int] = field(default_factory=lambda: array("q"))

    def read(self, source: Source, name: str, reader: Format) -> None:
        self.forms[str(source.path)] = name
        add = self.gathering.add
        for found in reader.read(source):
            self.rows += 1
            if isinstance(found, Call):
                if found.duration_ms < 0 or found.duration_ms > _DURATION_MOST_MS:
                    found = found._replace(duration_ms=nan, first_ms=nan)
                    self.untimed += 1
                add(found)
            elif isinstance(found, Broken):
                self.broken_rows += 1
                if len(self.broken) < SHOWN:
                    self.broken.append(Problem(found.why, str(source.path), found.line))
            else:
                self.passed[found.kind] += 1
                if found.span and found.parent:
                    self.around.extend((found.span, found.parent))
        self.zoneless += [str(source.path)] * bool(source.zoneless)
        self.told += source.told

    def log(self, files: Sequence[Path]) -> Log:
        every = self.gathering.calls()
        each = once(every)
        tries, others = one_row_a_try(each, self.around)
        found = _linked(tries)
        self.passed.update({"copies of rows": every.size - each.size} if each.size < every.size else {}, **others)
        if not found.size:
            passed = f"; {sum(self.passed.values())} rows are {', '.join(self.passed)}" if self.passed else ""
            what = f"there is no call in it that could be read{passed}"
            where = str(files[0]) if len(files) == 1 else ""
            raise UsageProblems(Problem(what, where), *self.broken)
        calls, requests = found.taken(~found.of_client), found.taken(found.of_client)
        return Log(
            calls, requests, self.forms, self.rows, self.broken_rows, self.broken, dict(self.passed), self.zoneless, self.untimed,
            [*dict.fromkeys(self.told)],
        )  # fmt: skip


def _linked(calls: Calls) -> Calls:
    """*calls* of which those that say no link have the one that most calls of their model have, else that most of all have."""
    import numpy as np

    blank, there = (calls.link == 0) & ~calls.of_client, (calls.link != 0) & ~calls.of_client
    if not (blank.any() and there.any()):
        return calls
    link = np.where(blank, np.bincount(calls.link[there]).argmax(), calls.link)
    for model in np.unique(calls.model[blank]):
        known = calls.link[there & (calls.model == model)]
        if known.size:
            link[blank & (calls.model == model)] = np.bincount(known).argmax()
    return replace(calls, link=link)


def first_calls(calls: Calls) -> Calls:
    """Of calls that are for one request the first, as far as the log says which are; the others are taken to be tries again."""
    import numpy as np

    if not calls.request.any():
        return calls
    _, firsts = np.unique(calls.request, return_index=True)
    return calls.taken(
        np.sort(np.concatenate([firsts[calls.request[firsts] != 0], np.flatnonzero(calls.request == 0)]))
    )
