"""Ten rules in force on a link that hit nobody, in three kinds of ten, for benchmarks of what they cost."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.faults.effects import (
    CutStream,
    Delay,
    EdgeRule,
    Fail,
    HangUp,
    Rule,
    SlowStream,
    SpoilAnswer,
    SpoilStream,
    StallStream,
    Throttle,
)
from harness.faults.requests import Requests
from harness.interval import Interval
from harness.judging.scoring.intervals import quantile

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import LINK

_KINDS: tuple[Rule, ...] = (
    Fail(503),
    Throttle(60, 1),
    HangUp(),
    Delay(1.0),
    SlowStream(1.0),
    StallStream(1),
    CutStream(1, "close"),
    SpoilStream("malformed"),
    SpoilAnswer("refusal"),
    Fail(code="context_length_exceeded"),
)
_OTHERS = (
    Requests(model="gpt-*"),
    Requests(path="*/embeddings"),
    Requests(method="GET"),
    Requests(stream=False),
    Requests(last_role="tool"),
    Requests(attempt_min=2),
    Requests(model="claude-*", attempt_max=1),
    Requests(path="/v1/responses", stream=True),
    Requests(model="o3", share_ratio=0.1),
    Requests(attempt_min=2, attempt_max=3, share_ratio=0.5),
)

SETS: dict[str, dict[str, EdgeRule]] = {
    "aimed at others": {
        f"others-{number}": EdgeRule(LINK, rule, requests)
        for number, (rule, requests) in enumerate(zip(_KINDS, _OTHERS, strict=True))
    },
    "of a small share": {
        f"seldom-{number}": EdgeRule(LINK, rule, Requests(share_ratio=1e-7)) for number, rule in enumerate(_KINDS)
    },
    "that draw, match, count": {
        **{f"seldom-{number}": EdgeRule(LINK, Fail(503), Requests(share_ratio=1e-9)) for number in range(4)},
        **{f"others-{number}": EdgeRule(LINK, Delay(1.0), Requests("gpt-*", attempt_max=1)) for number in range(4)},
        **{f"ample-{number}": EdgeRule(LINK, Throttle(1e9, 1000)) for number in range(2)},
    },
}
"""Each of ten kinds for requests that are not those that come; each for so few that none is hit; and some that do something to all."""


def compared(ratios: Sequence[float]) -> Interval:
    """The median of *ratios*, each of one pair, with its 95 % interval."""
    return quantile(ratios, 0.5)


def written(ratio: Interval) -> str:
    return f"{ratio.value:.3f} times ({ratio.low:.3f} to {ratio.high:.3f} by {ratio.n} pairs)"


def held(ratio: Interval, most: float) -> str:
    """Whether *ratio* is at *most* so much, where its interval says."""
    if ratio.low > most:
        return "does not hold"
    return "holds" if ratio.high <= most else "not told apart"
