"""The rule by which a provider answers a share of attempts with an error."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import ClassVar

from harness.faults.effects import FailShare, Rule
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind, Lots, Pass


class FailedShare(EdgeRuleKind[FailShare]):
    """Answers an error to a share."""

    spec: ClassVar[type[Rule]] = FailShare

    def __init__(self, spec: FailShare, lots: Lots) -> None:
        super().__init__(spec, lots)
        self._tries: Counter[str] = Counter()

    def judge(self, asked: Asked) -> Decision:
        self._tries[asked.nonce] += 1
        lots = self.lots
        lot = draw(lots.seed, lots.link, lots.fault, asked.nonce, self._tries[asked.nonce])
        if lot >= self.told.share_ratio:
            return Pass()
        return asked.words.error(self.told.status, request_id=asked.request_id)


def draw(seed: int, link: str, fault_id: str, nonce: str, attempt: int) -> float:
    """A number in [0, 1) for the *attempt*-th try (from 1) of *nonce* on *link*, the same in whatever order it is asked for."""
    text = f"{seed}/{link}/{fault_id}/{nonce}/{attempt}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
