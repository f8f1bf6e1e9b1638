"""Walks a pydantic model's types beside a document, so that an error's place is told in the document's own terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.reading.yaml.paths import KeyPath

# What pydantic calls a mapping's key in the place of an error.
KEY = "[key]"


@dataclass(frozen=True, slots=True)
class Choice:
    """A union: of *branches* that look different, or by the tag that stands at the key *tag*."""

    branches: tuple[object, ...]
    tag: str | None

    def tagged(self) -> Mapping[str, object]:
        """The branches by their tags."""
        assert self.tag is not None
        return {name: branch for branch in self.branches for name in _tags(branch, self.tag)}

    def noun(self) -> str:
        """What the branches are, by the class that they have in common."""
        common = self.common()
        return "" if common is None else common.__name__.lower()

    def common(self) -> type[BaseModel] | None:
        """The model that all branches are kinds of; None where they have none in common."""
        lines = [model_of(branch).__mro__ for branch in self.branches]
        found = next((one for one in lines[0][1:] if all(one in line for line in lines)), BaseModel)
        return found if issubclass(found, BaseModel) and found is not BaseModel else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is: its *path*, the type *wanted* there (None where none is known), and whether its key is meant.

    *owner* is the model whose key the path ends in, where it does.
    """

    path: KeyPath
    wanted: object | None
    owner: type[BaseModel] | None = None
    key: bool = False


def locate(annotation: object, loc: tuple[str | int, ...]) -> Place:
    """The place of an error that pydantic reports at *loc* of a value of type *annotation*.

    The walk ends early at a union without a tag: which of its branches were tried says nothing about what was meant.
    """
    at: KeyPath = ()
    wanted: object | None = annotation
    owner: type[BaseModel] | None = None
    keys: object | None = None
    for step in loc:
        if step == KEY and keys is not None:
            return Place(at, keys, key=True)
        match bare(wanted):
            case Choice(tag=None):
                return Place(at, wanted)
            case Choice() as choice:
                wanted = choice.tagged().get(str(step))
                continue
            case type() as model if issubclass(model, BaseModel):
                field, owner, keys = fields(model).get(str(step)), model, None
                wanted = None if field is None else field_type(field)
            case inner:
                owner, (keys, wanted) = None, _inside(inner)
        at = (*at, step)
    return Place(at, wanted, owner)


def _inside(annotation: object) -> tuple[object | None, object | None]:
    """The types of a collection's keys and of its values; None where there are none, or where anything goes."""
    match get_origin(annotation), get_args(annotation):
        case (origin, (key, value)) if origin is dict:
            return key, value
        case (origin, (value, *_)) if origin in (list, tuple):
            return None, value
    return None, None


def bare(annotation: object) -> object:
    """*annotation* without what is said about it, and without None: a Choice for a union."""
    tag = None
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *remarks = get_args(annotation)
            for said in remarks:
                tag = getattr(said, "discriminator", None) or tag
            continue
        if get_origin(annotation) not in (Union, UnionType):
            return annotation
        branches = tuple(branch for branch in get_args(annotation) if branch is not NoneType)
        if len(branches) > 1:
            return Choice(branches, tag if isinstance(tag, str) else None)
        (annotation,) = branches


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of *model* by the keys that a file writes."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def field_type(field: FieldInfo) -> object:
    """The type of *field* with its limits, and its examples."""
    annotation: Any = field.annotation
    for said in (*field.metadata, *([field] if field.discriminator or field.examples else [])):
        annotation = Annotated[annotation, said]
    return annotation


def model_of(annotation: object) -> type[BaseModel]:
    """The model that *annotation* is."""
    model = bare(annotation)
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def _tags(branch: object, key: str) -> Iterator[str]:
    yield from map(str, get_args(fields(model_of(branch))[key].annotation))
