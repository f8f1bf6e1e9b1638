"""Locust's master and workers where some come from other machines: who knows no word is not heard; only the load child imports this."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gevent
import locust.runners
import zmq
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from harness.running.load import word
from harness.running.load.away import say
from harness.running.load.door import Awaited, Door

_LOOK_S = 0.1


def lock(said: str) -> None:
    """Have the sockets of Locust hear and tell only who knows the word *said*."""
    made = BaseSocket.__init__

    def locked(self: Any, sock_type: int, ipv4_only: bool) -> None:
        made(self, sock_type, ipv4_only)  # type: ignore[no-untyped-call]  # Locust's own
        (word.lock if sock_type == zmq.ROUTER else word.unlock)(self.socket, said)

    BaseSocket.__init__ = locked  # type: ignore[method-assign]  # Locust has no place for it


def keep(awaited: Awaited) -> Callable[[str], int]:
    """Have Locust's master hear only those whom a door lets in that is of *awaited*; returns what says when a client came, from 0 on."""
    heard, doors = MasterRunner.handle_message, dict[int, Door]()

    def let_in(self: Any, client_id: str, msg: Any) -> None:
        if not doors:
            doors[0] = Door(awaited, lambda *answer: _answer(self, *answer))
            gevent.spawn(_look, self, doors[0])
        if doors[0].lets_pass(client_id, msg.type, msg.data):
            heard(self, client_id, msg)

    MasterRunner.handle_message = let_in  # type: ignore[method-assign]  # Locust has no place for it
    return lambda client: doors[0].order.index(client)


def heed_refusal() -> None:
    """Have Locust's worker end, and say why, where the master does not let it in after all."""
    heard = WorkerRunner.handle_message

    def heed(self: Any, msg: Any) -> None:
        if msg.type == "refused":
            say(f"the load does not let this worker in: {msg.data}")
            os._exit(1)  # it has nothing yet, and Locust would ask for five minutes
        heard(self, msg)

    WorkerRunner.handle_message = heed  # type: ignore[method-assign]  # Locust has no place for it
    # Who watches here says what became of it; see `Away.watch`.
    locust.runners.MASTER_HEARTBEAT_TIMEOUT = 3600


def _look(runner: Any, door: Door) -> None:
    while True:
        door.look([client.id for client in runner.clients.all if client.state != STATE_MISSING])
        gevent.sleep(_LOOK_S)


def _answer(runner: Any, client: str, kind: str, said: object) -> None:
    runner.server.send_to_client(Message(kind, said, client))  # type: ignore[no-untyped-call]  # Locust's own
