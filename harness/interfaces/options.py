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
LoadHostsOption = Annotated[
    int,
    typer.Option(
        "--load-hosts",
        metavar="N",
        min=0,
        max=64,
        help="So many of the load's workers are on other machines: load-worker.",
    ),
]
LoadBindOption = Annotated[
    str | None,
    typer.Option(
        "--load-bind", metavar="ADDRESS[:PORT]", help="Of this machine, at which those come; default: loopback."
    ),
]
LoadWaitOption = Annotated[str, typer.Option("--load-wait", metavar="TIME", help="How long they are waited for.")]
_MAY_BE_EMPTY = {"--why", "--owner", "--ticket", "--due", "--name", "--answer", "--command"}
"""Texts of which empty is one, with a meaning or a sentence of its own; as a JSON Pointer it is the whole document."""


def time_s(option: str, text: str) -> float:
    """Raises UsageProblems that names the *option* where *text* is no time."""
    from harness.problems import Problem, UsageProblems
    from harness.reading.quantities import seconds

    try:
        found_s = seconds(text)
    except ValueError as error:
        raise UsageProblems(Problem(str(error), path=option)) from error
    if not found_s:
        raise UsageProblems(Problem(f"{text!r} is no time at all, and so too short", path=option))
    return found_s


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
