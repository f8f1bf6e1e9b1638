"""What a file can say of a text: a regular expression, or a JSON Schema; one that cannot be used is refused where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # what Python itself reads patterns with; it has no public name
from typing import Annotated, Any

from pydantic import AfterValidator

_CONDITION = re.compile(r"\(\?<?[=!]|\$|\\[bBZ]")
"""What makes a pattern depend on more than the place where it is found; of such a one nobody can tell so easily."""
Pieces = Sequence[Any]
"""A pattern as Python reads it: each piece an operation with what it holds."""
BRANCH, MAXREPEAT, SUBPATTERN = _constants.BRANCH, _constants.MAXREPEAT, _constants.SUBPATTERN
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_UNLIKE = ("", "\x00", "It is 3.")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if _runs_away(_parser.parse(pattern)):
        raise ValueError(
            f"{pattern!r} repeats what itself repeats, as (a+)+ does, so that it may take for ever on an answer that it is not found in; "
            "write it without one repetition inside another"
        )
    if not _CONDITION.search(pattern) and all(re.search(pattern, text) for text in _UNLIKE):
        raise ValueError(
            f"{pattern!r} is found in every text, so it says nothing of any; write what has to stand there"
        )
    return pattern


def _runs_away(tree: Pieces) -> bool:
    """Whether a text can be matched in more ways than can be tried: by a repetition of nothing but a repetition, as ``(a+)+``.

    Such a text is cut into pieces in 2^n ways, and one that does not fit is held against each (backtracking). Not all is told: neighbours
    that match the same text (``.*.*x``) take a time that grows with a power of its length.
    """
    for op, held in tree:
        inner = _inside(op, held)
        endless = op in _REPEATS and held[1] is MAXREPEAT
        if (endless and any(map(_only_repeats, inner))) or any(map(_runs_away, inner)):
            return True
    return False


def _inside(op: Any, held: Any) -> list[Pieces]:
    """The patterns inside one piece of a pattern."""
    if op is BRANCH:
        return list(held[1])
    if op in (*_REPEATS, SUBPATTERN):
        return [held[-1]]
    return []


def _only_repeats(tree: Pieces) -> bool:
    """Whether all that has to be there of *tree* is one repetition without end."""
    pieces = list(tree)
    for place, (op, held) in enumerate(pieces):
        rest = pieces[:place] + pieces[place + 1 :]
        endless = op in _REPEATS and held[1] is MAXREPEAT
        if (endless or any(map(_only_repeats, _inside(op, held)))) and _may_be_empty(rest):
            return True
    return False


def _may_be_empty(pieces: Pieces) -> bool:
    shortest, _ = _parser.SubPattern(_parser.State(), list(pieces)).getwidth()
    return bool(shortest == 0)


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
