"""A first target file from what was said to the file on disk, and what a person is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import join

from harness.checks import needs
from harness.first_target.draft import Draft
from harness.first_target.given import Given, draft
from harness.first_target.text import document, refuse_what_is_there, write
from harness.reading.placeholders import written_out


def initiated(given: Given, environment: Mapping[str, str], within_s: float, *, over: bool) -> Iterator[str]:
    """Write the target file that *given* comes to, and say line by line what was found, what is missing, and what to do next.

    Raises UsageProblems, and writes nothing, where what was said is wrong, or a file is there that nobody said may be written *over*.
    """
    if not over:
        refuse_what_is_there(given.file)
    made = draft(given, environment, within_s)
    target = document(made, str(given.file))
    write(target.text, given.file, over=over)
    yield f"written   {given.file}"
    yield from (f"found     {said}" for said in made.found)
    yield from (f"missing   {said}" for said in made.missing)
    yield from (f"missing   {wrong.path}: {wrong.what}" for wrong in written_out(target))
    lacking = list(needs(target, environment))
    yield from (f"needs     {need}" for need in lacking if not need.startswith("--allow-host "))
    yield from _told(made)
    if made.head:
        yield f"next      save what the head of {given.file} says as compose.harness.yaml, and run the commands below it"
    else:
        allowed = [word for need in lacking if need.startswith("--allow-host ") for word in need.split()]
        yield f"next      {join(['harness', 'ask', str(given.file), *allowed])}"


def _told(made: Draft) -> Iterator[str]:
    """What a service that runs already has to be told, so that it reaches what it depends on through the harness."""
    for one in made.dependencies if made.listens and not made.head else ():
        for variable, text in one.told_at(made.listens[one.name]).items():
            yield f"tell it   {variable}={text}"
