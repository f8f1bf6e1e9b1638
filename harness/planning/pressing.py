"""When a client that is not served asks again: stated once, and computed alike by all who send."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from harness.reading.retries import Retries


class Pressing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the clients of a load ask again: at most *again_max* times, where a press came to one of *upon*.

    A press that another one can follow is given up *patience_s* after it was sent. Before press number k, of which the first is 0,
    a client waits *wait_s* times *factor* to the power of k - 1, at most *wait_s_max*, and less by up to *jitter* (0-1) of that. All
    instants are seconds of one clock; *until_s* is when the client gives its request up for good.
    """

    again_max: int
    patience_s: float
    upon: tuple[str, ...]
    wait_s: float
    factor: float
    wait_s_max: float | None
    jitter: float
    seed: int

    def given_up_s(self, index: int, press: int, sent_s: float, until_s: float) -> float:
        """When *press* of request *index*, sent at *sent_s*, is given up; the last one that there is time for only with its request."""
        patient_s = sent_s + self.patience_s
        return patient_s if self.next_s(index, press, "timed_out", patient_s, until_s) is not None else until_s

    def next_s(self, index: int, press: int, outcome: str, ended_s: float, until_s: float) -> float | None:
        """When the press that follows *press* is sent, which came to *outcome* at *ended_s*; None where none follows."""
        if press >= self.again_max or outcome not in self.upon:
            return None
        at_s = ended_s + self._waits_s(index, press + 1)
        return at_s if at_s < until_s else None

    def most(self, within_s: float) -> int:
        """How many presses one request can have that is given up for good *within_s* after it was due, were each refused at once."""
        presses, waited_s = 1, 0.0
        while presses <= self.again_max:
            waited_s += (1 - self.jitter) * self._longest_s(presses)
            if waited_s >= within_s:
                break
            presses += 1
        return presses

    def _waits_s(self, index: int, press: int) -> float:
        return self._longest_s(press) * (1 - self.jitter * _drawn(self.seed, index, press))

    def _longest_s(self, press: int) -> float:
        wait_s = self.wait_s * self.factor ** (press - 1)
        return wait_s if self.wait_s_max is None else min(wait_s, self.wait_s_max)


def pressing_of(retries: Retries, seed: int) -> Pressing:
    """How clients ask again as a scenario's *retries* say, what is left to chance being drawn from *seed*."""
    grows = retries.grows
    return Pressing(
        again_max=retries.max,
        patience_s=retries.deadline,
        upon=tuple(retries.on),
        wait_s=grows.first,
        factor=grows.factor,
        wait_s_max=grows.most,
        jitter=grows.jitter,
        seed=seed,
    )


def _drawn(seed: int, index: int, press: int) -> float:
    """A number in [0, 1) that hangs on nothing but these: workers draw in different orders."""
    return int.from_bytes(blake2b(f"{seed}\0press\0{index}\0{press}".encode(), digest_size=8).digest(), "big") / 2**64
