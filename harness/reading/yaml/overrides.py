"""Settings given on the command line, put in the place of those in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json import dumps
from types import MappingProxyType

from harness.problems import Problem, UsageProblems
from harness.reading.yaml import paths
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.tree import RefusedError, compose

OF_TARGET = "target."
"""How the key of a setting begins that is the target file's; all others are the scenario's."""
_OF_ENVIRONMENT = ".env."
_NAMES_OF_ITEMS = ("id", "name", "region", "kind")
"""By which keys people tell what stands in a list."""
_ANYWHERE: Mapping[str, str] = MappingProxyType({})


def ends_with(model: type) -> Mapping[str, str]:
    """Which key stays the last of a mapping, by the mapping's key; a model tells it as its ``ends_with``."""
    told: Mapping[str, str] = getattr(model, "ends_with", _ANYWHERE)
    return told


def split(written: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts ``KEY=VALUE``, the last of each key, as the scenario's settings and the target's, each by its path; others are left out."""
    of_scenario, of_target = dict[str, str](), dict[str, str]()
    for one in written:
        key, equals, value = one.partition("=")
        if key.startswith(OF_TARGET):
            # An environment holds texts alone, so that nobody has to put a number in quotes twice: for the shell and for YAML.
            text = dumps(value) if _OF_ENVIRONMENT in key and value[:1] not in ('"', "'") else value
            of_target[key.removeprefix(OF_TARGET)] = text
        elif key and equals:
            of_scenario[key] = value
    return of_scenario, of_target


def apply(
    overrides: Mapping[str, str], document: Plain, last: Mapping[str, str] = _ANYWHERE
) -> tuple[Plain, tuple[KeyPath, ...]]:
    """*document* with each text of *overrides*, as a file would hold it, at its path; and the paths.

    Mappings on the way to a path are made, and a new key of one is its last, but for the key that *last* names for it. Raises
    UsageProblems with every override that cannot be put in its place.
    """
    problems, put = [], []
    for key, text in overrides.items():
        try:
            path = paths.parse(key)
            document = _replaced(document, path, _value(text), last.get(str(path[0])) if len(path) == 2 else None)
            put.append(path)
        except NowhereError as error:
            problems.append(problem(key, f"there is no such place in the file; {error.beside(key)}"))
        except ValueError as error:
            problems.append(problem(key, str(error)))
    if problems:
        raise UsageProblems(*problems)
    return document, tuple(put)


def problem(key: str, what: str) -> Problem:
    """A problem that is mended on the command line."""
    return Problem(what, path=f"--set {key}")


def _replaced(document: Plain, path: KeyPath, value: Plain, last: str | None) -> Plain:
    if not path:
        return value
    step, rest = path[0], path[1:]
    match document, step:
        case dict() as mapping, str():
            put = {**mapping, step: _replaced(mapping.get(step), rest, value, last)}
            if last is not None and last in put and not rest:
                put[last] = put.pop(last)
            return put
        case None, str():
            return {step: _replaced(None, rest, value, last)}
        case list() as items, int() if step < len(items):
            return [*items[:step], _replaced(items[step], rest, value, last), *items[step + 1 :]]
        case _:
            raise NowhereError(document, len(path), step)


class NowhereError(ValueError):
    """Of what a path leads to there is no *step*; *left* steps of it are still to be gone."""

    def __init__(self, there: Plain, left: int, step: str | int) -> None:
        super().__init__(step)
        self._there, self._left, self._step = there, left, step

    def beside(self, key: str) -> str:
        """What there is in its place, of the setting of *key*."""
        way = paths.written(paths.parse(key)[: -self._left])
        if not isinstance(self._there, list):
            return f"{way} is {'a mapping' if isinstance(self._there, dict) else 'one value'}"
        if not self._there:
            return f"{way} is empty"
        for number, item in enumerate(self._there):
            if isinstance(item, dict) and self._step in [item.get(name) for name in _NAMES_OF_ITEMS]:
                return f"{way} is a list, so write {way}[{number}] for {self._step!r}"
        last = len(self._there) - 1
        return f"{way} is a list: there is {way}[0]" + (f" to {way}[{last}]" if last else "")


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
