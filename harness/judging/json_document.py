"""What the documents that machines read have in common: no key that is not known, nothing changed later, and one way to be written."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DocumentPart(BaseModel):
    """A part of a document."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class JsonDocument(DocumentPart):
    """A whole document; its first key says which kind it is, in which version."""

    def to_json(self) -> str:
        """The document as JSON text, with its keys in the order of its fields and a line end."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
