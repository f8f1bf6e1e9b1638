"""What others say of a run while it goes on: each is asked again and again, and the first that says no ends the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.http1.asked_url import ask
from harness.problems import HarnessError, RefusedError
from harness.reading.proxies import proxy_for

SILENT_S = 10.0
"""Who cannot be asked for so long has said no: what nobody can stop must not go on."""
VETO_EVERY_S = 0.5
_QUOTED_CHARS = 200
_LOOK_S_MAX = 0.5
"""How much later than the last one a look may come and all of the time between count as silence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who can end a run: *ask* returns why it has to end, or nothing; raises OSError or HarnessError where there is no answer."""

    name: str
    ask: Callable[[], str]
    every_s: float


class Orders:
    """Listens to all that are *asked*, each in a thread of its own, so that one who does not answer keeps nobody else from it."""

    def __init__(self, asked: Sequence[Asked], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._over = clock, threading.Event()
        self._listeners = [_Listener(one, clock) for one in asked]
        self._threads = [
            threading.Thread(target=listener.listen, args=(self._over,), name=f"asks {listener.name}", daemon=True)
            for listener in self._listeners
        ]
        for thread in self._threads:
            thread.start()

    def why(self) -> str:
        """Why the run has to end; nothing where it may go on."""
        return next((said for listener in self._listeners if (said := listener.why())), "")

    def close(self) -> None:
        """Nobody is asked any more; who does not answer at the moment is not waited for longer than that takes."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=2.0)


def vetoed(url: str, environment: Mapping[str, str]) -> str:
    """Why *url* says no, or nothing where it answers 2xx. Raises NoAnswerError where it does not answer."""
    answer = ask(url, proxy=proxy_for(url, environment))
    if 200 <= answer.status < 300:
        return ""
    said = " ".join(answer.text.split())[:_QUOTED_CHARS]
    return f"{url} says no: it answered {answer.status}" + (f", {said!r}" if said else "")


class _Listener:
    """Asks one, and remembers the first no, and when there was last an answer."""

    def __init__(self, asked: Asked, clock: Callable[[], float]) -> None:
        self.name = asked.name
        self._asked, self._clock = asked, clock
        self._said, self._failed = "", ""
        self._silent_s, self._looked_s = 0.0, clock()
        self._lock = threading.Lock()

    def listen(self, over: threading.Event) -> None:
        while not self._said and not over.is_set():
            self.once()
            over.wait(self._asked.every_s)

    def once(self) -> None:
        try:
            self._said = self._asked.ask()
        except RefusedError as error:
            self._said = str(error)
        except (OSError, HarnessError) as error:
            self._failed = str(error)
            return
        with self._lock:
            self._silent_s = 0.0

    def why(self) -> str:
        if self._said:
            return self._said
        # A process that was stopped meanwhile has asked nobody, and that is no silence of theirs.
        with self._lock:
            now_s = self._clock()
            self._silent_s += min(now_s - self._looked_s, _LOOK_S_MAX)
            self._looked_s = now_s
        if self._silent_s <= SILENT_S:
            return ""
        last = f": {self._failed}" if self._failed else ""
        return f"{self.name} could not be asked for {self._silent_s:.0f} s, which counts as no{last}"
