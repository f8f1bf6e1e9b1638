"""The join word of a load: who knows it can come to its master, and nobody else reads what the two say to each other.

The word is made into a key pair of CurveZMQ (CurveCP's handshake, https://rfc.zeromq.org/spec/26/), of which the public half, too, is told
to nobody. A client that does not know it cannot make the first message, and whoever listens at the address without it cannot answer.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from harness.problems import HarnessError

if TYPE_CHECKING:
    import zmq

WORD = "LOAD_JOIN"
"""In the environment of a master and of its workers, where some of those are on other machines: the word."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another one
_GROUPS, _OF_LETTERS = 4, 5


LACKS = "the pyzmq that is installed cannot encrypt (CurveZMQ), which workers on other machines need"


def possible() -> bool:
    """Whether what is installed can do it; wheels of pyzmq can."""
    import zmq

    return zmq.has("curve")


def new_word() -> str:
    """A word that nobody guesses (99 bits). Raises HarnessError where there is nothing that could be done with it."""
    if not possible():
        raise HarnessError(f"{LACKS}; see harness doctor")
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_OF_LETTERS)) for _ in range(_GROUPS))


def lock(socket: zmq.Socket[Any], word: str) -> None:
    """Have *socket*, which is to be bound, hear only who knows *word*."""
    socket.curve_secretkey, socket.curve_publickey = _keys(word)
    socket.curve_server = True


def unlock(socket: zmq.Socket[Any], word: str) -> None:
    """Have *socket*, which is to be connected, speak only to who knows *word*."""
    import zmq

    socket.curve_serverkey = _keys(word)[1]
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()


def _keys(word: str) -> tuple[bytes, bytes]:
    """The secret and the public one."""
    import zmq
    from zmq.utils import z85

    secret = z85.encode(blake2b(word.strip().lower().encode(), digest_size=32, person=b"harness load").digest())
    return secret, zmq.curve_public(secret)
