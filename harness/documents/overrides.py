"""Settings of a document replaced from a command line: ``load.rate_per_s=40``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

from harness.documents import paths
from harness.documents.document import Document, M
from harness.documents.plain import Plain
from harness.documents.sentences import refusals, validate
from harness.documents.tree import RefusedError, compose
from harness.problems import Problem, UsageProblems


def overridden(document: Document[M], model: type[M], settings: Mapping[str, str]) -> Document[M]:
    """*document* with each path of *settings* set to its value, read as YAML; the text stays as it was written.

    Raises UsageProblems with all that is wrong with the settings.
    """
    if not settings:
        return document
    value = deepcopy(document._tree.root.value)  # noqa: SLF001 - the same package
    problems = [problem for path, text in settings.items() if (problem := _put(value, path, text))]
    found = [] if problems else refusals(model, value)
    problems += [Problem(said.what, path=f"--set {paths.written(said.path)}") for said in found]
    if problems:
        raise UsageProblems(*problems)
    return replace(document, value=validate(model, value))


def _put(value: Plain, path: str, text: str) -> Problem | None:
    """Set *path* inside *value*; what is wrong when there is no such place."""
    try:
        *before, last = paths.parse(path)
        new = compose(f"value: {text}").root.value
    except (ValueError, RefusedError) as error:
        return Problem(str(error), path=f"--set {path}")
    for step in before:
        match value, step:
            case dict(), str():
                value = value.setdefault(step, {})
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return Problem("there is no such place in the scenario", path=f"--set {path}")
    match value, last:
        case dict(), str():
            value[last] = new["value"] if isinstance(new, dict) else new
        case list(), int() if last < len(value):
            value[last] = new["value"] if isinstance(new, dict) else new
        case _:
            return Problem("there is no such place in the scenario", path=f"--set {path}")
    return None


