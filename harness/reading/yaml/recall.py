"""A document that was run is read for what it says, whatever today's rules would say of one that is still to be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from harness.problems import Problem, UsageProblems
from harness.reading.quantities import Rule
from harness.reading.yaml import overrides as settings
from harness.reading.yaml import paths
from harness.reading.yaml.document import Document, Origin, text_of
from harness.reading.yaml.expected import json_schema
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.sentences import refusals, validate
from harness.reading.yaml.tree import RefusedError, compose
from harness.reading.yaml.types import Choice, bare, field_type, fields, model_of

M = TypeVar("M", bound=BaseModel)
Stranger = Callable[[Mapping[str, Plain], KeyPath], BaseModel]
"""What stands for a mapping, at its place, whose tag names nothing that is installed."""


_LIMITS = (annotated_types.BaseMetadata, annotated_types.GroupedMetadata, AfterValidator, FieldInfo, Rule)
"""What is said of a value beside how it is read."""


_NOTHING = "is missing, and there is nothing to be taken in its place"


class _UnreadableError(ValueError):
    """What stands at *path* cannot be taken for what is needed there."""

    def __init__(self, path: KeyPath, what: str) -> None:
        super().__init__(what)
        self.path = path


def _refused(_said: Mapping[str, Plain], at: KeyPath) -> BaseModel:
    raise _UnreadableError(at, "is of a kind that is not known here")


_NONE: Mapping[str, str] = MappingProxyType({})


def recall(
    path: Path, model: type[M], overrides: Mapping[str, str] = _NONE, stranger: Stranger = _refused
) -> tuple[Document[M], tuple[Problem, ...]]:
    """The document in the file at *path*, and all that today's rules would refuse in it.

    A limit that a value breaks, a key that nobody knows and a rule about the whole are passed over; a setting that is left out has its
    default. Raises UsageProblems where the text is no YAML, or where what is needed is not there or cannot be read.
    """
    text, file = text_of(path), str(path)
    try:
        tree = compose(text)
    except RefusedError as refused:
        raise UsageProblems(
            Problem(refused.wrong.what, file, refused.wrong.line, paths.written(refused.wrong.path))
        ) from None
    value, put = settings.apply(overrides, tree.root.value, settings.ends_with(model))
    origin = Origin(file, tree, put)
    refused_today = [Problem(wrong.what, file, wrong.line, paths.written(wrong.path)) for wrong in tree.wrongs]
    refused_today += [origin.problem(said.path, said.what, key=said.key) for said in refusals(model, value)]
    try:
        recalled: M = _as(model, value, (), stranger)
    except _UnreadableError as unreadable:
        raise UsageProblems(origin.problem(unreadable.path, str(unreadable))) from None
    return Document(recalled, text, file, sha256(text.encode()).hexdigest(), origin), tuple(refused_today)


def recalled(model: type[M], value: Plain) -> M:
    """*value* as a *model*, as `recall` reads one; raises ValueError where what is needed is not there or cannot be read."""
    made: M = _as(model, value, (), _refused)
    return made


def _as(wanted: Any, value: Plain, at: KeyPath, stranger: Stranger) -> Any:
    """*value* as what is *wanted*; raises _UnreadableError."""
    try:
        return validate(wanted, value)
    except ValidationError:
        pass
    match bare(wanted):
        case Choice() as choice:
            return _as_one_of(choice, value, at, stranger)
        case type() as model if issubclass(model, BaseModel):
            return _as_model(model, value, at, stranger)
        case inner if get_origin(inner) in (list, dict) and isinstance(value, list | dict):
            needed = json_schema(wanted).get("required")
            for key in needed if isinstance(needed, list) else ():
                if key not in value:
                    raise _UnreadableError((*at, str(key)), _NOTHING)
            return _each(inner, value, at, stranger)
    try:
        return validate(_without_limits(wanted), value)
    except ValidationError:
        raise _UnreadableError(at, refusals(wanted, value, at)[0].what) from None


def _as_model(model: type[BaseModel], value: Plain, at: KeyPath, stranger: Stranger) -> BaseModel:
    if not isinstance(value, dict):
        raise _UnreadableError(at, refusals(model, value, at)[0].what)
    known, found = fields(model), {}
    for key, field in known.items():
        if key in value:
            found[key] = _as(field_type(field), value[key], (*at, key), stranger)
        elif field.is_required():
            raise _UnreadableError((*at, key), _NOTHING)
    # Not checked as a whole: how the parts have to fit is a rule about what may be run.
    return model.model_construct(**found)


def _as_one_of(choice: Choice, value: Plain, at: KeyPath, stranger: Stranger) -> Any:
    if choice.tag is None:
        for branch in choice.branches:
            try:
                return _as(branch, value, at, stranger)
            except _UnreadableError as unreadable:
                why = unreadable
        raise why
    if not isinstance(value, dict) or not isinstance(value.get(choice.tag), str):
        raise _UnreadableError((*at, choice.tag), "does not say what it is")
    branch = choice.tagged().get(str(value[choice.tag]))
    return stranger(value, at) if branch is None else _as_model(model_of(branch), value, at, stranger)


def _each(wanted: Any, value: list[Plain] | dict[str, Plain], at: KeyPath, stranger: Stranger) -> Any:
    inside = get_args(wanted)[-1]
    match value:
        case list():
            return [_as(inside, item, (*at, index), stranger) for index, item in enumerate(value)]
        case _:
            return {key: _as(inside, item, (*at, key), stranger) for key, item in value.items()}


def _without_limits(wanted: Any) -> Any:
    """*wanted* as it is read, without what is asked of its value beyond that, and without None."""
    if get_origin(wanted) in (Union, UnionType):
        return _without_limits(bare(wanted))
    if get_origin(wanted) is not Annotated:
        return wanted
    inner, *remarks = get_args(wanted)
    read: Any = _without_limits(inner)
    for remark in remarks:
        if not isinstance(remark, _LIMITS):
            read = Annotated[read, remark]
    return read
