"""How many times as long as it would have on a machine of its own something took here, since others want the processors too."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread
from types import TracebackType
from typing import Self

_WORKS_S, _RESTS_S = 0.02, 0.2
_WORK = """
import sys, time
works_s, rests_s = map(float, sys.argv[1:])
while True:
    begun_s, done_s = time.monotonic(), time.process_time() + works_s
    while time.process_time() < done_s:
        pass
    print(begun_s, time.monotonic() - begun_s, flush=True)
    time.sleep(rests_s)
"""


class Pace:
    """A process that works for a fiftieth of a second again and again, and how long each time took it."""

    def __init__(self) -> None:
        self._took: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        words = [sys.executable, "-ISc", _WORK, str(_WORKS_S), str(_RESTS_S)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self._reads = Thread(target=self._read)
        self._reads.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._reads.join()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def slowness(self, from_s: float, until_s: float) -> float:
        """How many times as long as its work what worked between these instants (monotonic) took on the average; 1 where nothing did."""
        took_s = [took_s for begun_s, took_s in self._took if begun_s < until_s and begun_s + took_s > from_s]
        return max(1.0, sum(took_s) / len(took_s) / _WORKS_S) if took_s else 1.0

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            begun_s, took_s = map(float, line.split())
            self._took.append((begun_s, took_s))
