"""The fault in which a link carries less than is sent over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from harness.faults.base import Climbing, OfConnections
from harness.faults.effects import Narrow, Shape

_KB = 1000


def _rate(said: Any) -> float:
    rate = float(said)
    if not rate >= 0.1:
        raise ValueError(f"{said!r} is no rate; write a number of at least 0.1")
    return rate


class Bandwidth(Climbing, OfConnections):
    """What passes on each connection comes at most at *kilobytes_per_s*."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "slow network, throttled link, low throughput, slow uploads": "on: {kind: provider}, kilobytes_per_s: 20",
    }

    kind: Literal["bandwidth"] = "bandwidth"
    kilobytes_per_s: Annotated[
        float, Field(ge=0.1, description="a kilobyte is 1000 bytes; each connection has so much")
    ]

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {"kilobytes_per_s": _rate}

    def shape(self) -> Shape:
        ramp = self.climb("kilobytes_per_s")
        if ramp is not None:
            ramp = type(ramp)(ramp.start * _KB, ramp.over_s)
        return Narrow(self.kilobytes_per_s * _KB, ramp)

    def summary(self) -> str:
        return f"bandwidth {self.kilobytes_per_s:g} kB/s{self.where}{self.climbing}"
