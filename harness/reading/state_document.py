"""What the documents of a state folder have in common: JSON, of which the keys that a later version adds are passed over."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class StateDocument(BaseModel):
    """A document of a state folder, or a part of one."""

    # What a later version adds is no reason to run into what this one could have read.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    def to_json(self) -> str:
        """The document, as it stands in its file."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


_D = TypeVar("_D", bound=StateDocument)


def parsed(kind: type[_D], text: str, what: str) -> _D:
    """The document of that *kind* which *text* is; raises ValueError that says why it is no *what*."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = " ".join(part for part in (place, first["msg"]) if part)
        raise ValueError(f"is no {what} that this version can read: {said}") from None
