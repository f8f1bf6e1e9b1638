"""What the models of all files that people write have in common: a key that is not known is refused, and nothing is changed later."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a file, or a whole one."""

    # Files are read whole, so a validator of a part alone would be built for nothing at every start.
    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, populate_by_name=True)
