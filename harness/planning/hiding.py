"""Which faults nobody would ever meet, since another one stands before them for as long as they last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.faults.effects import (
    Curtail,
    Cut,
    CutStream,
    EdgeRule,
    Effect,
    Fail,
    HangUp,
    SlowStream,
    SpoilStream,
    StallStream,
    TapAnswers,
    TapCertificate,
    TapMode,
    TapShape,
    Toxic,
)
from harness.faults.requests import ALL
from harness.planning.disturbance import Disturbance


class Hidden(NamedTuple):
    """The fault called *name* would never act, which *why* tells of the other one that is called *by*; *right* is what would do."""

    name: str
    by: str
    why: str
    right: str


class _Behind(NamedTuple):
    """One effect of *hiding*, and one of *hidden*, on the same thing, with which was put first, and for how long the hidden one lasts."""

    hiding: Effect
    hidden: Effect
    put_first: bool
    lasts_s: float


def hidden(
    disturbances: tuple[Disturbance, ...], at_odds: Callable[[Disturbance, Disturbance], str]
) -> Iterator[Hidden]:
    """Each fault that can never act, once; of two that are *at_odds* it is said elsewhere that both cannot be."""
    in_time = sorted(disturbances, key=lambda one: one.start_s)
    told: set[str] = set()
    for number, one in enumerate(in_time):
        if one.fault.lies_in_wait or one.of in told or not one.effects:
            continue
        others = [
            (at < number, other)
            for at, other in enumerate(in_time)
            if other is not one and other.start_s <= one.start_s and other.end_s >= one.end_s
        ]
        others = [(first, other) for first, other in others if not at_odds(other, one)]
        found = [_hides(effect, one, others) for effect in one.effects]
        if found[0] is not None and all(found):
            told.add(one.of)
            yield found[0]


def _hides(effect: Effect, of: Disturbance, others: list[tuple[bool, Disturbance]]) -> Hidden | None:
    """By what *effect* of a fault is hidden, if it is."""
    for first, other in others:
        for hiding in other.effects:
            pair = _Behind(hiding, effect, first, of.end_s - of.start_s)
            if hiding.aim == effect.aim and (why := _answered(pair) or _over(pair) or _nothing_passes(pair)):
                name = other.of
                what = f"{of.of} would meet nobody: {name} {why}, for as long as it lasts"
                return Hidden(of.of, name, what, _right(pair, name, of.of))
    return None


def _right(pair: _Behind, hiding: str, hidden: str) -> str:
    others = f"begin {hidden} before it, or let them be for other requests"
    match pair.hiding, pair.hidden:
        case EdgeRule(rule=StallStream()), _:
            return (
                f"give {hiding} a share or a silent_for, have {hidden} act before it, or let them be for other requests"
            )
        case EdgeRule(rule=CutStream() | SpoilStream()), _:
            return f"give {hiding} a share, have {hidden} act before it, or let them be for other requests"
        case TapMode() | Cut(), _:
            return f"give {hiding} a share, begin {hidden} before it, or let them be on other links"
    return f"give {hiding} a share, {others}"


def _answered(pair: _Behind) -> str:
    """What says that each request is answered, or hung up on, before it comes so far."""
    match pair:
        case _Behind(EdgeRule(rule=Fail() | HangUp()) as before, EdgeRule() as behind, True):
            return "answers all that it is for" if before.requests.hold_all_of(behind.requests) else ""
        case _Behind(EdgeRule(rule=Fail() | HangUp()) as before, Curtail()):
            return "answers all that it is for" if before.requests.hold_all_of(ALL) else ""
    return ""


def _over(pair: _Behind) -> str:
    """What says that each stream is over, or silent, before it comes so far."""
    match pair.hiding, pair.hidden:
        case EdgeRule(rule=rule, requests=hiding), EdgeRule(rule=behind, requests=requests):
            last, acts_at = _last(rule, pair.lasts_s), _acts_at(behind)
            if last is None or acts_at is None or not hiding.hold_all_of(requests):
                return ""
            # Behind an event the one of two that was put last is the nearer to it; before the first event it is the one put first.
            nearer = pair.put_first is (last == 0)
            if last < acts_at or (last == acts_at and nearer):
                what = "stalls" if isinstance(rule, StallStream) else "ends"
                where = f"after {last} event{'' if last == 1 else 's'}" if last else "before its first event"
                return f"{what} each stream {where} with content"
    return ""


def _last(rule: object, lasts_s: float) -> int | None:
    """Behind how many events with content nothing more of a stream is told in so many seconds; None where it goes on."""
    match rule:
        case CutStream(after=after) | SpoilStream(flaw="error", after=after):
            return after
        case StallStream(after=after, lasts_s=silent_s) if silent_s is None or silent_s >= lasts_s:
            return after
    return None


def _acts_at(rule: object) -> float | None:
    """Behind how many events with content it acts on a stream, the halves being those that are changed themselves; None: nobody knows."""
    match rule:
        case CutStream(after=after) | StallStream(after=after) | SpoilStream(flaw="error", after=after):
            return after
        case SpoilStream(flaw="malformed" | "duplicated" | "reordered", after=after):
            return after + 0.5
        case SpoilStream() | SlowStream(first_token_s=0, first_token_ramp=None, bytes_per_s=0, bytes_per_s_ramp=None):
            # The end of a stream, and the second event, come behind the first.
            return 1.5 if isinstance(rule, SlowStream) else 0.5
        case SlowStream():
            return 0.5
    return None


def _nothing_passes(pair: _Behind) -> str:
    """What says that nothing comes through to the place where it would act."""
    match pair.hiding, pair.hidden:
        case TapMode(mode="refuse", share_ratio=1), TapShape() | TapAnswers() | TapCertificate() | TapMode(
            mode="silence"
        ):
            return "refuses all connections"
        case TapMode(mode="silence", streams="both", share_ratio=1), TapShape() | TapAnswers():
            return "lets nothing pass"
        case TapMode(mode="refuse", share_ratio=1), Toxic() | Cut() | EdgeRule() | Curtail():
            return "refuses all connections"
        case TapMode(
            mode="silence", streams="both" | "upstream", share_ratio=1
        ), Toxic() | Cut() | EdgeRule() | Curtail():
            return "lets nothing pass"
        case TapMode(mode="reset", share_ratio=1), TapShape(streams="downstream"):
            return "resets all connections"
        case TapMode(mode="reset", share_ratio=1), EdgeRule(rule=rule) if rule.of_answers:
            return "resets all connections"
        case Cut(), EdgeRule() | Curtail() | Toxic():
            return "lets nothing pass"
    return ""
