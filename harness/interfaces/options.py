"""Options that commands of several modules have in common, and what none of them takes: a value that is empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

AllowHost = Annotated[
    list[str] | None, typer.Option("--allow-host", metavar="HOST", help="Allow traffic to a host off this machine.")
]
ToxiproxyUrl = Annotated[str | None, typer.Option("--toxiproxy-url", help="A running Toxiproxy server to use.")]
_MAY_BE_EMPTY = {"--why", "--owner", "--ticket", "--due", "--name", "--answer", "--command"}
"""Texts of which empty is one, with a meaning or a sentence of its own; as a JSON Pointer it is the whole document."""


class Commands(TyperGroup):
    """A group whose commands take no value that is empty: as a path it would mean the folder in which one happens to be."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What typer does, once *args* are looked at. Raises UsageProblems that names each option whose value is empty."""
        from harness.problems import Problem, UsageProblems

        if found := _empty(args):
            what = "is empty, as where a variable of the shell is not set; give it a value, or leave it out"
            raise UsageProblems(*(Problem(what, path=name) for name in found))
        return super().resolve_command(ctx, args)


def _empty(args: Sequence[str]) -> list[str]:
    """The options of *args* whose value is empty, and which of the other words are."""
    found = []
    for before, word in zip(("", *args), args, strict=False):
        name = word.partition("=")[0] if word.startswith("--") and word.endswith("=") and word.count("=") == 1 else ""
        if not word.strip():
            name = before if before.startswith("-") else f"the word behind {before!r}"
        if name and name not in _MAY_BE_EMPTY:
            found.append(name)
    return found
