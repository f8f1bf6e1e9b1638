"""Whether and when each fault took hold, and whether it stood until its end, decided from what the looks at it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import inf
from typing import Literal

from harness.faults.base import Looked
from harness.faults.effects import Effect, Outcome, Sight, TapAnswers, TapCertificate
from harness.judging.evidence import Evidence
from harness.planning.disturbance import Disturbance
from harness.record.history import Confirmed, Injected, Look

LATE_S = 1.0
"""So long after it began, and after it could be seen at all, a fault has to be."""
_WORDS = {"toxiproxy": "proxy"}
"""What a person calls a place, where that is not its name."""
_FELT = {
    "edge": ("attempt", "answered for it at the edge"),
    "tap": ("connection", "felt it at the tap"),
    "resolver": ("lookup", "met it at the resolver"),
    "provider": ("chat", "felt it at the provider"),
    "store": ("key", "hit by it in the store"),
    "process": ("process", "felt it"),
    "container": ("container", "felt it"),
}
"""What is counted at each place of what a fault was done to."""


_TOLD: dict[Outcome | Literal[""], str] = {
    "named": "told the address of the link",
    "no_such_name": "told that there is no such name",
    "no_address": "told that the name has no address",
    "server_failure": "told that the server failed",
    "nowhere": "told an address at which nobody listens",
    "truncated": "told that the answer does not fit",
}
"""What a lookup came to, in words."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What the looks at one fault came to, with the *evidence* for it in words; *lost* says why it is taken to be gone."""

    evidence: str
    held_at_s: float | None = None
    lost_at_s: float | None = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at all links of a fault; *shows* it is in force, or not; None where no probe could say."""

    at_s: float
    sights: tuple[Sight, ...]
    shows: bool | None

    @property
    def looked_s(self) -> float:
        """When the probes were sent."""
        return self.at_s - max((sight.elapsed_s for sight in self.sights), default=0.0)

    @property
    def wrong(self) -> str:
        """What those who carry the fault say that is not as it should be; nothing where all is."""
        said: dict[str, list[str]] = {}
        for sight in self.sights:
            if sight.amiss or sight.stands is False:
                said.setdefault(sight.amiss or "it is not there any more", []).append(sight.link)
        return "; ".join(f"{' and '.join(links)}: {what}" for what, links in said.items())


def hold(evidence: Evidence, disturbance: Disturbance) -> Hold:
    """What the looks at *disturbance* show; of a run made before looks were written down, what was decided then."""
    rounds = list(_rounds(evidence, disturbance))
    if not rounds:
        return _decided_then(evidence, disturbance)
    held = next((one for one in rounds if one.shows), None)
    lost_at_s, lost = _lost(rounds, held, _due_s(evidence, disturbance))
    said = _said(held or _last_shown(rounds), disturbance) + _refused(rounds) + _looked_up(rounds, disturbance)
    return Hold(said, held.at_s if held else None, lost_at_s, _when(lost, lost_at_s, evidence, disturbance))


def _rounds(evidence: Evidence, disturbance: Disturbance) -> Iterator[_Round]:
    looks = evidence.of_fault(disturbance.id, Look)
    for at_s, group in groupby(looks, key=lambda look: look.at_s):
        sights = tuple(look.sight for look in group)
        unprobed = disturbance.fault.probes and not any(sight.outcome for sight in sights)
        seen = Looked.of(sights, evidence.plan.target.links)
        yield _Round(at_s, sights, None if unprobed else disturbance.fault.took_hold(seen))


def _due_s(evidence: Evidence, disturbance: Disturbance) -> float:
    """From when on each probe has to show it, whether one has before or not; never where none is sent."""
    began, fault = evidence.of_fault(disturbance.id, Injected), disturbance.fault
    return began[0].at_s + fault.shown_after_s() + LATE_S if began and fault.probes else inf


def _lost(rounds: Sequence[_Round], held: _Round | None, due_s: float) -> tuple[float | None, str]:
    """When it was seen to be gone, or not to be there yet though it was *due*, and what showed that.

    What those who carry it say is taken at its word. A probe alone may miss once, as on a machine that is busy: two in a row do not.
    """
    for one in rounds:
        if one.wrong:
            return one.at_s, one.wrong
    from_s = min(held.at_s, due_s) if held else inf
    probed = [one for one in rounds if one.shows is not None and (one is held or one.looked_s >= from_s)]
    for first, second in pairwise(probed):
        if not first.shows and not second.shows:
            return first.at_s, _probes(first.sights)
    return None, ""


def _when(lost: str, at_s: float | None, evidence: Evidence, disturbance: Disturbance) -> str:
    if at_s is None:
        return ""
    began = evidence.of_fault(disturbance.id, Injected)
    after = f", {at_s - began[0].at_s:.1f} s after it began" if began else ""
    return f"{disturbance.summary} did not stand as it was made: seen at {at_s:.1f} s{after}; {lost}"


def _last_shown(rounds: Sequence[_Round]) -> _Round:
    """The last look that could have shown it, else the last."""
    return next((one for one in reversed(rounds) if one.shows is not None), rounds[-1])


def _said(one: _Round, disturbance: Disturbance) -> str:
    """The look in words, such as ``probe of east: silent for 0.6 s; the proxy says that it is there``."""
    if not disturbance.fault.breaks:
        return "the target has put its next version in place"
    said = [_probes(one.sights)]
    if not disturbance.fault.probes:
        count = sum(sight.answered or 0 for sight in one.sights)
        noun, what = _what_became(disturbance)
        # Of a kind that is not installed nobody knows whether anything is counted that it is done to.
        several = f"{noun}{'es' if noun.endswith('s') else 's'}"
        said += [f"{count or 'no'} {noun if count == 1 else several} {what}"] if count or disturbance.effects else []
    if one.wrong:
        said.append(one.wrong)
    elif all(sight.stands for sight in one.sights):
        places = [f"the {place}" for place in dict.fromkeys(map(_place, disturbance.effects))] or ["what carries it"]
        said.append(f"{' and '.join(places)} say{'s' if len(places) == 1 else ''} that it is there")
    return "; ".join(filter(None, said))


def _refused(rounds: Sequence[_Round]) -> str:
    """What clients made of a certificate, by the last look that saw anything of that: ``; by 12.3 s 14 handshakes were refused: ...``."""
    last = next((one for one in reversed(rounds) if any(sight.refused for sight in one.sights)), None)
    if last is None:
        return ""
    said = Counter[str]()
    for sight in last.sights:
        said.update(sight.refused)
    by = ", ".join(f"{alert or 'without a word'} ({many})" for alert, many in said.most_common())
    many = said.total()
    return f"; by {last.at_s:.1f} s {many} handshake{'s were' if many != 1 else ' was'} refused: {by}"


def _looked_up(rounds: Sequence[_Round], disturbance: Disturbance) -> str:
    """How many lookups met it by the last look: ``; by 12.3 s 14 lookups met it at the resolver``."""
    if not any(effect.place == "resolver" for effect in disturbance.effects):
        return ""
    last = rounds[-1]
    many, (noun, what) = sum(sight.answered or 0 for sight in last.sights), _FELT["resolver"]
    return f"; by {last.at_s:.1f} s {many or 'no'} {noun}{'s' if many != 1 else ''} {what}"


def _what_became(disturbance: Disturbance) -> tuple[str, str]:
    """What the fault touches, and how that is seen."""
    if disturbance.of_answers:
        return "answer", "touched by it at the edge"
    for effect in disturbance.effects:
        if isinstance(effect, TapCertificate):
            return "connection", "shown it at the tap"
        if isinstance(effect, TapAnswers):
            return (
                ("message", "lost for it at the tap") if effect.messages else ("command", "answered for it at the tap")
            )
    at = {effect.place for effect in disturbance.effects}
    return next((words for place, words in _FELT.items() if place in at), ("attempt", "felt it"))


def _place(effect: Effect) -> str:
    return _WORDS.get(effect.place, effect.place)


def _probes(sights: Sequence[Sight]) -> str:
    return "; ".join(f"probe of {sight.link}: {_outcome(sight)}" for sight in sights if sight.outcome)


def _outcome(sight: Sight) -> str:
    match sight.outcome:
        case "answered":
            return f"answered after {sight.elapsed_s:.3f} s"
        case "silent":
            return f"silent for {sight.elapsed_s:.1f} s"
        case "closed":
            return "closed without an answer"
        case other:
            return _TOLD.get(other, other)


def _decided_then(evidence: Evidence, disturbance: Disturbance) -> Hold:
    confirmed = evidence.of_fault(disturbance.id, Confirmed)
    if not confirmed:
        return Hold("the run ended before anybody could look")
    held = next((event for event in confirmed if event.held), None)
    return Hold((held or confirmed[-1]).how, held.at_s if held else None)
