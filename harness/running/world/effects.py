"""What a service says it has done, read before the load and after it: how often in all, and for which requests."""

from __future__ import annotations

import time
from collections import Counter

import msgspec

from harness.problems import HarnessError
from harness.protocols.nonce import Nonces, unpressed
from harness.protocols.pointer import at
from harness.reading.target import Target
from harness.reading.templates import fill
from harness.record.effects import Effects
from harness.running.world.processes import Processes
from harness.running.world.subject import ask_json


class SideEffects:
    """The count that the target file says how to read; nothing where it says none."""

    def __init__(self, target: Target, processes: Processes, nonces: Nonces) -> None:
        self._told, self._processes, self._nonces = target.effects, processes, nonces
        self._before = Effects(0)

    def begin(self) -> None:
        """What was done so far was not done for the load. Raises HarnessError where it cannot be read."""
        if self._told is not None:
            self._before = self._read()

    def since(self) -> Effects | None:
        """What was done since then, once the service had time to; None where it is not known, or can no longer be read."""
        if self._told is None:
            return None
        time.sleep(self._told.settle)
        try:
            now = self._read()
        except HarnessError:
            return None
        before = Counter(self._before.of_nonce)
        of_nonce = {nonce: count - before[nonce] for nonce, count in now.of_nonce.items()}
        return Effects(now.total - self._before.total, {nonce: count for nonce, count in of_nonce.items() if count > 0})

    def _read(self) -> Effects:
        assert self._told is not None
        url = fill(self._told.get, self._processes.outside)
        with self._processes.blamed():
            document = ask_json("GET", url)
        found = counted(at(document, self._told.at), self._nonces)
        if found is None:
            what = f"a number, a list or an object at {self._told.at or 'its top'}"
            raise HarnessError(f"GET {url} answered {document!r:.200}; effects.at needs {what}")
        return found


def counted(said: object, nonces: Nonces) -> Effects | None:
    """What *said* counts: a number, a list with an element for each effect, or an object with how often by what; None for anything else."""
    if isinstance(said, int) and not isinstance(said, bool):
        return Effects(said)
    if isinstance(said, list):
        each = [(said_of if isinstance(said_of, str) else msgspec.json.encode(said_of).decode(), 1) for said_of in said]
    elif isinstance(said, dict):
        each = [(name, count if isinstance(count, int) else 1) for name, count in said.items()]
    else:
        return None
    of_nonce: Counter[str] = Counter()
    for text, count in each:
        if mark := max(nonces.own(text.encode("utf-8", "surrogatepass")), default=""):
            of_nonce[unpressed(mark)] += count
    return Effects(sum(count for _, count in each), dict(of_nonce))
