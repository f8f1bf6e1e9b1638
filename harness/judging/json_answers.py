"""Whether an answer is JSON of a schema, told in a bounded time whatever patterns the schema has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.judging.patience import search_for
from harness.reading.patterns import subschemas

if TYPE_CHECKING:
    from jsonschema import ValidationError


def of_schema(schema: dict[str, Any]) -> Callable[[str], bool]:
    """Whether a text is JSON of *schema*; a pattern that takes too long on it is given up, and then it is not."""
    from jsonschema import validators
    from referencing import Registry

    by_key = any("patternProperties" in one for one in subschemas(schema))
    # A registry of its own: nothing that a schema names is fetched from anywhere.
    bounded = validators.extend(validators.validator_for(schema), {"pattern": _has_pattern})  # type: ignore[no-untyped-call] # it has no types

    @lru_cache(maxsize=64)
    def validator(keys: tuple[str, ...]) -> Any:
        return bounded(_with_keys(schema, keys), registry=Registry())

    def valid(text: str) -> bool:
        try:
            said = json.loads(text)
            keys = tuple(sorted(set(_keys(said)))) if by_key else ()
            return bool(validator(keys).is_valid(said))
        except (ValueError, RecursionError):
            return False

    return valid


def _has_pattern(_validator: object, pattern: str, text: object, _schema: object) -> Iterator[ValidationError]:
    """The keyword ``pattern`` of JSON Schema, in a bounded time."""
    from jsonschema import ValidationError

    if isinstance(text, str) and not search_for(pattern).found(text):
        yield ValidationError("does not match")


def _keys(said: object) -> Iterator[str]:
    """The keys of all objects in *said*."""
    if isinstance(said, dict):
        yield from said
    for inner in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        yield from _keys(inner)


def _with_keys(schema: Any, keys: tuple[str, ...]) -> Any:
    """*schema*, in which each pattern of ``patternProperties`` is one of those of *keys* in which it is found, and parts name no draft.

    The library looks for them wherever it tells which properties are further ones, with no limit of time, and these take none. A part
    that names a draft would be held against that one's keywords, with no limit either; that it is the draft of the whole is checked
    where the schema is read.
    """
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    for part in subschemas(copy):
        if part is not copy:
            part.pop("$schema", None)
        if isinstance(by_pattern := part.get("patternProperties"), dict):
            named = {_any_of(pattern, keys, at): inner for at, (pattern, inner) in enumerate(by_pattern.items())}
            part["patternProperties"] = named
    return copy


def _any_of(pattern: str, keys: tuple[str, ...], at: int) -> str:
    """What is found in those of *keys* in which *pattern* is, and in nothing else; *at* tells two apart that are found in the same."""
    found = "|".join(re.escape(key) for key in keys if search_for(pattern).found(key))
    return rf"\A(?:{found})\Z(?#{at})" if found else f"(?!)(?#{at})"
