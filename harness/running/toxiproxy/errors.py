"""The two ways in which Toxiproxy fails its caller: it refuses, or it does not answer."""

from __future__ import annotations

from harness.problems import HarnessError


class ToxiproxyError(HarnessError):
    """Refused, by the server (*status*, and its own message) or before it was asked (*status* is None)."""

    def __init__(self, what: str, status: int | None = None) -> None:
        super().__init__(what)
        self.status = status


class ToxiproxyWedged(HarnessError):  # noqa: N818 - the state that it names is what the caller acts on
    """No answer: the server is hung, or gone. What was asked may still happen; only ending the server makes sure."""
