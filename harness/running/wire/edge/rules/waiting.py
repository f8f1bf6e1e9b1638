"""How an answer that is given in a provider's place tells its client to wait, by its headers and in its body."""

from __future__ import annotations

from functools import cached_property

from harness.dialects import Occasion
from harness.dialects.waits import wait_headers
from harness.faults.effects import Told
from harness.running.wire.edge.rules.base import Asked


class Waiting:
    """The wait of *wait_s* (None: there is none to tell of) in an answer to what was *asked*, told as *told* says."""

    def __init__(self, told: Told, wait_s: float | None, asked: Asked) -> None:
        ways = asked.words.tells if told.ways is None else told.ways
        self._ways = () if told.text or wait_s is None else ways
        self._wait_s, self._text, self._asked = wait_s or 0.0, told.text, asked

    @cached_property
    def occasion(self) -> Occasion:
        """On what the answer is given, with the wait where its body tells of it."""
        asked = self._asked
        return Occasion(
            asked.request_id, asked.attempt.model, asked.at_s, self._wait_s if "body" in self._ways else None
        )

    @property
    def headers(self) -> dict[str, str]:
        """What its headers say of the wait."""
        if self._text:
            return {"retry-after": self._text}
        return wait_headers(self._ways, self._wait_s, self._asked.at_s)
