"""A worker on another machine asks the master of a load to be let in, before anything of Locust is started."""

from __future__ import annotations

import os
import socket as tcp
import time
from collections.abc import Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.problems import Problem, UnavailableProblems, UsageProblems
from harness.running.load.door import AGAIN, OVER, Asking
from harness.running.load.elsewhere import missing
from harness.running.load.word import unlock

if TYPE_CHECKING:
    import zmq

ANSWERED_WITHIN_S = 10.0
_LINGER_MS, _AGAIN_S, _TRIED_WITHIN_S = 1000, 0.2, 3.0


class Welcome(NamedTuple):
    """So *many* workers are waited for, who need these secrets; after this *run* they wait *stays_s* for another one."""

    many: int
    needed: list[str]
    run: str = ""
    stays_s: float = 0.0


def knock(
    host: str,
    port: int,
    word: str,
    asking: Asking,
    environment: Mapping[str, str],
    within_s: float = ANSWERED_WITHIN_S,
) -> Welcome | None:
    """Ask the master at *host* and *port* to be let in; None where whoever was there says that no other run comes.

    Raises UnavailableProblems where nobody answers there, and UsageProblems where whoever does knows another word or says no, or where a
    secret that is needed is not in the *environment*; the master is told of that.
    """
    import zmq

    _known(host)
    context: zmq.Context[Any] = zmq.Context()
    try:
        socket = context.socket(zmq.DEALER)
        # Of its own each time: a master that has not yet seen the last one go would not hear this one.
        socket.setsockopt(zmq.IDENTITY, f"door-{asking.client}-{token_hex(4)}".encode())
        socket.linger = 0
        unlock(socket, word)
        monitor = socket.get_monitor_socket()
        socket.connect(f"tcp://{host}:{port}")
        join = _message("join", msgspec.to_builtins(asking), asking.client)
        welcome = _answered(socket, monitor, join, f"{host}:{port}", within_s)
        if welcome is None:
            return None
        if lacks := missing(welcome.needed, environment):
            why = f"it lacks {' and '.join(lacks)}, which the target's headers need; set that there"
            socket.linger = _LINGER_MS
            socket.send(_message("lacks", [asking.client, why], asking.client))
            names = ", ".join(lacks)
            raise UsageProblems(Problem(f"not set in the environment here: {names}; the target's headers need it"))
        return welcome
    finally:
        context.destroy()


def _known(host: str) -> None:
    """Raises UnavailableProblems where this machine knows no such *host*."""
    try:
        tcp.getaddrinfo(host, None)
    except tcp.gaierror as error:
        what = f"this machine knows no {host!r}; give the address that harness run prints"
        raise UnavailableProblems(Problem(what, path="--master")) from error


def _message(kind: str, data: object, client: str) -> bytes:
    """As Locust's master reads it."""
    return msgspec.msgpack.encode((kind, data, client))


def _answered(
    socket: zmq.Socket[Any], monitor: zmq.Socket[Any], join: bytes, where: str, within_s: float
) -> Welcome | None:
    """What is answered to *join*, which each master is told that is found there: one may end while another is awaited."""
    import zmq
    from zmq.utils.monitor import recv_monitor_message

    poller = zmq.Poller()
    for one in (socket, monitor):
        poller.register(one, zmq.POLLIN)
    late_s = time.monotonic() + within_s
    refusals = (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
    while (left_s := late_s - time.monotonic()) > 0:
        ready = dict(poller.poll(int(1000 * left_s) + 1))
        if socket in ready:
            kind, data, _ = msgspec.msgpack.decode(socket.recv())
            if kind == "welcome":
                return Welcome(*data)
            if kind == OVER:
                return None
            if kind == AGAIN:
                time.sleep(_AGAIN_S)
                socket.send(join)
                continue
            raise UsageProblems(Problem(f"the load at {where} does not let this worker in: {data}"))
        if monitor in ready:
            event = recv_monitor_message(monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                socket.send(join)
            if event in (*refusals, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL):
                what = (
                    f"whoever answers at {where} does not know this word, or is no load, as a tunnel is behind which nobody waits; "
                    "harness run prints the word and the address of its load"
                )
                raise UsageProblems(Problem(what, path="--join"))
    host, _, port = where.rpartition(":")
    what = (
        f"no load waits for workers at {where} (nothing was heard within {within_s:g} s): {why_silent(host, int(port))}"
    )
    raise UnavailableProblems(Problem(what, path="--master"))


def why_silent(host: str, port: int, within_s: float = _TRIED_WITHIN_S) -> str:
    """Why nothing is heard from *port* of *host*, as far as one connection shows it, and what would be right."""
    try:
        tcp.create_connection((host, port), within_s).close()
    except ConnectionRefusedError:
        return "nothing listens on that port; give the address that harness run prints, while it waits"
    except TimeoutError:
        return f"a firewall may drop what is sent there; have it let TCP to port {port} through (--load-bind ADDRESS:PORT says which)"
    except OSError as error:
        return f"this machine cannot reach it: {os.strerror(error.errno) if error.errno else error}"
    return "what listens there does not answer as a load does; give the address that harness run prints"
