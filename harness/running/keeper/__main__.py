"""The keeper's process: it starts what it is asked to start, and ends it all when nobody is left to ask.

Its standard input is the lifeline. It is run as ``python -I -S``, so that it starts at once and nothing of the user's
environment or folder is imported; all that it imports is the standard library's.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

from harness.running.keeper.children import Children
from harness.running.keeper.messages import Limit, Message, Reply, Request, Settings, Signal, Spawn
from harness.running.keeper.throttle import Throttles
from harness.running.keeper.undo import Outcome, put_back

# Four seconds at most, so that nothing is left five seconds after the harness is gone.
UNDO_BUDGET_S = 1.5
GRACE_S = 1.0
QUIET_S = 4.0
"""A harness of which nothing was heard for so long is stopped. It beats twice a second; none that runs is as late as that."""


def main() -> None:
    """Serve until the lifeline ends; then undo what was done, end all children, and remove the temporary folder."""
    settings: Settings = json.loads(sys.argv[-1])
    children = Children(lambda name, status: _tell({"say": "ended", "name": name, "status": status}))
    throttles = Throttles(children)
    grace_s = GRACE_S
    try:
        grace_s = _serve(children, throttles, settings)
    finally:
        throttles.free_all()
        _leave(settings, children, grace_s)


def _serve(children: Children, throttles: Throttles, settings: Settings) -> float:
    """Do as asked until the harness closes or is gone; return how many seconds its children then have to end."""
    lifeline = sys.stdin.fileno()
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    poll.register(children.changed, select.POLLIN)
    harness = _watch(os.getppid())
    if harness is not None:
        poll.register(harness, select.POLLIN)
    _tell({"say": "ready"})
    unread = b""
    pulse = _Pulse(settings, throttles)
    while True:
        ready = {fd for fd, _ in poll.poll(_sooner(pulse.wait_ms, throttles.wait_ms))}
        children.drain()
        children.reap()
        throttles.turn()
        if lifeline in ready:
            received = os.read(lifeline, 1 << 16)
            if not received:
                return GRACE_S
            *lines, unread = (unread + received).split(b"\n")
            for line in lines:
                request: Request = json.loads(line)
                pulse.heard(request)
                if request["ask"] == "close":
                    return request["grace_s"]
                if request["ask"] == "hide":
                    children.outputs.hide(request["secrets"])
                elif request["ask"] == "beat":
                    _tell({"say": "beats"})
                else:
                    _tell(_answer(children, throttles, request))
        elif harness in ready:
            return GRACE_S
        else:
            pulse.look()


def _sooner(*waits_ms: float | None) -> float | None:
    return min((wait_ms for wait_ms in waits_ms if wait_ms is not None), default=None)


class _Pulse:
    """Whether the harness is heard of, once it has begun to beat; the faults of one that is not are taken back."""

    def __init__(self, settings: Settings, throttles: Throttles) -> None:
        self._settings, self._throttles = settings, throttles
        self._heard_s: float | None = None

    @property
    def wait_ms(self) -> float | None:
        """How long there may be nothing to do; None: for ever."""
        return None if self._heard_s is None else 1000 * max(0.0, self._heard_s + QUIET_S - time.monotonic()) + 1

    def heard(self, request: Request) -> None:
        if request["ask"] == "beat" or self._heard_s is not None:
            self._heard_s = time.monotonic()

    def look(self) -> None:
        """Take the faults back if nothing was heard for too long; then once only, until it is heard of again."""
        if self._heard_s is None or (quiet_s := time.monotonic() - self._heard_s) < QUIET_S:
            return
        self._heard_s = None
        self._throttles.free_all()
        outcomes = _put_back(self._settings, UNDO_BUDGET_S, lasting=False)
        if outcomes:
            _note(f"nothing was heard of the harness for {quiet_s:.1f} s, so its faults were taken back")
            _tell({"say": "took_back", "quiet_s": quiet_s})


def _watch(harness_pid: int) -> int | None:
    """A descriptor that is readable once the harness ended, or None; a fork of it may hold the lifeline open."""
    try:
        return os.pidfd_open(harness_pid)
    except (AttributeError, OSError):  # not Linux, or a kernel before 5.3
        return None


def _answer(children: Children, throttles: Throttles, request: Spawn | Signal | Limit) -> Reply:
    n, name = request["n"], request["name"]
    try:
        if request["ask"] == "limit":
            return {"say": "counted", "n": n, "running": throttles.limit(name, request["cpu"])}
        if request["ask"] == "signal":
            return {"say": "counted", "n": n, "running": children.signal(name, request["signum"])}
        pid = children.spawn(name, request["argv"], request["env"], request["log"], request["cwd"])
    except ValueError as error:
        return {"say": "refused", "n": n, "why": str(error)}
    return {"say": "started", "n": n, "name": name, "pid": pid}


def _leave(settings: Settings, children: Children, grace_s: float) -> None:
    """Put the world back and leave nothing behind; each step whatever became of the one before."""
    try:
        all_gone = _undo(settings, UNDO_BUDGET_S)
    finally:
        try:
            if left := children.end_all(grace_s):
                _note(f"could not end pids {left}")
            children.outputs.close()
        finally:
            _remove(Path(settings["temp"]))
    # What a proxy did that was hung, and one of the children, is gone now; then the undo file should say so.
    if not all_gone:
        _undo(settings, 0)


def _undo(settings: Settings, budget_s: float) -> bool:
    return all(outcome.gone for outcome in _put_back(settings, budget_s, lasting=True))


def _put_back(settings: Settings, budget_s: float, *, lasting: bool) -> list[Outcome]:
    outcomes = put_back(Path(settings["undo"]), budget_s=budget_s, lasting=lasting)
    for outcome in outcomes:
        said = "put back" if outcome.gone else "could not put back"
        _note(f"{said} {outcome.id}: {outcome.undo}: {outcome.why}")
    return outcomes


def _remove(folder: Path) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
    if folder.exists():
        _note(f"could not remove {folder}")


def _tell(message: Message) -> None:
    with suppress(OSError):  # the harness may be gone
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


def _note(line: str) -> None:
    with suppress(OSError):  # the disk may be full
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - standard error is its log


if __name__ == "__main__":
    main()
