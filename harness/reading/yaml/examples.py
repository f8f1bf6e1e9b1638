"""What would be right at a place, as somebody could write it there: told from the examples that the models give."""

from __future__ import annotations

import json
import re
import shlex
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from harness.reading.yaml.expected import choices, json_schema, shown
from harness.reading.yaml.plain import Plain, scalar
from harness.reading.yaml.types import bare, field_type, fields

_WRITTEN_MAX = 120
_SLUG = re.compile(r"[^a-z0-9]+")


def such_as(wanted: object) -> str:
    """Examples of what stands where *wanted* does, to be added to a sentence; empty where none are known."""
    named = _of_names(wanted)
    if named:
        return f"; each of it is {named}"
    found = [flow(one) for one in examples(wanted)[:2]]
    return f", such as {' or '.join(found)}" if found and len(found[0]) <= _WRITTEN_MAX else ""


def examples(wanted: object) -> list[Plain]:
    """Values that would be right where *wanted* stands: its own examples, or made of those of what it needs."""
    model = bare(wanted)
    # A schema has its keys in the order of the alphabet, and a person writes start before end.
    extra = (
        model.model_config.get("json_schema_extra")
        if isinstance(model, type) and issubclass(model, BaseModel)
        else None
    )
    own = (extra if isinstance(extra, dict) else json_schema(wanted)).get("examples")
    if isinstance(own, list) and own:
        return own
    if get_origin(model) is list:
        return [[one] for one in examples(get_args(model)[0])]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    needed = {key: examples(field_type(field)) for key, field in fields(model).items() if field.is_required()}
    return [{key: found[0] for key, found in needed.items()}] if needed and all(needed.values()) else []


def as_items(text: str, wanted: object) -> str:
    """*text* of several words as the list that stands where *wanted* does, by whether an item of its example is a word; else empty."""
    item = next((one[0] for one in examples(wanted) if isinstance(one, list) and one), None)
    if not isinstance(item, str):
        return ""
    try:
        items: list[Plain] = [text] if " " in item else [*shlex.split(text)]
    except ValueError:
        return ""
    return written if len(written := flow(items)) <= _WRITTEN_MAX else ""


def slug(text: str) -> str:
    """*text* as a name of small letters, digits and hyphens."""
    return _SLUG.sub("-", text.lower()).strip("-")


def flow(value: Plain) -> str:
    """*value* as it stands in a list or a mapping of one line."""
    match value:
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {flow(one)}' for key, one in value.items())}}}"
        case str():
            plain = unquoted(value) == value and not set(value) & set("[]{},:#&*!|>'\"%@`")
            return value if plain else json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(value)


def unquoted(text: str) -> Plain:
    """What *text* is to YAML where it stands without quotes."""
    try:
        return scalar(text)
    except ValueError:
        return text


def _of_names(wanted: object) -> str:
    """The names of which the list that *wanted* is has one or more; empty where it is no such list."""
    model = bare(wanted)
    item = bare(get_args(model)[0]) if get_origin(model) is list else None
    return choices([shown(name) for name in get_args(item)]) if get_origin(item) is Literal else ""
