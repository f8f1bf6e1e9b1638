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


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if runs_away(pattern):
        raise ValueError(
            f"{pattern!r} matches some texts in more ways than can be tried, as (a+)+ and (a|ab|b)+ do, so that it may take for ever on an "
            "answer that it is not found in; let there be one way only through what it repeats"
        )
    if not _CONDITION.search(pattern) and all(re.search(pattern, text) for text in _UNLIKE):
        raise ValueError(
            f"{pattern!r} is found in every text, so it says nothing of any; write what has to stand there"
        )
    return pattern


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
