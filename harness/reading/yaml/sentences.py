"""What a model refuses, said so that the person who wrote the file knows what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from harness.problems import without_passwords
from harness.reading.quantities import seconds
from harness.reading.yaml.examples import as_items, examples, flow, slug, such_as, unquoted
from harness.reading.yaml.expected import choices, clipped, expected, has_pattern, json_schema, nearest_one, shown
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.rules import broken_rules, strictly
from harness.reading.yaml.types import Choice, Place, bare, field_type, fields, locate, model_of
from harness.registry import suggestion

_JSON_SHOWN_MAX = 60
_SHOWN = 40
_STUCK = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)(?P<sign>[:=])(?P<value>.+)")


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a model refuses: where, why, and whether the last key is to blame, not its value."""

    path: KeyPath
    what: str
    key: bool = False


def validate(annotation: Any, value: Plain) -> Any:
    """*value* as a file holds it, made into the type *annotation*; raises ValidationError. Nothing is read into it; see `strictly`."""
    return strictly(_adapter(annotation) if isinstance(annotation, type) else TypeAdapter(annotation), value)


@lru_cache(maxsize=32)
def _adapter(model: type) -> TypeAdapter[Any]:
    """What reads a *model*: made once, since that takes thirty times as long as to read a file with it."""
    return TypeAdapter(model)


def refusals(annotation: object, value: Plain, at: KeyPath = ()) -> list[Said]:
    """Everything that keeps *value*, which stands at *at*, from being of type *annotation*; each thing once."""
    try:
        validate(annotation, value)
    except ValidationError as error:
        match bare(annotation):
            case Choice(tag=None) as choice:
                said = [*_in_branch(choice, value, at)]
            case _:
                errors = error.errors(include_url=False)
                said = [*_all(annotation, value, at, errors), *_of_rules(annotation, value, at, errors)]
        return list(dict.fromkeys(said))
    return []


def unsure(annotation: object, value: Plain) -> set[KeyPath]:
    """Places in *value* of which nobody can tell what stands there, whatever rules say of what does."""
    try:
        validate(annotation, value)
    except ValidationError as error:
        return _unsure(annotation, value, (), error.errors(include_url=False))
    return set()


def _unsure(annotation: object, value: Plain, at: KeyPath, errors: list[ErrorDetails]) -> set[KeyPath]:
    places = [(error, locate(annotation, error["loc"])) for error in errors]
    slips = [slip for error, place in places for slip in slips_of(error, place, value)]
    return {(*at, *place.path) for _, place in places} | {(*at, *slip.path[:-1], slip.meant) for slip in slips}


def _of_rules(annotation: object, value: Plain, at: KeyPath, errors: list[ErrorDetails]) -> Iterator[Said]:
    """What rules over several keys refuse: pydantic asks them where all keys are right, and of several that refuse only the first."""
    wrong = _unsure(annotation, value, at, errors)
    yield from (Said(path, what) for path, what in broken_rules(annotation, value, at, wrong))


def _all(annotation: object, value: Plain, at: KeyPath, errors: list[ErrorDetails]) -> Iterator[Said]:
    places = [(error, locate(annotation, error["loc"])) for error in errors]
    slips = [slip for error, place in places for slip in slips_of(error, place, value)]
    meant = {(*slip.path[:-1], slip.meant) for slip in slips}
    stuck = {place.path: _STUCK.fullmatch(str(place.path[-1])) for _, place in places if place.path}
    meant |= {(*path[:-1], match["key"]) for path, match in stuck.items() if match}
    unions: dict[KeyPath, Choice] = {}
    for error, place in places:
        wanted = bare(place.wanted)
        here = (*at, *place.path)
        if place.owner is not None and error["type"] == "extra_forbidden":
            yield Said(here, f"unknown key; {_instead_of_key(str(here[-1]), place.owner)}", key=True)
        elif place.owner is not None and error["type"] == "missing":
            if place.path not in meant:
                yield Said(here, _missing(place.owner, str(here[-1])))
        elif isinstance(wanted, Choice) and wanted.tag is None and not _of_itself(error, place):
            unions[place.path] = wanted
        elif isinstance(wanted, Choice) and error["type"].startswith("union_tag"):
            yield from _untagged(wanted, _at(value, place.path), here)
        else:
            yield from _refused(error, place.wanted, here, key=place.key)
    for path, choice in unions.items():
        yield from _in_branch(choice, _at(value, path), (*at, *path))
    for slip in slips:
        # A slip in a key should not hide the slips below it.
        yield from refusals(field_type(fields(slip.owner)[slip.meant]), _at(value, slip.path), (*at, *slip.path))


