"""Locust's master and workers where some come from other machines: who knows no word is not heard; only the load child imports this."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any
from uuid import UUID

import gevent
import locust.runners
import zmq
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from harness.running.load import word
from harness.running.load.door import Door
from harness.running.load.telling import say

_LOOK_S = 0.1
_TRIES_TO_CONNECT = 12  # of five seconds each


def lock(said: str) -> None:
    """Have the sockets of Locust hear and tell only who knows the word *said*."""
    made = BaseSocket.__init__

    def locked(self: Any, sock_type: int, ipv4_only: bool) -> None:
        made(self, sock_type, ipv4_only)  # type: ignore[no-untyped-call]  # Locust's own
        (word.lock if sock_type == zmq.ROUTER else word.unlock)(self.socket, said)

    BaseSocket.__init__ = locked  # type: ignore[method-assign]  # Locust has no place for it


def be_called(number: UUID) -> None:
    """Locust makes the id of a worker of the host's name and of a number that is drawn: have it draw this one."""
    locust.runners.uuid4 = lambda: number  # type: ignore[attr-defined]  # what Locust imported


def keep(door: Door, come_within_s: float = 0.0) -> None:
    """Have Locust's master hear only those whom the *door* lets in.

    Those that it has let in before have to come to Locust in this time, and their machines to be heard of until they do.
    """
    made, heard = MasterRunner.__init__, MasterRunner.handle_message

    def looks(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        door.answer = lambda *answer: _answer(self, *answer)
        gevent.spawn(_look, self, door, come_within_s)

    def let_in(self: Any, client_id: str, msg: Any) -> None:
        if door.lets_pass(client_id, msg.type, msg.data):
            heard(self, client_id, msg)

    MasterRunner.__init__ = looks  # type: ignore[method-assign]  # Locust has no place for it
    MasterRunner.handle_message = let_in  # type: ignore[method-assign]  # Locust has no place for it


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
    locust.runners.CONNECT_RETRY_COUNT = _TRIES_TO_CONNECT


def _look(runner: Any, door: Door, come_within_s: float) -> None:
    seen, began_s = set[str](), monotonic()
    while True:
        there = {client.id for client in runner.clients.all if client.state != STATE_MISSING}
        seen |= there
        coming = door.coming(began_s) - seen if monotonic() < began_s + come_within_s else set()
        door.look(there | coming)
        gevent.sleep(_LOOK_S)


def _answer(runner: Any, client: str, kind: str, said: object) -> None:
    runner.server.send_to_client(Message(kind, said, client))  # type: ignore[no-untyped-call]  # Locust's own
