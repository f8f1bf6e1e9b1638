"""The fault in which a provider takes a request and hangs up in place of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from harness.faults import effects
from harness.faults.base import OfRequests
from harness.faults.effects import Rule


class HangUp(OfRequests):
    """The provider takes requests, or a share of them, and hangs up before a byte of the answer: by a close or a reset."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "server disconnected without a response, empty reply, socket hang up": "on: {kind: provider}, share: 0.3",
    }

    kind: Literal["hang_up"] = "hang_up"
    by: Literal["close", "reset"] = "close"

    def rule(self) -> Rule:
        return effects.HangUp(self.by)

    def summary(self) -> str:
        return f"hang_up by {self.by}{self.whom}"
