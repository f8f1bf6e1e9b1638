"""What a file can say of a text: a regular expression, or a JSON Schema; one that cannot be used is refused where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from harness.reading.ambiguity import runs_away

_CONDITION = re.compile(r"\(\?<?[=!]|\$|\\[bBZ]")
"""What makes a pattern depend on more than the place where it is found; of such a one nobody can tell so easily."""
_UNLIKE = ("", "\x00", "It is 3.")
_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})
"""Keywords of JSON Schema under which schemas stand by names."""
_LATEST = "https://json-schema.org/draft/2020-12/schema"
"""The draft of a schema that names none."""
_VALUES = frozenset({"const", "enum", "default", "examples"})
"""Those under which values stand, whatever they look like."""


def _compiles(pattern: str) -> str:
    if said := _unusable(pattern):
        raise ValueError(said)
    if not _CONDITION.search(pattern) and all(re.search(pattern, text) for text in _UNLIKE):
        raise ValueError(
            f"{pattern!r} is found in every text, so it says nothing of any; write what has to stand there"
        )
    return pattern


def _unusable(pattern: str) -> str:
    """Why *pattern* cannot be looked for; empty where it can."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        return f"{pattern!r} is no regular expression: {error}"
    if runs_away(pattern):
        return (
            f"{pattern!r} matches some texts in more ways than can be tried, as (a+)+ and (a|ab|b)+ do, so that it may take for ever on an "
            "answer that it is not found in; let there be one way only through what it repeats"
        )
    return ""


def patterns(schema: Any) -> Iterator[str]:
    """The regular expressions in a JSON Schema."""
    for part in subschemas(schema):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        if isinstance(part.get("patternProperties"), dict):
            yield from part["patternProperties"]


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """*schema* and all that stand in it as schemas; a property that is called as a keyword is none, and neither is a value."""
    if isinstance(schema, list):
        for one in schema:
            yield from subschemas(one)
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, inner in schema.items():
        if keyword in _BY_NAME and isinstance(inner, dict):
            yield from subschemas([*inner.values()])
        elif keyword not in _VALUES:
            yield from subschemas(inner)


def _is_a_schema(schema: dict[str, Any]) -> dict[str, Any]:
    # Only who uses one waits for the library.
    from jsonschema import SchemaError, validators

    for reference in _references(schema):
        if not reference.startswith("#"):
            raise ValueError(f"$ref {reference!r} leads out of the file; write what it stands for below $defs")
    try:
        validators.validator_for(schema).check_schema(schema)
    except SchemaError as error:
        place = "".join(f"/{part}" for part in error.absolute_path)
        raise ValueError(f"is no JSON Schema: {f'at {place}: ' if place else ''}{error.message}") from error
    for said in filter(None, map(_unusable, patterns(schema))):
        raise ValueError(said)
    whole = schema.get("$schema", _LATEST)
    if others := [one["$schema"] for one in subschemas(schema) if one.get("$schema", whole) != whole]:
        raise ValueError(
            f"$schema {others[0]!r} inside one of {whole!r}; write the whole in one draft, and name it at the top alone"
        )
    return schema


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


Regex = Annotated[str, AfterValidator(_compiles)]
"""A Python regular expression, looked for anywhere in a text."""
JsonSchema = Annotated[dict[str, Any], AfterValidator(_is_a_schema)]
