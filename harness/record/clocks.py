"""Another machine's clock beside one's own: where it stands and how fast it goes, by looks at it, and how sure that is.

A look is a message there and back: whatever the other clock said was said between the two. So each look bounds what has to be added to the
other clock to get one's own, however long each way took, and all lines that keep within all bounds are possible (Sirdey and Maurice, "A
linear programming approach to highly precise clock synchronization over a packet network", 4OR 6, 2008). What is taken is their middle, and
the uncertainty is how far the outermost of them lies from it, at the beginning and at the end; nowhere between are they further apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from harness.record.rows import Request

DRIFT_MOST = 500e-6
"""No clock of a computer goes faster or slower than by this; NTP gives up beyond it (RFC 5905, section 11.3)."""
_SLACK_S = 1e-6
_INSTANTS = tuple(name for name in Request.__struct_fields__ if name.endswith("_s"))


class Look(NamedTuple):
    """One look: sent and heard of on one's own clock, answered on the other; all in seconds."""

    sent_s: float
    theirs_s: float
    heard_s: float


class Fit(NamedTuple):
    """What is to be added to the other clock: *add_s* when it said *at_s*, and *drift* more for each second since; see `ours`."""

    at_s: float
    add_s: float
    drift: float
    uncertainty_s: float

    def ours(self, theirs_s: float) -> float:
        """One's own clock, true to within *uncertainty_s*, when the other said *theirs_s*."""
        return theirs_s + self.add_s + self.drift * (theirs_s - self.at_s)


class _Bound(NamedTuple):
    """At *at_s* of the other clock what is to be added lies between *low* and *high*."""

    at_s: float
    low: float
    high: float


class _Line(NamedTuple):
    """*add* at 0, *slope* more for each second."""

    add: float
    slope: float

    def at(self, at_s: float) -> float:
        return self.add + self.slope * at_s


def earlier(row: Request, by_s: float) -> Request:
    """*row* with each of its instants *by_s* earlier."""
    return _mapped(row, lambda at_s: at_s - by_s)


def on_ours(row: Request, found: Fit) -> Request:
    """*row* of the other clock on one's own."""
    return _mapped(row, found.ours)


def _mapped(row: Request, to: Callable[[float], float]) -> Request:
    said = {name: at_s for name in _INSTANTS if (at_s := getattr(row, name)) is not None}
    return msgspec.structs.replace(row, **{name: to(at_s) for name, at_s in said.items()})


def may_be_one(looks: Iterable[Look]) -> bool:
    """Whether nothing speaks against the other clock being one's own."""
    return all(look.sent_s <= look.theirs_s <= look.heard_s for look in looks)


def fit(looks: Sequence[Look]) -> Fit:
    """How the other clock stood over the time of the *looks*, of which there has to be one.

    Where no line keeps within all bounds the clock did not go evenly. The bounds are widened then until one does, and what is said is as
    unsure as the worst of them.
    """
    first_s = min(look.theirs_s for look in looks)
    bounds = [
        _Bound(look.theirs_s - first_s, look.sent_s - look.theirs_s, look.heard_s - look.theirs_s) for look in looks
    ]
    last_s, slack_s, lines = max(bound.at_s for bound in bounds), 0.0, list(_possible(_hulls(bounds, 0.0)))
    while not lines:
        slack_s = max(_SLACK_S, 2 * slack_s)
        lines = list(_possible(_hulls(bounds, slack_s)))
    ends = [[line.at(at_s) for line in lines] for at_s in (0.0, last_s)]
    begins_s, ends_s = ((min(end) + max(end)) / 2 for end in ends)
    taken = _Line(begins_s, (ends_s - begins_s) / last_s if last_s else 0.0)
    off_s = max((max(end) - min(end)) / 2 for end in ends)
    if slack_s:
        off_s = max(max(taken.at(bound.at_s) - bound.low, bound.high - taken.at(bound.at_s)) for bound in bounds)
    return Fit(first_s, taken.add, taken.slope, off_s)


class _Hulls(NamedTuple):
    """The points that lines have to keep above of, and below of, those left out that others stand for."""

    floor: list[tuple[float, float]]
    roof: list[tuple[float, float]]

    def hold(self, line: _Line) -> bool:
        return all(line.at(x) >= y - 1e-9 for x, y in self.floor) and all(line.at(x) <= y + 1e-9 for x, y in self.roof)


def _hulls(bounds: Iterable[_Bound], slack_s: float) -> _Hulls:
    inorder = sorted(bounds)
    floor = _upper((bound.at_s, bound.low - slack_s) for bound in inorder)
    roof = _upper((bound.at_s, -bound.high - slack_s) for bound in inorder)
    return _Hulls(floor, [(x, -y) for x, y in roof])


def _upper(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The upper hull of *points*, which come from left to right (Andrew's monotone chain)."""
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) > 1 and (hull[-1][0] - hull[-2][0]) * (y - hull[-2][1]) >= (x - hull[-2][0]) * (
            hull[-1][1] - hull[-2][1]
        ):
            hull.pop()
        hull.append((x, y))
    return hull


def _possible(hulls: _Hulls) -> Iterator[_Line]:
    """The outermost lines: each touches two points, or one and goes as fast or as slowly as a clock can."""
    points = [*hulls.floor, *hulls.roof]
    slopes: list[tuple[tuple[float, float], float]] = []
    for n, (x, y) in enumerate(points):
        slopes += [((x, y), DRIFT_MOST), ((x, y), -DRIFT_MOST)]
        slopes += [((x, y), (v - y) / (u - x)) for u, v in points[n + 1 :] if u != x]
    for (x, y), slope in slopes:
        line = _Line(y - slope * x, slope)
        if abs(slope) <= DRIFT_MOST and hulls.hold(line):
            yield line
