"""What the rules of a model refuse, which look at several keys at once, where not all keys are right: of those whose own keys are."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.types import Choice, bare, field_type, fields

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def broken_rules(
    annotation: object, value: Plain, at: KeyPath, wrong: Collection[KeyPath]
) -> Iterator[tuple[KeyPath, str]]:
    """Place and words of what the rules within *annotation* refuse of *value*, which stands at *at*.

    Something is *wrong* at these places already. A rule that looks at a key of which something is is left out: nobody knows what it would
    say.
    """
    match bare(annotation):
        case Choice(tag=str(tag)) as choice if isinstance(value, dict):
            branch = choice.tagged().get(str(value.get(tag)))
            yield from broken_rules(branch, value, at, wrong) if branch is not None else ()
        case type() as model if issubclass(model, BaseModel) and isinstance(value, dict):
            for name, field in fields(model).items():
                if name in value and _spoilt((*at, name), wrong):
                    yield from broken_rules(field_type(field), value[name], (*at, name), wrong)
            strange = not value.keys() <= fields(model).keys()
            yield from _of_model(part(model, value, at, wrong), at, strange=strange)
        case inner:
            for key, held, kind in _items(inner, value):
                if _spoilt((*at, key), wrong):
                    yield from broken_rules(kind, held, (*at, key), wrong)


def part(model: type[M], value: dict[str, Plain], at: KeyPath, wrong: Collection[KeyPath]) -> M:
    """As much of a *model* as is right in *value*: to ask it for a key of which something is *wrong* raises AttributeError."""
    one = model.model_construct()
    written: set[str] = set()
    for key, name in zip(fields(model), model.model_fields, strict=True):
        if _spoilt((*at, key), wrong):
            one.__dict__.pop(name, None)
        elif key in value:
            try:
                one.__dict__[name] = strictly(_adapter(model, key), value[key])
            except ValidationError:
                one.__dict__.pop(name, None)
            written.add(name)
    one.__pydantic_fields_set__.update(written)
    return one


def pieces(model: type[M], value: dict[str, Plain], at: KeyPath, wrong: Collection[KeyPath]) -> M:
    """As `part`; of a key inside which something is *wrong* there is what is right of it, down to single keys."""
    one = part(model, value, at, wrong)
    for key, name in zip(fields(model), model.model_fields, strict=True):
        here = (*at, key)
        if key in value and name not in one.__dict__ and here not in wrong:
            with suppress(_NothingError):
                one.__dict__[name] = _piece(field_type(fields(model)[key]), value[key], here, wrong)
    return one


class _NothingError(Exception):
    """Nothing can be made of what stands there."""


def _piece(annotation: Any, value: Plain, at: KeyPath, wrong: Collection[KeyPath]) -> Any:
    """As much of *value* as is right, as an *annotation*; raises _NothingError."""
    if not _spoilt(at, wrong):
        try:
            return strictly(TypeAdapter(annotation), value)
        except ValidationError:
            raise _NothingError from None
    match bare(annotation):
        case Choice(tag=str(tag)) as choice if isinstance(value, dict) and at not in wrong:
            branch = choice.tagged().get(str(value.get(tag)))
            return _piece(branch, value, at, wrong) if branch is not None else _nothing_of(choice)
        case Choice(tag=str()) as choice:
            return _nothing_of(choice)
        case type() as model if issubclass(model, BaseModel):
            return (
                pieces(model, value, at, wrong) if isinstance(value, dict) and at not in wrong else _without_keys(model)
            )
        case inner if at not in wrong and get_origin(inner) in (list, dict):
            items = {key: _piece(kind, held, (*at, key), wrong) for key, held, kind in _items(inner, value)}
            return list(items.values()) if isinstance(value, list) else items
    raise _NothingError


def _nothing_of(choice: Choice) -> BaseModel:
    """What holds the place of one of a *choice*, of which nobody knows which."""
    if (common := choice.common()) is None:
        raise _NothingError
    return _without_keys(common)


def _without_keys(model: type[BaseModel]) -> BaseModel:
    one = model.model_construct()
    one.__dict__.clear()
    return one


def strictly(adapter: TypeAdapter[Any], value: Plain) -> Any:
    """*value* as a file holds it, made into the type of *adapter*; raises ValidationError.

    Nothing is read into it: ``"5"`` is no number and ``yes`` no boolean. Keys are the aliases, as in the JSON Schema.
    """
    return adapter.validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


@lru_cache(maxsize=256)
def _adapter(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    """What reads the value of one key of a *model*: made once, since that takes much longer than to read with it."""
    annotation: Any = field_type(fields(model)[key])
    return TypeAdapter(annotation)


def sayable(said: Callable[[], T]) -> T | None:
    """What *said* returns; None where it looks at a key that is not there of a model of which only a `part` is, or `pieces`."""
    try:
        return said()
    except AttributeError as absent:
        if not isinstance(absent.obj, BaseModel) or absent.name not in type(absent.obj).model_fields:
            raise
        return None


def all_sayable(said: Callable[[], Iterable[T]]) -> list[T]:
    """All of what *said* returns; nothing, where it looks at what is not there, as in `sayable`."""
    return sayable(lambda: [*said()]) or []


def _of_model(one: BaseModel, at: KeyPath, *, strange: bool) -> Iterator[tuple[KeyPath, str]]:
    """What the rules of the model itself refuse; *strange*: it has keys that nobody knows, which may stand for what it lacks."""
    for rule in type(one).__pydantic_decorators__.model_validators.values():
        if rule.info.mode != "after":
            continue
        try:
            sayable(getattr(one, rule.cls_var_name))
        except PydanticCustomError as refused:
            yield from (((*at, *where), what) for where, what in (refused.context or {}).get("wrongs", ()))
        except ValueError as refused:
            if not strange:
                yield at, str(refused)


def _spoilt(path: KeyPath, wrong: Collection[KeyPath]) -> bool:
    return any(one[: len(path)] == path for one in wrong)


def _items(annotation: object, value: Plain) -> Iterator[tuple[str | int, Plain, object]]:
    """Key, value and type of each thing in a collection."""
    match get_origin(annotation), get_args(annotation):
        case (origin, (_, kind)) if origin is dict and isinstance(value, dict):
            yield from ((key, held, kind) for key, held in value.items())
        case (origin, (kind, *_)) if origin in (list, tuple) and isinstance(value, list):
            yield from ((index, held, kind) for index, held in enumerate(value))
