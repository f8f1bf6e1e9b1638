"""Results of many runs, read fast for the little that a look over all of them needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.problems import Problem, UsageProblems

_DEEP = 5
_RESULT = "result.json"


class Named(msgspec.Struct, frozen=True, gc=False):
    name: str


class PastFault(msgspec.Struct, frozen=True, gc=False):
    kind: str
    links: list[str]
    confirmed: bool = False
    id: str = ""
    injected_at_s: float | None = None
    attempts_affected: int | None = None


class PastPhase(msgspec.Struct, frozen=True, gc=False):
    name: str
    end_s: float


class PastFinding(msgspec.Struct, frozen=True, gc=False):
    """An expectation and what came of it, as in `judging.result.Finding`."""

    expectation: str
    metric: str
    phase: str | None
    limit: float
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    censored: bool = False
    labels: dict[str, str] = {}
    among: str | None = None
    after: str | None = None
    window: str | None = None


class Unit(msgspec.Struct, frozen=True, gc=False):
    unit: str = ""


class OnLink(msgspec.Struct, frozen=True, gc=False):
    link: str


class Past(msgspec.Struct, frozen=True):
    """One run of before, in *folder* below the place that was looked through."""

    run_id: str
    verdict: str
    scenario: Named
    target: Named
    started_at: str
    findings: list[PastFinding] = []
    faults: list[PastFault] = []
    phases: list[PastPhase] = []
    metrics: dict[str, Unit] = {}
    by_link: list[OnLink] = []
    links: dict[str, str] = {}
    commit: str = ""
    folder: str = ""

    @property
    def dependencies(self) -> set[str]:
        """Links that it is known to have had; a run of before they were written down tells of those that carried HTTP or were broken."""
        return {
            *self.links,
            *(one.link for one in self.by_link),
            *(link for fault in self.faults for link in fault.links),
        }


def read(out: Path) -> tuple[list[Past], list[str]]:
    """Every judged run below *out*, the oldest first, and a line for each whose result cannot be read.

    Raises UsageProblems where there is no such folder.
    """
    if not out.is_dir():
        raise UsageProblems(Problem("no such folder", file=str(out)))
    decoder, runs, unread = msgspec.json.Decoder(Past), [], []
    for folder in _folders(out, _DEEP):
        try:
            past = decoder.decode((folder / _RESULT).read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            unread.append(f"{folder / _RESULT}: not read: {error}")
        else:
            runs.append(msgspec.structs.replace(past, folder=folder.relative_to(out).as_posix()))
    return sorted(runs, key=lambda past: (past.started_at, past.run_id)), unread


def _folders(path: Path, deep: int) -> Iterator[Path]:
    """Folders that hold a result; what stands inside of one is its own. What cannot be looked into, or is gone by then, holds none."""
    try:
        with os.scandir(path) as entries:
            below = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name == _RESULT and entry.is_file() for entry in below):
        yield path
    elif deep:
        for entry in below:
            if entry.is_dir(follow_symlinks=False):
                yield from _folders(Path(entry.path), deep - 1)
