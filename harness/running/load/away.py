"""A worker on another machine than its master: its plan comes by message, its rows go back at once; only the load child imports this."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import Greenlet, socket
from gevent.event import AsyncResult
from locust.exception import RPCError

from harness.planning.schedule import Share
from harness.record.workers import Seal
from harness.running.load import crew, elsewhere
from harness.running.load.plan import LoadPlan
from harness.running.load.receiving import Sending
from harness.running.load.telling import say

_SEND_EVERY_S, _PIECE_BYTES = 0.2, 1 << 17
_REACHED_WITHIN_S, _TRY_AGAIN_S = 5.0, 0.2
_SILENT_S = 10.0
"""As long as a worker waits for word of a master that is gone."""
_LOOK_S = 0.5


class UnreachedError(Exception):
    """What is to be asked cannot be reached from this machine."""


class Away:
    """One worker away from its master, whose files are in *folder*. It ends where nothing is heard of that, or who started it is gone.

    *before* stands before the name of each message that it sends. It sends so many *requests*; None where its users decide that.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], before: str = "", requests: int | None = 0
    ) -> None:
        self._folder, self._environment, self._before = folder, environment, before
        self.called = environment.get(crew.NAME, "")
        """What its machine is called in the run; empty: by its own name."""
        self._pieces: list[bytes] = []
        self._plan: AsyncResult = AsyncResult()
        self._heard_s = monotonic()
        self._files: dict[str, Sending] = {}
        self._sending, self._requests, self._begun = Greenlet(), requests, False
        self.left = ""
        """Why it sends no more, though its master has not said so."""

    def take(self, piece: bytes) -> None:
        """A piece of the plan, the last of which is empty."""
        self._pieces.append(piece)
        if not piece:
            try:
                self._plan.set(elsewhere.joined(self._pieces, self._environment, self._folder))
            except Exception as error:  # noqa: BLE001 - whoever waits for the plan says so
                self._plan.set_exception(error)

    def plan(self, share: Share) -> LoadPlan:
        """The plan, once it is here and every entry can be reached. Raises ValueError, and UnreachedError which names the entry."""
        plan: LoadPlan = self._plan.get()
        self.takes_up(plan.entries, {"rows": f"requests-{share.number}.rows"}, plan.instrument_path)
        self._requests = plan.schedule.share_sizes(share.of, plan.requests_max)[share.number]
        return plan

    def takes_up(self, entries: Mapping[str, str], files: Mapping[str, str], instrument_path: str) -> None:
        """Look whether every entry can be reached: these *files* of its folder are to be sent back, each as a message of this name.

        Raises UnreachedError which names the entry.
        """
        for name, url in entries.items():
            _reach(name, url)
        self._files = {kind: Sending(self._folder / name) for kind, name in files.items()}
        if instrument_path:
            self._files["lateness"] = Sending(Path(instrument_path))
        say("has the plan, and reaches the service; the load begins in a moment")

    def begin(self, runner: Any) -> None:
        """Send back from now on what is written."""
        self._begun = True
        sends = "its users ask" if self._requests is None else f"this worker sends {self._requests} requests"
        say(f"the load has begun; {sends}")
        self._sending = gevent.spawn(self._go_on, runner)

    def end(self, runner: Any, seal: Seal | None, why: str, cut_short: bool = False) -> None:
        """Send back what is left, of which *seal* is all, and say how it ended. Raises RPCError where it cannot be taken.

        That users were *cut_short* nobody sees by how many requests they made.
        """
        self._sending.kill()
        try:
            self._send_back(runner)
        finally:
            say(self._ended(seal.rows if seal else 0, why, cut_short))

    def _ended(self, rows: int, why: str, cut_short: bool = False) -> str:
        if why:
            return f"this worker {why}; no more is sent"
        if self._requests == 0 or not self._begun:
            return "the run was ended before its load began"
        cut_short = cut_short or self._requests not in (None, rows)
        how = "the run was ended before its time" if cut_short else "the load has ended"
        return f"{how}; {rows} rows{'' if self._requests is None else f' of {self._requests}'} came back to the run"

    def _send_back(self, runner: Any) -> None:
        """What was written since the last time. Raises RPCError."""
        for kind, file in self._files.items():
            while (piece := file.piece(_PIECE_BYTES))[1]:
                runner.send_message(f"{self._before}{kind}", list(piece))
                file.sent(piece[1])

    def _go_on(self, runner: Any) -> None:
        while True:
            gevent.sleep(_SEND_EVERY_S)
            with suppress(RPCError):  # the same again the next time
                self._send_back(runner)

    def heard(self, **_: Any) -> None:
        """Something was heard of the master."""
        self._heard_s = monotonic()

    def watch(self, runner: Any) -> None:
        """End the worker when its master is gone, or the process that started it."""
        parent = os.getppid()
        while not self.left:
            gevent.sleep(_LOOK_S)
            if os.getppid() != parent:
                self.left = "was ended with the process that started it"
            elif monotonic() - self._heard_s > _SILENT_S:
                self.left = f"heard nothing of the run for {_SILENT_S:g} s"
        if self._requests == 0:  # Nobody else says so.
            say(self._ended(0, self.left))
        runner.environment.process_exit_code = 1
        runner.quit()
        if os.getppid() != parent:  # which would have done that
            rmtree(self._folder, ignore_errors=True)


def _reach(name: str, url: str) -> None:
    parts = urlsplit(url)
    where = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    late_s = monotonic() + _REACHED_WITHIN_S
    while True:
        try:
            socket.create_connection(where, timeout=max(0.1, late_s - monotonic())).close()
        except OSError as error:
            if monotonic() > late_s:
                raise UnreachedError(f"cannot reach entry {name!r} at {url} from there: {error}") from error
            gevent.sleep(_TRY_AGAIN_S)
        else:
            return
