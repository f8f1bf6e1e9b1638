"""Whether a worker's machine is there while its process loads a locustfile, and says nothing itself: who started it sends a heartbeat.

Locust has heartbeats of its own, which begin once it is loaded.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from harness.running.load.door import HERE
from harness.running.load.word import unlock

if TYPE_CHECKING:
    import zmq

_EVERY_S, _TRIES, _LINGER_MS = 0.5, 10, 1000


def wait(process: subprocess.Popen[bytes], host: str, port: int, word: str, client: str) -> int:
    """Wait until the *process* of the worker *client* has ended, and return its exit code.

    The master at *port* of *host* hears every half second that it is there, and at the end which signal killed it, where one did.
    """
    import zmq

    context: zmq.Context[Any] = zmq.Context()
    try:
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.IDENTITY, f"beat-{client}".encode())
        socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is kept for a master that comes later
        unlock(socket, word)
        socket.connect(f"tcp://{host}:{port}")
        while True:
            _tell(socket, HERE, client, client)
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_EVERY_S)
                break
        if code < 0:
            _tell_surely(socket, "lacks", [client, f"it was killed by {signal.Signals(-code).name}"], client)
        return code
    finally:
        context.destroy(linger=_LINGER_MS)


def _tell_surely(socket: zmq.Socket[Any], kind: str, data: object, client: str) -> None:
    """Until it was heard, for some seconds: one master may end while Locust's, which has its port then, is still to come."""
    for _ in range(_TRIES):
        _tell(socket, kind, data, client)
        if socket.poll(int(1000 * _EVERY_S)):
            return


def _tell(socket: zmq.Socket[Any], kind: str, data: object, client: str) -> None:
    """As Locust's master reads it, where one is there to."""
    import zmq

    with suppress(zmq.Again):
        socket.send(msgspec.msgpack.encode((kind, data, client)), zmq.NOBLOCK)
