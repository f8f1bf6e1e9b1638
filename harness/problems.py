"""Errors of the person who wrote a file or a command line: what was wrong, where, and what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTED = r"""(?P<quote>['"])(?P<begin>[A-Za-z][\w+.-]*:/{1,3})?(?P<user>(?:\\.|(?!(?P=quote))[^\\\n])*)@(?!sha256:)"""
_BARE = r"""(?<![\w+.-])(?P<begin>[A-Za-z][\w+.-]*:/{1,3})(?P<user>[^\s/@]*|[^\s/@]*:(?!\d+[/\s])[^\s'"]*)@"""
_IN_QUOTES, _ALONE = re.compile(_QUOTED), re.compile(_BARE)
_SAID_SECRET = re.compile(
    r"(?i)(?P<name>[?&;][\w.-]*(?:key|token|secret|password|passwd|pwd|sig|signature|sas|auth)=)(?P<value>[^\s&#'\"]+)"
)
_FILLED_IN = re.compile(r"(?:[^:]*:)?(?:\$\{\w+\}|\{[\w.]+\})+")
"""A user whose password is not known yet."""


def without_passwords(text: str) -> str:
    """*text* with ``…`` for whoever stands before the host of an address in it, and for keys in its query: how addresses are shown.

    What of it is filled in later, ``${NAME}``, stays. Between quotes an address may hold whatever an address may not.
    """
    if "@" in text:
        text = _ALONE.sub(_hidden, _IN_QUOTES.sub(_hidden, text))
    return _SAID_SECRET.sub(lambda found: f"{found['name']}{_shown(found['value'])}", text) if "=" in text else text


def _hidden(found: re.Match[str]) -> str:
    begin, user = found["begin"] or "", found["user"]
    if not begin and (":" not in user or re.search(r"\s|/.*:", user)):
        return found[0]  # no address: a sentence, or a path
    return f"{found.groupdict().get('quote') or ''}{begin}{_shown(user)}@"


def _shown(secret: str) -> str:
    return secret if _FILLED_IN.fullmatch(secret) else "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: *what* it is and what would be right; *path* is the place inside the document."""

    what: str
    file: str = ""
    line: int | None = None
    path: str = ""

    def __post_init__(self) -> None:
        for name in ("what", "file", "path"):
            object.__setattr__(self, name, without_passwords(getattr(self, name)))

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

    def __str__(self) -> str:
        return without_passwords(super().__str__())


class RefusedError(HarnessError):
    """Somebody else's word keeps a run from beginning: its target is held, or frozen; nothing was touched. Exit status 5."""


class UnansweredError(HarnessError):
    """Who is to say whether something may begin does not answer, or nothing that can be read; nothing was touched. Exit status 2."""


class UnavailableError(HarnessError):
    """A program that every run needs is not on this machine and cannot be had; nothing was touched."""


class UnavailableProblems(UsageProblems):
    """A server was named that every run needs, and none answers there; nothing was touched."""
