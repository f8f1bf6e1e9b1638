"""Workers on other machines that stayed for several runs are told that no other comes."""

from __future__ import annotations

import time

import msgspec

from harness.running.load.door import OVER
from harness.running.load.word import lock

_LINGER_MS = 1000


def dismiss(address: str, port: int, word: str, many: int, within_s: float) -> int:
    """Tell those who know the *word* and ask at *port* of *address*, until *many* have heard it or *within_s* is over; how many have.

    Nobody has where the port is somebody else's by now.
    """
    import zmq

    told: set[bytes] = set()
    context = zmq.Context()
    try:
        socket = context.socket(zmq.ROUTER)
        lock(socket, word)
        try:
            socket.bind(f"tcp://{address}:{port}")
        except zmq.ZMQError:
            return 0
        late_s = time.monotonic() + within_s
        while len(told) < many and (left_s := late_s - time.monotonic()) > 0:
            if socket.poll(int(1000 * left_s) + 1):
                client, _ = socket.recv_multipart()
                socket.send_multipart([client, msgspec.msgpack.encode((OVER, "", client.decode()))])
                told.add(client)
        return len(told)
    finally:
        context.destroy(linger=_LINGER_MS)