def _of_itself(error: ErrorDetails, place: Place) -> bool:
    """Whether a union has words of its own for what is wrong, before any of its branches was tried."""
    return error["type"] == "value_error" and len(error["loc"]) == len(place.path)


@dataclass(frozen=True, slots=True)
class Slip:
    """An unknown key at *path* of an *owner*, who has the key that was *meant*, which nobody wrote."""

    path: KeyPath
    owner: type[BaseModel]
    meant: str


def slips_of(error: ErrorDetails, place: Place, value: Plain) -> Iterator[Slip]:
    """The slip that the *error* at a *place* of *value* comes from, where it comes from one."""
    if error["type"] != "extra_forbidden" or place.owner is None or _STUCK.fullmatch(str(place.path[-1])):
        return
    around = _at(value, place.path[:-1])
    near = nearest_one(str(place.path[-1]), list(fields(place.owner)))
    if near is not None and isinstance(around, dict) and near not in around:
        yield Slip(place.path, place.owner, near)


def _untagged(choice: Choice, value: Plain, at: KeyPath) -> Iterator[Said]:
    """A mapping whose tag is missing or names no branch; the rest of it is held against the branch that was meant."""
    assert choice.tag is not None
    assert isinstance(value, dict)
    branches = choice.tagged()
    if choice.tag not in value:
        yield from _tag_missing(choice, value, at)
        return
    here, tag = (*at, choice.tag), value[choice.tag]
    if not isinstance(tag, str):
        yield Said(here, f"should be {choices(list(branches))}, but is {shown(tag)}")
        return
    noun = " ".join(part for part in (choice.noun(), choice.tag) if part)
    yield Said(here, f"unknown {noun} {shown(tag)}; {suggestion(tag, list(branches))}")
    near = nearest_one(tag, list(branches))
    if near is not None:
        yield from refusals(branches[near], {**value, choice.tag: near}, at)


def _tag_missing(choice: Choice, value: dict[str, Plain], at: KeyPath) -> Iterator[Said]:
    assert choice.tag is not None
    known = {key for branch in choice.branches for key in fields(model_of(branch))}
    tags = list(choice.tagged())
    near = next(
        (key for key, said in value.items() if key not in known and (nearest_one(key, [choice.tag]) or said in tags)),
        None,
    )
    if near is not None:
        yield Said((*at, near), f"unknown key; did you mean {choice.tag!r}?", key=True)
    elif len(value) == 1 and (only := next(iter(value))) in tags:
        what = f"unknown key; write {choice.tag}: {only}, with what stands below it beside that"
        yield Said((*at, only), what, key=True)
    else:
        yield Said((*at, choice.tag), f"is missing; it should be {choices(tags)}")


def _in_branch(choice: Choice, value: Plain, at: KeyPath) -> Iterator[Said]:
    """What is wrong with *value* as the branch that it looks like; no word about the others."""
    alike = [branch for branch in choice.branches if isinstance(value, _looks(branch))]
    tried = [refusals(branch, value, at) for branch in alike]
    if tried:
        yield from min(tried, key=len)
    else:
        yield Said(at, f"should be {' or '.join(map(expected, choice.branches))}, but is {shown(value)}")


