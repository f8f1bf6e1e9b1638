"""Where the target is asked, and whether it serves there: nothing is sent before it does, whoever started it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from harness.reading.target import Ready, Target
from harness.reading.templates import fill
from harness.running.world.processes import Processes
from harness.running.world.readiness import NotReadyError, Readiness

_ACCEPTS = Ready(tcp=True)


class Entries:
    """The entries of a target whose links are open."""

    def __init__(self, target: Target, processes: Processes) -> None:
        self._ready, self._ours = target.ready or _ACCEPTS, bool(target.processes or target.compose)
        values = behind_links(target, processes)
        self._missing = [Readiness(fill(entry.url, values), self._ready) for entry in target.entries]
        self._late_s: float | None = None

    def serving(self) -> bool:
        """Whether every entry has been seen to serve. Raises NotReadyError that says what was tried, once their time is over."""
        if self._late_s is None:
            self._late_s = time.monotonic() + self._ready.within
        self._missing = [entry for entry in self._missing if not entry.serves()]
        if self._missing and time.monotonic() > self._late_s:
            raise self._late()
        return not self._missing

    def _late(self) -> NotReadyError:
        tried = f"tried {', '.join(entry.tried for entry in self._missing)}"
        more = tried if self._ours else f"{tried}; does it run? With start: in its file the harness starts it"
        return NotReadyError(
            f"the target's entries were not ready within {self._ready.within:g} s", "ready.within", more
        )


def behind_links(target: Target, processes: Processes) -> Mapping[str, str]:
    """Values that lead past the links: a link that is an entry must see nothing of being looked at."""
    http = [name for name, link in target.links.items() if link.carries == "http"]
    return {**processes.outside, **{f"{name}.url": processes.upstream(name) for name in http}}
