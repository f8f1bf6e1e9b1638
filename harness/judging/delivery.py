"""The share of attempts, connections, lookups or commands that a fault really touched, beside the share that it was asked to touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from harness.faults.effects import Drawn, EdgeRule, NameAnswer, NameDelay, TapAnswers, TapCertificate, TapMode, TapShape
from harness.faults.requests import Per, Requests
from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.marks import NO_MARK, index_of, marks
from harness.judging.scoring.shares import wilson
from harness.planning.disturbance import Disturbance
from harness.record.history import Injected, Look, Reverting

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Table, Words

FAR_OFF = 0.001
"""How many sound runs of a fault are called far off, over all of its stretches together."""


Of = Literal["attempts", "connections", "lookups", "commands"]
"""What a share is of."""
DrawnOf = Literal["attempts", "connections", "conversations", "lookups", "commands"]
"""What draws: of a share of attempts those of one connection, or of one conversation, may do so together."""
_DRAWN_OF: Mapping[Per, DrawnOf] = {
    "attempt": "attempts",
    "connection": "connections",
    "conversation": "conversations",
}

_OF_SHARES = TapMode | TapShape | TapAnswers | TapCertificate | NameAnswer | NameDelay
"""What may be done to a share of what comes to the tap, or to the resolver."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the *asked* share (0 to 1): the *delivered* one, of those that came to the fault at all.

    A fault of answers is delivered where it was put on an answer. One that is no stream, or over before the place that was asked for, gives
    it nothing to do, which is no flaw of the run: *acted* is the share of those that did.
    """

    asked: float
    delivered: Interval
    acted: Interval | None = None
    drawn: Interval | None = None
    """The delivered share of what drew, which may be all attempts of a connection, or of a conversation, together; None: nobody knows."""
    of: Of = "attempts"
    drawn_of: DrawnOf = "attempts"
    on_each: Mapping[str, Interval] = field(default_factory=dict)
    """As *drawn*, by the link, where the fault lies on several."""

    def far_off(self, stretches: int = 1) -> tuple[str, Interval] | None:
        """The share that is not what a sound run delivers of the asked one, 999 times in 1000, and the link that it is of; empty: of all.

        None where all are as asked. Of so many *stretches* and links each gets an equal part of the error (Bonferroni): a fault that comes
        and goes often, or lies on many links, is not called far off more often.
        """
        from harness.judging.scoring.distributions import binomial_quantile

        shares: dict[str, Interval | None] = {"": self.drawn, **self.on_each}
        tail = FAR_OFF / (2 * stretches * len(shares))
        for link, share in shares.items():
            if share is None or share.value is None:
                continue
            least, most = (binomial_quantile(q, share.n, self.asked) for q in (tail, 1 - tail))
            if not least <= round(share.value * share.n) <= most:
                return link, share
        return None


def delivery(evidence: Evidence, disturbance: Disturbance) -> Delivery | None:
    """What *disturbance* delivered; None where it asks for no share."""
    found: Delivery | None = evidence.once(("delivery", disturbance.id), lambda: _delivery(evidence, disturbance))
    return found


def _delivery(evidence: Evidence, disturbance: Disturbance) -> Delivery | None:
    requests = [
        effect.requests for effect in disturbance.effects if isinstance(effect, EdgeRule) and effect.rule.hits_all
    ]
    if not requests:
        return _at_the_tap(evidence, disturbance)
    met = evidence.arrival_table.taken(_met(evidence, disturbance))
    asked, acted = _asked(requests[0], met, evidence, disturbance), None
    hit = were_hit(met, disturbance)
    if disturbance.of_answers:
        picked = _names(met.words("picked"), disturbance)
        acted, hit = wilson(int((hit & picked).sum()), int(picked.sum())), picked
    delivered = wilson(int(hit.sum()), len(met))
    drew = _drew(delivered, met, hit, requests[0], evidence)
    return Delivery(
        asked,
        delivered,
        acted,
        drew,
        drawn_of=_DRAWN_OF[requests[0].per],
        on_each=_on_each(met, hit, requests[0], evidence),
    )


def _on_each(met: Table, hit: Bools, requests: Requests, evidence: Evidence) -> dict[str, Interval]:
    """Of each of several links the share of what drew that was hit; none where what is asked changes as time goes on."""
    links = met.words("link")
    names = links.unique()
    if requests.share_ramp is not None or len(names) < 2:
        return {}
    found: dict[str, Interval] = {}
    for name in names:
        here = links == name
        share = wilson(int((hit & here).sum()), int(here.sum()))
        drew = _drew(share, met.taken(here), hit[here], requests, evidence)
        found |= {name: drew} if drew else {}
    return found


def _drew(delivered: Interval, met: Table, hit: Bools, requests: Requests, evidence: Evidence) -> Interval | None:
    """The share of what drew that was hit: of attempts, or of all attempts of a connection or of a conversation as one."""
    if requests.per == "attempt":
        return delivered
    # What is drawn once and held against a share that climbs is hit from some moment on.
    if requests.share_ramp is not None:
        return None
    import numpy as np

    if requests.per == "connection":
        lots = met.numbers("connection")
        known = lots > 0
    else:
        mark = marks(met)
        lots, known = index_of(mark) % max(1, evidence.plan.schedule.conversations), mark != NO_MARK
    # Of each link: what a lot is drawn for is a fault on one.
    keys = lots * max(1, len(met.words("link").vocabulary)) + met.words("link").codes
    each, drew = np.unique(keys[known]), np.unique(keys[known & hit])
    return wilson(drew.size, each.size) if each.size else None


def _at_the_tap(evidence: Evidence, disturbance: Disturbance) -> Delivery | None:
    """What became of a share of connections, or of commands; None where none was asked for, or nobody counted, as in earlier runs."""
    for effect in disturbance.effects:
        if isinstance(effect, _OF_SHARES) and effect.share_ratio < 1:
            drawn = _drawn(evidence, disturbance)
            of: Of = "connections"
            if isinstance(effect, TapAnswers):
                of = "commands"
            elif isinstance(effect, NameAnswer | NameDelay):
                of = "lookups"
            if not drawn:
                return None
            delivered = wilson(sum(one.picked for one in drawn.values()), sum(one.came for one in drawn.values()))
            each = {link: wilson(one.picked, one.came) for link, one in drawn.items()} if len(drawn) > 1 else {}
            return Delivery(effect.share_ratio, delivered, drawn=delivered, of=of, drawn_of=of, on_each=each)
    return None


def _drawn(evidence: Evidence, disturbance: Disturbance) -> dict[str, Drawn]:
    """What had come to each of its links by the last look at it; none where nothing was counted."""
    last = {look.sight.link: look.sight for look in evidence.of_fault(disturbance.id, Look) if look.sight.stands}
    if evidence.ended is None:
        return {}
    return {link: sight.drawn for link, sight in last.items() if sight.drawn}


def _asked(requests: Requests, met: Table, evidence: Evidence, disturbance: Disturbance) -> float:
    """The share that was asked for, on average over those that came."""
    import numpy as np

    if requests.share_ramp is None or not len(met):
        return requests.share_ratio
    began_s = min((event.at_s for event in evidence.of_fault(disturbance.id, Injected)), default=disturbance.start_s)
    after_s = (met.numbers("start_s") - began_s).clip(min=0.0)
    return float(np.mean([requests.share_at(at_s) for at_s in after_s.tolist()]))


def _met(evidence: Evidence, disturbance: Disturbance) -> Bools:
    """Which arrivals the rule of *disturbance* had a say in, while it was in force; none may have come to one that lies in wait."""
    came_to = evidence.words("arrivals", "came_to")
    if (came_to != "").any() or disturbance.fault.lies_in_wait:
        return _names(came_to, disturbance)
    return _met_by_the_clock(evidence, disturbance)


def _met_by_the_clock(evidence: Evidence, disturbance: Disturbance) -> Bools:
    """As `_met`, of a run whose edges did not write down what came to which fault.

    Of several rules on a link the one put first answers, so what that one answered never came to this one.
    """
    fault, outcome = evidence.words("arrivals", "fault"), evidence.words("arrivals", "outcome")
    injected = [event.fault for event in evidence.history if isinstance(event, Injected)]
    before = injected[: injected.index(disturbance.id)] if disturbance.id in injected else injected
    from_s = min((event.at_s for event in evidence.of_fault(disturbance.id, Injected)), default=float("inf"))
    until_s = min((event.at_s for event in evidence.of_fault(disturbance.id, Reverting)), default=float("inf"))
    # What was no request never came to a rule.
    mine = evidence.words("arrivals", "link").isin(disturbance.links) & ~fault.isin(before) & (outcome != "refused")
    # The rule is in force a moment before that is acknowledged; what it answered then came to it.
    start_s = evidence.column("arrivals", "start_s")
    met: Bools = (start_s >= from_s) | (fault == disturbance.id)
    return mine & met & (start_s < until_s)


def were_hit(met: Table, disturbance: Disturbance) -> Bools:
    """Which of the arrivals *met* the fault did something to, be it alone or with others."""
    return _names(met.words("hit_by"), disturbance) | (met.words("fault") == disturbance.id)


def _names(faults: Words, disturbance: Disturbance) -> Bools:
    """Whether *disturbance* is among the ids in each of *faults*."""
    return faults.each(lambda names: disturbance.id in names.split(), bool)