def _looks(branch: object) -> type | tuple[type, ...]:
    schema = json_schema(branch)
    by_type: Mapping[object, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    return by_type.get(schema.get("type"), dict)


_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_MONEY = re.compile(r"(?:[€$£]|EUR|USD|GBP)?\s*([0-9]+(?:\.[0-9]+)?)\s*(?:[€$£]|EUR|USD|GBP)?")


def _refused(error: ErrorDetails, wanted: object, at: KeyPath, *, key: bool) -> Iterator[Said]:
    """What to say of a value that is there and is not right; *key*: it is a key."""
    value, context = error["input"], error.get("ctx", {})
    if (value is None or key) and at and isinstance(at[-1], str) and (stuck := _stuck(at[-1])):
        yield Said(at, stuck, key=True)
        return
    if isinstance(value, float) and error["type"] in _BOUNDS and _fits(wanted, "1s"):
        value = f"{value:g}s"  # of a time it is told how many seconds it came to
    if error["type"] == "placed":
        yield from (Said((*at, *where), what) for where, what in context["wrongs"])
        return
    if error["type"] in ("value_error", "assertion_error"):
        # The model's own words; a long value in them is made short.
        what = str(context["error"]).replace(repr(value), shown(value) if isinstance(value, str) else repr(value)[:80])
        if isinstance(value, str) and (marked := _marked(value, wanted)):
            what = what.partition("; ")[0] + marked
    elif wanted is None:
        what = error["msg"]
    elif error["type"] == "missing":
        what = f"is missing; it should be {expected(wanted)}"
    elif key:
        what = f"the name should be {expected(wanted)}"
    else:
        what = f"should be {_right(error, value, wanted)}, but is {shown(value)}{_instead(error, value, wanted)}"
    yield Said(at, what, key)


def _right(error: ErrorDetails, value: Plain, wanted: object) -> str:
    """What is right there; of a time that is too long or too short, how long it may be."""
    if isinstance(value, str) and error["type"] in _BOUNDS:
        name, words = _BOUNDS[error["type"]]
        if bound_s := error["ctx"][name]:
            return f"{words} {bound_s:g}s"
    return expected(wanted)


def _instead(error: ErrorDetails, value: Plain, wanted: object) -> str:
    """What to do about *value* when the slip is a common one; else nothing."""
    match value:
        case str() if error["type"] == "greater_than" and seconds(value) == error["ctx"]["gt"] == 0:
            return ", and no time at all is too short"
        case str() if (marked := _marked(value, wanted)) and not _fits(wanted, value):
            return marked
        case str() if error["type"] == "literal_error":
            names = [str(name) for name in get_args(bare(wanted))]
            near = _near(value, names) if len(names) > 1 else None
            return f"; did you mean {near!r}?" if near else ""
        case str() if without_passwords(repr(value)) != repr(value):
            return ""  # what was made of it could tell its password
        case str() if error["type"] in _BOUNDS:
            return ""
        case str() if (other := _other_text(value, wanted)) is not None:
            return other
        case bool() | int() | float() if _fits(wanted, shown(value)):
            return f'; put it in quotes: "{shown(value)}"'
        case dict() if list(value.values()) == [None] and json_schema(wanted).get("type") == "string":
            return f'; text that begins with a brace has to stand in quotes: "{{{next(iter(value))}}}"'
        case dict() if _is_file(*value.values()) and _fits(wanted, next(iter(value.values()))):
            return f"; write {next(iter(value.values()))}"
        case dict() if json_schema(wanted).get("type") == "string" and get_origin(bare(wanted)) is not Literal:
            return f"; JSON stands in quotes: {_as_text(value)}"
    return _wrapped(value, wanted)


def _other_text(value: str, wanted: object) -> str | None:
    """What *value* is near to where another text or a number stands; empty where it would be right as it is; None where near to nothing."""
    match value:
        case str() if "://" in value and _fits(wanted, path := f"/{value.partition('://')[2].partition('/')[2]}"):
            return f"; did you mean {path!r}?" if not _fits(wanted, value) else ""
        case str() if value.strip() and _is_path(wanted) and _fits(wanted, f"/{value}"):
            return f"; did you mean {f'/{value}'!r}?" if not _fits(wanted, value) else ""
        case str() if value and not isinstance(unquoted(value), str) and _fits(wanted, unquoted(value)):
            return "; leave out the quotes"
        case str() if (money := _MONEY.fullmatch(value)) and _fits(wanted, float(money[1])):
            return f"; write {money[1]}"
        case str() if has_pattern(wanted) and (name := slug(value)) != value and _fits(wanted, name):
            return f"; did you mean {name!r}?" if not _fits(wanted, value) else ""
    return None


def _near(name: str, names: list[str]) -> str | None:
    """The one of *names* that *name* is a slip of, or that it begins with, as Friday does with fri."""
    begins = (one for one in names if len(one) > 2 and name.lower().startswith(one))
    return nearest_one(name, names) or next(begins, None)


def _is_path(wanted: object) -> bool:
    """Whether only texts that begin with a slash stand there."""
    return _fits(wanted, "/x") and not _fits(wanted, "x")


def _marked(text: str, wanted: object) -> str:
    """What stands in *text* beside a value that would be right: a comment, a sign of another language, curly quotes; else nothing."""
    if text.strip().startswith("{") and _fits(wanted, _json(text)):
        return "; leave out the quotes around it"
    beside = {
        text.rstrip(",; "): f"leave out the {text.rstrip()[-1:]!r} at its end",
        text.strip("\u201c\u201d\u201e\u2018\u2019"): "curly quotes are letters to YAML; write plain ones, or none",
    }
    if "://" not in text:  # an address has both
        comments = {"#": "a blank is missing before the # of the comment", "//": "a comment begins with #"}
        beside |= {text.partition(sign)[0].rstrip(): what for sign, what in comments.items() if sign in text}
    beside |= {text.strip(): "leave out the blanks around it"}
    rights = (what for right, what in beside.items() if right not in ("", text) and _fits(wanted, unquoted(right)))
    return "".join(f"; {what}" for what in [*rights][:1])


def _wrapped(value: Plain, wanted: object) -> str:
    """How *value* is written as the list or the mapping that stands there, where that alone is missing; else nothing."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and _fits(wanted, value[0]):
            return "; leave out the '-' before its keys"
        if len(value) == 1 and _fits(wanted, value[0]) and (not _text_such_as(wanted) or _is_file(*value)):
            return f"; write {flow(value[0])}"
        if pairs := _pairs(value, wanted):
            return pairs
        keyed = _is_mapping(wanted) and value and all(isinstance(one, dict) for one in value)
        return "; leave out the '-' before its keys" if keyed else _joined(value, wanted)
    if value is None or value is True:
        said = "" if value is None else _within(value, wanted)
        return said or ("; write {} for what it is by default" if _fits(wanted, {}) else such_as(wanted))
    if isinstance(value, dict) and str(next(iter(value), "")).startswith("-"):
        return "; a blank is missing behind the '-'"
    if isinstance(value, dict):
        if _fits(wanted, [value]):
            return "; put a '-' before its first key"
        if _fits(wanted, [*value.values()]):
            return "; leave out the keys, and put a '-' before what stands below each"
        return such_as(wanted)
    if _fits(wanted, [value]):
        if not isinstance(value, str) or len(value.split()) <= 1:
            return f"; write [{flow(value)}]"
        # Whether a text of several words is one item or several is for the person to know, where no example tells.
        items = as_items(value, wanted)
        return f"; write {items}" if items else "; a list stands in [ ], or line by line behind a '-'"
    return (_pairs([value], wanted) if isinstance(value, str) else "") or _within(value, wanted) or such_as(wanted)


def _text_such_as(wanted: object) -> bool:
    """Whether a text stands there of which an example says what it is like."""
    return bare(wanted) is str and bool(examples(wanted))


def _joined(value: list[Plain], wanted: object) -> str:
    """How a list is written where one text stands, or none does; where that is known."""
    if not value:
        return such_as(wanted)
    one = ", ".join(text for text in value if isinstance(text, str))
    if all(isinstance(text, str) for text in value) and not _text_such_as(wanted) and _fits(wanted, one):
        return f"; one text stands there, such as {flow(one)}"
    return ""


def _is_mapping(wanted: object) -> bool:
    model = bare(wanted)
    return json_schema(wanted).get("type") == "object" or (isinstance(model, type) and issubclass(model, BaseModel))


def _pairs(value: list[Plain], wanted: object) -> str:
    """How a list of ``KEY=VALUE`` is written as the mapping that stands there; nothing where it is none."""
    pairs: dict[str, Plain] = {}
    for one in value:
        key, equals, held = one.partition("=") if isinstance(one, str) else ("", "", "")
        pairs |= {key: unquoted(held) if _fits(wanted, {key: unquoted(held)}) else held} if equals else {}
    if len(pairs) < len(value) or not _fits(wanted, pairs):
        return ""
    first, said = next(iter(pairs.items()))
    return f"; a mapping stands there, such as {{{first}: {clipped(without_passwords(flow(said)), _SHOWN)}}}"


def _within(value: Plain, wanted: object) -> str:
    """How *value* is written within the mapping that stands there, or within the one mapping of a list; nothing where it is of no key."""
    model, listed = bare(wanted), False
    if isinstance(model, Choice) and model.tag is not None and isinstance(value, str):
        near = nearest_one(value, list(model.tagged()))
        return f", such as {{{model.tag}: {near}}}" if near else ""
    if get_origin(model) is list:
        model, listed = bare(get_args(model)[0]), True
    known = fields(model) if isinstance(model, type) and issubclass(model, BaseModel) else {}
    if isinstance(value, str) and value in known and _fits(wanted, {value: True}):
        return f", such as {{{value}: true}}"
    for key, field in known.items():
        if isinstance(value, str) and " " in value and _is_file(*examples(field_type(field))[:1]):
            continue  # a sentence is no file
        if _fits(wanted, [{key: value}] if listed else {key: value}):
            said = f"{{{key}: {flow(value)}}}"
            return f", such as [{said}]" if listed else f", such as {said}"
    return ""


def _is_file(*values: Plain) -> bool:
    """Whether *values* are the name of one file of ours, under whatever key."""
    return len(values) == 1 and isinstance(values[0], str) and values[0].endswith((".yaml", ".yml"))


def _json(text: str) -> Plain:
    """What *text* holds as JSON; None where it is none."""
    try:
        held: Plain = json.loads(text)
    except ValueError:
        return None
    return held


def _as_text(value: Plain) -> str:
    """*value* as JSON in the quotes of a file, if that is short; a brace of a template is doubled."""
    text = json.dumps(value, ensure_ascii=False).replace("{", "{{").replace("}", "}}")
    return f"'{text}'" if len(text) <= _JSON_SHOWN_MAX and "'" not in text else "'{{...}}'"


def _fits(wanted: object, value: Plain) -> bool:
    try:
        validate(wanted, value)
    except ValidationError:
        return False
    return True


def _instead_of_key(key: str, owner: type[BaseModel]) -> str:
    known = fields(owner)
    if said := _stuck(key, known):
        return said
    homes = [name for name, field in known.items() if key in _keys_inside(field.annotation)]
    if homes and nearest_one(key, list(known)) is None:
        return f"it belongs inside {choices(homes)}"
    return suggestion(key, list(known))


def _stuck(key: str, known: Container[str] | None = None) -> str:
    """What to write for a *key* that is a key and its value to whoever wrote it, one of the *known* where they are; else empty."""
    if key.startswith("-"):
        return f"a blank is missing behind the '-'; write - {key.lstrip('-')}"
    match = _STUCK.fullmatch(key)
    if match is None or (known is not None and match["key"] not in known):
        return ""
    missing = (
        "a blank is missing behind the ':'" if match["sign"] == ":" else "a key is followed by a ':', not by a '='"
    )
    return f"{missing}; write {match['key']}: {clipped(without_passwords(match['value']), _SHOWN)}"


def _keys_inside(annotation: object) -> Iterable[str]:
    inner = bare(annotation)
    if get_origin(inner) is list:
        return _keys_inside(get_args(inner)[0])
    branches = inner.branches if isinstance(inner, Choice) else (inner,)
    models = [branch for branch in map(bare, branches) if isinstance(branch, type) and issubclass(branch, BaseModel)]
    return [key for model in models for key in fields(model)]


def _missing(owner: type[BaseModel], key: str) -> str:
    field = fields(owner)[key]
    return f"is missing; {field.description or f'it should be {expected(field_type(field))}'}"


def _at(value: Plain, path: KeyPath) -> Plain:
    for step in path:
        match value, step:
            case dict() as mapping, str() as key:
                value = mapping[key]
            case list() as sequence, int() as index:
                value = sequence[index]
    return value
