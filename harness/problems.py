"""Errors of the person who wrote a file or a command line: what was wrong, where, and what would be right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: *what* it is and what would be right; *path* is the place inside the document."""

    what: str
    file: str = ""
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        where = " ".join(part for part in (place, self.path) if part)
        return f"{where}: {self.what}" if where else self.what


def cannot(error: OSError) -> str:
    """What the system would not do, in a sentence: with the file, where it is about one."""
    about = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return f"{about}: {error.strerror or error}" if about else f"{error.strerror or error}"


class UsageProblems(Exception):  # noqa: N818 - it is not an error of the program
    """A file or the command line is wrong; nothing was touched. Exit status 2."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class HarnessError(Exception):
    """The harness or a process that it started failed; the message says which, and shows the end of its log. Exit status 70."""


class RefusedError(HarnessError):
    """Somebody else's word keeps a run from beginning: its target is held, or frozen; nothing was touched. Exit status 5."""


class UnansweredError(HarnessError):
    """Who is to say whether something may begin does not answer, or nothing that can be read; nothing was touched. Exit status 2."""


class UnavailableError(HarnessError):
    """A program that every run needs is not on this machine and cannot be had; nothing was touched."""


class UnavailableProblems(UsageProblems):
    """A server was named that every run needs, and none answers there; nothing was touched."""
