"""Before Locust: workers of other machines come to the master of users, and get the plan once it is there.

A locustfile is loaded with the plan, whose addresses are known when the service has been started, and that is not touched before all have
come. So until then the master listens itself where Locust will. Nothing of Locust is loaded here. These messages go between the two::

          ◀─ client_ready       again and again: it is here
    here     ─▶   that it was heard
    plan     ─▶   its number, and the plan without a secret
          ◀─ has_plan           it comes to Locust now
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.running.load.door import GONE_S, Awaited, Door
from harness.running.load.users import elsewhere
from harness.running.load.users import plan as users_plan
from harness.running.load.word import lock, unlock

if TYPE_CHECKING:
    import zmq

_LOOK_MS, _SAY_AGAIN_S = 50, 0.5
_SILENT_S = 10.0
_HAVE_WITHIN_S = 5.0
_LINGER_MS = 1000


class GoneError(Exception):
    """Why a worker does not go on to Locust."""


def receive(awaited: Awaited, path: Path, address: str, port: int, word: str) -> Door:
    """Let in who knows the *word* and comes to *port* of *address*, until each has the plan, which is to be at *path*.

    Returns the door that they came through.
    """
    with _socket("ROUTER", word) as socket:
        socket.bind(f"tcp://{address}:{port}")
        desk = _Desk(socket, awaited)
        while not path.exists():
            desk.hears()
        desk.gives(users_plan.read(path))
        return desk.door


class _Desk:
    """Who has come, when each was heard of, and who has the plan."""

    def __init__(self, socket: zmq.Socket[Any], awaited: Awaited) -> None:
        self._socket, self._many = socket, awaited.many
        self.door = Door(awaited, self._answer)
        self._heard_s: dict[str, float] = {}
        self._have: set[str] = set()

    def _answer(self, client: str, kind: str, said: object) -> None:
        self._socket.send_multipart([client.encode(), _message(kind, said, client)])

    def hears(self) -> None:
        """Hear what has come within a moment."""
        if self._socket.poll(_LOOK_MS):
            client, content = (part for part in self._socket.recv_multipart())
            self._takes(client.decode(), *msgspec.msgpack.decode(content)[:2])
        late_s = time.monotonic() - GONE_S
        self.door.look([client for client, at_s in self._heard_s.items() if at_s > late_s or client in self._have])

    def _takes(self, client: str, kind: str, data: object) -> None:
        if not self.door.lets_pass(client, kind, data):
            return
        self._heard_s[client] = time.monotonic()
        if kind == "client_ready":
            self._answer(client, "here", "")
        elif kind == "has_plan":
            self._have.add(client)
        elif kind == "client_stopped":
            del self._heard_s[client]

    def gives(self, plan: users_plan.UsersPlan) -> None:
        """The *plan* to each that is here, who comes behind the workers of this machine, and wait until they have it."""
        told, clients = elsewhere.packed(plan), self.door.order
        for number, client in enumerate(clients, plan.workers - self._many):
            self._answer(client, "plan", [number, told])
        late_s = time.monotonic() + _HAVE_WITHIN_S
        while not self._have >= set(self.door.order) and time.monotonic() < late_s:
            self.hears()


def arrive(host: str, port: int, word: str, client: str) -> tuple[int, bytes]:
    """Come as *client* to the master at *port* of *host*, and wait for a number and the packed plan. Raises GoneError."""
    parent, heard_s, said_s = os.getppid(), time.monotonic(), 0.0
    signal.signal(signal.SIGTERM, _interrupt)
    with _at_master(host, port, word, client) as socket:
        try:
            while True:
                if (now_s := time.monotonic()) - said_s > _SAY_AGAIN_S:
                    socket.send(_message("client_ready", "", client))
                    said_s = now_s
                if socket.poll(_LOOK_MS):
                    kind, data, _ = msgspec.msgpack.decode(socket.recv())
                    heard_s = time.monotonic()
                    if kind == "refused":
                        raise GoneError(f"the load does not let this worker in: {data}")
                    if kind == "plan":
                        socket.send(_message("has_plan", "", client))
                        number, told = data
                        return number, told
                if time.monotonic() - heard_s > _SILENT_S:
                    raise GoneError(f"this worker heard nothing of the run for {_SILENT_S:g} s; no more is sent")
                if os.getppid() != parent:
                    raise GoneError("this worker was ended with the process that started it; no more is sent")
        except KeyboardInterrupt:
            socket.send(_message("client_stopped", "", client))
            raise GoneError("this worker was ended before the load began") from None
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def tell(host: str, port: int, word: str, client: str, why: str) -> None:
    """Tell the master, which is Locust's by now, *why* this *client* does not come to it."""
    with _at_master(host, port, word, f"door-{client}") as socket:
        socket.send(_message("lacks", [client, why], client))


@contextmanager
def _at_master(host: str, port: int, word: str, called: str) -> Iterator[zmq.Socket[Any]]:
    with _socket("DEALER", word, called) as socket:
        socket.connect(f"tcp://{host}:{port}")
        yield socket


@contextmanager
def _socket(kind: str, word: str, called: str = "") -> Iterator[zmq.Socket[Any]]:
    """A socket of this *kind* for those who know the *word*; what was sent is on its way when it is closed."""
    import zmq

    context = zmq.Context()
    try:
        socket = context.socket(getattr(zmq, kind))
        if kind == "ROUTER":
            lock(socket, word)
        else:
            socket.setsockopt(zmq.IDENTITY, called.encode())
            unlock(socket, word)
        yield socket
    finally:
        context.destroy(linger=_LINGER_MS)


def _message(kind: str, data: object, client: str) -> bytes:
    """As Locust's master reads it."""
    return msgspec.msgpack.encode((kind, data, client))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
