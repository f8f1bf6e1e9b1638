"""What would be right at a place, in words, told from the JSON Schema of the type that stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from harness import registry
from harness.problems import without_passwords
from harness.reading.yaml.plain import Plain

_Schema = Mapping[str, Plain]

_NAMES = {"boolean": "true or false", "object": "a mapping", "null": "nothing"}
_SPANS = (
    ("A-Za-z", "a letter", "letters"),
    ("a-z", "a lower-case letter", "lower-case letters"),
    ("0-9", "a digit", "digits"),
)
_PATTERN = re.compile(r"\^\[(?P<first>[^\]\\]+)\]\[(?P<rest>[^\]\\]+)\]\*\$")
_SHOWN_MAX = 60
_PRINTABLE = r"^[\x20-\x7e]+$"
_WORD = r"^[^\s-]\S*$"


def json_schema(annotation: Any) -> Mapping[str, Plain]:
    """The JSON Schema of a value of type *annotation*."""
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    return adapter.json_schema()


def expected(annotation: object) -> str:
    """What a value of type *annotation* is, with its limits: ``a number above 0 and at most 1``."""
    return _words(json_schema(annotation))


def shown(value: Plain) -> str:
    """*value* as a person recognises it, in a few words."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return clipped(repr(value))
        case str():
            return clipped(without_passwords(repr(value)))
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping" if value else "an empty mapping"


def clipped(text: str, most: int = _SHOWN_MAX) -> str:
    """*text*, of which so many characters are shown at most."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def has_pattern(annotation: object) -> bool:
    """Whether a text stands there that is made of certain characters alone."""
    schema = json_schema(annotation)
    branches = schema.get("anyOf")
    among = branches if isinstance(branches, list) else []
    return any(isinstance(one, dict) and "pattern" in one for one in (schema, *among))


def choices(names: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return _joined(names, "or")


def nearest_one(name: str, known: list[str]) -> str | None:
    """The one of *known* that *name* is a slip of."""
    return next(iter(registry.nearest(name, known)), None)


def _words(schema: _Schema) -> str:
    match schema:
        case {"const": const}:
            return shown(const)
        case {"enum": [*names]}:
            return choices([shown(name) for name in names])
        case {"anyOf": [*branches]}:
            inner = [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
            told = {"examples": schema["examples"]} if "examples" in schema and len(inner) == 1 else {}
            return " or ".join(_words(told | branch) for branch in inner)
        case {"type": "string"}:
            return _text(schema)
        case {"type": "integer"}:
            return f"a whole number{_range(schema)}"
        case {"type": "number"}:
            return f"a number{_range(schema)}"
        case {"type": "array"}:
            return f"a list{_count(schema, 'minItems', 'maxItems', 'item')}"
        case {"type": "object", "properties": dict(properties)}:
            return f"a mapping of {_joined(list(properties), 'and')}"
        case {"type": str(name)}:
            return _NAMES[name]
        case {"$ref": _} | {"oneOf": _}:
            return "a mapping"
        case _:
            return "a value"


def _text(schema: _Schema) -> str:
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return f"text such as {choices([str(example) for example in examples])}"
    pattern = schema.get("pattern")
    rule = _rule(pattern) if isinstance(pattern, str) else ""
    return f"text{_count(schema, 'minLength', 'maxLength', 'character')}{rule}"


def _rule(pattern: str) -> str:
    """A pattern of one class of characters and then another, in words; another pattern as it is."""
    if pattern == r"\S":
        return ", and more than blanks"
    if pattern == _WORD:
        return " without blanks that does not begin with -"
    if pattern == _PRINTABLE:
        return ": letters, digits, blanks and signs of ASCII"
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        return f" that matches {pattern}"
    first = [one for one, _ in _kinds(match["first"])]
    return f": {_joined([many for _, many in _kinds(match['rest'])], 'and')}, and first {_joined(first, 'or')}"


def _kinds(characters: str) -> Iterator[tuple[str, str]]:
    """What a class of characters holds, in words for one of each and for many."""
    for span, one, many in _SPANS:
        if span in characters:
            yield one, many
            characters = characters.replace(span, "")
    yield from zip(characters, characters, strict=True)


def _range(schema: _Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return (
            f" from {low:g} to {high:g}"
            if isinstance(low, float) or isinstance(high, float)
            else f" from {low} to {high}"
        )
    bounds = (
        ("at least", low),
        ("above", schema.get("exclusiveMinimum")),
        ("at most", high),
        ("below", schema.get("exclusiveMaximum")),
        ("a multiple of", schema.get("multipleOf")),
    )
    said = [
        f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
        for words, bound in bounds
        if bound is not None
    ]
    return f", {' and '.join(said)}" if said else ""


def _count(schema: _Schema, low_key: str, high_key: str, noun: str) -> str:
    low, high = schema.get(low_key), schema.get(high_key)
    said = [
        f"{words} {count} {noun}{'' if count == 1 else 's'}"
        for words, count in (("at least", low), ("at most", high))
        if count
    ]
    return f" of {' and '.join(said)}" if said else ""


def _joined(names: list[str], word: str) -> str:
    return f" {word} ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
