"""Who looks on while bytes pass: whatever that raises is noted, and neither touches what passes nor loses a row."""

from __future__ import annotations

import logging
from types import TracebackType

_log = logging.getLogger(__name__)


class LookingOn:
    """A context in which *what* is read; once it has raised anything, `failed` is true, and that has been said."""

    __slots__ = ("_what", "failed")

    def __init__(self, what: str) -> None:
        self._what = what
        self.failed = False

    def note(self, error: Exception) -> None:
        """Reading has raised *error*; for who reads so often that a context costs too much."""
        if not self.failed:
            # Not what was read: a secret may be in it, and in the text of the error.
            _log.warning("%s could not be read along, and passes all the same: %s", self._what, type(error).__name__)
        self.failed = True

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.note(error)
        return True
