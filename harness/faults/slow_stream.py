"""The fault in which a stream begins late, or comes little by little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.faults import effects
from harness.faults.base import OfStreams
from harness.faults.effects import Rule
from harness.reading.quantities import Seconds, seconds


def _rate(written: Any) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float) or not 1 <= written < inf:
        raise ValueError(f"should be bytes per second, 1 or more, but is {written!r}")
    return float(written)


class SlowStream(OfStreams):
    """A stream's head comes at once, and its first token late, or each further one long after the last."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "slow first token, high TTFT, long queue at the provider": "on: {kind: provider}, first_token: 5s",
        "slow tokens, a stream that drips, low tokens per second": "on: {kind: provider}, token_gap: 500ms",
    }

    kind: Literal["slow_stream"] = "slow_stream"
    first_token: Seconds = Field(default=0.0, description="how much later the first event with content comes")
    token_gap: Seconds = Field(default=0.0, description="from one event with content to the next, at least")
    bytes_per_s: Annotated[int, Field(ge=0)] = Field(
        default=0, description="at most, from the first content on; cuts events in pieces"
    )

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {
        **OfStreams.climbs,
        "first_token": seconds,
        "token_gap": seconds,
        "bytes_per_s": _rate,
    }

    @model_validator(mode="after")
    def _slow_at_all(self) -> Self:
        climbing = {"first_token", "token_gap"} & set(self.ramp)
        if not (self.first_token or self.token_gap or self.bytes_per_s or climbing):
            raise ValueError("nothing is slow: say first_token, token_gap or bytes_per_s, such as first_token: 5s")
        if "bytes_per_s" in self.ramp and not self.bytes_per_s:
            raise ValueError("ramp: bytes_per_s climbs or falls to what bytes_per_s says, and it says nothing")
        return self

    def rule(self) -> Rule:
        ramps = (self.climb(name) for name in ("first_token", "token_gap", "bytes_per_s"))
        return effects.SlowStream(self.first_token, self.token_gap, self.bytes_per_s, *ramps)

    def summary(self) -> str:
        said = [
            f"first token {self.first_token:g} s late" if self.first_token else "",
            f"tokens {self.token_gap:g} s apart" if self.token_gap else "",
            f"{self.bytes_per_s} bytes/s" if self.bytes_per_s else "",
        ]
        return f"{', '.join(['slow_stream', *filter(None, said)])},{self.whom}"
