"""Settings given on the command line, put in the place of those in a file."""

from __future__ import annotations

from collections.abc import Mapping

from harness.problems import Problem, UsageProblems
from harness.reading.yaml import paths
from harness.reading.yaml.paths import Path
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.tree import RefusedError, compose


def apply(overrides: Mapping[str, str], document: Plain) -> tuple[Plain, tuple[Path, ...]]:
    """*document* with each text of *overrides*, as a file would hold it, at its path; and the paths.

    Mappings on the way to a path are made. Raises UsageProblems with every override that cannot be put in its place.
    """
    problems, put = [], []
    for key, text in overrides.items():
        try:
            path = paths.parse(key)
            document = _replaced(document, path, _value(text))
            put.append(path)
        except ValueError as error:
            problems.append(problem(key, str(error)))
    if problems:
        raise UsageProblems(*problems)
    return document, tuple(put)


def problem(key: str, what: str) -> Problem:
    """A problem that is mended on the command line."""
    return Problem(what, path=f"--set {key}")


def _replaced(document: Plain, path: Path, value: Plain) -> Plain:
    if not path:
        return value
    step, rest = path[0], path[1:]
    match document, step:
        case dict() as mapping, str():
            return {**mapping, step: _replaced(mapping.get(step), rest, value)}
        case None, str():
            return {step: _replaced(None, rest, value)}
        case list() as items, int() if step < len(items):
            return [*items[:step], _replaced(items[step], rest, value), *items[step + 1 :]]
        case _:
            raise ValueError("there is no such place in the file")


def _value(text: str) -> Plain:
    try:
        tree = compose(f"value: {text}\n")
    except RefusedError as refused:
        raise ValueError(refused.wrong.what) from None
    if tree.wrongs:
        raise ValueError(tree.wrongs[0].what)
    if list(tree.root.children) != ["value"]:
        raise ValueError(f"{text!r} is not one value")
    return tree.root.children["value"].value
