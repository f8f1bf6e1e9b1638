"""A document with its slips of keys and kinds put right, so that the rest can be checked: told from, never run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.reading.yaml.expected import nearest_one
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.sentences import slips_of, validate
from harness.reading.yaml.types import Choice, Place, bare, locate

_MOST = 50
"""A file with more slips than this has its first ones mended."""


class Mended(NamedTuple):
    """The *value*, and how each key that was put right is *written* in the file, by its path in the value."""

    value: Plain
    written: dict[KeyPath, str]


def mended(annotation: object, value: Plain) -> Mended:
    """*value* with each key that is a slip of one of *annotation*, and each tag that is one of a known one, as it is meant."""
    written: dict[KeyPath, str] = {}
    for _ in range(_MOST):
        if (slip := next(_of_keys(annotation, value), None)) is not None:
            path, meant = slip
            value = _renamed(value, path, meant)
            written[(*path[:-1], meant)] = str(path[-1])
        elif (tag := next(_of_tags(annotation, value), None)) is not None:
            value = _put(value, *tag)
        else:
            break
    return Mended(value, written)


def _of_keys(annotation: object, value: Plain) -> Iterator[tuple[KeyPath, str]]:
    for one, place in _refusals(annotation, value):
        yield from ((slip.path, slip.meant) for slip in slips_of(one, place, value))
        choice = bare(place.wanted)
        if isinstance(choice, Choice) and choice.tag is not None and one["type"] == "union_tag_not_found":
            known = list(choice.tagged())
            keys = [key for key, said in one["input"].items() if nearest_one(key, [choice.tag]) and said in known]
            yield from (((*place.path, key), choice.tag) for key in keys)


def _of_tags(annotation: object, value: Plain) -> Iterator[tuple[KeyPath, str]]:
    for one, place in _refusals(annotation, value):
        choice = bare(place.wanted)
        if isinstance(choice, Choice) and choice.tag is not None and one["type"] == "union_tag_invalid":
            said = one["input"].get(choice.tag)
            near = nearest_one(said, list(choice.tagged())) if isinstance(said, str) else None
            if near is not None:
                yield (*place.path, choice.tag), near


def _refusals(annotation: object, value: Plain) -> Iterator[tuple[ErrorDetails, Place]]:
    """Why *value* is none of *annotation*, and where in it."""
    try:
        validate(annotation, value)
    except ValidationError as error:
        yield from ((one, locate(annotation, one["loc"])) for one in error.errors(include_url=False))


def _renamed(value: Plain, path: KeyPath, meant: str) -> Plain:
    """*value*, in which the key at the end of *path* is another, in its place."""
    match value:
        case dict() if len(path) == 1:
            return {meant if key == path[0] else key: held for key, held in value.items()}
        case dict():
            return {key: _renamed(held, path[1:], meant) if key == path[0] else held for key, held in value.items()}
        case list():
            return [_renamed(held, path[1:], meant) if index == path[0] else held for index, held in enumerate(value)]
    raise AssertionError(path)


def _put(value: Plain, path: KeyPath, text: str) -> Plain:
    """*value* with *text* at *path*."""
    if not path:
        return text
    match value:
        case dict():
            return {key: _put(held, path[1:], text) if key == path[0] else held for key, held in value.items()}
        case list():
            return [_put(held, path[1:], text) if index == path[0] else held for index, held in enumerate(value)]
    raise AssertionError(path)
